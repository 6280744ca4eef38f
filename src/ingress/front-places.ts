import { MOST_ROUTE_WEIGHT, MOST_SHARERS, hashOf } from '../model/index.js'
import type { ProxyTable, RouteSpec } from '../model/index.js'
import type { CertificateLayout } from './front-layout.js'
import { routeBackend } from './layout.js'
import type { ServiceLayout } from './layout.js'
import { mannerOf } from './manner.js'
import { isHostPattern, isRoutePath, redirectLine } from './route-words.js'

/** Where requests of one host and path go. */
export interface Place {
  /** A backend, or by which parts several have them. */
  readonly to: string
  readonly isExact: boolean
  /** Of one that sends elsewhere. */
  readonly line: string | null
}

/** Who asks in plain is sent from here to https. */
export const TO_HTTPS = 'to_https'
/**
 * `split|<path>|900000|<backend>|1000000|<backend>`: who draws a number has the first backend that stands after a larger one. Without a path clients need not stay
 * with their service. The whole is one value of a map, so that it is exchanged in one step.
 */
export const SPLIT = 'split|'
/** So finely requests are shared. */
export const PARTS = 1_000_000

interface Claim {
  readonly service: ServiceLayout
  readonly route: RouteSpec
}

/** By what is asked for, as `http://shop.example.com/api/`, with a letter before it that tells whole paths from prefixes. */
export function placesIn(
  table: ProxyTable,
  services: readonly ServiceLayout[],
  certificates: readonly CertificateLayout[],
): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const [key, claims] of claimsOf(table, services))
    for (const [site, place] of sitesOf(claims, hostIn(key), certificates))
      places.set(`${key.slice(0, 1)}${site}://${key.slice(1)}`, place)
  return places
}

/** By host and path; of each in the order of keys, so that of two that claim the same one always has it. */
function claimsOf(table: ProxyTable, services: readonly ServiceLayout[]): ReadonlyMap<string, readonly Claim[]> {
  const byKey = new Map(table.services.map((service) => [service.key, service]))
  const claims = new Map<string, Claim[]>()
  for (const service of services)
    for (const route of byKey.get(service.key)?.routes ?? [])
      for (const key of keysOf(route)) {
        const known = claims.get(key)
        if (known === undefined) claims.set(key, [{ service, route }])
        else known.push({ service, route })
      }
  return claims
}

function keysOf({ path, isExact, redirect, hosts }: RouteSpec): readonly string[] {
  if (!isRoutePath(path) || (redirect.kind === 'to' && redirectLine(redirect) === null)) return []
  const named = hosts.length === 0 ? ['*'] : hosts.filter(isHostPattern)
  return named.map((host) => `${isExact ? '=' : '^'}${host}${isExact || path === '/' ? path : `${path}/`}`)
}

function hostIn(key: string): string {
  return key.slice(1, key.indexOf('/'))
}

/** The one that weighs most says what is done before a request is a service's. */
function sitesOf(
  claims: readonly Claim[],
  host: string,
  certificates: readonly CertificateLayout[],
): readonly (readonly ['http' | 'https', Place])[] {
  const [first] = claims
  if (first === undefined) return []
  const isShared = weightOf(first.route) !== null
  const sharers = isShared ? heaviest(claims.filter(({ route }) => weightOf(route) !== null)) : [first]
  const { tls, redirect, isExact } = (sharers[0] ?? first).route
  const line = redirect.kind === 'to' ? redirectLine(redirect) : null
  const own = line !== null ? `redirect_${hashOf(line)}` : isShared ? sharedBy(sharers) : backendOf(first)
  const isSecured =
    tls.kind !== 'off' &&
    certificates.some(({ hosts: named }) => named.includes(host) || (tls.kind === 'own' && named.length === 0))
  const plain = redirect.kind === 'https' && isSecured ? TO_HTTPS : own
  const place = (to: string): Place => ({ to, isExact, line: to === own ? line : null })
  return [['http', place(plain)], ...(tls.kind === 'off' ? [] : [['https', place(own)] as const])]
}

function backendOf({ service, route }: Claim): string {
  return routeBackend(service, mannerOf(route.manner))
}

/** Null: it shares with nobody. */
function weightOf({ weight, redirect }: RouteSpec): number | null {
  if (weight === undefined || redirect.kind === 'to') return null
  return Number.isInteger(weight) && weight >= 0 && weight <= MOST_ROUTE_WEIGHT ? weight : null
}

function heaviest(claims: readonly Claim[]): readonly Claim[] {
  const sorted = [...claims].sort((a, b) => (weightOf(b.route) ?? 0) - (weightOf(a.route) ?? 0))
  return sorted.slice(0, MOST_SHARERS)
}

/**
 * Who has no replica that this proxy knows of gives its share to the others, and who weighs nothing has none of it. Where all weigh nothing, as after a rollback of
 * the one that was to have all, they are asked alike: no manifest says that nobody is.
 */
function sharedBy(sharers: readonly Claim[]): string {
  const weighty = sharers.filter(({ route }) => (weightOf(route) ?? 0) > 0)
  const meant = weighty.length > 0 ? weighty : sharers
  const serving = meant.filter(({ service }) => hasReplicas(service))
  const asked = serving.length > 0 ? serving : meant
  const [first] = asked
  const isKept = sharers.every(({ route }) => mannerOf(route.manner).sticky !== null)
  if (first !== undefined && asked.length === 1 && !isKept) return backendOf(first)
  const weights = asked.map(({ route }) => (weighty.length > 0 ? (weightOf(route) ?? 0) : 1))
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  let before = 0
  const parts = asked.map((claim, at) => {
    before += weights[at] ?? 0
    return `${Math.round((before / all) * PARTS)}|${backendOf(claim)}`
  })
  return `${SPLIT}${isKept ? (first?.route.path ?? '') : ''}|${parts.join('|')}`
}

function hasReplicas({ slots, remotes }: ServiceLayout): boolean {
  return slots.some((seat) => seat !== null && seat.wholeWeight > 0) || remotes.some(({ weight }) => weight > 0)
}

/** What shares need of a proxy: it is there before there are several, so that a second one comes without a reload. */
export type Sharing = 'none' | 'weighted' | 'sticky'

export function sharingIn({ services }: ProxyTable): Sharing {
  const weighted = services.flatMap(({ routes = [] }) => routes.filter((route) => weightOf(route) !== null))
  if (weighted.length === 0) return 'none'
  return weighted.some(({ manner }) => mannerOf(manner).sticky !== null) ? 'sticky' : 'weighted'
}
