import { createHmac } from 'node:crypto'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { forgeHttp } from './forge-http.js'
import type { ForgeHttpOptions } from './forge-http.js'
import { githubForge } from './github.js'
import { gitlabForge } from './gitlab.js'
import type { Forge, ForgeKind } from './ports.js'
import { webhookForge } from './webhook-forge.js'

export interface ForgeOptions {
  readonly kind: ForgeKind
  /** Where the forge is (`https://git.example.com`), or the receiver's address. Null: where the repository is. */
  readonly url: string | null
  /** Null: as the repository's address says. */
  readonly project: string | null
  readonly token: string
  /** The followed repository, of which the project is made. */
  readonly repository: string
  /** Sends the token over plain http to a host other than this machine. */
  readonly allowPlainHttp: boolean
  readonly fetch: typeof fetch
  readonly nowMs: () => number
}

/** Opens a forge; nothing is contacted. Problem: SETTING_INVALID. */
export function openForge(options: ForgeOptions): Result<Forge> {
  const where = whereIs(options)
  if (!where.ok) return where
  const { url, project } = where.value
  const http = (path: string, headers: ForgeHttpOptions['headers']): ReturnType<typeof forgeHttp> =>
    forgeHttp({ url: `${url}${path}`, headers, fetch: options.fetch, nowMs: options.nowMs })
  const { token } = options
  switch (options.kind) {
    case 'github': {
      const isPublic = new URL(url).host === 'github.com'
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
      }
      const api = { ...options, url: 'https://api.github.com', headers: () => headers }
      return ok(githubForge('github', isPublic ? forgeHttp(api) : http('/api/v3', () => headers), project))
    }
    case 'gitea':
      return ok(
        githubForge(
          'gitea',
          http('/api/v1', () => ({ authorization: `token ${token}` })),
          project,
        ),
      )
    case 'gitlab':
      return ok(
        gitlabForge(
          http('/api/v4', () => ({ authorization: `Bearer ${token}` })),
          project,
        ),
      )
    case 'webhook': {
      const signed = (body: string): Readonly<Record<string, string>> => ({
        'x-slipway-signature': `sha256=${createHmac('sha256', token).update(body).digest('hex')}`,
      })
      return ok(webhookForge(http('', signed), project))
    }
  }
}

interface Where {
  readonly url: string
  readonly project: string
}

function whereIs({ kind, url, project: named, repository, allowPlainHttp }: ForgeOptions): Result<Where> {
  const repo = readRepository(repository)
  const base = (url ?? (kind === 'webhook' ? null : repo.origin))?.replace(/\/+$/, '')
  if (base === undefined || !URL.canParse(base))
    return invalid('SLIPWAY_FORGE_URL is missing: give the address of the forge, such as https://git.example.com')
  const { protocol, hostname, pathname, username } = new URL(base)
  if (protocol !== 'https:' && protocol !== 'http:') return invalid('SLIPWAY_FORGE_URL is an http(s) address')
  if (username !== '') return invalid('SLIPWAY_FORGE_URL holds credentials: put them into SLIPWAY_FORGE_TOKEN')
  const isHere = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  if (protocol === 'http:' && !isHere && !allowPlainHttp)
    return invalid(`the token for ${hostname} would cross the network in the clear: use https://`)
  const prefix = pathname.replace(/^\/|\/$/g, '')
  const derived = prefix !== '' && repo.path.startsWith(`${prefix}/`) ? repo.path.slice(prefix.length + 1) : repo.path
  const project = named ?? derived
  if (kind !== 'webhook' && !/^[^/]+\/.+$/.test(project))
    return invalid(
      'SLIPWAY_FORGE_PROJECT is missing: the address of the repository does not say one such as acme/fleet',
    )
  return ok({ url: base, project })
}

/** `acme/fleet` and `https://git.example.com` of any form of address. */
function readRepository(address: string): { readonly origin: string | null; readonly path: string } {
  const trimmed = (path: string): string => path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/\/)(.+)$/.exec(address)
  if (scp !== null) return { origin: `https://${scp[1] ?? ''}`, path: trimmed(scp[2] ?? '') }
  if (!URL.canParse(address)) return { origin: null, path: trimmed(address) }
  const { protocol, hostname, origin, pathname } = new URL(address)
  const isHttp = protocol === 'http:' || protocol === 'https:'
  const path = trimmed(decodeURIComponent(pathname))
  return { origin: isHttp ? origin : protocol === 'file:' ? null : `https://${hostname}`, path }
}

function invalid(message: string): Result<never> {
  return fail({ code: 'SETTING_INVALID', message })
}
