import { LABELS, SETTINGS_LABEL } from '../model/index.js'
import type { Problem } from '../model/index.js'
import { at, readJson, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import type { Sightings } from './observe.js'

/** Bound to no caller's patience: who gave up wants it gone as well. */
const patient = (): AbortSignal => new AbortController().signal

/** Names that the driver alone gives; the engine client lets no others be deleted. */
const HELPER_NAME = /-[0-9a-f]{8}-files$/
const COPY_NAME = /-[0-9a-f]{8}-files-[0-9]+$/

/**
 * Removes what no replica has any more of shipped folders: volumes, and helpers that a killed controller left. Best effort: the next removal
 * on the server tries again. Where none was seen, nothing is asked.
 */
export async function sweepCopies(engine: Engine, sightings: Sightings): Promise<void> {
  if (sightings.kept('volumes')?.some((volume) => COPY_NAME.test(volume.name)) === false) return
  const label = [`${LABELS.fleet}=${engine.fleet}`, LABELS.files]
  for (const helper of await list(engine, '/containers/json', { label }, (body) => body)) {
    const names = at(helper, 'Names')
    const name = Array.isArray(names) ? String(names[0]).slice(1) : ''
    if (HELPER_NAME.test(name) && !sightings.shipping.has(name)) await dropHelper(engine, name, null)
  }
  const unused = { label, dangling: ['true'] }
  for (const volume of await list(engine, '/volumes', unused, (body) => at(body, 'Volumes')))
    if (isCopy(engine, volume)) await dropCopy(engine, textAt(volume, 'Name'))
}

/** Whether it is a volume of shipped files of this fleet. A declared one has the hash of its settings, and a person's has no such label. */
export function isCopy(engine: Engine, volume: unknown): boolean {
  const owner = textAt(volume, 'Labels', LABELS.files)
  const name = textAt(volume, 'Name')
  return (
    owner !== '' &&
    textAt(volume, 'Labels', LABELS.fleet) === engine.fleet &&
    textAt(volume, 'Labels', SETTINGS_LABEL) === '' &&
    textAt(volume, 'Driver') === 'local' &&
    Object.keys(at(volume, 'Options') ?? {}).length === 0 &&
    COPY_NAME.test(name) &&
    name.startsWith(`${owner.replace('/', '-')}-`)
  )
}

/** Removes a volume of shipped files, unless a container has it, running or not: that the engine knows best, and says as a problem. */
export async function dropCopy(engine: Engine, name: string): Promise<Problem | null> {
  const what = `remove the volume ${name}`
  const path = `/volumes/${segment(name)}`
  const found = await readJsonIfThere(engine, { method: 'GET', path, lane: 'read' }, what, patient())
  if (!found.ok) return found.problem
  if (!isCopy(engine, found.value)) return null
  const removed = await engine.call({ method: 'DELETE', path, lane: 'change' }, patient())
  return removed.ok || isAbsent(removed.problem) ? null : toProblem(removed.problem, { server: engine.server, what })
}

/**
 * Removes a helper, with what its image declares as volumes; named ones stay. With an id, no other than that one. `gone`: there is none, or
 * what has the name is not ours, or was started by somebody.
 */
export async function dropHelper(
  engine: Engine,
  name: string,
  id: string | null,
): Promise<'dropped' | 'gone' | Problem> {
  const what = `remove the container ${name}`
  const path = `/containers/${segment(name)}`
  const info = { method: 'GET', path: `${path}/json`, lane: 'read' } as const
  const found = await readJsonIfThere(engine, info, what, patient())
  if (!found.ok) return found.problem
  const helper = found.value
  const isHelper =
    textAt(helper, 'Name') === `/${name}` &&
    textAt(helper, 'Config', 'Labels', LABELS.files) !== '' &&
    textAt(helper, 'Config', 'Labels', LABELS.fleet) === engine.fleet &&
    textAt(helper, 'Config', 'Labels', LABELS.slot) === '' &&
    textAt(helper, 'State', 'Status') === 'created'
  if (!isHelper || (id !== null && textAt(helper, 'Id') !== id)) return 'gone'
  // Not forced: one that somebody starts meanwhile is kept by the engine.
  const call = { method: 'DELETE', path, query: { v: '1' }, lane: 'change' } as const
  const removed = await engine.call(call, patient())
  if (removed.ok) return 'dropped'
  return isAbsent(removed.problem) ? 'gone' : toProblem(removed.problem, { server: engine.server, what })
}

function isAbsent(failure: CallFailure): boolean {
  return failure.kind === 'refused' && failure.status === 404
}

async function list(
  engine: Engine,
  path: string,
  filters: Readonly<Record<string, readonly string[]>>,
  pick: (body: unknown) => unknown,
): Promise<readonly unknown[]> {
  const query = { all: '1', filters: JSON.stringify(filters) }
  const listed = await readJson(engine, { method: 'GET', path, query, lane: 'read' }, `list ${path}`, patient())
  const found = listed.ok ? pick(listed.value) : null
  return Array.isArray(found) ? (found as readonly unknown[]) : []
}
