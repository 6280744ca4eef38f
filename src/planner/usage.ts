import { formatSlot } from '../model/index.js'
import type {
  HostPort,
  NetworkSeen,
  Observation,
  Replica,
  ServerView,
  ServiceSpec,
  Slot,
  SpecHash,
  StackPlan,
  VolumeSeen,
} from '../model/index.js'
import { claimedPorts } from './host-ports.js'

type Reservations = ServiceSpec['reservations']

/**
 * Finds a spec by its hash. Reservations are outside the hash: the newest spec known by it is the best answer. Another function whenever an
 * answer may have changed: what was measured with the last one is measured again.
 */
export type SpecOf = (hash: SpecHash) => ServiceSpec | undefined

/** Who holds a host port. `planned`: a replica that a plan of this tick will make. */
export type PortHolder =
  | { readonly kind: 'replica'; readonly replica: Replica }
  | { readonly kind: 'planned'; readonly slot: Slot }
  | { readonly kind: 'foreign'; readonly name: string }

export interface HeldPort {
  readonly port: HostPort
  readonly holder: PortHolder
}

/** What one server has given away. Processors in millionths, so that sums do not depend on their order. */
export interface ServerUsage {
  readonly server: string
  readonly view: ServerView
  readonly microCpus: number
  readonly memoryBytes: number
  readonly ports: readonly HeldPort[]
  /** Names of containers that are not ours. */
  readonly foreignNames: ReadonlySet<string>
  /** What `docker compose` runs there: name of a container by `project/service`. */
  readonly composed: ReadonlyMap<string, string>
  /** Volumes there, by full name; null while the server cannot be asked and nothing is remembered. */
  readonly volumes: ReadonlyMap<string, VolumeSeen> | null
  /** Networks there, by full name. */
  readonly networks: ReadonlyMap<string, NetworkSeen>
  /** Replicas of all services, exited ones too. */
  readonly replicas: number
  /** Whether a plan of this tick added to it. */
  readonly hasClaims: boolean
}

export type UnreachableView = Extract<ServerView, { kind: 'unreachable' }>

/** A replica last seen on, or sent to, a server that cannot be looked at now. */
export interface HeldReplica {
  readonly replica: Replica
  readonly view: UnreachableView
}

export interface SeenReplicas {
  readonly listed: readonly Replica[]
  readonly held: readonly HeldReplica[]
}

/** Replicas by stack and service. */
export type ReplicaIndex = ReadonlyMap<string, ReadonlyMap<string, SeenReplicas>>

/** What the whole fleet has given away, and which replicas fill it. Made once a tick and shared by the plans of all stacks. */
export interface FleetUsage {
  readonly observation: Observation
  readonly servers: ReadonlyMap<string, ServerUsage>
  readonly replicas: ReplicaIndex
  readonly specOf: SpecOf
}

/**
 * Measures the fleet. O(containers).
 * @param previous the measure of the last tick: servers whose view is still the same object are not measured again while specs are the same.
 */
export function measureUsage(observation: Observation, specOf: SpecOf, previous?: FleetUsage): FleetUsage {
  const servers = new Map<string, ServerUsage>()
  const reusable = previous?.specOf === specOf ? previous.servers : undefined
  for (const [server, view] of observation) {
    const known = reusable?.get(server)
    servers.set(server, known?.view === view && !known.hasClaims ? known : measureServer(view, specOf))
  }
  return { observation, servers, replicas: indexReplicas(observation), specOf }
}

/** Measures one server. An unreachable one counts with what it may hold. Replicas of one slot take each other's place: what they reserve counts once. */
export function measureServer(view: ServerView, specOf: SpecOf): ServerUsage {
  const replicas = view.kind === 'listed' ? view.listing.replicas : view.mayHold
  let microCpus = 0
  let memoryBytes = 0
  const ports: HeldPort[] = []
  const bySlot = new Map<string, Reservations>()
  for (const replica of replicas) {
    const spec = specOf(replica.specHash)
    const reserved = reservedBy(replica, spec)
    if (reserved !== null) {
      const slot = formatSlot(replica.slot)
      const counted = bySlot.get(slot) ?? null
      const more = growth(counted, reserved)
      microCpus += more.microCpus
      memoryBytes += more.memoryBytes
      bySlot.set(slot, larger(counted, reserved))
    }
    for (const port of portsOf(replica, spec)) ports.push({ port, holder: { kind: 'replica', replica } })
  }
  return {
    server: view.server,
    view,
    microCpus,
    memoryBytes,
    ports,
    ...foreignsOf(view, ports),
    replicas: replicas.length,
    hasClaims: false,
  }
}

/**
 * The usage that the next stack of the same tick must plan with: what this plan will make counts as made.
 * Without it two new services of two stacks could be given the same host port at once.
 */
export function withPlan(usage: FleetUsage, plan: StackPlan): FleetUsage {
  let servers: Map<string, ServerUsage> | null = null
  for (const change of plan.changes) {
    const arrives = change.kind === 'create' || (change.kind === 'replace' && change.successor === null)
    const server = arrives ? (servers ?? usage.servers).get(change.server) : undefined
    if (!arrives || server === undefined) continue
    servers ??= new Map(usage.servers)
    const stays = change.kind === 'replace' && change.from.server === change.server
    servers.set(
      change.server,
      stays
        ? withSuccessor(server, change.slot, change.spec, reservedBy(change.from, usage.specOf(change.from.specHash)))
        : withReplica(server, change.slot, change.spec),
    )
  }
  return servers === null ? usage : { ...usage, servers }
}

/** The server with one more replica on it. */
export function withReplica(server: ServerUsage, slot: Slot, spec: ServiceSpec): ServerUsage {
  return {
    ...withPorts(server, slot, spec),
    microCpus: server.microCpus + toMicro(spec.reservations.cpus),
    memoryBytes: server.memoryBytes + spec.reservations.memoryBytes,
    replicas: server.replicas + 1,
  }
}

/** The server with a replica that takes another's place there: of what they reserve the larger counts, once. */
export function withSuccessor(
  server: ServerUsage,
  slot: Slot,
  spec: ServiceSpec,
  before: Reservations | null,
): ServerUsage {
  const more = growth(before, spec.reservations)
  return {
    ...withPorts(server, slot, spec),
    microCpus: server.microCpus + more.microCpus,
    memoryBytes: server.memoryBytes + more.memoryBytes,
  }
}

/** The server without what a slot reserves whose replicas will go; their ports are their own until then. */
export function withoutReservation(server: ServerUsage, { cpus, memoryBytes }: Reservations): ServerUsage {
  return {
    ...server,
    microCpus: server.microCpus - toMicro(cpus),
    memoryBytes: server.memoryBytes - memoryBytes,
    hasClaims: true,
  }
}

/** What a replica holds of its server; null: nothing. */
export function reservedBy(replica: Replica, spec: ServiceSpec | undefined): Reservations | null {
  if (isOver(replica)) return null
  const reserved = spec?.reservations ?? { cpus: 0, memoryBytes: reservedIn(replica.limits) }
  return reserved.cpus === 0 && reserved.memoryBytes === 0 ? null : reserved
}

/** Of a spec that nobody remembers, the memory that its label says. */
function reservedIn(limits: string): number {
  return Number(/(?:^| )reserved=(\d+)/.exec(limits)?.[1] ?? 0)
}

export function larger(a: Reservations | null, b: Reservations): Reservations {
  if (a === null) return b
  return { cpus: Math.max(a.cpus, b.cpus), memoryBytes: Math.max(a.memoryBytes, b.memoryBytes) }
}

/** How much more the second one is than the first. */
export function growth(
  before: Reservations | null,
  after: Reservations,
): Pick<ServerUsage, 'microCpus' | 'memoryBytes'> {
  return {
    microCpus: Math.max(0, toMicro(after.cpus) - toMicro(before?.cpus ?? 0)),
    memoryBytes: Math.max(0, after.memoryBytes - (before?.memoryBytes ?? 0)),
  }
}

/** The server with a replica's ports taken. */
function withPorts(server: ServerUsage, slot: Slot, spec: ServiceSpec): ServerUsage {
  const claimed = claimedPorts(spec).map((port): HeldPort => ({ port, holder: { kind: 'planned', slot } }))
  return { ...server, ports: claimed.length === 0 ? server.ports : [...server.ports, ...claimed], hasClaims: true }
}

/** Whole millionths of a processor. */
export function toMicro(cpus: number): number {
  return Math.round(cpus * 1e6)
}

/** Whether a container has ended: it uses nothing. */
export function isOver(replica: Replica): boolean {
  return replica.state === 'exited' || replica.state === 'dead' || replica.state === 'removing'
}

const NO_PORTS: readonly HostPort[] = []

/** A replica that crashed will be started again and needs its port then; one that ended for good has let go of it. */
function portsOf(replica: Replica, spec: ServiceSpec | undefined): readonly HostPort[] {
  if (replica.state === 'dead' || replica.state === 'removing') return NO_PORTS
  if (spec === undefined) return replica.ports
  const claimed = claimedPorts(spec)
  if (replica.state === 'exited' && (spec.restart.condition === 'no' || spec.mode === 'job')) return NO_PORTS
  if (claimed.length === 0) return replica.ports
  const others = replica.ports.filter(
    (port) => !claimed.some((claim) => claim.port === port.port && claim.protocol === port.protocol),
  )
  return others.length === 0 ? claimed : [...claimed, ...others]
}

const NOTHING: ReadonlyMap<string, NetworkSeen> = new Map()
const NO_SERVICES: ReadonlyMap<string, string> = new Map()
const NO_NAMES: ReadonlySet<string> = new Set()

function foreignsOf(
  view: ServerView,
  ports: HeldPort[],
): Pick<ServerUsage, 'foreignNames' | 'composed' | 'volumes' | 'networks'> {
  if (view.kind === 'unreachable') {
    const volumes = view.volumes === undefined ? null : volumesByName(view.volumes)
    return { foreignNames: NO_NAMES, composed: NO_SERVICES, volumes, networks: NOTHING }
  }
  const { foreign, volumes, networks } = view.listing
  let composed: Map<string, string> | null = null
  for (const container of foreign) {
    if (!container.running) continue
    const { compose } = container
    if (compose !== undefined) {
      composed ??= new Map()
      composed.set(`${compose.project}/${compose.service}`, container.name)
    }
    for (const port of container.ports) ports.push({ port, holder: { kind: 'foreign', name: container.name } })
  }
  return {
    foreignNames: foreign.length === 0 ? NO_NAMES : new Set(foreign.map((container) => container.name)),
    composed: composed ?? NO_SERVICES,
    volumes: volumesByName(volumes),
    networks: new Map(networks.map((network) => [network.name, network])),
  }
}

function volumesByName(volumes: readonly VolumeSeen[]): ReadonlyMap<string, VolumeSeen> {
  return new Map(volumes.map((volume) => [volume.name, volume]))
}

interface OpenSeen {
  readonly listed: Replica[]
  readonly held: HeldReplica[]
}

function indexReplicas(observation: Observation): ReplicaIndex {
  const index = new Map<string, Map<string, OpenSeen>>()
  for (const view of observation.values()) {
    if (view.kind === 'listed') {
      for (const replica of view.listing.replicas) seenIn(index, replica).listed.push(replica)
    } else {
      for (const replica of view.mayHold) seenIn(index, replica).held.push({ replica, view })
    }
  }
  return index
}

function seenIn(index: Map<string, Map<string, OpenSeen>>, { slot }: Replica): OpenSeen {
  let services = index.get(slot.stack)
  if (services === undefined) index.set(slot.stack, (services = new Map<string, OpenSeen>()))
  let seen = services.get(slot.service)
  if (seen === undefined) services.set(slot.service, (seen = { listed: [], held: [] }))
  return seen
}
