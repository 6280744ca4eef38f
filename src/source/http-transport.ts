import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Address } from './address.js'
import { GitFailure, foreignText, networkFailure, stalled } from './failure.js'
import type { GitHttp, SourceLimits } from './options.js'
import { tunnelAgent } from './proxy.js'
import { abortReason, silence, tooMuch } from './transport.js'
import type { Answer, Call, Transport } from './transport.js'

type HttpAddress = Extract<Address, { kind: 'http' }>

const MAX_REDIRECTS = 5
const RETRY_AFTER_MAX_MS = 60 * 60_000

/**
 * Speaks to one origin only. A redirect inside it is followed, for this call and those after it (as git does); one that leads
 * elsewhere is refused by name, because the credentials belong to this origin.
 */
export function httpTransport(
  address: HttpAddress,
  http: GitHttp,
  limits: Pick<SourceLimits, 'idleMs'>,
  now: () => number,
): Transport {
  const secure = address.url.startsWith('https:')
  const agent = agentFor(http, secure, limits.idleMs)
  const headers = headersFor(address, http)
  let base = address.url

  async function send(call: Call, signal: AbortSignal): Promise<Answer> {
    let url = base + call.path
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const cause: Cause = { failure: null }
      const response = await exchange(url, call, cause, signal)
      const location = redirectOf(response)
      if (location === null) return accept(response, call, cause, signal)
      response.destroy()
      url = sameOrigin(location, url, address)
      if (url.endsWith(call.path)) base = url.slice(0, -call.path.length)
    }
    throw new GitFailure('GIT_UNREACHABLE', `${address.host} redirects in a circle; check the repository address`)
  }

  function exchange(url: string, call: Call, cause: Cause, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const open = secure ? httpsRequest : httpRequest
      const request = open(url, {
        method: call.method,
        agent,
        headers: { ...call.headers, ...headers },
        signal,
        ...(http.ca === undefined ? {} : { ca: http.ca }),
      })
      request.setTimeout(limits.idleMs, () => {
        cause.failure = silence(address.host, limits.idleMs)
        request.destroy()
      })
      request.on('error', (error) => reject(causeOf(error, cause, address.host, signal)))
      request.on('response', resolve)
      write(request, call.body)
    })
  }

  function accept(response: IncomingMessage, call: Call, cause: Cause, signal: AbortSignal): Answer {
    const refusal = refusalOf(response, address, now())
    if (refusal !== null) {
      response.destroy()
      throw refusal
    }
    const contentType = (response.headers['content-type'] ?? '').split(';', 1)[0] ?? ''
    return {
      contentType: contentType.trim().toLowerCase(),
      body: bounded(response, call.maxBytes, address.host, (error) => causeOf(error, cause, address.host, signal)),
    }
  }

  return { send, close: () => agent.destroy() }
}

function write(request: ClientRequest, body: Uint8Array | undefined): void {
  if (body === undefined) return void request.end()
  // Some servers hang up on a chunked body.
  request.setHeader('content-length', body.byteLength)
  request.end(body)
}

function agentFor({ proxy }: GitHttp, secure: boolean, idleMs: number): HttpAgent {
  if (proxy !== undefined) return tunnelAgent(proxy, secure, idleMs)
  return secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
}

function headersFor({ credentials }: HttpAddress, http: GitHttp): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'git/slipway', 'accept-encoding': 'identity' }
  // GitHub wants this name beside an app's token; the others take any.
  const name = credentials?.username ?? 'x-access-token'
  if (credentials !== null)
    headers.authorization = `Basic ${Buffer.from(`${name}:${credentials.password}`).toString('base64')}`
  for (const [key, value] of Object.entries(http.headers ?? {})) headers[key.toLowerCase()] = value
  return headers
}

async function* bounded(
  response: IncomingMessage,
  maxBytes: number,
  host: string,
  explain: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw tooMuch(host, maxBytes)
      yield chunk
    }
  } catch (error) {
    throw explain(error)
  } finally {
    response.destroy()
  }
}

/** Why we ourselves ended a request: Node then reports only that the connection was reset. */
interface Cause {
  failure: GitFailure | null
}

function causeOf(error: unknown, cause: Cause, host: string, signal: AbortSignal): GitFailure {
  if (signal.aborted) return abortReason(signal)
  return cause.failure ?? networkFailure(error, host)
}

function redirectOf(response: IncomingMessage): string | null {
  const status = response.statusCode ?? 0
  return [301, 302, 303, 307, 308].includes(status) ? (response.headers.location ?? '') : null
}

function sameOrigin(location: string, from: string, address: HttpAddress): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : null
  if (target?.origin === address.origin) return target.href
  const where = target === null ? 'nowhere' : foreignText(target.origin)
  throw stalled(
    'GIT_URL_REFUSED',
    `${address.host} redirects to ${where}, where the credentials do not belong`,
    'if that is right, set the repository address to it',
  )
}

/** What a status other than 200 means; null when the answer may be read. */
function refusalOf(response: IncomingMessage, address: HttpAddress, nowMs: number): GitFailure | null {
  const status = response.statusCode ?? 0
  const { host } = address
  // 203 is how Azure DevOps sends its sign-in page.
  if (status === 401 || status === 403 || status === 203)
    return address.credentials === null
      ? stalled('GIT_AUTH', `${host} wants credentials (HTTP ${status})`, 'give a token that may read the repository')
      : stalled(
          'GIT_AUTH',
          `${host} refuses the credentials (HTTP ${status})`,
          'check the token, its expiry and rights',
        )
  if (status === 404 || status === 410)
    return stalled(
      'GIT_NOT_FOUND',
      `${host} knows no repository at ${new URL(address.url).pathname} (HTTP ${status})`,
      'check the address; private repositories look like this without a token',
    )
  if (status !== 200) return busy(response, host, nowMs)
  if (!['', 'identity'].includes(response.headers['content-encoding'] ?? ''))
    return new GitFailure('GIT_CORRUPT', `${host} answers compressed though told not to; check the proxy before it`)
  return null
}

function busy(response: IncomingMessage, host: string, nowMs: number): GitFailure {
  const message = `${host} answers HTTP ${response.statusCode ?? 0}; the last good revision stays`
  const afterMs = retryAfterMs(response.headers['retry-after'], nowMs)
  return new GitFailure('GIT_UNREACHABLE', message, afterMs === null ? undefined : { kind: 'retry', afterMs })
}

/** Seconds or a date; at most an hour, because the server may be wrong about itself. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : null
}
