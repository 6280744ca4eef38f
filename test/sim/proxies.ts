import { fail, ok } from '../../src/model/index.js'
import type { ProxySeen, ProxyTable, Result, TargetSeen } from '../../src/model/index.js'
import type { Box } from './box.js'
import type { SimEngine } from './engine.js'
import { EXPOSED_PORT } from './listing.js'
import { SimFigures } from './proxy-figures.js'

interface SimProxy {
  table: ProxyTable
  former: ProxyTable | null
  toldAtMs: number
  /** Since when it has had a target, by `key id`. */
  since: Map<string, number>
}

/** Two checks of a target in a row. */
const CHECKED_MS = 400
/** A connection outlives the replica's place in the tables by this much at most, and mostly does not. */
const OPEN_MS = 3_000

/** A port that an image exposes is closed in some programs. */
export function isOpen(key: string): boolean {
  return !(key.endsWith(`:${EXPOSED_PORT}`) && key.includes('/worker:'))
}

/** What the proxies of all servers do, by container: kept as long as the container is. */
export class SimProxies {
  private readonly proxies = new Map<string, SimProxy>()
  private readonly leftAt = new Map<string, number>()
  private readonly enteredAt = new Map<string, number>()
  /** By `shop/web:80`: since when a proxy has known it. */
  private readonly knownAt = new Map<string, number>()
  /** By service: where it was reached by its name first. */
  readonly addresses = new Map<string, string>()
  readonly figures = new SimFigures()
  private readonly nowMs: () => number

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
  }

  balance(engine: SimEngine, containerId: string, table: ProxyTable): Result<ProxySeen> {
    const box = engine.boxes.get(containerId)
    if (box?.state !== 'running') return fail({ code: 'PROXY_ABSENT', server: engine.server, message: 'does not run' })
    const before = this.proxies.get(containerId)
    this.figures.went(box, before?.table ?? null, engine.boxes, this.nowMs())
    const local = table.services.flatMap(({ key, local: own }) => own.map((target) => ({ key, target })))
    const since = new Map(
      local.map(({ key, target }) => {
        const name = `${key} ${target.containerId}`
        return [name, before?.since.get(name) ?? this.nowMs()]
      }),
    )
    this.proxies.set(containerId, { table, former: before?.table ?? null, toldAtMs: this.nowMs(), since })
    this.know()
    for (const { target } of local) {
      const [is, was] = target.state === 'ready' ? [this.enteredAt, this.leftAt] : [this.leftAt, this.enteredAt]
      was.delete(target.containerId)
      if (!is.has(target.containerId)) is.set(target.containerId, this.nowMs())
    }
    const targets = local.map(({ key, target }) => this.seen(engine, key, target, since))
    const figures = this.figures.of(box, table)
    return ok(figures === undefined ? { targets } : { targets, figures })
  }

  private know(): void {
    const keys = new Set([...this.proxies.values()].flatMap(({ table }) => table.services.map(({ key }) => key)))
    for (const key of keys) if (!this.knownAt.has(key)) this.knownAt.set(key, this.nowMs())
    for (const key of this.knownAt.keys()) if (!keys.has(key)) this.knownAt.delete(key)
  }

  /** How long a service has been known to a proxy. */
  knownForMs(key: string): number {
    return this.nowMs() - (this.knownAt.get(key) ?? Infinity)
  }

  private seen(
    engine: SimEngine,
    key: string,
    { containerId, state }: ProxyTable['services'][number]['local'][number],
    since: ReadonlyMap<string, number>,
  ): TargetSeen {
    const forMs = this.nowMs() - (since.get(`${key} ${containerId}`) ?? 0)
    const isUp = engine.boxes.get(containerId)?.state === 'running' && forMs >= CHECKED_MS && isOpen(key)
    const leftForMs = this.nowMs() - (this.leftAt.get(containerId) ?? -Infinity)
    // Every third has a client that stays for a while.
    const isBusy = Number(containerId.slice(1)) % 3 === 0 && leftForMs < OPEN_MS
    return { key, containerId, state: state === 'drain' ? 'drain' : isUp ? 'up' : 'down', sessions: isBusy ? 1 : 0 }
  }

  /** What the proxy in a container did before it was told last. */
  formerOf(proxy: Box): ProxyTable | null {
    return this.proxies.get(proxy.id)?.former ?? null
  }

  /** What a proxy does. */
  tableOf(proxy: Box): ProxyTable | null {
    return this.proxies.get(proxy.id)?.table ?? null
  }

  /** Whether the proxy in a container gives another one new connections. */
  sendsTo(proxy: Box, containerId: string): boolean {
    const services = this.proxies.get(proxy.id)?.table.services ?? []
    return services.some(({ local }) => local.some((one) => one.containerId === containerId && one.state === 'ready'))
  }

  /** How long ago the proxy in a container was told anything. */
  toldForMs(proxy: Box): number {
    return this.nowMs() - (this.proxies.get(proxy.id)?.toldAtMs ?? -Infinity)
  }

  /** How long its own proxy has sent to a container without a break; negative: it does not. */
  readyForMs(containerId: string): number {
    return this.nowMs() - (this.enteredAt.get(containerId) ?? Infinity)
  }

  /** Replicas that requests for a host and path reach by a proxy; null: it has no such route, or listens for none. */
  reachedBy(proxy: Box, host: string, path: string): number | null {
    const owners = this.ownersOf(proxy, host, path)
    return owners.length === 0 ? null : owners.reduce((sum, key) => sum + (this.readyAt(proxy, key) ?? 0), 0)
  }

  /** How long a container's own proxy has had it where a route of another proxy leads to; negative: it has not. */
  routedForMs(proxy: Box, host: string, path: string, containerId: string): number {
    const owners = this.ownersOf(proxy, host, path)
    const since = [...this.proxies.values()].flatMap((one) =>
      owners.map((key) => one.since.get(`${key} ${containerId}`) ?? Infinity),
    )
    return this.nowMs() - Math.min(Infinity, ...since)
  }

  /** Several where they share it: those that get something. */
  private ownersOf(proxy: Box, host: string, path: string): readonly string[] {
    const table = this.proxies.get(proxy.id)?.table
    if (table?.front === undefined) return []
    const owners = table.services.flatMap(({ key, routes = [] }) =>
      routes.flatMap((route) =>
        route.hosts.includes(host) && route.path === path ? [{ key, weight: route.weight ?? 1 }] : [],
      ),
    )
    const some = owners.filter(({ weight }) => weight > 0)
    return (some.length > 0 ? some : owners).map(({ key }) => key)
  }

  /** Replicas that a service has at a proxy, here and elsewhere; null: it does not know it. */
  readyAt(proxy: Box, key: string): number | null {
    const service = this.proxies.get(proxy.id)?.table.services.find((one) => one.key === key)
    if (service === undefined) return null
    const here = service.local.filter(({ state }) => state === 'ready').length
    return service.remote.reduce((sum, { weight }) => sum + weight, here)
  }
}
