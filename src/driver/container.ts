import { LABELS, containerName, fail, ok, readAdoptedName } from '../model/index.js'
import type { ContainerState, ForeignContainer, HostPort, Replica, Result } from '../model/index.js'
import { claimOn, composeOf } from './claims.js'
import { textAt } from './engine.js'
import { parseState, parseStatus } from './status-text.js'

/** A container as it was last seen, with what never changes while it keeps its name: that is worked out once. */
export interface SeenContainer {
  readonly id: string
  readonly name: string
  /** Null: not ours. */
  readonly identity: ReplicaIdentity | null
  readonly is: Replica | ForeignContainer
  /** It has the label of hooks, which it keeps for life. */
  readonly isHooked: boolean
}

type ReplicaIdentity = Omit<Replica, 'state' | 'health' | 'exitCode' | 'ports' | 'addresses' | 'exposes' | 'detail'>

/** One element of `GET /containers/json`, before anything of it is believed. */
export interface RawContainer {
  readonly Id?: unknown
  readonly Names?: unknown
  readonly Image?: unknown
  readonly ImageID?: unknown
  readonly Created?: unknown
  readonly Labels?: unknown
  readonly State?: unknown
  readonly Status?: unknown
  readonly Ports?: unknown
  readonly NetworkSettings?: { readonly Networks?: unknown } | null
}

const NO_PORTS: readonly HostPort[] = []
const NO_EXPOSED: readonly number[] = []
/** Images that expose a range of thousands would each have a listener for all of it. */
export const MOST_EXPOSED = 32

/** One element of the list; the same object as before where it is as it was. The problem is why it makes no sense. */
export function readContainer(
  raw: RawContainer,
  server: string,
  fleet: string,
  before: SeenContainer | undefined,
): Result<SeenContainer, string> {
  const id = raw.Id
  if (typeof id !== 'string' || id === '') return fail('a container of the list has no id')
  const name = nameOf(raw.Names)
  const known = before?.name === name ? before : null
  const identity = known === null ? identify(raw, id, name, server, fleet) : known.identity
  const state = parseState(raw.State)
  if (state === undefined)
    return fail(`container ${id.slice(0, 12)} is in the state ${JSON.stringify(raw.State)?.slice(0, 40)}`)
  const ports = readPorts(raw.Ports)
  const last = known?.is ?? null
  const is =
    identity === null
      ? foreignOf(
          { containerId: id, name, running: isUp(state), ports, ...imageOf(raw.Image), ...composeOf(raw.Labels) },
          last,
        )
      : replicaOf(raw, identity, state, ports, last !== null && isReplica(last) ? last : null)
  if (known !== null && is === last) return ok(known)
  const isHooked = known?.isHooked ?? textAt(raw.Labels, LABELS.hooks) !== ''
  return ok({ id, name, identity, is, isHooked })
}

export function isReplica(container: Replica | ForeignContainer): container is Replica {
  return 'slot' in container
}

function foreignOf(now: ForeignContainer, last: Replica | ForeignContainer | null): ForeignContainer {
  const isSame = last !== null && !isReplica(last) && last.running === now.running && samePorts(last.ports, now.ports)
  return isSame ? last : now
}

/** The engine lists an id where the tag has moved on. */
function imageOf(image: unknown): Pick<ForeignContainer, 'image'> {
  return typeof image === 'string' && image !== '' && !/^sha256:/.test(image) ? { image } : {}
}

function isUp(state: ContainerState): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting'
}

/**
 * The last one where nothing changed: what is not made anew ten thousand times a look need not be collected either, and is compared by a glance.
 * Field by field, because spreading the identity costs more than all the rest.
 */
function replicaOf(
  raw: RawContainer,
  identity: ReplicaIdentity,
  state: ContainerState,
  ports: readonly HostPort[],
  last: Replica | null,
): Replica {
  const { health, exitCode } = parseStatus(typeof raw.Status === 'string' ? raw.Status : '')
  const networks = raw.NetworkSettings?.Networks
  const exposes = readExposed(raw.Ports)
  if (
    last !== null &&
    last.state === state &&
    last.health === health &&
    last.exitCode === exitCode &&
    samePorts(last.ports, ports) &&
    sameNumbers(last.exposes ?? NO_EXPOSED, exposes) &&
    hasAddresses(last.addresses, networks, state)
  )
    return last
  const seen: Replica = {
    containerId: identity.containerId,
    containerName: identity.containerName,
    server: identity.server,
    slot: identity.slot,
    specHash: identity.specHash,
    revision: identity.revision,
    image: identity.image,
    imageId: identity.imageId,
    limits: identity.limits,
    restart: identity.restart,
    controller: identity.controller,
    createdAtMs: identity.createdAtMs,
    state,
    health,
    exitCode,
    ports,
    addresses: readAddresses(networks, state),
  }
  if (exposes.length === 0 && identity.named === undefined) return seen
  return {
    ...seen,
    ...(exposes.length === 0 ? {} : { exposes }),
    ...(identity.named === undefined ? {} : { named: identity.named }),
  }
}

/** The name without its slash; linked containers have further names with more of them. */
function nameOf(names: unknown): string {
  if (!Array.isArray(names)) return ''
  const own = (names as readonly unknown[]).find(
    (name) => typeof name === 'string' && name.startsWith('/') && !name.includes('/', 1),
  )
  return typeof own === 'string' ? own.slice(1) : ''
}

/**
 * Ours is what carries the whole set of labels and the name that belongs to them. Labels alone are not enough: `docker commit` copies them
 * into an image, and everything started from it has them (F37).
 */
function identify(raw: RawContainer, id: string, name: string, server: string, fleet: string): ReplicaIdentity | null {
  const label = (key: string): string | undefined => {
    const value: unknown = (raw.Labels as Readonly<Record<string, unknown>> | null | undefined)?.[key]
    return typeof value === 'string' ? value : undefined
  }
  if (label(LABELS.fleet) === undefined) return identifyAdopted(raw, id, name, server, fleet)
  if (label(LABELS.fleet) !== fleet) return null
  const stack = label(LABELS.stack)
  const service = label(LABELS.service)
  const key = label(LABELS.slot)
  const specHash = label(LABELS.spec)
  if (!stack || !service || !key || !specHash) return null
  const [revision, image, restart] = [label(LABELS.revision), label(LABELS.image), label(LABELS.restart)]
  const [limits, controller] = [label(LABELS.limits), label(LABELS.controller)]
  if (!revision || !image || restart === undefined || limits === undefined || controller === undefined) return null
  const slot = { stack, service, key }
  if (name !== containerName({ fleet, slot, specHash, restart })) return null
  const identity = { containerId: id, containerName: name, server, slot, specHash, revision, image }
  const [address, names] = [label(LABELS.address), label(LABELS.names)]
  const named =
    address === undefined || names === undefined
      ? {}
      : { named: { address, knows: names.split(' ').filter((one) => one !== '') } }
  return { ...identity, ...madeOf(raw), limits, restart, controller, ...named }
}

/** Taken over: its name says what labels would, and those of Compose, where it has them, must agree. */
function identifyAdopted(
  raw: RawContainer,
  id: string,
  name: string,
  server: string,
  fleet: string,
): ReplicaIdentity | null {
  const adopted = readAdoptedName(name, { fleet, containerId: id })
  if (adopted === null) return null
  const { slot, specHash, revision, limits } = adopted
  if (claimOn(raw.Labels, slot) !== null) return null
  const made = madeOf(raw)
  const identity = { containerId: id, containerName: name, server, slot, specHash, revision, image: made.imageId }
  return { ...identity, ...made, limits, restart: '', controller: '' }
}

function madeOf(raw: RawContainer): Pick<ReplicaIdentity, 'imageId' | 'createdAtMs'> {
  const imageId = typeof raw.ImageID === 'string' ? raw.ImageID : ''
  const createdAtMs = typeof raw.Created === 'number' && Number.isFinite(raw.Created) ? raw.Created * 1000 : 0
  return { imageId, createdAtMs }
}

function readPorts(ports: unknown): readonly HostPort[] {
  if (!Array.isArray(ports) || ports.length === 0) return NO_PORTS
  const read: HostPort[] = []
  for (const raw of ports as readonly ({ IP?: unknown; PublicPort?: unknown; Type?: unknown } | null)[]) {
    const port = raw?.PublicPort
    if (typeof port !== 'number' || port <= 0) continue
    const protocol = raw?.Type === 'udp' || raw?.Type === 'sctp' ? raw.Type : 'tcp'
    const hostIp = typeof raw?.IP === 'string' && raw.IP !== '0.0.0.0' && raw.IP !== '::' ? raw.IP : ''
    // The engine lists IPv4 and IPv6 apart: both are "every address".
    if (!read.some((other) => other.port === port && other.protocol === protocol && other.hostIp === hostIp)) {
      read.push({ hostIp, port, protocol })
    }
  }
  return read.length === 0 ? NO_PORTS : read
}

/** The engine lists exposed ports of what runs, published or not, once for each address. */
function readExposed(ports: unknown): readonly number[] {
  if (!Array.isArray(ports) || ports.length === 0) return NO_EXPOSED
  const read = new Set<number>()
  for (const raw of ports as readonly ({ PrivatePort?: unknown; Type?: unknown } | null)[]) {
    const port = raw?.PrivatePort
    if (raw?.Type === 'tcp' && typeof port === 'number' && port > 0 && read.size < MOST_EXPOSED) read.add(port)
  }
  return read.size === 0 ? NO_EXPOSED : [...read].sort((a, b) => a - b)
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((number, at) => number === b[at]))
}

function samePorts(a: readonly HostPort[], b: readonly HostPort[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every(({ port, protocol, hostIp }, index) => {
        const other = b[index]
        return other?.port === port && other.protocol === protocol && other.hostIp === hostIp
      }))
  )
}

type Networks = Readonly<Record<string, { readonly IPAddress?: unknown } | null>>

const NO_NETWORKS: Networks = {}

function networksOf(networks: unknown, state: ContainerState): Networks {
  return networks === null || typeof networks !== 'object' || state !== 'running' ? NO_NETWORKS : (networks as Networks)
}

/** On the host's network a container is where the server is. Null: it has no address there. */
function addressOn(network: string, networks: Networks): string | null {
  if (network === '__proto__') return null
  const address = network === 'host' ? '127.0.0.1' : networks[network]?.IPAddress
  return typeof address === 'string' && address !== '' ? address : null
}

function readAddresses(raw: unknown, state: ContainerState): Readonly<Record<string, string>> {
  const addresses: Record<string, string> = {}
  const networks = networksOf(raw, state)
  for (const network in networks) {
    const address = addressOn(network, networks)
    if (address !== null) addresses[network] = address
  }
  return addresses
}

function hasAddresses(known: Readonly<Record<string, string>>, raw: unknown, state: ContainerState): boolean {
  const networks = networksOf(raw, state)
  let count = 0
  for (const network in networks) {
    const address = addressOn(network, networks)
    if (address === null) continue
    if (known[network] !== address) return false
    count += 1
  }
  for (const _network in known) count -= 1
  return count === 0
}
