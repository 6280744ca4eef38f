import { AsyncLocalStorage } from 'node:async_hooks'
import { request } from 'node:https'
import type { IncomingMessage } from 'node:http'

/** How calls of one order go out, and what came back last. */
export interface Conversation {
  /** Authorities to believe instead of the usual ones, as PEM; null: the usual ones. */
  readonly ca: string | null
  readonly signal: AbortSignal
  answer: Answer | null
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly data: string
}

/** What the library asks its HTTP client for. */
interface Call {
  readonly url?: string
  readonly method?: string
  readonly data?: unknown
}

/** Nobody answered, or not as HTTP does. */
export class NotReached extends Error {}

const CALL_DEADLINE_MS = 30_000
const MOST_BYTES = 1024 * 1024
const conversations = new AsyncLocalStorage<Conversation>()

/** All that `talk` calls of the library goes out as this conversation says. */
export function converse<T>(conversation: Conversation, talk: () => Promise<T>): Promise<T> {
  return conversations.run(conversation, talk)
}

/**
 * Makes the library's HTTP client ours: https alone, a deadline and a bound for each call, no proxies from the environment, no redirects, and none of its own waiting
 * and trying again, which nobody could stop.
 */
export function takeOver({ defaults }: { readonly defaults: object }): void {
  const adapter = async (config: Call): Promise<Answer & { readonly statusText: string; readonly config: Call }> => {
    const conversation = conversations.getStore()
    if (conversation === undefined) throw new Error('broken invariant: a call outside of a conversation')
    const answer = await send(config, conversation)
    conversation.answer = answer
    return { ...answer, statusText: '', config }
  }
  Object.assign(defaults, { adapter })
}

function send(config: Call, { ca, signal }: Conversation): Promise<Answer> {
  const { url = '', method = 'get' } = config
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    return Promise.reject(new NotReached(`${url} is no https address`))
  const body = typeof config.data === 'string' ? config.data : ''
  return new Promise((resolve, reject) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_DEADLINE_MS)])
    const give = (error: Error): void => {
      const why = signal.aborted
        ? 'it was stopped'
        : deadline.aborted
          ? `no answer in ${CALL_DEADLINE_MS / 1_000} s`
          : error.message
      reject(new NotReached(`${new URL(url).host}: ${why}`))
    }
    const headers = {
      'user-agent': 'slipway',
      'content-type': 'application/jose+json',
      ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }),
    }
    const call = request(url, {
      method: method.toUpperCase(),
      headers,
      signal: deadline,
      agent: false,
      ...(ca === null ? {} : { ca }),
    })
    call.on('error', give)
    call.on('response', (response) => void read(response).then(resolve, give))
    call.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) {
      response.destroy()
      throw new NotReached(`an answer of more than ${MOST_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value ?? '')] as const)
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    data: Buffer.concat(chunks).toString('utf8'),
  }
}
