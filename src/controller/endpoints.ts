import { declaredPorts } from '../names/index.js'
import type { ServiceEndpoints, StackEndpoints } from '../ingress/index.js'
import type { Replica, ServiceSpec, SpecHash, Stack } from '../model/index.js'
import { compareText, hashOf, specHash } from '../model/index.js'
import type { SeenReplicas, SpecOf } from '../planner/index.js'
import { isReady } from '../rollout/index.js'
import type { HealthTrack, ServiceShare, StackState } from '../rollout/index.js'
import type { NameBook } from './names.js'
import type { Leaving } from './rotation.js'

export interface EndpointsInput {
  readonly state: StackState
  /** What should run, and what was proven to run before. */
  readonly target: Stack
  readonly proven: Stack | null
  /** By service. */
  readonly replicas: ReadonlyMap<string, SeenReplicas>
  readonly tracks: ReadonlyMap<string, HealthTrack>
  /** By id: they get nothing new. */
  readonly leaving: ReadonlySet<string>
  readonly names: NameBook
  /** Of services where new and old replicas serve side by side. */
  readonly shares: readonly ServiceShare[]
  /** Specs that are remembered: a commit that another took over from is neither of the two stacks. */
  readonly specOf: SpecOf
}

/**
 * What a stack brings to the proxies now. A replica counts with the ports that its own spec said, were it that of a commit which another took over from: a
 * port of the new one may not be open in it, and one that was taken away goes with the replicas that had it.
 */
export function endpointsOf(input: EndpointsInput): StackEndpoints {
  const { target, proven } = input
  const names = new Set([...target.services, ...(proven?.services ?? [])].map(({ name }) => name))
  return [...names].flatMap((name) => serviceEndpoints(input, name)).sort((a, b) => compareText(a.key, b.key))
}

function serviceEndpoints(input: EndpointsInput, name: string): readonly ServiceEndpoints[] {
  const wanted = input.target.services.find((spec) => spec.name === name)
  const before = input.proven?.services.find((spec) => spec.name === name)
  const { listed, held } = input.replicas.get(name) ?? { listed: [], held: [] }
  const away = held.map(({ replica }) => replica)
  const seen = [...listed, ...away].filter((replica) => replica.state === 'running')
  const made = specsOf(seen, [wanted, before], input.specOf)
  const specs = [...new Set([wanted, before, ...made.values()])].filter((spec) => spec !== undefined)
  const ports = input.names.portsOf(specs, seen)
  const isBalanced = specs.some(({ balanced, routes }) => balanced !== undefined || routes !== undefined)
  if (ports.length === 0 && !isBalanced) return []
  const byKey = new Map<string, ServiceEndpoints>()
  for (const spec of specs) {
    const isWanted = spec === wanted
    const at = (target: number): ServiceEndpoints['replicas'] => {
      const own = seen.filter((replica) => {
        const from = made.get(replica.specHash)
        return from === spec || (spec === before && from !== wanted && mayListen(replica, from, target))
      })
      return endpointsAt(input, spec, target, own)
    }
    for (const { target, protocol, hostIp, published } of spec.balanced ?? []) {
      const about = { key: `${spec.stack}/${name}:${target}`, protocol }
      const claims = [{ hostIp, port: published, isWanted }]
      merge(byKey, { ...about, claims, replicas: at(target) })
    }
    for (const route of spec.routes ?? []) {
      const { target, protocol } = route
      // Beside the entry of a published port: that may balance connections.
      const about = { key: `${spec.stack}/${name}:${target}/${protocol}`, protocol }
      merge(byKey, { ...about, claims: [], routes: [{ route, isWanted }], replicas: at(target) })
    }
  }
  const about = { ...shareOf(input, name), ...canaryOf(specs) }
  return withNames(input, specs, { ports, seen, made }, byKey).map((service) => ({ ...service, ...about }))
}

/**
 * What was tolerated, or is neither of the two stacks for another reason, serves what was proven too, where it has that port: a route that came meanwhile leads
 * to somebody. One of which no port is known may have any.
 */
function mayListen({ exposes = [] }: Replica, from: ServiceSpec | undefined, target: number): boolean {
  const routed = (from?.routes ?? []).map((route) => route.target)
  const known = [...exposes, ...(from === undefined ? [] : declaredPorts(from)), ...routed]
  return known.length === 0 || known.includes(target)
}

function shareOf({ shares }: EndpointsInput, name: string): Pick<ServiceEndpoints, 'share'> {
  const share = shares.find(({ service }) => service === name)
  return share === undefined ? {} : { share: { specHash: share.specHash, percent: share.percent } }
}

/** What only a reload can change is there as long as either says so: a canary that is taken back changes nothing but replicas. */
function canaryOf(specs: readonly ServiceSpec[]): Pick<ServiceEndpoints, 'canary'> {
  const strategies = specs.map(({ rollout }) => rollout.strategy)
  const canary = strategies.find((strategy) => strategy?.kind === 'canary')
  return canary?.kind === 'canary' ? { canary: { match: canary.match ?? null } } : {}
}

/** What runs of a service: its ports, its replicas, and what these were made from, by spec hash. */
interface Seen {
  readonly ports: readonly number[]
  readonly seen: readonly Replica[]
  readonly made: ReadonlyMap<SpecHash, ServiceSpec>
}

/** Each port of a service is reached by its name, published or not. A replica that lacks one is not sent there. */
function withNames(
  input: EndpointsInput,
  specs: readonly ServiceSpec[],
  { ports, seen, made }: Seen,
  byKey: Map<string, ServiceEndpoints>,
): readonly ServiceEndpoints[] {
  const [spec] = specs
  if (spec === undefined) return [...byKey.values()]
  const stack = input.target.services.includes(spec) ? input.target : (input.proven ?? input.target)
  for (const port of ports) {
    const name = input.names.nameAt(spec, stack, port, ports)
    if (name === undefined) break
    const key = `${name.service}:${port}`
    const known = byKey.get(key)
    const own = seen.filter(
      ({ exposes, specHash: hash }) =>
        exposes?.includes(port) === true || declaredPorts(made.get(hash) ?? spec).includes(port),
    )
    const replicas = known?.replicas ?? endpointsAt(input, spec, port, own)
    byKey.set(key, { key, protocol: 'tcp', claims: [], ...known, replicas, name })
  }
  return [...byKey.values()]
}

function merge(byKey: Map<string, ServiceEndpoints>, more: ServiceEndpoints): void {
  const known = byKey.get(more.key)
  if (known === undefined) return void byKey.set(more.key, more)
  const ids = new Set(known.replicas.map(({ containerId }) => containerId))
  const fresh = more.claims.filter(
    ({ hostIp, port }) => !known.claims.some((claim) => claim.hostIp === hostIp && claim.port === port),
  )
  const said = new Set((known.routes ?? []).map(({ route }) => hashOf(route)))
  const routes = [...(known.routes ?? []), ...(more.routes ?? []).filter(({ route }) => !said.has(hashOf(route)))]
  byKey.set(more.key, {
    ...known,
    claims: [...known.claims, ...fresh],
    ...(routes.length === 0 ? {} : { routes }),
    replicas: [...known.replicas, ...more.replicas.filter(({ containerId }) => !ids.has(containerId))].sort((a, b) =>
      compareText(a.containerId, b.containerId),
    ),
  })
}

/** What each replica was made from, as far as anybody remembers; else what is wanted. */
function specsOf(
  replicas: readonly Replica[],
  [wanted, before]: readonly (ServiceSpec | undefined)[],
  specOf: SpecOf,
): Seen['made'] {
  const known = new Map(
    [before, wanted].flatMap((spec) => (spec === undefined ? [] : [[specHash(spec), spec] as const])),
  )
  return new Map(
    replicas.flatMap(({ specHash: hash }) => {
      const spec = known.get(hash) ?? specOf(hash) ?? wanted ?? before
      return spec === undefined ? [] : [[hash, spec] as const]
    }),
  )
}

function endpointsAt(
  { state, tracks, leaving, shares }: EndpointsInput,
  spec: ServiceSpec,
  target: number,
  replicas: readonly Replica[],
): ServiceEndpoints['replicas'] {
  return replicas
    .flatMap((replica) => {
      const { containerId, server } = replica
      const address = addressOf(replica, spec)
      const isLeaving = leaving.has(containerId)
      if (address === undefined || (!isLeaving && !isReady(state, tracks.get(containerId), replica))) return []
      const isFresh = shares.some((share) => share.service === spec.name && share.specHash === replica.specHash)
      return [{ containerId, server, address, port: target, isLeaving, ...(isFresh ? { isFresh } : {}) }]
    })
    .sort((a, b) => compareText(a.containerId, b.containerId))
}

/** On the first network that it has one on: on bridges the host reaches all of them. */
function addressOf({ addresses }: Replica, { networks }: ServiceSpec): string | undefined {
  const own = networks
    .map(({ network }) => addresses[network])
    .find((address) => address !== undefined && address !== '')
  return own ?? Object.values(addresses).find((address) => address !== '')
}

/** What did not change stays the same object; the whole, where nothing did. */
export function keepSame(before: StackEndpoints, after: StackEndpoints): StackEndpoints {
  const known = new Map(before.map((service) => [service.key, service]))
  const kept = after.map((service) => {
    const last = known.get(service.key)
    return last !== undefined && JSON.stringify(last) === JSON.stringify(service) ? last : service
  })
  return kept.length === before.length && kept.every((service, at) => service === before[at]) ? before : kept
}

/** Those that leave now; those among them that did already go on doing so. */
export function leavingOf(
  ids: ReadonlySet<string>,
  before: ReadonlyMap<string, Leaving> | undefined,
  nowMs: number,
): ReadonlyMap<string, Leaving> {
  return new Map([...ids].map((id) => [id, before?.get(id) ?? { sinceMs: nowMs, quietSinceMs: null }]))
}
