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
 * had it, has one. What sends everybody elsewhere needs none.
 */
export function routesWon<T extends Claimant>(services: readonly T[]): ReadonlyMap<T, readonly RouteSpec[]> {
  const winners = new Map<string, { readonly claim: RouteClaim; readonly rank: number }>()
  for (const service of services) {
    const isReady = service.replicas.some((replica) => isServing(service, replica))
    for (const claim of service.routes ?? []) {
      const rank = (isReady || claim.route.redirect.kind === 'to' ? 2 : 0) + (claim.isWanted ? 1 : 0)
      for (const place of placesOf(claim.route))
        if (rank > (winners.get(place)?.rank ?? -1)) winners.set(place, { claim, rank })
    }
  }
  const wonBy = (service: T): readonly RouteSpec[] =>
    (service.routes ?? []).flatMap((claim) => {
      const { route } = claim
      const hosts = (route.hosts.length === 0 ? [''] : route.hosts).filter(
        (host) => winners.get(placeOf(route, host))?.claim === claim,
      )
      if (hosts.length === 0) return []
      return hosts.length === Math.max(1, route.hosts.length) ? [route] : [{ ...route, hosts }]
    })
  return new Map(
    services.flatMap((service) => (service.routes === undefined ? [] : [[service, wonBy(service)] as const])),
  )
}

/** What of a request a route is told apart by, for each of its hosts. */
export function placesOf(route: RouteSpec): readonly string[] {
  return (route.hosts.length === 0 ? [''] : route.hosts).map((host) => placeOf(route, host))
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
