import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'

/** How a sender proves that it knows the secret. First match wins: Gitea sends GitHub's headers too. */
const PROOFS: readonly { readonly header: string; readonly kind: 'hmac' | 'token'; readonly prefix: string }[] = [
  { header: 'x-slipway-signature', kind: 'hmac', prefix: 'sha256=' },
  { header: 'x-forgejo-signature', kind: 'hmac', prefix: '' },
  { header: 'x-gitea-signature', kind: 'hmac', prefix: '' },
  { header: 'x-hub-signature-256', kind: 'hmac', prefix: 'sha256=' },
  // Bitbucket's.
  { header: 'x-hub-signature', kind: 'hmac', prefix: 'sha256=' },
  { header: 'x-gitlab-token', kind: 'token', prefix: '' },
]

export interface Proof {
  readonly kind: 'hmac' | 'token'
  readonly value: string
}

/** What the sender shows as proof; null when it shows none: then its body is not even read. */
export function proofOf(headers: IncomingHttpHeaders): Proof | null {
  for (const { header, kind, prefix } of PROOFS) {
    const value = headers[header]
    if (typeof value !== 'string') continue
    return value.startsWith(prefix) ? { kind, value: value.slice(prefix.length) } : null
  }
  return null
}

/**
 * The name by which a delivery is known again; null when its proof does not hold, found out in a time that says nothing about how much of it is right.
 * What is signed names it, as we write it: all else could be changed by whoever repeats it.
 */
export function deliveryOf(
  { kind, value }: Proof,
  secret: string,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): string | null {
  if (kind === 'hmac') {
    const signature = createHmac('sha256', secret).update(body).digest('hex')
    return isSame(signature, value.toLowerCase()) ? signature : null
  }
  if (!isSame(secret, value)) return null
  const id = String(headers['x-gitlab-event-uuid'] ?? headers['idempotency-key'] ?? '')
  return createHash('sha256').update(`${id} `).update(body).digest('hex')
}

/**
 * Whether a payload is about the followed repository. One that names none (any body that is signed by hand) is believed; what it says otherwise is
 * never used. Problem: REQUEST_INVALID.
 */
export function checkRepository(body: Uint8Array, contentType: string, followed: string): Result<void> {
  if (body.byteLength === 0) return ok(undefined)
  const payload = parsed(Buffer.from(body).toString('utf8'), contentType)
  if (!isObject(payload)) return invalid('the body is no JSON object')
  const names = [field(payload.repository, 'full_name'), field(payload.project, 'path_with_namespace')]
  const named = names.filter((name) => name !== undefined)
  if (named.some((name) => typeof name !== 'string')) return invalid('the body names its repository in no known way')
  const path = followed
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .toLowerCase()
  const isOurs = named.some((name) => new RegExp(`(^|[/:])${escaped((name as string).toLowerCase())}$`).test(path))
  return named.length === 0 || isOurs ? ok(undefined) : invalid('the body is about another repository')
}

function isSame(expected: string, given: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(expected), digest(given))
}

function parsed(text: string, contentType: string): unknown {
  const isForm = contentType.startsWith('application/x-www-form-urlencoded')
  try {
    return JSON.parse(isForm ? (new URLSearchParams(text).get('payload') ?? '') : text) as unknown
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function field(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}

function escaped(text: string): string {
  return text.slice(0, 500).replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}

function invalid(message: string): Result<never> {
  return fail({ code: 'REQUEST_INVALID', message })
}
