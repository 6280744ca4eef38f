import { afterEach, describe, expect, it } from 'vitest'
import { openForge } from '../../src/forge/index.js'
import type { Forge, ForgeKind, ForgeOptions } from '../../src/forge/index.js'
import type { Result } from '../../src/model/index.js'
import { TOKEN, contractForge } from './contract.js'
import type { ContractForge } from './contract.js'

const { signal } = new AbortController()
const SHA = 'ab'.repeat(20)
const STATUS = { sha: SHA, state: 'pending', context: 'slipway/acme', description: 'rolling out' } as const
const MARKER = '<!-- slipway plan acme -->'
const KINDS = ['github', 'gitlab', 'gitea'] as const

const opened: ContractForge[] = []
afterEach(async () => {
  for (const forge of opened.splice(0)) await forge.close()
})

function optionsFor(kind: ForgeKind, url: string | null, over: Partial<ForgeOptions> = {}): ForgeOptions {
  const repository = 'git@git.example.com:acme/fleet.git'
  return {
    kind,
    url,
    project: null,
    token: TOKEN,
    repository,
    allowPlainHttp: false,
    fetch,
    nowMs: () => 1_700_000_000_000,
    ...over,
  }
}

async function open(
  kind: ForgeKind,
  over: Partial<ForgeOptions> = {},
): Promise<{ server: ContractForge; forge: Forge }> {
  const server = await contractForge(kind)
  opened.push(server)
  server.pulls.set('17', 'open').set('9', 'closed')
  const forge = openForge(optionsFor(kind, server.url, over))
  if (!forge.ok) throw new Error(forge.problem.message)
  return { server, forge: forge.value }
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? 'OK' : result.problem.code
}

describe.each(KINDS)('%s', (kind) => {
  it('takes a status, also the same one twice', async () => {
    const { server, forge } = await open(kind)
    expect(codeOf(await forge.setStatus(STATUS, signal))).toBe('OK')
    expect(codeOf(await forge.setStatus(STATUS, signal))).toBe('OK')
    expect(codeOf(await forge.setStatus({ ...STATUS, state: 'failure', description: 'no' }, signal))).toBe('OK')
    expect(server.statuses.at(-1)).toMatchObject({ sha: SHA, context: 'slipway/acme', description: 'no' })
  })

  it('has one comment, made once and edited in place, however many others there are', async () => {
    const { server, forge } = await open(kind)
    for (let id = 0; id < 130; id += 1) server.comments.set(id, { key: '17', body: `chat ${id}`, edits: 0 })
    server.comments.set(500, { key: '17', body: `quoting ${MARKER}`, edits: 0 })
    expect(codeOf(await forge.comment('17', MARKER, `${MARKER}\none`, signal))).toBe('OK')
    expect(codeOf(await forge.comment('17', MARKER, `${MARKER}\ntwo`, signal))).toBe('OK')
    const ours = [...server.comments.values()].filter(({ body }) => body.startsWith(MARKER))
    expect(ours).toEqual([{ key: '17', body: `${MARKER}\ntwo`, edits: 1 }])
    expect([...server.comments.values()].filter(({ edits }) => edits > 0)).toHaveLength(1)
  })

  it('says which proposals are open; one that is not there is not', async () => {
    const { forge } = await open(kind)
    const answers = await Promise.all(['17', '9', '404'].map((key) => forge.isOpen(key, signal)))
    expect(answers.map((answer) => (answer.ok ? answer.value : answer.problem.code))).toEqual([true, false, false])
  })

  it('cannot tell whether a branch is open, and is not asked about it', async () => {
    const { server, forge } = await open(kind)
    expect(await forge.isOpen('feature/7', signal)).toEqual({ ok: true, value: null })
    expect([forge.takesComments('feature/7'), forge.takesComments('7'), server.requests]).toEqual([false, true, 0])
  })

  it('takes a proposal', async () => {
    const { server, forge } = await open(kind)
    const request = { branch: 'slipway/revert', base: 'main', title: 'Revert', body: 'because' }
    expect(codeOf(await forge.propose(request, signal))).toBe('OK')
    expect({ proposed: server.proposed.length, misuses: server.misuses }).toEqual({ proposed: 1, misuses: [] })
  })

  it.each([
    [401, {}, 'FORGE_AUTH', undefined],
    [403, {}, 'FORGE_AUTH', undefined],
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1700000060' }, 'FORGE_UNREACHABLE', 60_000],
    [429, { 'retry-after': '30' }, 'FORGE_UNREACHABLE', 30_000],
    [429, { 'retry-after': '999999' }, 'FORGE_UNREACHABLE', 3_600_000],
    [500, {}, 'FORGE_UNREACHABLE', undefined],
    [503, { 'retry-after': 'nonsense' }, 'FORGE_UNREACHABLE', undefined],
    [404, {}, 'FORGE_REFUSED', undefined],
    [422, {}, 'FORGE_REFUSED', undefined],
  ])('understands HTTP %i %j as %s', async (status, headers, code, afterMs) => {
    const { server, forge } = await open(kind)
    server.fault = { status, headers }
    const result = await forge.setStatus(STATUS, signal)
    expect(codeOf(result)).toBe(code)
    const next = result.ok ? undefined : result.problem.next
    expect(next?.kind === 'retry' ? next.afterMs : undefined).toBe(afterMs)
  })

  it('gives the token to nobody else when it is sent elsewhere', async () => {
    const { server, forge } = await open(kind)
    const thief = await open(kind)
    server.fault = { status: 307, headers: { location: `${thief.server.url}/api/v4/x` } }
    expect(codeOf(await forge.setStatus(STATUS, signal))).toBe('FORGE_REFUSED')
    expect(thief.server.requests).toBe(0)
  })

  it('is unreachable when nobody listens, and says no token', async () => {
    const { server, forge } = await open(kind)
    await server.close()
    const result = await forge.setStatus(STATUS, signal)
    expect(codeOf(result)).toBe('FORGE_UNREACHABLE')
    expect(JSON.stringify(result)).not.toContain(TOKEN)
  })

  it('refuses a token that is wrong', async () => {
    const { forge } = await open(kind, { token: 'old' })
    expect(codeOf(await forge.setStatus(STATUS, signal))).toBe('FORGE_AUTH')
  })
})

describe('GitLab', () => {
  it('is asked again for a status that others hold locked, and not for a merge request that is there', async () => {
    const { server, forge } = await open('gitlab')
    server.fault = { status: 409 }
    expect(codeOf(await forge.setStatus(STATUS, signal))).toBe('FORGE_UNREACHABLE')
    const request = { branch: 'slipway/revert', base: 'main', title: 'Revert', body: 'because' }
    expect(codeOf(await forge.propose(request, signal))).toBe('FORGE_REFUSED')
  })
})

describe('a webhook', () => {
  it('is told everything in signed JSON, and cannot be asked', async () => {
    const { server, forge } = await open('webhook')
    await forge.setStatus(STATUS, signal)
    await forge.comment('17', MARKER, 'plan', signal)
    await forge.propose({ branch: 'b', base: 'main', title: 't', body: '' }, signal)
    expect(server.received.map(({ kind, project }) => `${String(kind)} ${String(project)}`)).toEqual([
      'status acme/fleet',
      'comment acme/fleet',
      'pull-request acme/fleet',
    ])
    expect(await forge.isOpen('17', signal)).toEqual({ ok: true, value: null })
  })
})

describe('where a forge is', () => {
  it('is the project that is named', async () => {
    const { server, forge } = await open('gitea', { repository: '/srv/x.git', project: 'acme/fleet' })
    expect(codeOf(await forge.setStatus(STATUS, signal))).toBe('OK')
    expect(server.statuses).toHaveLength(1)
  })

  const url = async (kind: ForgeKind, given: string | null, repository: string): Promise<string> => {
    const asked: string[] = []
    const spy: typeof fetch = (input) => {
      asked.push(input as string)
      return Promise.resolve(new Response('{}'))
    }
    const forge = openForge(optionsFor(kind, given, { repository, fetch: spy }))
    if (!forge.ok) return forge.problem.code
    await forge.value.setStatus(STATUS, signal)
    return asked[0]?.replace(`/statuses/${SHA}`, '') ?? ''
  }

  it.each([
    ['github', null, 'https://github.com/acme/fleet.git', 'https://api.github.com/repos/acme/fleet'],
    ['github', null, 'git@github.com:acme/fleet.git', 'https://api.github.com/repos/acme/fleet'],
    ['github', null, 'https://ghe.example.com/acme/fleet', 'https://ghe.example.com/api/v3/repos/acme/fleet'],
    [
      'gitlab',
      null,
      'ssh://git@gl.example.com:2222/a/b/fleet.git',
      'https://gl.example.com/api/v4/projects/a%2Fb%2Ffleet',
    ],
    [
      'gitlab',
      'https://x.example.com/gl/',
      'https://x.example.com/gl/a/fleet.git',
      'https://x.example.com/gl/api/v4/projects/a%2Ffleet',
    ],
    ['gitea', 'http://127.0.0.1:3000', '/srv/acme/fleet.git', 'http://127.0.0.1:3000/api/v1/repos/srv/acme/fleet'],
    ['gitea', 'http://git.example.com', 'git@git.example.com:acme/fleet.git', 'SETTING_INVALID'],
    ['gitea', 'https://u:p@git.example.com', 'git@git.example.com:acme/fleet.git', 'SETTING_INVALID'],
    ['gitlab', null, '/srv/fleet.git', 'SETTING_INVALID'],
    ['webhook', null, 'https://git.example.com/acme/fleet', 'SETTING_INVALID'],
  ] as const)('%s %s of %s is %s', async (kind, given, repository, expected) => {
    expect(await url(kind, given, repository)).toBe(expected)
  })
})
