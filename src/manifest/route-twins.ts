import { placesOf } from '../ingress/index.js'
import { serviceKey } from '../model/index.js'
import type { Place, Problem, RouteSpec, ServiceSpec, StackEntry } from '../model/index.js'
import type { Claims } from './port-twins.js'
import { placeOfClaim, shown } from './port-twins.js'
import { routeClaim } from './compose/routes.js'
import { quoted } from './node.js'

interface Claim {
  readonly spec: ServiceSpec
  readonly route: RouteSpec
  readonly place: Place
}

/** A host and path of the whole fleet is one route's, and so is the certificate of a host: whoever else claims it is refused, and so is the first. */
export function routeProblems(entries: readonly StackEntry[], claims: Claims): readonly Problem[] {
  const all = routeClaims(entries, claims)
  return [
    ...twins(all, ({ route }) => placesOf(route), takenTwice),
    ...twins(all, ({ route }) => securedHosts(route), certifiedTwice),
  ]
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

/** A problem for each that has what another has as well. */
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
      const message = others.length === 0 ? null : sentence(claim, others, key)
      const { spec, place } = claim
      return message === null ? [] : [{ code: 'CONFLICT', message, place, stack: spec.stack, service: spec.name }]
    }),
  )
}

function takenTwice({ spec, route }: Claim, others: readonly Claim[], key: string): string {
  const host = key.slice(1, key.indexOf('/'))
  const what = `${host === '' ? 'every host' : host} ${route.isExact ? `the path ${route.path}` : route.path}`
  return `${what} of ${quoted(spec.name)} is a route of ${others.map(named).join(' and ')} as well; it can be one's only: change host or path, or remove one of them`
}

function certifiedTwice({ spec, route }: Claim, others: readonly Claim[], host: string): string | null {
  const different = others.filter(({ route: { tls } }) => JSON.stringify(tls) !== JSON.stringify(route.tls))
  if (different.length === 0) return null
  return `${host} of ${quoted(spec.name)} has another certificate than at ${different.map(named).join(' and ')}; a host has one: say the same \`tls:\` in all of its routes`
}

function named({ spec, place }: Claim): string {
  return `${serviceKey(spec)} (${shown(place)})`
}
