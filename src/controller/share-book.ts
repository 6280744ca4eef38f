import { addTimes, p95Of } from '../ingress/index.js'
import type { GroupShare, ProxyFigures, ProxyTable, ReplicaFigures } from '../model/index.js'
import type { GroupFigures, ServiceShare, ShareSeen } from '../rollout/index.js'
import { surely } from './rotation.js'
import type { Proxy } from './rotation.js'

type Counts = Omit<ReplicaFigures, 'containerId'>

/** What is known of one share since it was decided. */
interface Shared {
  readonly share: GroupShare
  /** Since when all proxies that can be asked go by it; null: not all of them do. It is noted once: whoever is asked again meanwhile has it still. */
  sinceMs: number | null
  fresh: Counts
  old: Counts
  /** By proxy: what it said last of each replica. What it said first is where counting begins. */
  readonly said: Map<string, ProxyFigures>
}

const NOTHING: Counts = Object.freeze({ requests: 0, errors: 0, times: [] })

/** What share of their service's requests new replicas have, and what came of it. Lost with the controller: another one counts from its own beginning. */
export class ShareBook {
  /** By `stack/service`. */
  private readonly shared = new Map<string, Shared>()

  /** By level: services of the stack that are not named have none. */
  decided(stack: string, shares: readonly ServiceShare[]): void {
    const named = new Map(
      shares.map(({ service, specHash, percent }) => [`${stack}/${service}`, { specHash, percent }]),
    )
    for (const name of this.shared.keys())
      if (name.startsWith(`${stack}/`) && !named.has(name)) this.shared.delete(name)
    for (const [name, share] of named)
      if (!isSameShare(this.shared.get(name)?.share, share))
        this.shared.set(name, { share, sinceMs: null, fresh: NOTHING, old: NOTHING, said: new Map() })
  }

  /** A proxy has answered with what it does by a table. Returns the stacks of which more is known now. */
  answered(
    { containerId }: Proxy,
    table: ProxyTable,
    figures: ProxyFigures | undefined,
    proxies: Iterable<Proxy>,
    nowMs: number,
  ): readonly string[] {
    const asked = [...proxies].filter(({ isReachable }) => isReachable)
    return [...this.shared].flatMap(([name, shared]) => {
      const before = JSON.stringify([shared.sinceMs, shared.fresh, shared.old])
      if (figures !== undefined && goesBy(table, name, shared.share)) count(shared, containerId, table, name, figures)
      if (shared.sinceMs === null && asked.length > 0 && asked.every((proxy) => hasTaken(proxy, name, shared.share)))
        shared.sinceMs = nowMs
      const isNews = JSON.stringify([shared.sinceMs, shared.fresh, shared.old]) !== before
      return isNews ? [name.slice(0, name.indexOf('/'))] : []
    })
  }

  /** Of a stack, by service: what all proxies that can be asked go by. */
  seen(stack: string): ReadonlyMap<string, ShareSeen> {
    return new Map(
      [...this.shared].flatMap(([name, { share, sinceMs, fresh, old }]) =>
        name.startsWith(`${stack}/`) && sinceMs !== null
          ? [
              [
                name.slice(stack.length + 1),
                { ...share, sinceMs, fresh: figuresOf(fresh), old: figuresOf(old) },
              ] as const,
            ]
          : [],
      ),
    )
  }

  forget(): void {
    this.shared.clear()
  }
}

function figuresOf({ requests, errors, times }: Counts): GroupFigures {
  return { requests, errors, p95Ms: p95Of(times) }
}

function isSameShare(a: GroupShare | undefined, b: GroupShare): boolean {
  return a?.specHash === b.specHash && a.percent === b.percent
}

function partsOf({ services }: ProxyTable, name: string): ProxyTable['services'] {
  return services.filter(({ key }) => key.startsWith(`${name}:`))
}

function goesBy(table: ProxyTable, name: string, share: GroupShare): boolean {
  const parts = partsOf(table, name)
  return parts.length > 0 && parts.every((part) => isSameShare(part.share, share))
}

function hasTaken(proxy: Proxy, name: string, share: GroupShare): boolean {
  return surely(proxy) !== null && proxy.table !== null && goesBy(proxy.table, name, share)
}

/** What is new since a proxy was asked last. A process that began meanwhile counts from nothing; what its predecessor did after that is not known. */
function count(shared: Shared, proxy: string, table: ProxyTable, name: string, figures: ProxyFigures): void {
  const before = shared.said.get(proxy)
  const known = new Map(before?.replicas.map((one) => [one.containerId, one]))
  const isFresh = new Map(
    partsOf(table, name).flatMap(({ local }) => local.map((one) => [one.containerId, one.isFresh === true] as const)),
  )
  for (const now of figures.replicas) {
    const last = known.get(now.containerId)
    const group = isFresh.get(now.containerId)
    if (last === undefined || group === undefined) continue
    const more = differenceOf(now, before?.worker === figures.worker ? last : NOTHING)
    if (group) shared.fresh = sumOf(shared.fresh, more)
    else shared.old = sumOf(shared.old, more)
  }
  shared.said.set(proxy, figures)
}

/** Never less than nothing: a count that is lower than it was began anew. */
function differenceOf(now: Counts, last: Counts): Counts {
  const more = (a: number, b: number): number => (a >= b ? a - b : a)
  const length = Math.max(now.times.length, last.times.length)
  return {
    requests: more(now.requests, last.requests),
    errors: more(now.errors, last.errors),
    times: Array.from({ length }, (_, at) => more(now.times[at] ?? 0, last.times[at] ?? 0)),
  }
}

function sumOf(a: Counts, b: Counts): Counts {
  return { requests: a.requests + b.requests, errors: a.errors + b.errors, times: addTimes(a.times, b.times) }
}
