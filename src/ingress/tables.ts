import { compareText, portsClash } from '../model/index.js'
import type {
  BalancedService,
  HostPort,
  MeshIdentity,
  ProxyPeer,
  ProxyTable,
  ProxyTarget,
  RouteSpec,
  ServiceProtocol,
} from '../model/index.js'
import { frontOf, isSameFront, isSameRoutes, routesWon } from './routes.js'
import type { FrontInput, RouteClaim } from './routes.js'

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
}

export interface Endpoint {
  readonly containerId: string
  readonly server: string
  readonly address: string
  readonly port: number
  /** It gets nothing new. */
  readonly isLeaving: boolean
}

/** What all tables of one moment share. */
export interface Routing {
  /** Sorted by key. */
  readonly services: readonly RoutedService[]
  /** By container id: where it is, and the keys that it is balanced under. */
  readonly replicas: ReadonlyMap<string, { readonly server: string; readonly keys: readonly string[] }>
  /** Those that leave. */
  readonly leaving: readonly { readonly key: string; readonly containerId: string; readonly server: string }[]
}

export interface RoutedService extends Omit<ServiceEndpoints, 'routes'> {
  readonly source: ServiceEndpoints
  /** The claims that are this service's now. */
  readonly listen: readonly { readonly hostIp: string; readonly port: number }[]
  /** The routes that are. */
  readonly routes: readonly RouteSpec[]
}

/** Who listens where: each address and port goes to the service that wants it, but not before it has a ready replica while another, that had it, has one. */
export function route(stacks: readonly StackEndpoints[], before?: Routing): Routing {
  const services = stacks.flat().sort((a, b) => compareText(a.key, b.key))
  const winners = new Map<string, { readonly service: ServiceEndpoints; readonly rank: number }>()
  for (const service of services) {
    const isReady = service.replicas.some(({ isLeaving }) => !isLeaving)
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

/** By container id: its server, and the keys that it is balanced under. */
export function replicasOf(services: StackEndpoints): Routing['replicas'] {
  const found = new Map<string, { readonly server: string; readonly keys: string[] }>()
  for (const { key, replicas } of services)
    for (const { containerId, server } of replicas) {
      const known = found.get(containerId)
      if (known === undefined) found.set(containerId, { server, keys: [key] })
      else known.keys.push(key)
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
  /** Whether other proxies may send to a replica: its own proxy is known to reach it, or nobody knows better. */
  readonly counted: ReadonlySet<string>
  /** What routes need besides. Null: they are not served here. */
  readonly front: FrontInput | null
  /** Of the leaving replicas here, as `key id`: no other proxy sends to them any more, or this one gives them nothing already. */
  readonly letGo: ReadonlySet<string>
}

/** What a table was made of, by key: where nothing of it changed, the next table has the same object. */
export type TableParts = ReadonlyMap<string, TablePart>

interface TablePart {
  readonly routed: RoutedService
  readonly about: string
  readonly made: BalancedService
}

/** Only what differs from the last table is made anew: with one replica of one service changed, that is one service. */
export function tableOf(
  input: TableInput,
  before: TableParts = new Map(),
  former?: ProxyTable,
): { readonly table: ProxyTable; readonly parts: TableParts } {
  const { server, routing, peers, mesh } = input
  const place = JSON.stringify([input.isListening, input.taken])
  const parts = new Map<string, TablePart>()
  const services = routing.services.map((routed) => {
    const about = `${place}${flagsOf(routed, input)}`
    const last = before.get(routed.key)
    const isSame = last?.routed === routed && last.about === about
    const part = isSame ? last : { routed, about, made: balanced(routed, input) }
    parts.set(routed.key, part)
    return part.made
  })
  const front = frontOf(input, routing.services, former?.front)
  return { table: { server, peers, mesh, services, ...(front === undefined ? {} : { front }) }, parts }
}

/** What a service's part of the table leans on besides its routing. */
function flagsOf({ key, replicas }: RoutedService, { server, counted, letGo }: TableInput): string {
  let flags = ''
  for (const { containerId, server: home, isLeaving } of replicas)
    flags +=
      home === server
        ? isLeaving && letGo.has(`${key} ${containerId}`)
          ? 'o'
          : '.'
        : counted.has(containerId)
          ? 'c'
          : '.'
  return flags
}

function balanced(service: RoutedService, input: TableInput): BalancedService {
  const { key, protocol, listen, routes, replicas } = service
  const here = replicas.filter(({ server }) => server === input.server)
  const staysOne = here.some(({ isLeaving }) => !isLeaving)
  return {
    key,
    protocol,
    listen: input.isListening ? listen.filter((place) => !isTaken(place, input.taken)) : [],
    ...(routes.length === 0 ? {} : { routes }),
    local: here.map((one): ProxyTarget => {
      // What other proxies still send to the last one here has nowhere else to go.
      const isDrained = one.isLeaving && (staysOne || input.letGo.has(`${key} ${one.containerId}`))
      const { containerId, address, port } = one
      return { containerId, address, port, state: isDrained ? 'drain' : 'ready' }
    }),
    remote: weightsOf(service, input),
  }
}

function isTaken(place: RoutedService['listen'][number], taken: readonly HostPort[]): boolean {
  return taken.some((held) => portsClash(held, { ...place, protocol: 'tcp' }))
}

function weightsOf({ replicas }: RoutedService, { server: own, counted }: TableInput): BalancedService['remote'] {
  const weights = new Map<string, number>()
  for (const { server, containerId, isLeaving } of replicas)
    if (server !== own && !isLeaving && counted.has(containerId)) weights.set(server, (weights.get(server) ?? 0) + 1)
  return [...weights].map(([server, weight]) => ({ server, weight })).sort((a, b) => compareText(a.server, b.server))
}

/** Whether two tables would be the same, where what did not change is the same object. */
export function isSameInput(a: TableInput, b: TableInput): boolean {
  return (
    a.server === b.server &&
    a.routing === b.routing &&
    a.counted === b.counted &&
    a.peers === b.peers &&
    a.isListening === b.isListening &&
    a.front === b.front &&
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
    isSameMesh(a.mesh, b.mesh) &&
    a.services.length === b.services.length &&
    a.services.every((service, at) => service === b.services[at])
  )
}

export function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...b].every((one) => a.has(one))
}

function isSameMesh(a: MeshIdentity | null, b: MeshIdentity | null): boolean {
  return a?.port === b?.port && a?.certificate === b?.certificate && a?.authority === b?.authority
}

/** The replicas that a table made with this input sends to on other servers. */
export function countedIn({ server, routing, counted }: TableInput): ReadonlySet<string> {
  const sent = routing.services.flatMap(({ replicas }) =>
    replicas.filter((one) => one.server !== server && !one.isLeaving && counted.has(one.containerId)),
  )
  return new Set(sent.map(({ containerId }) => containerId))
}
