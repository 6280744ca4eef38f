import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { ServerCondition } from '../controller/index.js'
import { readJson, textAt } from './engine.js'
import type { Engine } from './engine.js'
import type { Way } from './way.js'

/** What a person wants to know of a server before it carries production. Changes nothing there. */
export async function examine(
  engine: Engine,
  way: Pick<Way, 'diskOf'>,
  signal: AbortSignal,
): Promise<Result<ServerCondition>> {
  const askedAtMs = engine.clock.nowMs()
  const info = await readJson(engine, { method: 'GET', path: '/info', lane: 'read' }, 'describe itself', signal)
  if (!info.ok) return info
  const answeredAtMs = engine.clock.nowMs()
  const dataRoot = textAt(info.value, 'DockerRootDir')
  const free = dataRoot.startsWith('/') ? await way.diskOf(dataRoot) : fail('the engine does not say where its data is')
  return ok({
    clockAheadMs: clockAheadMs(textAt(info.value, 'SystemTime'), askedAtMs, answeredAtMs),
    disk: free.ok ? { path: dataRoot, ...free.value } : { path: dataRoot, problem: free.problem },
  })
}

/** Null where nobody can say: the engine tells no time. What lies within the round trip is no difference. */
function clockAheadMs(systemTime: string, askedAtMs: number, answeredAtMs: number): number | null {
  // Go writes nanoseconds; Date.parse reads milliseconds.
  const atMs = Date.parse(systemTime.replace(/(\.[0-9]{3})[0-9]+/, '$1'))
  if (Number.isNaN(atMs)) return null
  if (atMs < askedAtMs) return atMs - askedAtMs
  return Math.max(0, atMs - answeredAtMs)
}
