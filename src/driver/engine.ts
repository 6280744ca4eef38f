import { isAscii } from 'node:buffer'
import { fail, ok } from '../model/index.js'
import type { EngineFacts, Result } from '../model/index.js'
import type { Clock, LogEvent } from '../controller/index.js'
import type { EngineDefaults } from '../payload/index.js'
import type { Answer, CallFailure, EngineRequest, EngineStream } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { senseless } from './negotiate.js'
import type { DriverLimits, Lane, RegistryAuth } from './options.js'

/** A call in short form: deadline and bound have defaults by lane. */
export interface Call {
  readonly method: EngineRequest['method']
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly archive?: Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly lane: Lane
  readonly deadlineMs?: number
  readonly maxBytes?: number
}

/** One engine in one session: from negotiation until its connection or the engine itself goes. */
export interface Engine {
  readonly server: string
  readonly fleet: string
  readonly apiMinor: number
  readonly facts: EngineFacts
  readonly defaults: EngineDefaults
  readonly limits: DriverLimits
  readonly clock: Clock
  readonly registryAuths: Readonly<Record<string, RegistryAuth>>
  say(level: LogEvent['level'], message: string, fields: LogEvent['fields']): void
  call(call: Call, signal: AbortSignal): Promise<Result<Answer, CallFailure>>
  /** Not in a lane: streams last, and none may keep a call from its place. */
  open(call: Call, signal: AbortSignal): Promise<Result<EngineStream, CallFailure>>
  /** Runs `work` in a lane: for what is one call and yet a stream. */
  inLane<T>(lane: Lane, signal: AbortSignal, work: () => Promise<Result<T>>): Promise<Result<T>>
}

export function withDefaults(call: Call, limits: DriverLimits): EngineRequest {
  const deadlineMs = call.deadlineMs ?? (call.lane === 'read' ? limits.readMs : limits.changeMs)
  return { ...call, deadlineMs, maxBytes: call.maxBytes ?? limits.answerBytes }
}

/** Reads JSON; `what` completes "could not …". Problems: those of the call, ENGINE_ANSWER. */
export async function readJson(
  engine: Pick<Engine, 'server' | 'call'>,
  call: Call,
  what: string,
  signal: AbortSignal,
): Promise<Result<unknown>> {
  const answer = await engine.call(call, signal)
  if (!answer.ok) return fail(toProblem(answer.problem, { server: engine.server, what }))
  return parseJson(engine.server, call.path, answer.value.body)
}

/** The object, or null where the engine says 404. */
export async function readJsonIfThere(
  engine: Pick<Engine, 'server' | 'call'>,
  call: Call,
  what: string,
  signal: AbortSignal,
): Promise<Result<Readonly<Record<string, unknown>> | null>> {
  const answer = await engine.call(call, signal)
  if (!answer.ok) {
    if (answer.problem.kind === 'refused' && answer.problem.status === 404) return ok(null)
    return fail(toProblem(answer.problem, { server: engine.server, what }))
  }
  const parsed = parseJson(engine.server, call.path, answer.value.body)
  return parsed.ok ? asObject(engine.server, call.path, parsed.value) : parsed
}

export function parseJson(server: string, path: string, body: Buffer): Result<unknown> {
  try {
    return ok(JSON.parse(bodyText(body)))
  } catch {
    return fail(senseless(server, `${path} is no JSON: ${JSON.stringify(body.toString('latin1', 0, 60))}`))
  }
}

/** Nearly all answers are ASCII, which is a fraction of the work to make text of. */
export function bodyText(body: Buffer): string {
  return body.toString(isAscii(body) ? 'latin1' : 'utf8')
}

function asObject(server: string, path: string, value: unknown): Result<Readonly<Record<string, unknown>>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return fail(senseless(server, `${path} is no object`))
  }
  return ok(value as Readonly<Record<string, unknown>>)
}

/** `at(info, 'State', 'ExitCode')`: what is there, or undefined, whatever is on the way. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (here === null || typeof here !== 'object' || !Object.hasOwn(here, key)) return undefined
    here = (here as Readonly<Record<string, unknown>>)[key]
  }
  return here
}

export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : 0
}
