import { compareText, portsClash } from '../model/index.js'
import type {
  BalancedService,
  CanaryNeeds,
  GroupShare,
  HostPort,
  MeshIdentity,
  NamedPlace,
  ProxyPeer,
  ProxyTable,
  ProxyTarget,
  RouteSpec,
  ServiceProtocol,
} from '../model/index.js'
import { frontOf, isSameFront, isSameRoutes, routesWon } from './routes.js'
import type { FrontInput, RouteClaim } from './routes.js'
import { groupWeights, isServing } from './shares.js'
import { touchedKeys } from './touched.js'

/** What one stack brings to the proxies: its balanced services, by port. Sorted by key. */
export type StackEndpoints = readonly ServiceEndpoints[]

export interface ServiceEndpoints {
  /** `shop/web:8080`. */
  readonly key: string
  readonly protocol: ServiceProtocol
  /** Where clients are to reach it. `isWanted`: the stack's target says so; else what was proven before did. */
  readonly claims: readonly { readonly hostIp: string; readonly port: number; readonly isWanted: boolean }[]
  /** Absent: none. */
  readonly routes?: readonly RouteClaim[]
  /** Replicas that are ready or leave, sorted by container id. */
  readonly replicas: readonly Endpoint[]
  /** Absent: it has no name but Docker's. */
  readonly name?: ServiceName
  /** See `BalancedService`. */
  readonly share?: GroupShare
  readonly canary?: CanaryNeeds
}

/** How a service is reached by its name. */
export interface ServiceName {
  /** `shop/web`: all its ports have one address. */
  readonly service: string
  readonly port: number
  /** All TCP ports of the service: where one of them is held by something else, the address is not served. */
  readonly ports: readonly number[]
  /** Networks that it is reached from; null: from those of all stacks. */
  readonly networks: readonly string[] | null
}

/** What is known of names on one server. */
export interface NamesInput {
  readonly range: string
  /** By service. */
  readonly addresses: ReadonlyMap<string, string>
  /** Networks of stacks on this server, and their subnets. */
  readonly subnets: ReadonlyMap<string, readonly string[]>
  /** TCP ports that servers and stacks want for all addresses of a server. */
  readonly reserved: ReadonlySet<number>
}

export interface Endpoint {
  readonly containerId: string
  readonly server: string
  readonly address: string
  readonly port: number
  /** It gets nothing new. */
  readonly isLeaving: boolean
  /** It is one of the new ones, while there is a share. */
  readonly isFresh?: boolean
}

/** What all tables of one moment share. */
export interface Routing {
  /** Sorted by key. */
  readonly services: readonly RoutedService[]
  /** By container id: where it is, and the keys that it is balanced under. */
  readonly replicas: ReadonlyMap<string, RoutedReplica>
  /** Those that leave. */
  readonly leaving: readonly { readonly key: string; readonly containerId: string; readonly server: string }[]
}

export interface RoutedReplica {
  readonly server: string
  readonly keys: readonly string[]
  /** Those among them that nobody published: their ports may be closed on purpose. */
  readonly optional: ReadonlySet<string>
}

export interface RoutedService extends Omit<ServiceEndpoints, 'routes'> {
  readonly source: ServiceEndpoints
  /** The claims that are this service's now. */
  readonly listen: readonly { readonly hostIp: string; readonly port: number }[]
  /** The routes that are. */
  readonly routes: readonly RouteSpec[]
}

/**
 * Who listens where: each address and port goes to the service that wants it, but not before it has a ready replica while another, that had it, has one. New ones that
 * have a share only do not make it ready: all of the port would be theirs.
 */
export function route(stacks: readonly StackEndpoints[], before?: Routing): Routing {
  const services = stacks.flat().sort((a, b) => compareText(a.key, b.key))
  const winners = new Map<string, { readonly service: ServiceEndpoints; readonly rank: number }>()
  for (const service of services) {
    const isReady = service.replicas.some((replica) => isServing(service, replica))
    for (const claim of service.claims) {
      const rank = (isReady ? 2 : 0) + (claim.isWanted ? 1 : 0)
      const place = placeOf(claim)
      if (rank > (winners.get(place)?.rank ?? -1)) winners.set(place, { service, rank })
    }
  }
  const known = new Map(before?.services.map((service) => [service.key, service]))
  const won = routesWon(services)
  const routed = services.map((source): RoutedService => {
    const listen = source.claims
      .filter((claim) => winners.get(placeOf(claim))?.service === source)
      .map(({ hostIp, port }) => ({ hostIp, port }))
    const last = known.get(source.key)
    const routes = won.get(source) ?? []
    const isSame = last?.source === source && isSamePlaces(last.listen, listen) && isSameRoutes(last.routes, routes)
    return isSame ? last : { ...source, source, listen, routes }
  })
  const leaving = services.flatMap(({ key, replicas }) =>
    replicas.flatMap(({ isLeaving, containerId, server }) => (isLeaving ? [{ key, containerId, server }] : [])),
  )
  return { services: routed, replicas: replicasOf(services), leaving }
}

function isSamePlaces(a: RoutedService['listen'], b: RoutedService['listen']): boolean {
  return a.length === b.length && a.every((one, at) => placeOf(one) === placeOf(b[at] ?? one))
}

/** Nobody published it: it is reached by its name alone. */
function isOptional({ claims, routes = [] }: Pick<ServiceEndpoints, 'claims' | 'routes'>): boolean {
  return claims.length === 0 && routes.length === 0
}

/** By container id: its server, and the keys that it is balanced under. */
export function replicasOf(services: StackEndpoints): Routing['replicas'] {
  const found = new Map<string, { readonly server: string; readonly keys: string[]; readonly optional: Set<string> }>()
  for (const { key, claims, routes = [], replicas } of services)
    for (const { containerId, server } of replicas) {
      const known = found.get(containerId) ?? { server, keys: [], optional: new Set() }
      known.keys.push(key)
      if (isOptional({ claims, routes })) known.optional.add(key)
      found.set(containerId, known)
    }
  return found
}

function placeOf({ hostIp, port }: { readonly hostIp: string; readonly port: number }): string {
  return `${hostIp === '0.0.0.0' || hostIp === '::' ? '' : hostIp}|${port}`
}

/** What the table of one server is made of, beside the routing. */
export interface TableInput {
  readonly server: string
  readonly routing: Routing
  /** Whether published ports listen here. */
  readonly isListening: boolean
  /** Host ports that containers hold here: the proxy cannot have them. */
  readonly taken: readonly HostPort[]
  readonly peers: readonly ProxyPeer[]
  readonly mesh: MeshIdentity | null
  /** As `key id`: other proxies may send to a replica under a key. Its own proxy is known to reach it there, or nobody knows better. */
  readonly counted: ReadonlySet<string>
  /** What routes need besides. Null: they are not served here. */
  readonly front: FrontInput | null
  /** Of those, as `key id`: ports that nobody published, where their own proxies find nobody. */
  readonly shut: ReadonlySet<string>
  /** Null: a fleet without names. */
  readonly names: NamesInput | null
  /** Of the leaving replicas here, as `key id`: no other proxy sends to them any more, or this one gives them nothing already. */
  readonly letGo: ReadonlySet<string>
}

/** What a table was made of: where nothing of it changed, the next table has the same objects. */
export interface TableParts {
  readonly input: TableInput
  /** In the order of the services. */
  readonly list: readonly TablePart[]
}

interface TablePart {
  readonly routed: RoutedService
  readonly about: string
  readonly made: BalancedService
}

/** Only what differs from the last table is made anew: with one replica of one service changed, that is one service. */
export function tableOf(
  input: TableInput,
  before: TableParts | null = null,
  former?: ProxyTable,
): { readonly table: ProxyTable; readonly parts: TableParts } {
  const { server, routing, peers, mesh } = input
  const place = JSON.stringify([input.isListening, input.taken])
  const touched = before === null ? null : touchedKeys(before.input, input)
  const lastAt = lastParts(before?.list ?? [])
  const list = routing.services.map((routed, at): TablePart => {
    const last = lastAt(routed.key, at)
    const isKnown = last?.routed === routed
    if (isKnown && touched !== null && !touched.has(routed.key)) return last
    const name = namedPlace(routed.name, input)
    const about = `${place}${flagsOf(routed, input)}${name === null ? '' : JSON.stringify(name)}`
    return isKnown && last.about === about ? last : { routed, about, made: balanced(routed, input, name) }
  })
  const services = list.map(({ made }) => made)
  const front = frontOf(input, routing.services, former?.front)
  const range = input.names === null ? {} : { range: input.names.range }
  const table = { server, peers, mesh, services, ...range, ...(front === undefined ? {} : { front }) }
  return { table, parts: { input, list } }
}

/** By key; mostly where it was. */
function lastParts(list: readonly TablePart[]): (key: string, at: number) => TablePart | undefined {
  let byKey: ReadonlyMap<string, TablePart> | null = null
  return (key, at) => {
    const there = list[at]
    if (there?.routed.key === key) return there
    byKey ??= new Map(list.map((part) => [part.routed.key, part]))
    return byKey.get(key)
  }
}

/** What a service's part of the table leans on besides its routing. */
function flagsOf({ key, replicas }: RoutedService, { server, counted, shut, letGo }: TableInput): string {
  let flags = ''
  for (const { containerId, server: home, isLeaving } of replicas)
    flags +=
      home === server
        ? isLeaving && letGo.has(`${key} ${containerId}`)
          ? 'o'
          : '.'
        : counted.has(`${key} ${containerId}`) && !shut.has(`${key} ${containerId}`)
          ? 'c'
          : '.'
  return flags
}

function balanced(service: RoutedService, input: TableInput, name: NamedPlace | null): BalancedService {
  const { key, protocol, listen, routes, replicas } = service
  const here = replicas.filter(({ server }) => server === input.server)
  const weights = weightsIn(service, input)
  const weightOf = ({ isFresh = false }: Endpoint): number => (isFresh ? weights.fresh : weights.old)
  const staysOne = here.some((one) => !one.isLeaving && weightOf(one) > 0)
  return {
    key,
    protocol,
    listen: input.isListening ? listen.filter((place) => !isTaken(place, input.taken)) : [],
    ...(routes.length === 0 ? {} : { routes }),
    local: here.map((one): ProxyTarget => {
      // What other proxies still send to the last one here has nowhere else to go.
      const isDrained = one.isLeaving && (staysOne || input.letGo.has(`${key} ${one.containerId}`))
      const { containerId, address, port } = one
      const target: ProxyTarget = { containerId, address, port, state: isDrained ? 'drain' : 'ready' }
      if (service.share === undefined) return target
      return { ...target, weight: weightOf(one), isFresh: one.isFresh === true }
    }),
    remote: remoteWeights(service, input, weightOf),
    ...(name === null ? {} : { name }),
    ...(isOptional(service.source) ? { isOptional: true } : {}),
    ...(service.share === undefined ? {} : { share: service.share }),
    ...(service.canary === undefined ? {} : { canary: service.canary }),
  }
}

/** What each replica of a group weighs at this proxy, so that its group gets its share of all that it sends to. */
function weightsIn(service: RoutedService, input: TableInput): { readonly fresh: number; readonly old: number } {
  const { share } = service
  if (share === undefined) return { fresh: 1, old: 1 }
  const sentTo = service.replicas.filter(
    (one) => !one.isLeaving && (one.server === input.server || isSent(service, one, input)),
  )
  const fresh = sentTo.filter(({ isFresh }) => isFresh === true).length
  return groupWeights(share.percent, fresh, sentTo.length - fresh)
}

function isSent({ key }: RoutedService, one: Endpoint, { counted, shut }: TableInput): boolean {
  return counted.has(`${key} ${one.containerId}`) && !shut.has(`${key} ${one.containerId}`)
}

/**
 * Null where it is not served. A listener on one address keeps others from listening on all: what the server and host-mode ports need is never taken, and
 * what would reach somebody else there is not the server's address at all.
 */
function namedPlace(name: ServiceName | undefined, { names, taken }: TableInput): NamedPlace | null {
  const address = name === undefined ? undefined : names?.addresses.get(name.service)
  if (name === undefined || names === null || address === undefined) return null
  const isHeld = (port: number): boolean =>
    names.reserved.has(port) ||
    taken.some((held) => held.hostIp === '' && held.port === port && held.protocol === 'tcp')
  if (name.ports.some(isHeld)) return null
  const networks = name.networks ?? [...names.subnets.keys()]
  const from = [...new Set(networks.flatMap((network) => names.subnets.get(network) ?? []))]
  return { address, port: name.port, from: from.sort(compareText) }
}

function isTaken(place: RoutedService['listen'][number], taken: readonly HostPort[]): boolean {
  return taken.some((held) => portsClash(held, { ...place, protocol: 'tcp' }))
}

function remoteWeights(
  service: RoutedService,
  input: TableInput,
  weightOf: (one: Endpoint) => number,
): BalancedService['remote'] {
  const weights = new Map<string, BalancedService['remote'][number]>()
  for (const one of service.replicas) {
    const { server, isFresh, isLeaving } = one
    if (server === input.server || isLeaving || !isSent(service, one, input) || weightOf(one) === 0) continue
    const { weight, ...others } = weights.get(server) ?? { server, weight: 0 }
    const fresh = isFresh === true ? { fresh: (others.fresh ?? 0) + weightOf(one) } : {}
    weights.set(server, { ...others, weight: weight + weightOf(one), ...fresh })
  }
  return [...weights.values()].sort((a, b) => compareText(a.server, b.server))
}

/** Whether two tables would be the same, where what did not change is the same object. */
export function isSameInput(a: TableInput, b: TableInput): boolean {
  return (
    a.server === b.server &&
    a.routing === b.routing &&
    a.counted === b.counted &&
    a.shut === b.shut &&
    a.peers === b.peers &&
    a.isListening === b.isListening &&
    a.front === b.front &&
    a.names === b.names &&
    isSameMesh(a.mesh, b.mesh) &&
    JSON.stringify(a.taken) === JSON.stringify(b.taken) &&
    isSameSet(a.letGo, b.letGo)
  )
}

/** Whether two tables say the same, where what did not change is the same object. */
export function isSameTable(a: ProxyTable | null, b: ProxyTable): boolean {
  return (
    a !== null &&
    a.peers === b.peers &&
    isSameFront(a.front, b.front) &&
    a.range === b.range &&
    isSameMesh(a.mesh, b.mesh) &&
    a.services.length === b.services.length &&
    a.services.every((service, at) => service === b.services[at])
  )
}

export function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a === b || (a.size === b.size && [...b].every((one) => a.has(one)))
}

function isSameMesh(a: MeshIdentity | null, b: MeshIdentity | null): boolean {
  return a?.port === b?.port && a?.certificate === b?.certificate && a?.authority === b?.authority
}

const sentTo = new WeakMap<Routing, { readonly counted: ReadonlySet<string>; readonly sent: ReadonlySet<string> }>()

/** The replicas that tables made with this input send to from other servers than their own, as `key id`: one set for all of those. */
export function countedIn({ routing, counted }: Pick<TableInput, 'routing' | 'counted'>): ReadonlySet<string> {
  const known = sentTo.get(routing)
  if (known?.counted === counted) return known.sent
  const ready = routing.services.flatMap(({ key, replicas }) =>
    replicas.flatMap(({ isLeaving, containerId }) => (isLeaving ? [] : [`${key} ${containerId}`])),
  )
  const sent = new Set(ready.filter((target) => counted.has(target)))
  sentTo.set(routing, { counted, sent })
  return sent
}

/** A table that serves no names, or none at these addresses. */
export function withoutNames(table: ProxyTable, addresses: ReadonlySet<string> | null): ProxyTable {
  const services = table.services.map((service): BalancedService => {
    const { name, ...others } = service
    return name === undefined || (addresses !== null && !addresses.has(name.address)) ? service : others
  })
  const { range, ...others } = table
  return addresses === null || range === undefined ? { ...others, services } : { ...others, services, range }
}
