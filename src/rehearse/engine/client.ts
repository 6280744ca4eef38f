import { fail, ok } from '../../model/index.js'
import type { Problem, ProblemCode, Result } from '../../model/index.js'
import type { Answer, CallFailure, EngineClient, EngineRequest, EngineStream } from '../../driver/index.js'
import { openStream } from './event-log.js'
import type { Machine } from './machine.js'
import { answerCall, isStream } from './route-call.js'
import type { Answered } from './route-call.js'

/** A client of the simulated engine, with the same answers and failures as the real one. */
export function simClient(machine: Machine, server: string, version: string | null): EngineClient {
  const apiMinor = Number(/^v1\.(\d+)$/.exec(version ?? '')?.[1] ?? '51')
  return {
    async call(request, signal) {
      const answered = await ask(machine, server, request, apiMinor, signal)
      if (!answered.ok) return answered
      const body = bytesOf(answered.value)
      if (body.length > request.maxBytes) return fail(tooLarge(server, request))
      return asAnswer(answered.value, body)
    },
    async open(request, signal) {
      const answered = await ask(machine, server, request, apiMinor, signal)
      return answered.ok ? asStream(answered.value, signal) : answered
    },
  }
}

function asAnswer(answered: Answered, body: Buffer): Result<Answer, CallFailure> {
  if (isStream(answered)) return ok({ status: 200, headers: {}, chunks: [body], body })
  const { status, headers } = answered
  if (status >= 300 && status !== 304) return fail({ kind: 'refused', status, message: messageOf(answered) })
  return ok({ status, headers: headers ?? {}, chunks: [body], body })
}

function asStream(answered: Answered, signal: AbortSignal): Result<EngineStream, CallFailure> {
  if (!isStream(answered) && answered.status >= 300)
    return fail({ kind: 'refused', status: answered.status, message: messageOf(answered) })
  const stream = isStream(answered) ? answered : wholeStream(bytesOf(answered))
  const { response } = stream
  const onAbort = (): void => void response.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  response.on('error', () => undefined)
  response.once('close', () => signal.removeEventListener('abort', onAbort))
  return ok({ response, close: () => void response.destroy() })
}

function wholeStream(body: Buffer): ReturnType<typeof openStream> {
  const stream = openStream()
  if (body.length > 0) stream.write(body)
  stream.end()
  return stream
}

function bytesOf(answered: Answered): Buffer {
  if (isStream(answered) || answered.body === null) return Buffer.alloc(0)
  if (Buffer.isBuffer(answered.body)) return answered.body
  return Buffer.from(typeof answered.body === 'string' ? answered.body : `${JSON.stringify(answered.body)}\n`)
}

function messageOf({ body }: Exclude<Answered, { response: unknown }>): string {
  return (body as { readonly message: string }).message
}

/** The answer, or why there is none: what was asked goes on in the engine all the same. */
function ask(
  machine: Machine,
  server: string,
  request: EngineRequest,
  apiMinor: number,
  signal: AbortSignal,
): Promise<Result<Answered, CallFailure>> {
  const { clock, calls } = machine
  const failed = (code: ProblemCode, what: string, isSent: boolean): Result<never, CallFailure> => {
    const message = `${request.method} ${request.path} on server ${server} ${what}`
    const problem: Problem = { code, message, server }
    return fail({ kind: 'broken', isSent, problem })
  }
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(failed('CALL_TIMEOUT', 'was given up', false))
    if (!machine.isListening) return resolve(failed('ENGINE_UNREACHABLE', 'was refused: no engine listens', false))
    const settle = (result: Result<Answered, CallFailure>): void => {
      cancel()
      calls.delete(onGone)
      signal.removeEventListener('abort', onAbort)
      resolve(result)
    }
    const onGone = (): void => settle(failed('CONNECTION_LOST', 'lost its connection', true))
    const onAbort = (): void => settle(failed('CALL_TIMEOUT', 'was given up', true))
    const onLate = (): void => settle(failed('CALL_TIMEOUT', `did not finish within ${request.deadlineMs} ms`, true))
    const cancel = clock.after(request.deadlineMs, onLate)
    calls.add(onGone)
    signal.addEventListener('abort', onAbort, { once: true })
    void answerCall(machine, request, apiMinor).then((answered) => settle(ok(answered)))
  })
}

function tooLarge(server: string, { method, path, maxBytes }: EngineRequest): CallFailure {
  const message = `the engine of server ${server} answers ${method} ${path} with nonsense: its answer is over ${maxBytes} bytes`
  return { kind: 'broken', isSent: true, problem: { code: 'ENGINE_ANSWER', message, server } }
}
