import { portsClash, serviceKey } from '../model/index.js'
import type { BalancedPort, Fleet, HostPort, Problem, ServiceSpec, StackEntry } from '../model/index.js'
import { quoted } from './node.js'

interface Claim {
  readonly spec: ServiceSpec
  readonly path: string
  readonly port: BalancedPort
}

/** A port of the whole fleet is one service's. Whoever else claims it is refused, and so is the first: nobody can say which of them is meant. */
export function refusePortTwins(entries: readonly StackEntry[], { ingress }: Fleet): readonly StackEntry[] {
  if (ingress === undefined) return entries
  const problems = portProblems(claimsOf(entries), ingress.meshPort)
  if (problems.length === 0) return entries
  return entries.map((entry) => {
    const own = problems.filter(({ stack }) => stack === entry.name)
    if (own.length === 0 || entry.kind === 'invalid') return entry
    return { kind: 'invalid', name: entry.name, path: entry.stack.path, problems: own }
  })
}

function claimsOf(entries: readonly StackEntry[]): ReadonlyMap<number, readonly Claim[]> {
  const byPort = new Map<number, Claim[]>()
  for (const entry of entries) {
    if (entry.kind === 'invalid') continue
    for (const spec of entry.stack.services)
      for (const port of spec.balanced ?? []) {
        const claims = byPort.get(port.published)
        const claim = { spec, path: entry.stack.path, port }
        if (claims === undefined) byPort.set(port.published, [claim])
        else claims.push(claim)
      }
  }
  return byPort
}

function portProblems(claims: ReadonlyMap<number, readonly Claim[]>, meshPort: number): readonly Problem[] {
  return [...claims].flatMap(([published, twins]) =>
    twins.flatMap((claim) => {
      const others = twins.filter((other) => other !== claim && portsClash(heldAs(other.port), heldAs(claim.port)))
      const names = others.map(({ spec, path, port }) => `${serviceKey(spec)} (port ${port.target}, ${path})`)
      if (published === meshPort) names.push('`ingress.mesh_port` of slipway.yaml')
      return names.length === 0 ? [] : [problemOf(claim, names)]
    }),
  )
}

/** As a server would hold it. */
function heldAs({ hostIp, published }: BalancedPort): HostPort {
  return { hostIp, port: published, protocol: 'tcp' }
}

function problemOf({ spec, path, port }: Claim, others: readonly string[]): Problem {
  const whose = `is published by ${others.join(' and ')} as well`
  const message = `port ${port.published} of ${quoted(spec.name)} ${whose}; with ingress it is one service's on the whole fleet: choose another, or bind it with \`mode: host\``
  return { code: 'CONFLICT', message, place: { path }, stack: spec.stack, service: spec.name }
}
