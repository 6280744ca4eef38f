import { compareText } from '../model/index.js'
import type { BalancedService, HostPort, MeshIdentity, ProxyPeer, ProxyTable, ProxyTarget } from '../model/index.js'

/** What one stack brings to the proxies: its balanced services, by port. Sorted by key. */
export type StackEndpoints = readonly ServiceEndpoints[]

export interface ServiceEndpoints {
  /** `shop/web:8080`. */
  readonly key: string
  readonly protocol: 'tcp' | 'http'
  /** Where clients are to reach it. `isWanted`: the stack's target says so; else what was proven before did. */
  readonly claims: readonly { readonly hostIp: string; readonly port: number; readonly isWanted: boolean }[]
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
}

export interface RoutedService extends ServiceEndpoints {
  /** The claims that are this service's now. */
  readonly listen: readonly { readonly hostIp: string; readonly port: number }[]
}

/** Who listens where: each address and port goes to the service that wants it, but not before it has a ready replica while another, that had it, has one. */
export function route(stacks: readonly StackEndpoints[]): Routing {
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
  return {
    replicas: replicasOf(services),
    services: services.map((service) => ({
      ...service,
      listen: service.claims
        .filter((claim) => winners.get(placeOf(claim))?.service === service)
        .map(({ hostIp, port }) => ({ hostIp, port })),
    })),
  }
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
  /** Whether no other proxy sends to a leaving replica any more, or this one gives it nothing already. */
  readonly isLetGo: (containerId: string, key: string) => boolean
}

export function tableOf(input: TableInput): ProxyTable {
  const { server, routing, peers, mesh } = input
  return { server, peers, mesh, services: routing.services.map((service) => balanced(service, input)) }
}

function balanced(service: RoutedService, input: TableInput): BalancedService {
  const { key, protocol, listen, replicas } = service
  const here = replicas.filter(({ server }) => server === input.server)
  const staysOne = here.some(({ isLeaving }) => !isLeaving)
  const weights = new Map<string, number>()
  for (const { server, containerId, isLeaving } of replicas)
    if (server !== input.server && !isLeaving && input.counted.has(containerId))
      weights.set(server, (weights.get(server) ?? 0) + 1)
  return {
    key,
    protocol,
    listen: input.isListening ? listen.filter((place) => !input.taken.some((held) => clashes(held, place))) : [],
    local: here.map((one): ProxyTarget => {
      // What other proxies still send to the last one here has nowhere else to go.
      const isDrained = one.isLeaving && (staysOne || input.isLetGo(one.containerId, key))
      return {
        containerId: one.containerId,
        address: one.address,
        port: one.port,
        state: isDrained ? 'drain' : 'ready',
      }
    }),
    remote: [...weights]
      .map(([name, weight]) => ({ server: name, weight }))
      .sort((a, b) => compareText(a.server, b.server)),
  }
}

const ANY: ReadonlySet<string> = new Set(['', '0.0.0.0', '::'])

function clashes(held: HostPort, place: { readonly hostIp: string; readonly port: number }): boolean {
  if (held.port !== place.port || held.protocol !== 'tcp') return false
  return held.hostIp === place.hostIp || ANY.has(held.hostIp) || ANY.has(place.hostIp)
}

/** The replicas that a table made with this input sends to on other servers. */
export function countedIn({ server, routing, counted }: TableInput): ReadonlySet<string> {
  const sent = routing.services.flatMap(({ replicas }) =>
    replicas.filter((one) => one.server !== server && !one.isLeaving && counted.has(one.containerId)),
  )
  return new Set(sent.map(({ containerId }) => containerId))
}
