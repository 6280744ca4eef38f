import { LABELS, containerName, fail, ok } from '../model/index.js'
import type { MountSpec, Problem, Result } from '../model/index.js'
import { shippedVolumes } from '../payload/index.js'
import type { RunAction } from '../payload/index.js'
import { readJsonIfThere } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'
import { about, toProblem } from './engine-errors.js'
import { packFolder } from './file-archive.js'
import { dropCopy, dropHelper, isCopy } from './sweep-copies.js'

type Shipped = Extract<MountSpec, { readonly kind: 'shipped' }>

/** Volumes that hold a replica's folders. */
export interface Filled {
  /**
   * To be called once the container has them: until then the helper keeps them from every sweep. A problem says that the helper was gone before:
   * the volumes may have been taken away with it, and be empty ones of the same names by now.
   */
  release(): Promise<Problem | null>
}

const NOTHING_FILLED: Filled = { release: () => Promise.resolve(null) }

/**
 * Fills a volume for each shipped folder, through a helper of the service's own image that is created and never started: the engine takes
 * files through containers alone, and not into a mount that is read-only. `busy` has the names of helpers at work.
 */
export async function fillFolders(
  engine: Engine,
  action: RunAction,
  chosen: { readonly image: string; readonly platform: Readonly<Record<string, string>> },
  busy: Set<string>,
  signal: AbortSignal,
): Promise<Result<Filled>> {
  const shipped = action.spec.mounts.filter((mount) => mount.kind === 'shipped')
  if (shipped.length === 0) return ok(NOTHING_FILLED)
  const container = containerName(action.identity)
  const name = `${container}-files`
  const volumes = shippedVolumes(shipped, container)
  busy.add(name)
  const helper = await fill(engine, { action, name, chosen, shipped, volumes }, signal)
  if (helper.ok)
    return ok({ release: () => release(engine, action, name, helper.value).finally(() => busy.delete(name)) })
  await dropHelper(engine, name, null)
  for (const volume of volumes.values()) await dropCopy(engine, volume)
  busy.delete(name)
  return helper
}

/** Where the helper has the volumes; nobody ever looks there. */
const ROOM = '/slipway-files'

interface Filling {
  readonly action: RunAction
  readonly name: string
  readonly chosen: { readonly image: string; readonly platform: Readonly<Record<string, string>> }
  readonly shipped: readonly Shipped[]
  /** Their names, by target. */
  readonly volumes: ReadonlyMap<string, string>
}

/** The helper's id. */
async function fill(engine: Engine, filling: Filling, signal: AbortSignal): Promise<Result<string>> {
  const { action, name, shipped, volumes } = filling
  // Left where a controller was killed in between: what they hold may be half of it, or what a replica wrote there.
  await dropHelper(engine, name, null)
  for (const volume of volumes.values()) {
    const kept = await dropCopy(engine, volume)
    if (kept !== null) return fail({ ...kept, ...about(engine, action) })
  }
  const call = { method: 'POST', path: '/containers/create', query: { name, ...filling.chosen.platform } } as const
  const created = await engine.call({ ...call, body: helperBody(engine, filling), lane: 'change' }, signal)
  if (!created.ok) return fail(explain(engine, action, created.problem))
  const owned = await areOurs(engine, filling, signal)
  if (owned !== null) return fail(owned)
  for (const [index, folder] of shipped.entries()) {
    const archive = await packFolder(folder.files)
    const query = { path: `${ROOM}/${index}` }
    const path = `/containers/${segment(name)}/archive`
    const put = await engine.call({ method: 'PUT', path, query, archive, lane: 'change' }, signal)
    if (!put.ok) return fail(explain(engine, action, put.problem))
  }
  return idOf(engine, action, created.value.body)
}

function helperBody(engine: Engine, { action, chosen, shipped, volumes }: Filling): Readonly<Record<string, unknown>> {
  const labels = { [LABELS.fleet]: engine.fleet, [LABELS.files]: `${action.slot.stack}/${action.slot.service}` }
  const mounts = shipped.map(({ target }, index) => ({
    Type: 'volume',
    Source: volumes.get(target),
    Target: `${ROOM}/${index}`,
    VolumeOptions: { NoCopy: true, Labels: labels },
  }))
  // The label of the slot is missing on purpose: this is no replica.
  return { Image: chosen.image, Labels: labels, Cmd: ['none'], HostConfig: { NetworkMode: 'none', Mounts: mounts } }
}

/** The engine takes a volume of that name that is there already: somebody's data must not be written over. */
async function areOurs(engine: Engine, filling: Filling, signal: AbortSignal): Promise<Problem | null> {
  const { action, volumes } = filling
  for (const volume of volumes.values()) {
    const call = { method: 'GET', path: `/volumes/${segment(volume)}`, lane: 'read' } as const
    const found = await readJsonIfThere(engine, call, `inspect the volume ${volume}`, signal)
    if (!found.ok) return { ...found.problem, ...about(engine, action) }
    if (isCopy(engine, found.value)) continue
    const message = `volume ${volume} on server ${engine.server} was not made by Slipway, which needs its name for the folders of ${action.slot.stack}/${action.slot.service}; remove or rename it`
    return { ...about(engine, action), code: 'VOLUME_CONFLICT', message }
  }
  return null
}

function idOf(engine: Engine, action: RunAction, body: Buffer): Result<string> {
  const id = /"Id":\s*"([0-9a-f]{12,64})"/.exec(body.toString('utf8'))?.[1]
  if (id !== undefined) return ok(id)
  const message = `server ${engine.server} created a container and said no id`
  return fail({ ...about(engine, action), code: 'ENGINE_ERROR', message })
}

async function release(engine: Engine, action: RunAction, name: string, id: string): Promise<Problem | null> {
  const dropped = await dropHelper(engine, name, id)
  if (dropped === 'dropped') return null
  if (dropped !== 'gone') return { ...dropped, ...about(engine, action) }
  const message = `the container ${name} on server ${engine.server} was removed while it held the folders of a new replica; they are shipped anew`
  return { ...about(engine, action), code: 'CONFLICT', message }
}

function explain(engine: Engine, action: RunAction, failure: CallFailure): Problem {
  const { stack, service } = action.slot
  const what = `ship the folders of ${stack}/${service}`
  return { ...toProblem(failure, { server: engine.server, what }), ...about(engine, action) }
}
