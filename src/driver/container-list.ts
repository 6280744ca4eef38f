import { LABELS, containerName, fail, ok } from '../model/index.js'
import type { ContainerState, ForeignContainer, HostPort, Replica, Result } from '../model/index.js'
import { parseState, parseStatus } from './status-text.js'

/** What never changes of a container while it keeps its name: worked out once, kept by id. */
export interface KnownContainer {
  readonly name: string
  /** Null: not ours. */
  readonly identity: ReplicaIdentity | null
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
  const replicas: Replica[] = []
  const foreign: ForeignContainer[] = []
  const known = new Map<string, KnownContainer>()
  for (const raw of parsed as readonly unknown[]) {
    if (raw === null || typeof raw !== 'object') return fail('a container of the list is no object')
    const why = readOne(raw, server, fleet, before, { replicas, foreign, known })
    if (why !== null) return fail(why)
  }
  return ok({ replicas, foreign, known })
}

interface Lists {
  readonly replicas: Replica[]
  readonly foreign: ForeignContainer[]
  readonly known: Map<string, KnownContainer>
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
  const known =
    seen !== undefined && seen.name === name ? seen : { name, identity: identify(raw, id, name, server, fleet) }
  const state = parseState(raw.State)
  if (state === undefined)
    return `container ${id.slice(0, 12)} is in the state ${JSON.stringify(raw.State)?.slice(0, 40)}`
  const ports = readPorts(raw.Ports)
  lists.known.set(id, known)
  if (known.identity === null) lists.foreign.push({ containerId: id, name, running: isUp(state), ports })
  else lists.replicas.push(replicaOf(raw, known.identity, state, ports))
  return null
}

function isUp(state: ContainerState): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting'
}

function replicaOf(
  raw: RawContainer,
  identity: ReplicaIdentity,
  state: ContainerState,
  ports: readonly HostPort[],
): Replica {
  const { health, exitCode } = parseStatus(typeof raw.Status === 'string' ? raw.Status : '')
  const addresses = readAddresses(raw.NetworkSettings?.Networks, state)
  return { ...identity, state, health, exitCode, ports, addresses }
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
  return read
}

/** On the host's network a container is where the server is. */
function readAddresses(networks: unknown, state: ContainerState): Readonly<Record<string, string>> {
  const addresses: Record<string, string> = {}
  if (networks === null || typeof networks !== 'object' || state !== 'running') return addresses
  for (const [network, raw] of Object.entries(networks as Record<string, { IPAddress?: unknown } | null>)) {
    if (network === '__proto__') continue
    if (network === 'host') addresses[network] = '127.0.0.1'
    else if (typeof raw?.IPAddress === 'string' && raw.IPAddress !== '') addresses[network] = raw.IPAddress
  }
  return addresses
}
