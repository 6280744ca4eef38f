import { LABELS, containerName, fail } from '../model/index.js'
import type { MountSpec, Problem, Result } from '../model/index.js'
import { shippedVolumes } from '../payload/index.js'
import type { RunAction } from '../payload/index.js'
import { at, readJson, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { packFolder } from './file-archive.js'

type Shipped = Extract<MountSpec, { readonly kind: 'shipped' }>

/**
 * Fills a volume for each shipped folder, through a helper of the service's own image that is created and never started: the engine takes
 * files through containers alone, and not into a mount that is read-only. `make` makes the container, which holds the volumes from then on;
 * until then the helper does, so that no sweep takes them.
 */
export async function withFolders<T>(
  engine: Engine,
  action: RunAction,
  image: string,
  signal: AbortSignal,
  make: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const shipped = action.spec.mounts.filter((mount) => mount.kind === 'shipped')
  if (shipped.length === 0) return make()
  const name = `${containerName(action.identity)}-files`
  const failure = await fill(engine, action, { name, image, shipped }, signal)
  try {
    return failure === null ? await make() : fail(failure)
  } finally {
    await discard(engine, name)
    if (failure !== null) await sweepFolders(engine, action.slot)
  }
}

/** Where the helper has the volumes; nobody ever looks there. */
const ROOM = '/slipway-files'

interface Filling {
  readonly name: string
  readonly image: string
  readonly shipped: readonly Shipped[]
}

async function fill(engine: Engine, action: RunAction, filling: Filling, signal: AbortSignal): Promise<Problem | null> {
  const { name, image, shipped } = filling
  const about = { server: engine.server, stack: action.slot.stack, service: action.slot.service }
  const explain = (failure: CallFailure): Problem => ({
    ...toProblem(failure, { server: engine.server, what: `ship the folders of ${about.stack}/${about.service}` }),
    ...about,
  })
  // One is left where a controller was killed in between: what it holds may be half of it.
  await discard(engine, name)
  const volumes = shippedVolumes(shipped, containerName(action.identity))
  const labels = { [LABELS.fleet]: engine.fleet, [LABELS.files]: ownerOf(action.slot) }
  const mounts = shipped.map(({ target }, index) => ({
    Type: 'volume',
    Source: volumes.get(target),
    Target: `${ROOM}/${index}`,
    VolumeOptions: { NoCopy: true, Labels: labels },
  }))
  // The label of the slot is missing on purpose: this is no replica.
  const body = { Image: image, Labels: labels, Cmd: ['none'], HostConfig: { NetworkMode: 'none', Mounts: mounts } }
  const call = { method: 'POST', path: '/containers/create', query: { name }, body, lane: 'change' } as const
  const created = await engine.call(call, signal)
  if (!created.ok) return explain(created.problem)
  for (const [index, folder] of shipped.entries()) {
    const archive = await packFolder(folder.files)
    const query = { path: `${ROOM}/${index}` }
    const path = `/containers/${segment(name)}/archive`
    const put = await engine.call({ method: 'PUT', path, query, archive, lane: 'change' }, signal)
    if (!put.ok) return explain(put.problem)
  }
  return null
}

/** The helper, with what its image declares as volumes; named ones stay. Best effort: one that stays is found by its name next time. */
async function discard(engine: Engine, name: string): Promise<void> {
  const call = {
    method: 'DELETE',
    path: `/containers/${segment(name)}`,
    query: { v: '1', force: '1' },
    lane: 'change',
  } as const
  await engine.call(call, new AbortController().signal)
}

/** Removes the volumes of folders that no container of a service has any more. Best effort: the next removal tries again. */
export async function sweepFolders(engine: Engine, slot: RunAction['slot']): Promise<void> {
  const label = [`${LABELS.fleet}=${engine.fleet}`, `${LABELS.files}=${ownerOf(slot)}`]
  const query = { filters: JSON.stringify({ label, dangling: ['true'] }) }
  const { signal } = new AbortController()
  const list = await readJson(engine, { method: 'GET', path: '/volumes', query, lane: 'read' }, 'list volumes', signal)
  const found = list.ok ? at(list.value, 'Volumes') : null
  for (const volume of Array.isArray(found) ? (found as readonly unknown[]) : []) {
    // Read again: what a filter overlooked would be somebody's data.
    if (
      textAt(volume, 'Labels', LABELS.files) !== ownerOf(slot) ||
      textAt(volume, 'Labels', LABELS.fleet) !== engine.fleet
    )
      continue
    const path = `/volumes/${segment(textAt(volume, 'Name'))}`
    await engine.call({ method: 'DELETE', path, lane: 'change' }, signal)
  }
}

function ownerOf({ stack, service }: RunAction['slot']): string {
  return `${stack}/${service}`
}
