import { fail } from '../model/index.js'
import type { Next, Problem, ProblemCode, Result } from '../model/index.js'
import { NotReached } from './transport.js'
import type { Answer, Conversation } from './transport.js'

/** What an authority says when it refuses (RFC 8555, 6.7). */
export interface Refusal {
  readonly type: string
  readonly detail: string
}

/** What an error of an authority is to us, by the last part of its type. */
const BY_TYPE: Readonly<Record<string, ProblemCode>> = Object.freeze({
  accountDoesNotExist: 'ACME_ACCOUNT',
  badCSR: 'ACME_ORDER',
  badNonce: 'ACME_UNREACHABLE',
  badPublicKey: 'ACME_ACCOUNT',
  badSignatureAlgorithm: 'ACME_ACCOUNT',
  caa: 'ACME_CHALLENGE',
  compound: 'ACME_CHALLENGE',
  connection: 'ACME_CHALLENGE',
  dns: 'ACME_CHALLENGE',
  externalAccountRequired: 'ACME_BINDING',
  incorrectResponse: 'ACME_CHALLENGE',
  invalidContact: 'ACME_ACCOUNT',
  rateLimited: 'ACME_RATE_LIMITED',
  rejectedIdentifier: 'ACME_ORDER',
  serverInternal: 'ACME_UNREACHABLE',
  tls: 'ACME_CHALLENGE',
  unauthorized: 'ACME_CHALLENGE',
  unsupportedContact: 'ACME_ACCOUNT',
  unsupportedIdentifier: 'ACME_ORDER',
  userActionRequired: 'ACME_TERMS',
})

const REMEDIES: Readonly<Partial<Record<ProblemCode, string>>> = Object.freeze({
  ACME_ACCOUNT: 'mend ingress.acme in slipway.yaml (email, directory)',
  ACME_BINDING: 'set ingress.acme.eab.kid and SLIPWAY_ACME_EAB_HMAC to what the authority gave you',
  ACME_TERMS: 'read the terms, then write terms_agreed: true under ingress.acme',
})

const RETRY_MOST_MS = 7 * 24 * 3_600_000
const DETAIL_MOST = 600

/** What an authority was asked for, in words for a message: `the account`, `an order for www.example.com`. */
export function problemOfCall(error: unknown, conversation: Conversation, what: string, nowMs: number): Problem {
  if (error instanceof NotReached) return { code: 'ACME_UNREACHABLE', message: `${what}: ${error.message}` }
  const { answer } = conversation
  if (answer !== null && answer.status >= 400) return refused(answer, what, nowMs)
  const reason = error instanceof Error ? error.message : String(error)
  return { code: 'ACME_ANSWER', message: `${what}: the answer of the authority makes no sense: ${oneLine(reason)}` }
}

function refused(answer: Answer, what: string, nowMs: number): Problem {
  const refusal = readRefusal(parsed(answer.data))
  const type = refusal === null ? '' : (refusal.type.split(':').at(-1) ?? '')
  const known = Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : undefined
  const code = known ?? codeOfStatus(answer.status)
  const says = refusal === null ? `it answers ${answer.status}` : oneLine(refusal.detail)
  const retryAfterMs = readRetryAfter(answer.headers['retry-after'], nowMs)
  const next = nextOf(code, retryAfterMs)
  const until = next?.kind === 'retry' ? `, not before ${new Date(nowMs + next.afterMs).toISOString()}` : ''
  return { code, message: `${what}: ${says}${until}`, ...(next === null ? {} : { next }) }
}

function codeOfStatus(status: number): ProblemCode {
  if (status === 429) return 'ACME_RATE_LIMITED'
  return status >= 500 ? 'ACME_UNREACHABLE' : 'ACME_ORDER'
}

/** Who says nothing of when, wants an hour. */
function nextOf(code: ProblemCode, retryAfterMs: number | null): Next | null {
  if (code === 'ACME_RATE_LIMITED') return { kind: 'retry', afterMs: retryAfterMs ?? 3_600_000 }
  if (retryAfterMs !== null) return { kind: 'retry', afterMs: retryAfterMs }
  const remedy = REMEDIES[code]
  return remedy === undefined ? null : { kind: 'stalled', remedy }
}

/** `stalled` with the remedy of its code. */
export function stalled<T>(code: ProblemCode, message: string): Result<T> {
  const remedy = REMEDIES[code] ?? ''
  return fail({ code, message, next: { kind: 'stalled', remedy } })
}

/** An error document; null where it is none. */
export function readRefusal(value: unknown): Refusal | null {
  if (value === null || typeof value !== 'object') return null
  const { type, detail } = value as Readonly<Record<string, unknown>>
  if (typeof type !== 'string') return null
  return { type, detail: typeof detail === 'string' ? detail : type }
}

/** Seconds, or a date (RFC 9110, 10.2.3), as ms from now; at most a week. Null: it is not said. */
export function readRetryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, RETRY_MOST_MS) : null
}

/** What others wrote, on one line and of bounded length. */
export function oneLine(text: string): string {
  const line = text
    .slice(0, 4 * DETAIL_MOST)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
  return line.length <= DETAIL_MOST && text.length <= 4 * DETAIL_MOST ? line : `${line.slice(0, DETAIL_MOST)}…`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
