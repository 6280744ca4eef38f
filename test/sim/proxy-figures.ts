import type { BalancedService, ProxyFigures, ProxyTable, ReplicaFigures } from '../../src/model/index.js'
import { isUp } from './box.js'
import type { Box } from './box.js'
import { behaviourOf } from './workload.js'

/** Of each service's clients at each proxy. */
const REQUESTS_A_SECOND = 30

interface Counted {
  worker: number
  atMs: number
  readonly replicas: Map<string, ReplicaFigures>
}

/** What the replicas of services with a share were asked through the proxies, by container: a proxy that is started anew begins anew. */
export class SimFigures {
  private readonly counted = new Map<string, Counted>()
  /** Proxies that tell nothing of it. */
  readonly silent = new Set<string>()

  /** What went through a proxy by a table until now. `boxes`: of its own server. */
  went(proxy: Box, table: ProxyTable | null, boxes: ReadonlyMap<string, Box>, nowMs: number): void {
    const worker = proxy.restarts + 1
    const known = this.counted.get(proxy.id)
    const counted: Counted =
      known?.worker === worker ? known : { worker, atMs: nowMs, replicas: new Map<string, ReplicaFigures>() }
    this.counted.set(proxy.id, counted)
    const requests = ((nowMs - counted.atMs) * REQUESTS_A_SECOND) / 1_000
    counted.atMs = nowMs
    for (const service of table?.services ?? []) {
      if (service.share === undefined) continue
      const all = allOf(service)
      for (const { containerId, state, weight = 1 } of service.local) {
        const box = boxes.get(containerId)
        if (box === undefined || !isUp(box) || state === 'drain' || all === 0) continue
        counted.replicas.set(containerId, more(counted.replicas.get(containerId), box, (requests * weight) / all))
      }
    }
  }

  /** Undefined: it has nothing to tell. */
  of(proxy: Box, { services }: ProxyTable): ProxyFigures | undefined {
    const counted = this.counted.get(proxy.id)
    const shared = services.filter(({ share, local }) => share !== undefined && local.length > 0)
    if (counted === undefined || shared.length === 0 || this.silent.has(proxy.id)) return undefined
    const ids = new Set(shared.flatMap(({ local }) => local.map(({ containerId }) => containerId)))
    const replicas = [...ids].map((containerId) => whole(counted.replicas.get(containerId) ?? nothing(containerId)))
    return { worker: counted.worker, replicas }
  }
}

/** What all of those weigh that a proxy sends a service's requests to. */
function allOf({ local, remote }: BalancedService): number {
  const here = local.filter(({ state }) => state === 'ready').map(({ weight = 1 }) => weight)
  return [...here, ...remote.map(({ weight }) => weight)].reduce((sum, weight) => sum + weight, 0)
}

/** Of what a service's clients at a proxy ask, the part that goes to new replicas here; null: it has no share. */
export function freshShareOf(service: BalancedService): number | null {
  const all = allOf(service)
  if (service.share === undefined || all === 0) return null
  const here = service.local.filter(({ state, isFresh }) => state === 'ready' && isFresh === true)
  const there = service.remote.reduce((sum, { fresh = 0 }) => sum + fresh, 0)
  return here.reduce((sum, { weight = 1 }) => sum + weight, there) / all
}

function nothing(containerId: string): ReplicaFigures {
  return { containerId, requests: 0, errors: 0, times: [] }
}

function more(before: ReplicaFigures | undefined, { id, spec }: Box, requests: number): ReplicaFigures {
  const { errors, times, ...was } = before ?? nothing(id)
  const { answers } = behaviourOf(spec?.image ?? '')
  const took = answers?.timesAt ?? 10
  const counts = Array.from({ length: Math.max(times.length, took + 1) }, (_, at) => times[at] ?? 0)
  counts[took] = (counts[took] ?? 0) + requests
  return {
    ...was,
    requests: was.requests + requests,
    errors: errors + requests * (answers?.errors ?? 0),
    times: counts,
  }
}

function whole({ containerId, requests, errors, times }: ReplicaFigures): ReplicaFigures {
  return { containerId, requests: Math.floor(requests), errors: Math.floor(errors), times: times.map(Math.floor) }
}
