import { LABELS, containerName, fail, ok } from '../model/index.js'
import type { ContainerState, ForeignContainer, HostPort, Replica, Result } from '../model/index.js'
import { parseState, parseStatus } from './status-text.js'

/** What is known of a container from the last look: what never changes while it keeps its name, and how it was. Kept by id. */
export interface KnownContainer {
  readonly name: string
  /** Null: not ours. */
  readonly identity: ReplicaIdentity | null
  readonly replica: Replica | null
}

type ReplicaIdentity = Omit<Replica, 'state' | 'health' | 'exitCode' | 'ports' | 'addresses' | 'detail'>

export interface ContainerList {
  readonly replicas: readonly Replica[]
  readonly foreign: readonly ForeignContainer[]
  /** For the next look. */
  readonly known: ReadonlyMap<string, KnownContainer>
}

/** One element of `GET /containers/json`, before anything of it is believed. */
interface RawContainer {
  readonly Id?: unknown
  readonly Names?: unknown
  readonly ImageID?: unknown
  readonly Created?: unknown
  readonly Labels?: unknown
  readonly State?: unknown
  readonly Status?: unknown
  readonly Ports?: unknown
  readonly NetworkSettings?: { readonly Networks?: unknown } | null
}

const NO_PORTS: readonly HostPort[] = []

/** The engine's list as ours. One element that makes no sense spoils it all: a partial list would be acted on. The problem is why. */
export function readContainers(
  parsed: unknown,
  server: string,
  fleet: string,
  before: ReadonlyMap<string, KnownContainer>,
): Result<ContainerList, string> {
  if (!Array.isArray(parsed)) return fail('the list of containers is not a list')
  const lists: Lists = { replicas: [], foreign: [], fresh: new Map() }
  for (const raw of parsed as readonly unknown[]) {
    if (raw === null || typeof raw !== 'object') return fail('a container of the list is no object')
    const why = readOne(raw, server, fleet, before, lists)
    if (why !== null) return fail(why)
  }
  const { replicas, foreign } = lists
  return ok({ replicas, foreign, known: remember(before, lists) })
}

/** The same map where nothing came or went: filling a new one with ten thousand ids costs as much as reading them. */
function remember(before: ReadonlyMap<string, KnownContainer>, lists: Lists): ReadonlyMap<string, KnownContainer> {
  const { replicas, foreign, fresh } = lists
  if (fresh.size === 0 && before.size === replicas.length + foreign.length) return before
  const known = new Map<string, KnownContainer>()
  for (const { containerId } of [...replicas, ...foreign]) {
    const one = fresh.get(containerId) ?? before.get(containerId)
    if (one !== undefined) known.set(containerId, one)
  }
  return known
}

interface Lists {
  readonly replicas: Replica[]
  readonly foreign: ForeignContainer[]
  /** Seen for the first time, or under a new name. */
  readonly fresh: Map<string, KnownContainer>
}

function readOne(
  raw: RawContainer,
  server: string,
  fleet: string,
  before: ReadonlyMap<string, KnownContainer>,
  lists: Lists,
): string | null {
  const id = raw.Id
  if (typeof id !== 'string' || id === '') return 'a container of the list has no id'
  const name = nameOf(raw.Names)
  const seen = before.get(id)
  const known = seen?.name === name ? seen : null
  const identity = known === null ? identify(raw, id, name, server, fleet) : known.identity
  const state = parseState(raw.State)
  if (state === undefined)
    return `container ${id.slice(0, 12)} is in the state ${JSON.stringify(raw.State)?.slice(0, 40)}`
  const ports = readPorts(raw.Ports)
  const last = known?.replica ?? null
  const replica = identity === null ? null : replicaOf(raw, identity, state, ports, last)
  if (known === null || replica !== last) lists.fresh.set(id, { name, identity, replica })
  if (replica === null) lists.foreign.push({ containerId: id, name, running: isUp(state), ports })
  else lists.replicas.push(replica)
  return null
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
  if (
    last !== null &&
    last.state === state &&
    last.health === health &&
    last.exitCode === exitCode &&
    samePorts(last.ports, ports) &&
    hasAddresses(last.addresses, networks, state)
  )
    return last
  return {
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
  const labels = raw.Labels
  if (labels === null || typeof labels !== 'object') return null
  const label = (key: string): string | undefined => {
    const value: unknown = (labels as Readonly<Record<string, unknown>>)[key]
    return typeof value === 'string' ? value : undefined
  }
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
  const imageId = typeof raw.ImageID === 'string' ? raw.ImageID : ''
  const createdAtMs = typeof raw.Created === 'number' && Number.isFinite(raw.Created) ? raw.Created * 1000 : 0
  const identity = { containerId: id, containerName: name, server, slot, specHash, revision, image, imageId }
  return { ...identity, limits, restart, controller, createdAtMs }
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
