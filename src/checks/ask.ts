import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { isLinkLocal, openLookup } from './addresses.js'

export interface Asking {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** 0: the body is not read. */
  readonly mostBytes: number
}

export type Got =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  /** Nobody answered in a way that says anything. `why`: in words, with the host, never with the rest of the address. */
  | { readonly kind: 'nothing'; readonly why: string }

/** One GET. Never throws. */
export async function ask(asking: Asking, timeoutMs: number, signal: AbortSignal): Promise<Got> {
  const url = new URL(asking.url)
  const nothing = (why: string): Got => ({ kind: 'nothing', why: `${url.host} ${why}` })
  const deadline = AbortSignal.timeout(timeoutMs)
  // For an address nobody is looked up.
  const address = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0 && isLinkLocal(address)) return nothing(LINK_LOCAL)
  try {
    const response = await responseTo(url, asking, AbortSignal.any([signal, deadline]))
    const body = await readBounded(response, asking.mostBytes)
    return body === null
      ? nothing(`sends more than ${asking.mostBytes} bytes`)
      : { kind: 'answer', status: response.statusCode ?? 0, body }
  } catch (error) {
    return nothing(deadline.aborted ? `did not answer within ${timeoutMs} ms` : reasonOf(error))
  }
}

function responseTo(url: URL, { headers }: Asking, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    const sent = { 'user-agent': 'slipway', 'accept-encoding': 'identity', ...headers, connection: 'close' }
    request(url, { headers: sent, agent: false, lookup: openLookup, signal }, resolve).on('error', reject).end()
  })
}

/** Null: more than that. */
async function readBounded(response: IncomingMessage, mostBytes: number): Promise<string | null> {
  if (mostBytes === 0) {
    response.on('error', () => undefined).destroy()
    return ''
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > mostBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const LINK_LOCAL = 'is a link-local address, which is never asked'

/** Never the message of a library: it may hold the address. */
function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  if (code === 'LINK_LOCAL') return LINK_LOCAL
  return typeof code === 'string' ? `cannot be reached (${code})` : 'cannot be reached'
}
