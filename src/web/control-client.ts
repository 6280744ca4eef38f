import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { fail, ok, PROBLEMS } from '../model/index.js'
import type { Problem, Result, ServerView } from '../model/index.js'
import type { Command, Fact, FleetStatus, HistoryQuery, LogEvent } from '../controller/index.js'
import type { ControlSurface, LogsQuery, PlanReport, ReplicaLine } from './surface.js'

const ANSWER_MAX_BYTES = 256 * 1024 * 1024
const ANSWER_TIMEOUT_MS = 60_000
/** Planning looks at every server first. */
const PLAN_TIMEOUT_MS = 300_000

/** What a controller of 0.1.0 does not say yet. */
type Later = 'certificates'

/**
 * The running controller behind a control socket. Problems: CONTROLLER_ABSENT when none listens, CONNECTION_LOST when it ends
 * meanwhile, and those that it answers. A stream that breaks before its end throws.
 */
export function controlClient(socketPath: string): ControlSurface {
  const get = <T>(path: string, timeoutMs?: number): Promise<Result<T>> =>
    call<T>(socketPath, 'GET', path, { timeoutMs })
  return {
    status: async () => {
      const answer = await get<Omit<FleetStatus, Later> & Partial<Pick<FleetStatus, Later>>>('/v1/status')
      return answer.ok ? ok({ certificates: [], ...answer.value }) : answer
    },
    plan: () => get<PlanReport>('/v1/plan', PLAN_TIMEOUT_MS),
    observation: () => get<readonly ServerView[]>('/v1/observation'),
    history: (query) => get<readonly Fact[]>(`/v1/history?${historyQuery(query)}`),
    command: (command: Command) => call<string>(socketPath, 'POST', '/v1/commands', { body: command }),
    logs: (query, signal) => lines<ReplicaLine>(socketPath, `/v1/logs?${logsQuery(query)}`, signal),
    events: (signal) => lines<LogEvent>(socketPath, '/v1/events', signal),
  }
}

function historyQuery({ limit, stack, service }: HistoryQuery): string {
  const given = {
    limit: String(limit),
    ...(stack !== undefined ? { stack } : {}),
    ...(service !== undefined ? { service } : {}),
  }
  return new URLSearchParams(given).toString()
}

function logsQuery({ stack, service, tail, follow }: LogsQuery): string {
  const name = service === null ? stack : `${stack}/${service}`
  return new URLSearchParams({ service: name, tail: String(tail), follow: String(follow) }).toString()
}

interface CallOptions {
  readonly body?: unknown
  readonly timeoutMs?: number | undefined
}

async function call<T>(socketPath: string, method: string, path: string, options: CallOptions): Promise<Result<T>> {
  const signal = AbortSignal.timeout(options.timeoutMs ?? ANSWER_TIMEOUT_MS)
  const opened = await open(socketPath, method, path, signal, options.body)
  return opened.ok ? readAnswer<T>(opened.value) : opened
}

async function lines<T>(socketPath: string, path: string, signal: AbortSignal): Promise<Result<AsyncIterable<T>>> {
  const opened = await open(socketPath, 'GET', path, signal)
  if (!opened.ok) return opened
  if (opened.value.statusCode !== 200) return readAnswer(opened.value)
  return ok(parsedLines<T>(opened.value, signal))
}

async function* parsedLines<T>(response: IncomingMessage, signal: AbortSignal): AsyncIterable<T> {
  try {
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      if (line !== '') yield JSON.parse(line) as T
    }
    if (!response.complete && !signal.aborted) throw new Error('the controller ended')
  } finally {
    response.destroy()
  }
}

async function open(
  socketPath: string,
  method: string,
  path: string,
  signal: AbortSignal,
  body?: unknown,
): Promise<Result<IncomingMessage>> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  try {
    const sent = httpRequest({ socketPath, method, path, headers, signal, agent: false })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return ok(response)
  } catch (error) {
    return fail(problemOf(error, socketPath))
  }
}

async function readAnswer<T>(response: IncomingMessage): Promise<Result<T>> {
  try {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > ANSWER_MAX_BYTES) return fail({ code: 'CONNECTION_LOST', message: 'the answer is over 256 MiB' })
      chunks.push(chunk)
    }
    const value = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
    return response.statusCode === 200 ? ok(value as T) : fail(readProblem(value))
  } catch {
    return fail({ code: 'CONNECTION_LOST', message: 'the controller ended before it had answered: ask again' })
  }
}

/** Client and controller may be of two versions: a code that this one does not know is still shown, by its message. */
function readProblem(value: unknown): Problem {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : 'the controller answered without a reason'
  if (typeof code === 'string' && Object.hasOwn(PROBLEMS, code)) return { ...(value as Problem), message: text }
  return { code: 'REQUEST_INVALID', message: `${String(code)} ${text}` }
}

function problemOf(error: unknown, socketPath: string): Problem {
  const { code, name, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return { code: 'CONTROLLER_ABSENT', message: `no controller listens on ${socketPath}: start one with slipway run` }
  }
  if (code === 'EACCES') {
    return {
      code: 'CONTROLLER_ABSENT',
      message: `${socketPath} may only be opened by the user who runs the controller`,
    }
  }
  if (name === 'TimeoutError' || name === 'AbortError') {
    return { code: 'CALL_TIMEOUT', message: 'the controller did not answer in time' }
  }
  return { code: 'CONNECTION_LOST', message: `the connection to the controller broke: ${message}` }
}
