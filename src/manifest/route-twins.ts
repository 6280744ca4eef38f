import { placesOf } from '../ingress/index.js'
import { MOST_SHARERS, serviceKey } from '../model/index.js'
import type { Place, Problem, RouteSpec, RouteTls, ServiceSpec, StackEntry } from '../model/index.js'
import type { Claims } from './port-twins.js'
import { placeOfClaim, shown } from './port-twins.js'
import { routeClaim } from './compose/routes.js'
import { quoted } from './node.js'

interface Claim {
  readonly spec: ServiceSpec
  readonly route: RouteSpec
  readonly place: Place
}

/**
 * A host and path of the whole fleet is one route's, or of some services that share it by weights, and the certificate of a host is one: whoever else
 * claims it is refused, and so is the first.
 */
export function routeProblems(entries: readonly StackEntry[], claims: Claims): readonly Problem[] {
  const all = routeClaims(entries, claims)
  // What is in a stack that is refused for something else, nobody knows.
  const isWhole = entries.every(({ kind }) => kind === 'valid')
  return [
    ...twins(all, ({ route }) => placesOf(route), takenTwice),
    ...twins(all, ({ route }) => placesOf(route), sharedWrongly),
    ...(isWhole ? twins(all, ({ route }) => placesOf(route), sharedByNobody) : []),
    ...twins(all, ({ route }) => securedHosts(route), certifiedTwice),
  ]
}

/** Of services that share a path, those that let in whom another does not: who asks again gets there. Warnings. */
export function unguardedShares(entries: readonly StackEntry[], claims: Claims): readonly Problem[] {
  const all = routeClaims(entries, claims).filter(({ route }) => route.weight !== undefined)
  const found = twins(all, ({ route }) => placesOf(route), sharedUnguarded)
  return found.map((problem) => ({ ...problem, severity: 'warning' }))
}

/** Whether anybody has routes: only then their ports are reserved. */
export function hasRoutes(entries: readonly StackEntry[]): boolean {
  return entries.some(
    (entry) => entry.kind === 'valid' && entry.stack.services.some(({ routes }) => routes !== undefined),
  )
}

function routeClaims(entries: readonly StackEntry[], claims: Claims): readonly Claim[] {
  return entries.flatMap((entry) => {
    if (entry.kind === 'invalid') return []
    const { stack } = entry
    return stack.services.flatMap((spec) =>
      (spec.routes ?? []).map((route, at) => {
        const place = placeOfClaim(claims, stack, routeClaim(spec.name, at))
        return { spec, route, place }
      }),
    )
  })
}

function securedHosts({ tls, hosts }: RouteSpec): readonly string[] {
  return tls.kind === 'off' ? [] : hosts
}

/** A problem for each that does not go with the others of its key, as the sentence says it; null: it does. */
function twins(
  all: readonly Claim[],
  keysOf: (claim: Claim) => readonly string[],
  sentence: (claim: Claim, others: readonly Claim[], key: string) => string | null,
): readonly Problem[] {
  const byKey = new Map<string, Claim[]>()
  for (const claim of all)
    for (const key of keysOf(claim)) {
      const known = byKey.get(key)
      if (known === undefined) byKey.set(key, [claim])
      else known.push(claim)
    }
  return [...byKey].flatMap(([key, same]) =>
    same.flatMap((claim): readonly Problem[] => {
      const others = same.filter((other) => other !== claim)
      const message = sentence(claim, others, key)
      const { spec, place } = claim
      return message === null ? [] : [{ code: 'CONFLICT', message, place, stack: spec.stack, service: spec.name }]
    }),
  )
}

function takenTwice(claim: Claim, others: readonly Claim[], key: string): string | null {
  const lacking = [claim, ...others].filter(({ route }) => route.weight === undefined)
  if (others.length === 0 || lacking.length === 0) return null
  const taken = `${whatOf(claim, key)} is a route of ${others.map(named).join(' and ')} as well`
  if (lacking.length <= others.length)
    return `${taken}; services share one where each has a \`weight:\`, which is missing at ${lacking.map(({ place }) => shown(place)).join(' and ')}`
  return `${taken}; it can be one's only: change host or path, remove one of them, or give each a \`weight:\` by which they share the requests`
}

/** What is done before a request is one service's is the same for all of them. */
function sharedWrongly(claim: Claim, others: readonly Claim[], key: string): string | null {
  const { spec, route } = claim
  if (others.length === 0 || [claim, ...others].some((one) => one.route.weight === undefined)) return null
  const what = whatOf(claim, key)
  const own = others.find((other) => other.spec === spec)
  if (own !== undefined)
    return `${what} is a route of the same service at ${shown(own.place)} as well; a service has one share of it: remove one of them`
  if (others.length >= MOST_SHARERS)
    return `${what} is shared with ${others.map(named).join(' and ')}; at most ${MOST_SHARERS} services share a host and path`
  const unlike = others.filter((other) => frontPart(other.route, key) !== frontPart(route, key))
  if (unlike.length > 0)
    return `${what} has another \`tls:\` or \`redirect:\` than at ${unlike.map(named).join(' and ')}; services that share a host and path say the same of both`
  const loose = others.filter((other) => isSticky(other) !== isSticky(claim))
  if (loose.length > 0)
    return `${what} is ${isSticky(claim) ? '' : 'not '}sticky, unlike at ${loose.map(named).join(' and ')}; clients stay with one of the services that share it where each says \`sticky:\`: write it in all of them, or in none`
  return null
}

function sharedUnguarded(claim: Claim, others: readonly Claim[], key: string): string | null {
  const lacks = (['users', 'allow'] as const).flatMap((guard) => {
    const guarded = claim.route.manner[guard] === undefined ? others.filter(({ route }) => route.manner[guard]) : []
    return guarded.length === 0
      ? []
      : [`\`${guard === 'users' ? 'auth' : guard}:\` of ${guarded.map(named).join(' and ')}`]
  })
  if (lacks.length === 0) return null
  return `${whatOf(claim, key)} is without the ${lacks.join(' and the ')}, with whom it shares the requests: some of them get past it; say the same in each`
}

function sharedByNobody(claim: Claim, others: readonly Claim[], key: string): string | null {
  if ([claim, ...others].some(({ route }) => route.weight !== 0)) return null
  const all = others.length === 0 ? 'its weight is 0' : `its weight is 0, as at ${others.map(named).join(' and ')}`
  return `nobody would get ${whatOf(claim, key)}: ${all}; give one at least 1, or remove the route`
}

/** Of a certificate that somebody brings for a host, its other routes tell. */
function frontPart({ tls, redirect }: RouteSpec, key: string): string {
  const isForAll = hostOf(key) === ''
  return JSON.stringify([tls.kind === 'own' && isForAll ? tls.pem : tls.kind !== 'off', redirect.kind])
}

function isSticky({ route }: Claim): boolean {
  return route.manner.sticky !== undefined
}

function whatOf({ spec, route }: Claim, key: string): string {
  const host = hostOf(key)
  return `${host === '' ? 'every host' : host} ${route.isExact ? `the path ${route.path}` : route.path} of ${quoted(spec.name)}`
}

function hostOf(key: string): string {
  return key.slice(1, key.indexOf('/'))
}

function certifiedTwice({ spec, route }: Claim, others: readonly Claim[], host: string): string | null {
  const different = others.filter(({ route: { tls } }) => certificateOf(tls) !== certificateOf(route.tls))
  if (different.length === 0) return null
  return `${host} of ${quoted(spec.name)} has another certificate than at ${different.map(named).join(' and ')}; a host has one: say the same \`tls:\` in all of its routes`
}

/** One that two stacks bring is the same, whichever files it is from. */
function certificateOf(tls: RouteTls): string {
  return tls.kind === 'own' ? tls.pem : tls.kind
}

function named({ spec, place }: Claim): string {
  return `${serviceKey(spec)} (${shown(place)})`
}
