import { composedDifference } from './composed-network.js'
import { COMPOSE_LABELS, LABELS, OVERLAY, SETTINGS_LABEL, fail, hashOf, ok } from '../model/index.js'
import type {
  Action,
  ActionResult,
  Guards,
  NetworkSpec,
  Problem,
  ProblemCode,
  Result,
  VolumeSpec,
} from '../model/index.js'
import { networkPayload, refusal, refusedVolumeAsks, volumePayload } from '../payload/index.js'
import { at, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'

type Found = Readonly<Record<string, unknown>>

/** Has the network on the server. Problems: NETWORK_CONFLICT and those of any call. */
export async function ensureNetwork(
  engine: Engine,
  action: Extract<Action, { readonly kind: 'ensure-network' }>,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const { network, stack } = action
  const found = await findNetwork(engine, network.name, signal)
  if (!found.ok) return found
  if (found.value !== null) return networkIsFit(engine, network, stack, found.value)
  if (network.external) return fail(missing(engine, 'NETWORK_CONFLICT', 'network', network.name, stack))
  const body = { ...networkPayload(network), CheckDuplicate: true, Labels: networkLabels(engine, network, stack) }
  const created = await engine.call({ method: 'POST', path: '/networks/create', body, lane: 'change' }, signal)
  if (created.ok) return ok({})
  // Somebody was faster: what counts is what is there now.
  const again = await findNetwork(engine, network.name, signal)
  if (again.ok && again.value !== null) return networkIsFit(engine, network, stack, again.value)
  if (network.driver === OVERLAY && created.problem.kind === 'refused' && created.problem.status === 503)
    return fail({ ...conflict(engine, 'NETWORK_CONFLICT', noManager(engine, network), stack), next: NEEDS_SWARM })
  const what = `create the network ${network.name}`
  return fail({ ...toProblem(created.problem, { server: engine.server, what }), stack })
}

function noManager({ server }: Engine, { name }: NetworkSpec): string {
  return `server ${server} is no manager of a Swarm, and only one can make the overlay network ${name}`
}

const NEEDS_SWARM: NonNullable<Problem['next']> = {
  kind: 'stalled',
  remedy: 'run slipway swarm, or use a bridge network',
}

/** Has the volume on the server. Problems: VOLUME_CONFLICT, GUARD_REFUSED and those of any call. */
export async function ensureVolume(
  engine: Engine,
  action: Extract<Action, { readonly kind: 'ensure-volume' }>,
  guards: Guards | null,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const { volume, stack } = action
  const found = await findVolume(engine, volume.name, signal)
  if (!found.ok) return found
  if (found.value !== null) return volumeIsFit(engine, volume, stack, found.value)
  if (volume.external) return fail(missing(engine, 'VOLUME_CONFLICT', 'volume', volume.name, stack))
  const [refused] = refusedVolumeAsks(volume, guards)
  if (refused !== undefined) return fail(conflict(engine, 'GUARD_REFUSED', refusal(refused), stack))
  const body = { ...volumePayload(volume), Labels: volumeLabels(engine, volume, stack) }
  const created = await engine.call({ method: 'POST', path: '/volumes/create', body, lane: 'change' }, signal)
  const what = `create the volume ${volume.name}`
  if (!created.ok) return fail({ ...toProblem(created.problem, { server: engine.server, what }), stack })
  // The engine answers 201 for a volume that was there already: made in between by somebody else.
  const made = await findVolume(engine, volume.name, signal)
  if (!made.ok) return made
  return made.value === null ? ok({}) : volumeIsFit(engine, volume, stack, made.value)
}

/** Removes a network of ours. Problems: NETWORK_CONFLICT when something uses it, or it is not ours. */
export async function removeNetwork(
  engine: Engine,
  action: Extract<Action, { readonly kind: 'remove-network' }>,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const found = await findNetwork(engine, action.network, signal)
  if (!found.ok) return found
  if (found.value === null) return ok({})
  const { server, fleet } = engine
  if (textAt(found.value, 'Labels', LABELS.fleet) !== fleet) {
    return fail(
      conflict(
        engine,
        'NETWORK_CONFLICT',
        `network ${action.network} on server ${server} ${ownerOf(found.value)}; it is left alone`,
        action.stack,
      ),
    )
  }
  const users = usersOf(found.value)
  if (users.length > 0) {
    const message = `network ${action.network} on server ${server} is used by ${[...users].sort().join(', ')}`
    return fail({
      ...conflict(engine, 'NETWORK_CONFLICT', message, action.stack),
      next: { kind: 'wait', until: 'nothing uses it' },
    })
  }
  const call = { method: 'DELETE', path: `/networks/${segment(textAt(found.value, 'Id'))}`, lane: 'change' } as const
  for (let tries = 1; ; tries += 1) {
    const removed = await engine.call(call, signal)
    if (removed.ok || (removed.problem.kind === 'refused' && removed.problem.status === 404)) return ok({})
    const isLate = textAt(found.value, 'Driver') === OVERLAY && removed.problem.kind === 'refused'
    const what = `remove the network ${action.network}`
    if (!isLate || tries === LEAVE_TRIES || signal.aborted)
      return fail({ ...toProblem(removed.problem, { server, what }), stack: action.stack })
    await new Promise<void>((resolve) => void engine.clock.after(LEAVE_PAUSE_MS, resolve))
  }
}

/** A manager hears a moment later that a container of another node has left. */
const LEAVE_TRIES = 10
const LEAVE_PAUSE_MS = 500

/** Names of containers; what balances for services of Swarm is in each of its networks, and goes with it. */
function usersOf(network: Found): readonly string[] {
  const users = Object.entries((at(network, 'Containers') ?? {}) as Record<string, unknown>)
  return users.filter(([id]) => !id.startsWith('lb-')).map(([, user]) => textAt(user, 'Name'))
}

/** Whether a network that is there is as the stack wants it; one that is not there will be made. Changes nothing. */
export async function checkNetwork(
  engine: Engine,
  network: NetworkSpec,
  stack: string,
  signal: AbortSignal,
): Promise<Result<null>> {
  const found = await findNetwork(engine, network.name, signal)
  if (!found.ok) return found
  const fit = found.value === null ? ok({}) : networkIsFit(engine, network, stack, found.value)
  return fit.ok ? ok(null) : fit
}

/** By its exact name: the engine also finds networks by the beginning of their id. */
async function findNetwork(engine: Engine, name: string, signal: AbortSignal): Promise<Result<Found | null>> {
  const call = { method: 'GET', path: `/networks/${segment(name)}`, lane: 'read' } as const
  const found = await readJsonIfThere(engine, call, `inspect the network ${name}`, signal)
  return found.ok && found.value !== null && textAt(found.value, 'Name') !== name ? ok(null) : found
}

function findVolume(engine: Engine, name: string, signal: AbortSignal): Promise<Result<Found | null>> {
  const call = { method: 'GET', path: `/volumes/${segment(name)}`, lane: 'read' } as const
  return readJsonIfThere(engine, call, `inspect the volume ${name}`, signal)
}

function networkIsFit(engine: Engine, network: NetworkSpec, stack: string, found: Found): Result<ActionResult> {
  if (network.external) return ok({})
  const where = `network ${network.name} on server ${engine.server}`
  if (isOfProject(found, stack)) {
    const field = composedDifference(networkPayload(network), found)
    if (field === null) return ok({})
    const advice = 'stop what uses it and remove it, or let the stack say the same'
    const message = `${where} was made by docker compose with another ${field}; ${advice}`
    return fail(conflict(engine, 'NETWORK_CONFLICT', message, stack))
  }
  if (textAt(found, 'Labels', LABELS.fleet) !== engine.fleet) {
    const advice = 'remove it, or declare it external: true'
    return fail(conflict(engine, 'NETWORK_CONFLICT', `${where} ${ownerOf(found)}; ${advice}`, stack))
  }
  if (textAt(found, 'Labels', SETTINGS_LABEL) === hashOf(networkPayload(network))) return ok({})
  const advice = 'a network cannot be changed in place: rename it in the stack, or stop what uses it and remove it'
  return fail(conflict(engine, 'NETWORK_CONFLICT', `${where} was made with other settings; ${advice}`, stack))
}

/** A volume that plain Compose made for the same project is taken over as it is: refusing it would keep people from their data. */
function volumeIsFit(engine: Engine, volume: VolumeSpec, stack: string, found: Found): Result<ActionResult> {
  if (volume.external) return ok({})
  const fleet = textAt(found, 'Labels', LABELS.fleet)
  if (fleet === engine.fleet) {
    const settings = textAt(found, 'Labels', SETTINGS_LABEL)
    if (settings !== hashOf(volumePayload(volume))) {
      engine.say('warn', 'volume keeps the settings it was made with', { stack, volume: volume.name })
    }
    return ok({})
  }
  if (isOfProject(found, stack)) return ok({})
  const advice = 'declare it external: true to use it as it is'
  const message = `volume ${volume.name} on server ${engine.server} ${ownerOf(found)}; ${advice}`
  return fail(conflict(engine, 'VOLUME_CONFLICT', message, stack))
}

/** Made by plain Compose for the project of the same name. */
function isOfProject(found: Found, stack: string): boolean {
  return textAt(found, 'Labels', LABELS.fleet) === '' && textAt(found, 'Labels', COMPOSE_LABELS.project) === stack
}

function ownerOf(found: Found): string {
  const fleet = textAt(found, 'Labels', LABELS.fleet)
  if (fleet !== '') return `belongs to the fleet ${fleet}`
  const project = textAt(found, 'Labels', COMPOSE_LABELS.project)
  return project !== '' ? `belongs to the Compose project ${project}` : 'was not made by Slipway'
}

function networkLabels(engine: Engine, network: NetworkSpec, stack: string): Readonly<Record<string, string>> {
  const key = shortName(network.name, stack)
  return { ...labels(engine, network.labels, networkPayload(network), stack), [COMPOSE_LABELS.network]: key }
}

function volumeLabels(engine: Engine, volume: VolumeSpec, stack: string): Readonly<Record<string, string>> {
  const key = shortName(volume.name, stack)
  return { ...labels(engine, volume.labels, volumePayload(volume), stack), [COMPOSE_LABELS.volume]: key }
}

function labels(
  engine: Engine,
  own: Readonly<Record<string, string>>,
  body: Readonly<Record<string, unknown>>,
  stack: string,
): Readonly<Record<string, string>> {
  return {
    ...own,
    [LABELS.fleet]: engine.fleet,
    [LABELS.stack]: stack,
    [SETTINGS_LABEL]: hashOf(body),
    [COMPOSE_LABELS.project]: stack,
  }
}

/** `data` of `shop_data`: Compose's labels have the key, not the full name. */
function shortName(name: string, stack: string): string {
  return name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name
}

function missing(engine: Engine, code: ProblemCode, kind: string, name: string, stack: string): Problem {
  const remedy = `create it there (docker ${kind} create ${name}), or drop external`
  const message = `the external ${kind} ${name} is not on server ${engine.server}; ${remedy}`
  return { code, message, server: engine.server, stack, next: { kind: 'stalled', remedy } }
}

function conflict(engine: Engine, code: ProblemCode, message: string, stack: string): Problem {
  return { code, message, server: engine.server, stack }
}
