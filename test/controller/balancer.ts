import { fail, ok } from '../../src/model/index.js'
import type { Problem, ProxySeen, ProxyTable, ReplicaFigures, Result } from '../../src/model/index.js'
import type { Balancer, Clock, HeldCertificate, MeshAuthority } from '../../src/controller/index.js'

interface FakeProxy {
  readonly table: ProxyTable
  /** Since when a target has been there, by `key id`. */
  readonly since: ReadonlyMap<string, number>
}

const NOTHING = { requests: 0, errors: 0, times: [] }

/** Proxies in memory: they have the table that they were told last, and find a new replica up after `checkMs`. */
export class FakeBalancer implements Balancer {
  readonly proxies = new Map<string, FakeProxy>()
  /** Problems by server. */
  readonly problems = new Map<string, Problem>()
  /** Why certificates cannot be read back, by server. */
  readonly unreadable = new Map<string, Problem>()
  /** Servers whose proxies were asked for certificates. */
  readonly reads: string[] = []
  /** Open connections by container id. */
  readonly sessions = new Map<string, number>()
  /** Ports in containers at which nobody listens. */
  readonly closed = new Set<number>()
  /** What replicas of services with a share were asked, by container id; what is not here was asked nothing. */
  readonly figures = new Map<string, Omit<ReplicaFigures, 'containerId'>>()
  checkMs = 300
  /** Until a proxy does as it was told. */
  delayMs = 0
  told = 0
  private readonly clock: Clock
  private readonly engines: {
    readonly containers: ReadonlyMap<string, { readonly replica: { readonly state: string } }>
  }

  constructor(clock: Clock, engines: FakeBalancer['engines']) {
    this.clock = clock
    this.engines = engines
  }

  async balance(server: string, containerId: string, table: ProxyTable): Promise<Result<ProxySeen>> {
    await (this.delayMs === 0
      ? Promise.resolve()
      : new Promise<void>((resolve) => this.clock.after(this.delayMs, resolve)))
    this.told += 1
    const problem = this.problems.get(server)
    if (problem !== undefined) return fail(problem)
    if (this.engines.containers.get(containerId)?.replica.state !== 'running')
      return fail({ code: 'PROXY_ABSENT', message: 'it does not run' })
    const before = this.proxies.get(containerId)?.since
    const nowMs = this.clock.nowMs()
    const targets = table.services.flatMap(({ key, local }) => local.map((target) => ({ key, ...target })))
    const since = new Map(
      targets.map(({ key, containerId: id }) => [`${key} ${id}`, before?.get(`${key} ${id}`) ?? nowMs]),
    )
    this.proxies.set(containerId, { table, since })
    const shared = new Set(table.services.flatMap(({ share, local }) => (share === undefined ? [] : local)))
    const replicas = [...shared].map(({ containerId: id }) => ({
      containerId: id,
      ...NOTHING,
      ...this.figures.get(id),
    }))
    return ok({
      ...(shared.size === 0 ? {} : { figures: { worker: 1, replicas } }),
      targets: targets.map(({ key, containerId: id, state }) => ({
        key,
        containerId: id,
        sessions: this.sessions.get(id) ?? 0,
        state: this.stateOf(key, state, nowMs - (since.get(`${key} ${id}`) ?? 0)),
      })),
    })
  }

  /** What the proxy has by its table. */
  async certificates(server: string, containerId: string): Promise<Result<readonly HeldCertificate[]>> {
    await (this.delayMs === 0
      ? Promise.resolve()
      : new Promise<void>((resolve) => this.clock.after(this.delayMs, resolve)))
    this.reads.push(server)
    const problem = this.unreadable.get(server)
    if (problem !== undefined) return fail(problem)
    return ok(this.proxies.get(containerId)?.table.front?.certificates ?? [])
  }

  /** HAProxy says of what is down that it is, draining or not. */
  private stateOf(key: string, state: 'ready' | 'drain', forMs: number): 'up' | 'down' | 'drain' {
    if (this.closed.has(Number(/:(\d+)/.exec(key)?.[1]))) return 'down'
    return state === 'drain' ? 'drain' : forMs < this.checkMs ? 'down' : 'up'
  }

  /** `lon-1 80 c0001 par-1:2`: what the proxies that run do with a service. */
  lines(key: string): readonly string[] {
    return [...this.proxies]
      .filter(([id]) => this.engines.containers.get(id)?.replica.state === 'running')
      .flatMap(([, { table }]) =>
        table.services
          .filter((service) => service.key === key)
          .map(({ listen, local, remote }) =>
            [
              table.server,
              ...listen.map(({ port }) => port),
              ...local.map(({ containerId, state }) => `${containerId}${state === 'drain' ? '!' : ''}`),
              ...remote.map(({ server, weight }) => `${server}:${weight}`),
            ].join(' '),
          ),
      )
      .sort()
  }

  /** Whether any proxy that runs gives a container something new. */
  sendsTo(containerId: string): boolean {
    return [...this.proxies]
      .filter(([id]) => this.engines.containers.get(id)?.replica.state === 'running')
      .some(([, { table }]) =>
        table.services.some(({ local }) =>
          local.some((one) => one.containerId === containerId && one.state === 'ready'),
        ),
      )
  }
}

const identity = { authority: 'ca', certificate: 'cert' }
export const fakeMesh: MeshAuthority = { renew: () => Promise.resolve(ok(false)), identity: () => identity }
