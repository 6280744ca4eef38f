import { compareText, hashOf, portsClash } from '../model/index.js'
import type { AcmeChallenge, GroupShare, HostPort, ProxyCertificate, ProxyFront, RouteSpec } from '../model/index.js'
import { isServing } from './shares.js'

/** A route that a service claims. `isWanted`: the stack's target says so; else what was proven before did. */
export interface RouteClaim {
  readonly route: RouteSpec
  readonly isWanted: boolean
}

/** What claims routes, as far as that goes. */
interface Claimant {
  readonly key: string
  readonly routes?: readonly RouteClaim[]
  readonly replicas: readonly { readonly isLeaving: boolean; readonly isFresh?: boolean }[]
  readonly share?: GroupShare
}

/** What the routes of one moment need besides replicas; the same object as long as it says the same. */
export interface FrontInput {
  readonly httpPort: number
  readonly httpsPort: number
  /** By host, of those that come at runtime: certificate, chain and key. */
  readonly certificates: ReadonlyMap<string, string>
  readonly challenges: readonly AcmeChallenge[]
}

/**
 * Whose each route is: as with ports, a host and path goes to the service that wants it, but not before that has a ready replica while another, that
 * had it, has one. What sends everybody elsewhere needs none. Where it is one's that has a weight, all that want a share of it have it, ready or not; what the
 * weight 0 says comes to nothing where another could serve.
 */
export function routesWon<T extends Claimant>(services: readonly T[]): ReadonlyMap<T, readonly RouteSpec[]> {
  const rivals = new Map<string, Map<string, Rival>>()
  for (const service of services) {
    const isReady = service.replicas.some((replica) => isServing(service, replica))
    const owner = ownerOf(service)
    for (const claim of service.routes ?? []) {
      const rank = (isReady || claim.route.redirect.kind === 'to' ? 2 : 0) + (claim.isWanted ? 1 : 0)
      for (const place of placesOf(claim.route)) {
        const known = rivals.get(place) ?? new Map<string, Rival>()
        rivals.set(place, known.set(owner, better(known.get(owner), claim, rank)))
      }
    }
  }
  const winners = new Map([...rivals].map(([place, known]) => [place, winnersOf([...known.values()])]))
  const wonBy = (service: T): readonly RouteSpec[] =>
    (service.routes ?? []).flatMap((claim) => {
      const won = hostsOf(claim.route).flatMap((host) => {
        const rival = winners.get(placeOf(claim.route, host))?.find((one) => one.claim === claim)
        return rival === undefined ? [] : [{ host, weight: weightOf(rival) }]
      })
      const weights = [...new Set(won.map(({ weight }) => weight))]
      return weights.map((weight) =>
        partOf(claim.route, new Set(won.flatMap((one) => (one.weight === weight ? [one.host] : []))), weight),
      )
    })
  return new Map(
    services.flatMap((service) => (service.routes === undefined ? [] : [[service, wonBy(service)] as const])),
  )
}

/** What one service claims of a place. */
interface Rival {
  /** By the best of its ports. */
  readonly claim: RouteClaim
  /** 2: it could serve; 1: it is wanted. */
  readonly rank: number
  /** What is wanted there, were it by a port that nobody is ready at yet: it says the weight. */
  readonly wanted: RouteClaim | null
}

function better(known: Rival | undefined, claim: RouteClaim, rank: number): Rival {
  const wanted = known?.wanted ?? (claim.isWanted ? claim : null)
  return known !== undefined && known.rank >= rank ? { ...known, wanted } : { claim, rank, wanted }
}

function weightOf({ wanted, claim }: Rival): number | undefined {
  return (wanted ?? claim).route.weight
}

function winnersOf(rivals: readonly Rival[]): readonly Rival[] {
  const rankOf = (rival: Rival): number => (weightOf(rival) === 0 ? rival.rank % 2 : rival.rank)
  const most = Math.max(...rivals.map(rankOf))
  const first = rivals.filter((rival) => rankOf(rival) === most)
  // Another stack may not have come to share it yet.
  const alone = first.find((rival) => weightOf(rival) === undefined)
  if (alone !== undefined) return [alone]
  const isWanted = first.some(({ wanted }) => wanted !== null)
  return rivals.filter((rival) => weightOf(rival) !== undefined && (rival.wanted !== null) === isWanted)
}

/** The same object, where it is all of it. */
function partOf(route: RouteSpec, won: ReadonlySet<string>, weight: number | undefined): RouteSpec {
  if (won.size === hostsOf(route).length && weight === route.weight) return route
  const { weight: _own, ...others } = route
  return { ...others, hosts: route.hosts.filter((host) => won.has(host)), ...(weight === undefined ? {} : { weight }) }
}

/** `shop/web` of `shop/web:8080/http`. */
function ownerOf({ key }: Pick<Claimant, 'key'>): string {
  return key.split(':')[0] ?? key
}

function hostsOf({ hosts }: Pick<RouteSpec, 'hosts'>): readonly string[] {
  return hosts.length === 0 ? [''] : hosts
}

/** What of a request a route is told apart by, for each of its hosts. */
export function placesOf(route: RouteSpec): readonly string[] {
  return hostsOf(route).map((host) => placeOf(route, host))
}

function placeOf({ path, isExact }: Pick<RouteSpec, 'path' | 'isExact'>, host: string): string {
  return `${isExact ? '=' : '^'}${host}${path}`
}

/** What did not change is the same object, but for routes that lost a host. */
export function isSameRoutes(a: readonly RouteSpec[], b: readonly RouteSpec[]): boolean {
  return a.length === b.length && a.every((route, at) => route === b[at] || hashOf(route) === hashOf(b[at]))
}

/** Hosts whose routes take certificates that come at runtime: wanted as soon as somebody claims them. */
export function acmeHosts(services: readonly Pick<Claimant, 'routes'>[]): readonly string[] {
  const hosts = services.flatMap(({ routes = [] }) =>
    routes.flatMap(({ route }) => (route.tls.kind === 'acme' ? route.hosts : [])),
  )
  return [...new Set(hosts)].sort(compareText)
}

/** Where a proxy listens for routes. Undefined: nobody has any, or not here. */
export function frontOf(
  input: { readonly isListening: boolean; readonly front: FrontInput | null; readonly taken: readonly HostPort[] },
  services: readonly { readonly routes: readonly RouteSpec[]; readonly source: Claimant }[],
  before: ProxyFront | undefined,
): ProxyFront | undefined {
  const { front, isListening, taken } = input
  const isClaimed = services.some(({ source }) => (source.routes ?? []).length > 0)
  if (front === null || !isListening || !isClaimed) return undefined
  const free = (port: number): number | null =>
    taken.some((held) => portsClash(held, { hostIp: '', port, protocol: 'tcp' })) ? null : port
  const made = {
    httpPort: free(front.httpPort),
    httpsPort: free(front.httpsPort),
    certificates: certificatesOf(
      services.flatMap(({ routes }) => routes),
      front.certificates,
    ),
    challenges: front.challenges,
  }
  return isSameFront(before, made) ? before : made
}

/** One for each that routes bring, for all of their hosts, and one for each host of those that come. */
function certificatesOf(routes: readonly RouteSpec[], coming: FrontInput['certificates']): readonly ProxyCertificate[] {
  const own = new Map<
    string,
    { readonly name: string; readonly pem: string; readonly hosts: Set<string>; isForAll: boolean }
  >()
  const others = new Map<string, ProxyCertificate>()
  for (const { tls, hosts } of routes) {
    if (tls.kind === 'own') {
      const known = own.get(tls.pem) ?? { name: tls.name, pem: tls.pem, hosts: new Set<string>(), isForAll: false }
      for (const host of hosts) known.hosts.add(host)
      own.set(tls.pem, { ...known, isForAll: known.isForAll || hosts.length === 0 })
    }
    if (tls.kind === 'acme')
      for (const host of hosts) {
        const pem = coming.get(host)
        if (pem !== undefined) others.set(host, { name: `acme ${host}`, hosts: [host], pem })
      }
  }
  const named = [...own.values()].map(({ name, pem, hosts, isForAll }) => ({
    name,
    pem,
    hosts: isForAll ? [] : [...hosts].sort(compareText),
  }))
  return [...named, ...others.values()].sort((a, b) => compareText(a.name, b.name) || compareText(a.pem, b.pem))
}

export function isSameFront(a: ProxyFront | undefined, b: ProxyFront | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b))
}
