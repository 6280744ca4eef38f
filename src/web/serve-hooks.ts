import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../controller/index.js'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { bell } from './bell.js'
import { checkRepository, deliveryOf, proofOf } from './hook-check.js'

export interface HookOptions {
  /** `127.0.0.1:8484`, `[::]:8484`. */
  readonly listen: string
  readonly secret: string
  /** The followed repository's address. */
  readonly repository: string
  readonly clock: Clock
  /** Called when there may be something new: at most once each 5 s. */
  readonly onNews: () => void
}

export interface HookServer {
  /** `http://127.0.0.1:8484`. */
  readonly url: string
  close(): Promise<void>
}

const BODY_MAX_BYTES = 1024 * 1024
const CONNECTIONS_MAX = 256
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const PAUSE_MS = 5_000
/** Deliveries that are known again; a repetition of an older one costs one look at Git. */
const REMEMBERED = 2_000

/**
 * Listens to forges. They only say that it is time to look: whatever a payload claims, Git is asked. A delivery is checked before it is parsed, read up
 * to a bound, and taken once. Problem: SETTING_INVALID where it cannot listen.
 */
export async function serveHooks(options: HookOptions): Promise<Result<HookServer>> {
  const { clock, onNews } = options
  const news = bell(clock, PAUSE_MS, onNews)
  const seen = new Set<string>()
  const server = createServer((request, response) => {
    answer(options, seen, request)
      .then((status) => {
        if (status === 202) news.pull()
        finish(request, response, status)
      })
      .catch(() => response.destroy())
  })
  server.maxConnections = CONNECTIONS_MAX
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  const where = /^(?:(.*):)?(\d{1,5})$/.exec(options.listen)
  if (where === null) return unusable(options.listen, 'it is no address such as 127.0.0.1:8484')
  try {
    server.listen(Number(where[2]), where[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1')
    await once(server, 'listening')
  } catch (error) {
    return unusable(options.listen, (error as NodeJS.ErrnoException).code ?? 'error')
  }
  const { address, port, family } = server.address() as AddressInfo
  return ok({
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async close() {
      news.close()
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  })
}

async function answer(options: HookOptions, seen: Set<string>, request: IncomingMessage): Promise<number> {
  const { headers } = request
  if (request.method !== 'POST') return 405
  const proof = proofOf(headers)
  if (proof === null) return 401
  // Never unpacked: a small body could be a large one.
  if (!['', 'identity'].includes(headers['content-encoding'] ?? '')) return 415
  const body = await readBody(request)
  if (body === null) return 413
  const delivery = deliveryOf(proof, options.secret, headers, body)
  if (delivery === null) return 401
  if (seen.has(delivery)) return 409
  if (!checkRepository(body, headers['content-type'] ?? '', options.repository).ok) return 400
  seen.add(delivery)
  for (const oldest of seen) {
    if (seen.size <= REMEMBERED) break
    seen.delete(oldest)
  }
  return 202
}

/** Null when it is too much: what comes after is not read. */
function readBody(request: IncomingMessage): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX_BYTES) return Promise.resolve(null)
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      if (bytes <= BODY_MAX_BYTES) return void chunks.push(chunk)
      request.pause()
      resolve(null)
    })
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)))
    request.on('error', reject)
  })
}

const SENTENCES: Readonly<Record<number, string>> = {
  202: 'looking',
  400: 'not about the repository that is followed here',
  401: 'the signature is missing or wrong',
  405: 'POST only',
  409: 'this delivery was taken before',
  413: `more than ${BODY_MAX_BYTES} bytes`,
  415: 'send it as it is, not compressed',
}

function finish(request: IncomingMessage, response: ServerResponse, status: number): void {
  // A body that was not read to its end would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close')
  const sentence = `${SENTENCES[status] ?? ''}\n`
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(sentence),
    'x-content-type-options': 'nosniff',
  })
  response.end(sentence)
}

function unusable(listen: string, why: string): Result<never> {
  return fail({ code: 'SETTING_INVALID', message: `cannot listen for webhooks on ${listen}: ${why}` })
}
