import type { IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import Docker from 'dockerode'
import { fail, invariant, ok } from '../model/index.js'
import type { Problem, ProblemCode, Result } from '../model/index.js'
import type { Clock } from '../controller/index.js'
import type { EngineAgent } from './engine-agent.js'
import { problemIn, textOf } from './problem-error.js'

export interface EngineRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** Without version and query. Names in it are encoded by `segment`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly archive?: Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly deadlineMs: number
  readonly maxBytes: number
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** As it came. */
  readonly chunks: readonly Buffer[]
  /** In one piece, made anew each time it is asked for. */
  readonly body: Buffer
}

/**
 * `refused`: the engine answered, and not with 2xx or 304. `broken`: no whole answer; unless `isSent` is false, nobody knows what the
 * engine did.
 */
export type CallFailure =
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'broken'; readonly isSent: boolean; readonly problem: Problem }

/** A call whose answer goes on: the caller reads and destroys it. `complete` once all of it came. */
export interface EngineStream {
  readonly response: Readable & { readonly complete: boolean }
  readonly close: () => void
}

/** Calls to one engine in one API version, each with a deadline and a byte bound. */
export interface EngineClient {
  call(request: EngineRequest, signal: AbortSignal): Promise<Result<Answer, CallFailure>>
  open(request: EngineRequest, signal: AbortSignal): Promise<Result<EngineStream, CallFailure>>
}

export interface EngineClientOptions {
  readonly server: string
  readonly agent: EngineAgent
  /** `v1.45`; null before negotiation. */
  readonly version: string | null
  readonly clock: Clock
  readonly errorBytes: number
}

/** One path segment made of a name from outside. */
export function segment(name: string): string {
  // Half a surrogate pair, which JSON can carry and a URL cannot, becomes a character that no name has.
  return encodeURIComponent(Buffer.from(name).toString())
}

export function engineClient(options: EngineClientOptions): EngineClient {
  // Everything that docker-modem would otherwise take from the environment is named here.
  const settings = {
    protocol: 'http' as const,
    host: 'docker.invalid',
    port: 80,
    agent: options.agent,
    timeout: 0,
    connectionTimeout: 0,
    ...(options.version === null ? {} : { version: options.version }),
  }
  const { modem } = new Docker(settings)
  return {
    async call(request, signal) {
      const first = await exchange(modem, options, request, signal)
      // A kept stream may have died unnoticed; reading again changes nothing.
      const isWorthAgain =
        !first.ok && first.problem.kind === 'broken' && first.problem.problem.code === 'CONNECTION_LOST'
      return isWorthAgain && request.method === 'GET' ? exchange(modem, options, request, signal) : first
    },
    open: (request, signal) => openStream(modem, options, request, signal),
  }
}

async function exchange(
  modem: Docker['modem'],
  options: EngineClientOptions,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<Result<Answer, CallFailure>> {
  const watch = watchDeadline(options, request, signal)
  try {
    const dialled = await dial(modem, options, request, watch)
    if (!dialled.ok) return dialled
    const response = dialled.value
    const status = response.statusCode ?? 0
    const isDone = (status >= 200 && status < 300) || status === 304
    const read = await readBody(response, isDone ? request.maxBytes : options.errorBytes)
    if (read.kind === 'cut') return fail(broken(watch, options, request, read.error))
    if (read.kind === 'too-large' && isDone) {
      return fail(nonsense(options, request, `its answer is over ${request.maxBytes} bytes`))
    }
    if (!isDone) return fail({ kind: 'refused', status, message: messageOf(Buffer.concat(read.chunks)) })
    const { chunks } = read
    return ok({
      status,
      headers: response.headers,
      chunks,
      get body() {
        return Buffer.concat(chunks)
      },
    })
  } finally {
    watch.end()
  }
}

async function openStream(
  modem: Docker['modem'],
  options: EngineClientOptions,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<Result<EngineStream, CallFailure>> {
  const watch = watchDeadline(options, request, signal)
  const dialled = await dial(modem, options, request, watch)
  if (!dialled.ok) {
    watch.end()
    return dialled
  }
  const response = dialled.value
  const status = response.statusCode ?? 0
  if (status < 200 || status >= 300) {
    const read = await readBody(response, options.errorBytes)
    watch.end()
    if (read.kind === 'cut') return fail(broken(watch, options, request, read.error))
    return fail({ kind: 'refused', status, message: messageOf(Buffer.concat(read.chunks)) })
  }
  watch.endDeadline()
  response.on('error', () => undefined)
  response.once('close', () => watch.end())
  if (isCut(response)) watch.end()
  return ok({ response, close: () => response.destroy() })
}

interface Watch {
  readonly signal: AbortSignal
  why(): 'deadline' | 'caller' | null
  endDeadline(): void
  end(): void
}

function watchDeadline(options: EngineClientOptions, request: EngineRequest, signal: AbortSignal): Watch {
  const controller = new AbortController()
  let why: 'deadline' | 'caller' | null = null
  const stop = (cause: 'deadline' | 'caller'): void => {
    why ??= cause
    controller.abort()
  }
  const onAbort = (): void => stop('caller')
  signal.addEventListener('abort', onAbort, { once: true })
  const cancel = options.clock.after(request.deadlineMs, () => stop('deadline'))
  if (signal.aborted) stop('caller')
  return {
    signal: controller.signal,
    why: () => why,
    endDeadline: cancel,
    end: () => {
      cancel()
      signal.removeEventListener('abort', onAbort)
    },
  }
}

/** Every status is an answer to us: what the modem does with the others reads without a bound. */
const EVERY_STATUS: Record<number, true> = Object.fromEntries(
  Array.from({ length: 1000 }, (_, status) => [status, true]),
)

/** Volumes of shipped folders and the helper that fills them, by the names that only the driver gives. */
const COPIES = /^\/(?:volumes\/[^/]+-[0-9a-f]{8}-files-[0-9]+|containers\/[^/]+-[0-9a-f]{8}-files)$/

function dial(
  modem: Docker['modem'],
  options: EngineClientOptions,
  request: EngineRequest,
  watch: Watch,
): Promise<Result<IncomingMessage, CallFailure>> {
  // I-12: data is sacred. A request that would delete a volume is a bug, but for copies of the repository's own files.
  const isCopy = COPIES.test(request.path)
  const isDelete = request.method === 'DELETE' && !isCopy
  invariant(!isDelete || !request.path.startsWith('/volumes'), 'the driver never deletes a volume')
  invariant(!isDelete || request.query?.['v'] !== '1', 'the driver never removes volumes with a container')
  return new Promise((resolve) => {
    if (watch.signal.aborted) return resolve(fail(broken(watch, options, request, null, false)))
    modem.dial(
      {
        method: request.method,
        path: `${request.path}?`,
        // With an empty `_body` the modem sends none; without one it would send the query.
        options: { _query: { ...request.query }, _body: request.body ?? {} },
        headers: { ...request.headers },
        ...(request.archive === undefined ? {} : { file: request.archive }),
        abortSignal: watch.signal,
        isStream: true,
        statusCodes: EVERY_STATUS,
      },
      (error: unknown, response: unknown) => {
        if (error) return resolve(fail(broken(watch, options, request, error)))
        resolve(ok(response as IncomingMessage))
      },
    )
  })
}

type Body =
  | { readonly kind: 'whole'; readonly chunks: readonly Buffer[] }
  | { readonly kind: 'too-large'; readonly chunks: readonly Buffer[] }
  | { readonly kind: 'cut'; readonly error: Error }

/** The whole body, or that it was cut: never less than was sent (I-23). */
function readBody(response: IncomingMessage, maxBytes: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    if (isCut(response)) return resolve({ kind: 'cut', error: new Error('the answer ended early') })
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) return void chunks.push(chunk)
      resolve({ kind: 'too-large', chunks })
      response.destroy()
    })
    response.on('error', (error) => resolve({ kind: 'cut', error }))
    response.on('end', () => {
      resolve(
        response.complete ? { kind: 'whole', chunks } : { kind: 'cut', error: new Error('the answer ended early') },
      )
    })
    response.on('close', () => resolve({ kind: 'cut', error: new Error('the answer ended early') }))
  })
}

/**
 * An answer and the end of its connection can come in one segment: then all that a stream tells of its end is told before anybody who waited for
 * the answer can listen, and who only listens waits for ever, past every deadline.
 */
export function isCut(response: Readable): boolean {
  return response.destroyed
}

/** The engine's errors are `{"message": …}`; what stands in front of it may answer with anything. */
function messageOf(body: Buffer): string {
  const text = body.toString('utf8')
  try {
    const parsed: unknown = JSON.parse(text)
    if (parsed !== null && typeof parsed === 'object' && 'message' in parsed && typeof parsed.message === 'string') {
      return parsed.message.trim().slice(0, 2_000)
    }
  } catch {
    // Not JSON: the text is the message.
  }
  return text.trim().slice(0, 500)
}

function broken(
  watch: Watch,
  options: EngineClientOptions,
  request: EngineRequest,
  error: unknown,
  isSent = true,
): CallFailure {
  const notSent = problemIn(error)
  if (notSent !== undefined) return { kind: 'broken', isSent: false, problem: notSent }
  if (watch.why() === 'deadline') {
    return brokenCall(options, request, 'CALL_TIMEOUT', `did not finish within ${request.deadlineMs} ms`, isSent)
  }
  if (watch.why() === 'caller') return brokenCall(options, request, 'CALL_TIMEOUT', 'was given up', isSent)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('HPE_')) return nonsense(options, request, `it does not speak HTTP (${textOf(error)})`)
  return brokenCall(options, request, 'CONNECTION_LOST', `lost its connection (${textOf(error)})`, isSent)
}

function nonsense(options: EngineClientOptions, request: EngineRequest, why: string): CallFailure {
  const message = `the engine of server ${options.server} answers ${request.method} ${request.path} with nonsense: ${why}`
  return { kind: 'broken', isSent: true, problem: { code: 'ENGINE_ANSWER', message, server: options.server } }
}

function brokenCall(
  options: EngineClientOptions,
  request: EngineRequest,
  code: ProblemCode,
  what: string,
  isSent: boolean,
): CallFailure {
  const fate =
    request.method === 'GET' || !isSent ? '' : '; whether it happened is unknown until the server is looked at'
  const message = `${request.method} ${request.path} on server ${options.server} ${what}${fate}`
  return { kind: 'broken', isSent, problem: { code, message, server: options.server } }
}
