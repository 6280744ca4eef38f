import { portsClash, serviceKey } from '../model/index.js'
import type {
  BalancedPort,
  HostPort,
  IngressSettings,
  Place,
  Problem,
  ServiceSpec,
  Stack,
  StackEntry,
} from '../model/index.js'
import { portClaim } from './compose/ports.js'
import { quoted } from './node.js'

/** By stack: where it says what. */
export type Claims = ReadonlyMap<string, ReadonlyMap<string, Place>>

interface Claim {
  readonly spec: ServiceSpec
  readonly place: Place
  readonly port: BalancedPort
}

/** A port of the whole fleet is one service's. Whoever else claims it is refused, and so is the first: nobody can say which of them is meant. */
export function portProblems(
  entries: readonly StackEntry[],
  claims: Claims,
  settings: IngressSettings,
  isRouted: boolean,
): readonly Problem[] {
  const routed: readonly (readonly [number, string])[] = [
    [settings.httpPort, 'routes (`ingress.http_port` of slipway.yaml)'],
    [settings.httpsPort, 'routes (`ingress.https_port` of slipway.yaml)'],
  ]
  const mesh = [settings.meshPort, '`ingress.mesh_port` of slipway.yaml'] as const
  const reserved = [mesh, ...(isRouted ? routed : [])]
  return [...claimsOf(entries, claims)].flatMap(([published, twins]) =>
    twins.flatMap((claim) => {
      const others = twins.filter((other) => other !== claim && portsClash(heldAs(other.port), heldAs(claim.port)))
      const names = others.map(({ spec, place, port }) => `${serviceKey(spec)} (port ${port.target}, ${shown(place)})`)
      names.push(...reserved.flatMap(([port, whose]) => (port === published ? [whose] : [])))
      return names.length === 0 ? [] : [problemOf(claim, names)]
    }),
  )
}

export function placeOfClaim(claims: Claims, { name, path }: Stack, key: string): Place {
  return claims.get(name)?.get(key) ?? { path }
}

export function shown({ path, line, column }: Place): string {
  return [path, line, column].filter((part) => part !== undefined).join(':')
}

function claimsOf(entries: readonly StackEntry[], claims: Claims): ReadonlyMap<number, readonly Claim[]> {
  const byPort = new Map<number, Claim[]>()
  for (const entry of entries) {
    if (entry.kind === 'invalid') continue
    for (const spec of entry.stack.services)
      for (const port of spec.balanced ?? []) {
        const known = byPort.get(port.published)
        const claim = { spec, place: placeOfClaim(claims, entry.stack, portClaim(spec.name, port)), port }
        if (known === undefined) byPort.set(port.published, [claim])
        else known.push(claim)
      }
  }
  return byPort
}

/** As a server would hold it. */
function heldAs({ hostIp, published }: BalancedPort): HostPort {
  return { hostIp, port: published, protocol: 'tcp' }
}

function problemOf({ spec, place, port }: Claim, others: readonly string[]): Problem {
  const whose = `is published by ${others.join(' and ')} as well`
  const message = `port ${port.published} of ${quoted(spec.name)} ${whose}; with ingress it is one service's on the whole fleet: choose another, or bind it with \`mode: host\``
  return { code: 'CONFLICT', message, place, stack: spec.stack, service: spec.name }
}
