import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface ForgeHttp {
  /** One call; everything but a status below 300 is a problem. */
  call(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Result<Answer>>
}

export interface ForgeHttpOptions {
  /** Without a slash at the end. The token is sent to this origin only: redirects are refused. */
  readonly url: string
  readonly headers: (body: string) => Readonly<Record<string, string>>
  readonly fetch: typeof fetch
  readonly nowMs: () => number
}

const DEADLINE_MS = 15_000
const ANSWER_MAX_BYTES = 4 * 1024 * 1024
const RETRY_MOST_MS = 60 * 60_000

export function forgeHttp(options: ForgeHttpOptions): ForgeHttp {
  const host = new URL(options.url).host
  return {
    async call(method, path, body, signal) {
      const text = body === undefined ? '' : JSON.stringify(body)
      const deadline = AbortSignal.timeout(DEADLINE_MS)
      try {
        const response = await options.fetch(`${options.url}${path}`, {
          method,
          redirect: 'manual',
          signal: AbortSignal.any([signal, deadline]),
          headers: { accept: 'application/json', 'user-agent': 'slipway', ...options.headers(text), ...typeOf(body) },
          ...(body === undefined ? {} : { body: text }),
        })
        const answer = { status: response.status, body: parsed(await readBounded(response)) }
        return response.status < 300 ? ok(answer) : fail(refusal(host, response, answer, options.nowMs()))
      } catch (error) {
        return fail(unreachable(host, deadline.aborted ? 'did not answer in time' : reasonOf(error)))
      }
    },
  }
}

function typeOf(body: unknown): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'content-type': 'application/json' }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  if (response.body === null) return ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > ANSWER_MAX_BYTES) throw new Error('sends too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function refusal(host: string, response: Response, { status, body }: Answer, nowMs: number): Problem {
  const afterMs = pauseOf(response.headers, nowMs)
  // GitHub says 403 for a limit too, and tells it by these headers.
  const isLimit = status === 429 || (status === 403 && (afterMs !== null || isSpent(response.headers)))
  if (isLimit || status >= 500)
    return unreachable(host, isLimit ? 'has a rate limit' : `answers HTTP ${status}`, afterMs ?? undefined)
  if (status === 401 || status === 403)
    return {
      code: 'FORGE_AUTH',
      message: `${host} refuses the token (HTTP ${status}); check SLIPWAY_FORGE_TOKEN and its rights`,
      next: { kind: 'stalled', remedy: 'give a token that may write statuses and comments' },
    }
  return { code: 'FORGE_REFUSED', message: `${host} answers HTTP ${status}${said(body)}` }
}

function said(body: unknown): string {
  const { message } = (body ?? {}) as { message?: unknown }
  return typeof message === 'string' ? `: ${message.replace(/[\p{C}\s]+/gu, ' ').slice(0, 200)}` : ''
}

function isSpent(headers: Headers): boolean {
  return headers.get('x-ratelimit-remaining') === '0'
}

/** `Retry-After` in seconds or as a date, or GitHub's and GitLab's time at which the limit begins anew; an hour at most. */
function pauseOf(headers: Headers, nowMs: number): number | null {
  const after = headers.get('retry-after')
  const reset = headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset')
  const ms =
    after !== null
      ? secondsOrDate(after, nowMs)
      : isSpent(headers) && reset !== null
        ? Number(reset) * 1000 - nowMs
        : NaN
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, RETRY_MOST_MS) : null
}

function secondsOrDate(text: string, nowMs: number): number {
  return /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
}

function unreachable(host: string, why: string, afterMs?: number): Problem {
  const message = `${host} ${why}; rollouts go on meanwhile`
  return { code: 'FORGE_UNREACHABLE', message, ...(afterMs === undefined ? {} : { next: { kind: 'retry', afterMs } }) }
}

/** Never the message of a library: it may hold the address. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = (cause as { code?: unknown } | null)?.code
  return typeof code === 'string' ? `cannot be reached (${code})` : 'cannot be reached'
}
