import { fail, ok } from '../model/index.js'
import type { EngineFacts, Problem, Result } from '../model/index.js'
import type { EngineDefaults } from '../payload/index.js'
import type { EngineClient } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import type { DriverLimits } from './options.js'

/** Minor numbers of API 1.x: the oldest we speak, and the newest whose notes we have read. */
export const API_OLDEST = 41
export const API_NEWEST = 51

/** The version to speak with an engine that says it speaks up to `offered`: `1.45` → 45. Problems: ENGINE_TOO_OLD, ENGINE_ANSWER. */
export function chooseApi(offered: unknown, server: string): Result<number> {
  const match = typeof offered === 'string' ? /^1\.([0-9]{1,4})$/.exec(offered) : null
  if (match === null) {
    const message = `the engine of server ${server} says no API version that makes sense (${JSON.stringify(offered)?.slice(0, 40)})`
    return fail({ code: 'ENGINE_ANSWER', message, server })
  }
  const minor = Number(match[1])
  if (minor < API_OLDEST) {
    const remedy = 'update Docker on it to 20.10 or newer'
    const message = `the engine of server ${server} speaks API 1.${minor}, Slipway needs 1.${API_OLDEST}; ${remedy}`
    return fail({ code: 'ENGINE_TOO_OLD', message, server, next: { kind: 'stalled', remedy } })
  }
  return ok(Math.min(minor, API_NEWEST))
}

/** Asks the engine which version it speaks. */
export async function negotiate(
  unversioned: EngineClient,
  server: string,
  limits: DriverLimits,
  signal: AbortSignal,
): Promise<Result<number>> {
  const ping = { method: 'GET', path: '/_ping', deadlineMs: limits.readMs, maxBytes: limits.errorBytes } as const
  const answer = await unversioned.call(ping, signal)
  if (!answer.ok) return fail(toProblem(answer.problem, { server, what: 'say its API version' }))
  return chooseApi(answer.value.headers['api-version'], server)
}

const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
  ['armv7l', 'arm'],
  ['armv6l', 'arm'],
  ['i686', '386'],
  ['i386', '386'],
])

/** `GET /info` as facts; the problem is what is wrong with it. */
export function readInfo(info: unknown, apiMinor: number): Result<EngineFacts, string> {
  if (info === null || typeof info !== 'object') return fail('its description is no object')
  const raw = info as Readonly<Record<string, unknown>>
  const text = (field: string): string => (typeof raw[field] === 'string' ? raw[field] : '')
  const count = (field: string): number => (typeof raw[field] === 'number' && raw[field] > 0 ? raw[field] : 0)
  if (text('ID') === '') return fail('it says no id')
  const machine = text('Architecture')
  return ok({
    engineId: text('ID'),
    engineVersion: text('ServerVersion'),
    apiVersion: `1.${apiMinor}`,
    os: text('OSType'),
    arch: ARCHITECTURES.get(machine) ?? machine,
    hostname: text('Name'),
    cpus: count('NCPU'),
    memoryBytes: count('MemTotal'),
  })
}

/** What it does where a container says nothing. */
export function readDefaults(info: unknown): EngineDefaults {
  const raw = info as Readonly<Record<string, unknown>> | null
  const text = (field: string): string => (typeof raw?.[field] === 'string' ? raw[field] : '')
  return {
    runtime: text('DefaultRuntime'),
    logDriver: text('LoggingDriver'),
    cgroup: text('CgroupVersion') === '2' ? 'private' : 'host',
  }
}

export function senseless(server: string, why: string): Problem {
  return { code: 'ENGINE_ANSWER', message: `the engine of server ${server} answers with nonsense: ${why}`, server }
}
