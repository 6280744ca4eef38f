import {
  assignAddresses,
  declaredPorts,
  givenNames,
  hostPorts,
  isInRange,
  isNameable,
  isReachable,
  networksAround,
  parseRange,
  reservedPorts,
} from '../names/index.js'
import type { NamesInput, ServiceName } from '../ingress/index.js'
import type { NamedService, SharedNetworks } from '../names/index.js'
import type {
  Action,
  Fleet,
  GivenNames,
  Listing,
  NetworkSeen,
  Observation,
  ProxyTable,
  Replica,
  ServiceSpec,
  Stack,
} from '../model/index.js'
import { OVERLAY, formatSlot, serviceKey } from '../model/index.js'
import type { Prepared } from '../rollout/index.js'

/** A container is kept back so long for a proxy to be ready for it. */
const MOST_WAIT_MS = 5_000
/** Then it is not kept back again for as long. */
const FORGOTTEN_MS = 60_000

type RunAction = Extract<Action, { readonly kind: 'run' }>
/** What the proxies of a server are known to do. */
type TablesOn = (server: string) => readonly ProxyTable[]
type NetworksOn = (server: string) => readonly NetworkSeen[]

const NOTHING_PULLED: ReadonlyMap<string, Prepared> = new Map()

interface ServerNames {
  readonly networks: readonly NetworkSeen[]
  readonly version: number
  readonly input: NamesInput
}

/**
 * What names there are: the address of each service, and which ports it has. An address is kept while the service exists; what is forgotten with a
 * controller is read from the labels of the containers.
 */
export class NameBook {
  private range = ''
  private fleet: Fleet | null = null
  private stacks: readonly Stack[] = []
  private addresses: ReadonlyMap<string, string> = new Map()
  private reserved: ReadonlySet<number> = new Set()
  private shared: SharedNetworks = new Set()
  /** By service: TCP ports that its containers were seen to expose. */
  private readonly exposed = new Map<string, ReadonlySet<number>>()
  private readonly waitSinceMs = new Map<string, number>()
  private readonly servedBy = new WeakMap<
    Stack,
    {
      readonly version: number
      readonly pulled: ReadonlyMap<string, Prepared>
      readonly served: readonly NamedService[]
    }
  >()
  private readonly servers = new Map<string, ServerNames>()
  /** Of addresses, stacks and reserved ports. */
  private version = 0

  get isOn(): boolean {
    return this.range !== ''
  }

  /** The fleet from now on. */
  use(fleet: Fleet): void {
    const range = fleet.ingress?.names ?? ''
    if (range !== this.range) this.stacks = []
    this.range = parseRange(range) === null ? '' : range
    this.fleet = fleet
    this.reserve()
  }

  /** All stacks that run or are to run, one in both its versions: whoever is not among them is forgotten. */
  meet(stacks: readonly Stack[], observation: Observation): void {
    if (!this.isOn) return
    this.share(stacks, observation)
    if (isSameList(stacks, this.stacks)) return
    this.stacks = stacks
    const services = new Set(stacks.flatMap(servicesOf))
    this.assign(services, observation)
    for (const service of this.exposed.keys()) if (!services.has(service)) this.exposed.delete(service)
    this.reserve()
  }

  /** The name of a service at a port that it has; undefined: it has none. */
  nameAt(spec: ServiceSpec, stack: Stack, port: number, ports: readonly number[]): ServiceName | undefined {
    if (!this.isOn || !hasName(spec) || !isReachable(spec, this.shared)) return undefined
    const networks = spec.exported === true ? null : networksAround(spec, stack)
    return { service: serviceKey(spec), port, ports, networks }
  }

  /** TCP ports of a service: those that it says, and those that its containers were seen to have. */
  portsOf(specs: readonly ServiceSpec[], replicas: readonly Replica[]): readonly number[] {
    const [spec] = specs
    if (spec === undefined || !this.isOn || !hasName(spec)) return []
    const key = serviceKey(spec)
    const known = this.exposed.get(key) ?? new Set<number>()
    const fresh = replicas.flatMap(({ exposes = [] }) => exposes.filter((port) => !known.has(port)))
    if (fresh.length > 0) {
      this.exposed.set(key, new Set([...known, ...fresh]))
      this.version += 1
    }
    const all = [...specs.flatMap(declaredPorts), ...(this.exposed.get(key) ?? [])]
    return [...new Set(all)].sort((a, b) => a - b)
  }

  /** What tables say of names on a server. The same object while nothing changed. */
  inputFor(server: string, networks: readonly NetworkSeen[]): NamesInput | null {
    if (!this.isOn) return null
    const last = this.servers.get(server)
    if (last?.networks === networks && last.version === this.version) return last.input
    const own = new Set(this.stacks.flatMap((stack) => stack.networks.map(({ name }) => name)))
    const seen = networks.filter(({ name, subnets }) => own.has(name) && subnets !== undefined)
    const subnets = new Map(seen.map(({ name, subnets: all = [] }) => [name, all]))
    const { range, addresses, reserved } = this
    const input = { range, addresses, subnets, reserved }
    const isSame = last !== undefined && textOf(last.input) === textOf(input)
    const kept = isSame ? last.input : input
    this.servers.set(server, { networks, version: this.version, input: kept })
    return kept
  }

  /** Names that would be given now to replicas that run, and were not. */
  unknownTo(spec: ServiceSpec, stack: Stack, replicas: readonly Replica[]): readonly string[] {
    const running = this.isOn && isNameable(spec) ? replicas.filter(({ state }) => state === 'running') : []
    if (running.length === 0) return []
    const given = this.givenTo(spec, stack, NOTHING_PULLED).hosts.map(({ name }) => name)
    const isUnknown = (name: string): boolean => running.some(({ named }) => named?.knows.includes(name) !== true)
    return given.filter(isUnknown)
  }

  /** Containers that are to be made are told the names there are now; everything else stays as it is. */
  give(actions: readonly Action[], stack: Stack, prepared: ReadonlyMap<string, Prepared>): readonly Action[] {
    if (!this.isOn || !actions.some(({ kind }) => kind === 'run')) return actions
    // What one server could not pull says nothing of what another did.
    const done = [...prepared].filter(([, answer]) => answer.kind === 'done')
    const pulled = new Map(done.map(([key, answer]) => [key.split('|')[2] ?? '', answer]))
    return actions.map((action) =>
      action.kind === 'run' && isNameable(action.spec)
        ? { ...action, names: this.givenTo(action.spec, stack, pulled) }
        : action,
    )
  }

  private givenTo(spec: ServiceSpec, stack: Stack, pulled: ReadonlyMap<string, Prepared>): GivenNames {
    const own = hasName(spec) ? (this.addresses.get(serviceKey(spec)) ?? null) : null
    const exported = this.stacks
      .flatMap((one) => this.servedOf(one, pulled))
      .filter((one) => one.spec.exported === true)
    const { networks } = stack
    return givenNames(spec, own, { networks, shared: this.shared, neighbours: this.servedOf(stack, pulled), exported })
  }

  /** Kept until something is known that was not, as everybody in a stack is told the same. */
  private servedOf(stack: Stack, pulled: ReadonlyMap<string, Prepared>): readonly NamedService[] {
    const known = this.servedBy.get(stack)
    if (known?.version === this.version && known.pulled === pulled) return known.served
    const served = stack.services.flatMap((one) => this.served(one, pulled.get(one.image)))
    this.servedBy.set(stack, { version: this.version, pulled, served })
    return served
  }

  /**
   * Those of the actions that wait for a proxy: it still listens at a port of the host that the container is to have, or does not let it in yet at the names
   * that it is given. They are asked about again, and wait for a while only: a proxy must not keep anybody from running.
   */
  waiting(
    actions: readonly Action[],
    { tables, networks, nowMs }: { readonly tables: TablesOn; readonly networks: NetworksOn; readonly nowMs: number },
  ): readonly Action[] {
    if (!this.isOn) return []
    const waiting = actions.filter((action): action is RunAction => {
      if (action.kind !== 'run') return false
      return tables(action.server).some((table) => !isReadyFor(table, action, networks(action.server)))
    })
    const places = waiting.map((action) => [`${action.server} ${formatSlot(action.slot)}`, action] as const)
    for (const [place] of places) if (!this.waitSinceMs.has(place)) this.waitSinceMs.set(place, nowMs)
    for (const [place, sinceMs] of this.waitSinceMs) if (nowMs - sinceMs > FORGOTTEN_MS) this.waitSinceMs.delete(place)
    return places.flatMap(([place, action]) =>
      nowMs - (this.waitSinceMs.get(place) ?? nowMs) < MOST_WAIT_MS ? [action] : [],
    )
  }

  /** Where it is not known to have a port, or has one that is not to be had, its name stays Docker's. */
  private served(spec: ServiceSpec, pulled: Prepared | undefined): readonly NamedService[] {
    const address = hasName(spec) ? this.addresses.get(serviceKey(spec)) : undefined
    const exposed = pulled?.kind === 'done' ? (pulled.image?.exposes ?? []) : []
    const ports = [...this.portsOf([spec], []), ...exposed]
    const isServed =
      isReachable(spec, this.shared) && ports.length > 0 && !ports.some((port) => this.reserved.has(port))
    return address === undefined || !isServed ? [] : [{ spec, address }]
  }

  private assign(wanted: ReadonlySet<string>, observation: Observation): void {
    const range = parseRange(this.range)
    if (range === null) return
    const kept = new Map(
      [...this.addresses].filter(([service, address]) => wanted.has(service) && isInRange(range, address)),
    )
    if (kept.size === wanted.size) return
    const held = new Map([...seenAddresses(observation), ...kept])
    this.addresses = assignAddresses(range, [...wanted], held)
    this.version += 1
  }

  /** Also those that somebody else made, as far as they were seen. */
  private share(stacks: readonly Stack[], observation: Observation): void {
    const declared = stacks.flatMap(({ networks }) =>
      networks.flatMap((one) => (one.driver === OVERLAY ? [one.name] : [])),
    )
    const seen = [...observation.values()].flatMap((view) => (view.kind === 'listed' ? sharedIn(view.listing) : []))
    const shared = new Set([...declared, ...seen])
    if (shared.size === this.shared.size && [...shared].every((name) => this.shared.has(name))) return
    this.shared = shared
    this.version += 1
  }

  private reserve(): void {
    const services = this.stacks.flatMap((stack) => stack.services)
    this.reserved = new Set(this.fleet === null ? [] : reservedPorts(this.fleet, services).keys())
    this.version += 1
  }
}

/** Only nodes of a Swarm have any. */
function sharedIn({ facts, networks }: Listing): readonly string[] {
  return facts.swarm === undefined ? [] : networks.flatMap(({ name, isShared }) => (isShared === true ? [name] : []))
}

function isSameList(a: readonly Stack[], b: readonly Stack[]): boolean {
  return a.length === b.length && a.every((stack, at) => stack === b[at])
}

function isReadyFor({ services }: ProxyTable, { spec, names }: RunAction, networks: readonly NetworkSeen[]): boolean {
  const wanted = new Set(hostPorts(spec))
  if (services.some(({ name }) => name !== undefined && wanted.has(name.port))) return false
  const given = new Set(names?.hosts.map(({ address }) => address))
  const own = networks.filter(({ name }) => spec.networks.some(({ network }) => network === name))
  const sources = own.flatMap(({ subnets = [] }) => subnets)
  const served = services.flatMap(({ name }) => (name !== undefined && given.has(name.address) ? [name] : []))
  if (own.length > 0 && sources.length === 0) return true
  return served.every(({ from }) => sources.some((source) => from.includes(source)))
}

function hasName(spec: ServiceSpec): boolean {
  return isNameable(spec) && spec.mode !== 'job'
}

function servicesOf({ services }: Stack): readonly string[] {
  return services.filter(hasName).map(serviceKey)
}

function replicasIn(observation: Observation): readonly Replica[] {
  return [...observation.values()].flatMap((view) => (view.kind === 'listed' ? view.listing.replicas : view.mayHold))
}

/** What containers say, the oldest last: it is believed. */
function seenAddresses(observation: Observation): ReadonlyMap<string, string> {
  const named = replicasIn(observation).filter((replica) => (replica.named?.address ?? '') !== '')
  const sorted = named.sort((a, b) => b.createdAtMs - a.createdAtMs)
  return new Map(sorted.map(({ slot, named: own }) => [`${slot.stack}/${slot.service}`, own?.address ?? '']))
}

function textOf({ range, addresses, subnets, reserved }: NamesInput): string {
  return JSON.stringify([range, [...addresses], [...subnets], [...reserved]])
}
