import { Proxies } from '../src/controller/proxies.js'
import type { Clock } from '../src/controller/index.js'
import { planProxy, seenBy } from '../src/ingress/index.js'
import type { Endpoint, ServiceEndpoints } from '../src/ingress/index.js'
import { INGRESS_DEFAULTS, INGRESS_SERVICE, INGRESS_STACK, ok } from '../src/model/index.js'
import type { Fleet, Observation, ProxySeen, ProxyTable, Replica, Result, ServerView } from '../src/model/index.js'
import { haproxyWith } from '../test/ingress/made-proxy.js'
import type { MadeProxy } from '../test/ingress/made-proxy.js'

export interface FleetSize {
  readonly servers: number
  readonly services: number
  readonly replicasEach: number
}

/** What one replica's change cost. */
export interface ChangeCost {
  /** CPU of making tables, and of bringing proxies to them, all servers together. */
  readonly keeperMs: number
  readonly driverMs: number
  /** Proxies that were told something. */
  readonly told: number
  /** Of all files, as each of them is given them. */
  readonly bytes: number
}

const SERVICES_EACH = 10
const STACK_PORT = 8080
const FIRST_PORT = 10_000
/** Until proxies have found a new replica up and said so. */
const SETTLE_MS = 3_000

/**
 * A fleet of proxies without servers: the real keeper makes their tables, the real planning renders them and says what to tell. HAProxy is one that
 * reads configurations and commands as it does; what it costs is not counted.
 */
export class SimulatedProxies {
  private readonly clock = new SteppedClock()
  private readonly made = new Map<string, MadeProxy>()
  private readonly stacks = new Map<string, ServiceEndpoints[]>()
  private readonly keeper: Proxies
  private cost = { driverMs: 0, told: 0, bytes: 0 }
  private serial = 0

  constructor(size: FleetSize) {
    const servers = Array.from({ length: size.servers }, (_, at) => `srv-${String(at + 1).padStart(3, '0')}`)
    const observation = observed(servers)
    const identity = { authority: 'authority', certificate: 'certificate' }
    this.keeper = new Proxies({
      balancer: {
        balance: (server, _, table) => Promise.resolve(this.balance(server, table)),
        certificates: () => Promise.resolve(ok([])),
      },
      mesh: { renew: () => Promise.resolve(ok(false)), identity: () => identity },
      clock: this.clock,
      observation: () => observation,
      changed: () => undefined,
      failed: (server, { message }) => {
        throw new Error(`${server}: ${message}`)
      },
    })
    this.keeper.use(fleetOf(servers))
    for (let at = 0; at < size.services; at += 1) this.addService(at, servers, size.replicasEach)
    for (const [stack, services] of this.stacks) this.keeper.decided(stack, services, new Set(), [])
    this.keeper.complete()
  }

  /** Until every proxy has what it is to have. */
  settle(): Promise<void> {
    return this.clock.run(SETTLE_MS)
  }

  /** One replica of one service is exchanged: the new one comes beside it, then it leaves, then it is gone. */
  async exchange(round: number): Promise<ChangeCost> {
    const [stack = '', services = []] = [...this.stacks][round % this.stacks.size] ?? []
    const at = round % services.length
    const service = services[at]
    const [old, ...others] = service?.replicas ?? []
    if (service === undefined || old === undefined) throw new Error('there is no replica')
    const fresh = { ...old, containerId: this.nextId(), address: `172.31.${this.serial >> 8}.${this.serial & 255}` }
    this.cost = { driverMs: 0, told: 0, bytes: 0 }
    const before = process.cpuUsage()
    let simulatedMs = 0
    for (const replicas of [
      [old, ...others, fresh],
      [{ ...old, isLeaving: true }, ...others, fresh],
      [...others, fresh],
    ]) {
      services[at] = { ...service, replicas }
      const leaving = replicas.filter(({ isLeaving }) => isLeaving).map(({ containerId }) => containerId)
      this.keeper.decided(stack, [...services], new Set(leaving), [])
      simulatedMs += await this.settled()
    }
    const { user, system } = process.cpuUsage(before)
    const { driverMs, told, bytes } = this.cost
    return { keeperMs: (user + system) / 1e3 - driverMs - simulatedMs, driverMs, told, bytes: bytes / told }
  }

  private simulatedMs = 0

  /** Returns the CPU that was HAProxy's part. */
  private async settled(): Promise<number> {
    this.simulatedMs = 0
    await this.settle()
    return this.simulatedMs
  }

  /** As the driver does it, but for the way to the server. */
  private balance(server: string, table: ProxyTable): Result<ProxySeen> {
    const proxy = this.made.get(server) ?? haproxyWith()
    const isFirst = !this.made.has(server)
    this.made.set(server, proxy)
    const before = this.simulated(() => (isFirst ? null : proxy.state()))
    const plan = this.counted(() => planProxy(table, before))
    this.cost.told += 1
    this.cost.bytes += plan.files.reduce((sum, { content }) => sum + content.length, 0)
    const after = this.simulated(() => {
      proxy.take(plan)
      return proxy.state()
    })
    return ok(this.counted(() => seenBy(table, after, [])))
  }

  private counted<T>(work: () => T): T {
    const [result, ms] = timed(work)
    this.cost.driverMs += ms
    return result
  }

  private simulated<T>(work: () => T): T {
    const [result, ms] = timed(work)
    this.simulatedMs += ms
    return result
  }

  private addService(index: number, servers: readonly string[], replicasEach: number): void {
    const stack = `stack-${String(Math.floor(index / SERVICES_EACH)).padStart(3, '0')}`
    const name = `service-${index % SERVICES_EACH}`
    const replicas = Array.from({ length: replicasEach }, (_, number): Endpoint => {
      const server = servers[(index * replicasEach + number * 7) % servers.length] ?? ''
      const address = `172.${18 + (index % 10)}.${Math.floor(index / 250)}.${(index % 250) + number}`
      return { containerId: this.nextId(), server, address, port: STACK_PORT, isLeaving: false }
    })
    const key = `${stack}/${name}:${STACK_PORT}`
    const claims = [{ hostIp: '', port: FIRST_PORT + index, isWanted: true }]
    const services = this.stacks.get(stack) ?? []
    services.push({ key, protocol: 'http', claims, replicas })
    this.stacks.set(stack, services)
  }

  private nextId(): string {
    this.serial += 1
    return `c${String(this.serial).padStart(6, '0')}`
  }
}

function timed<T>(work: () => T): readonly [T, number] {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return [result, (user + system) / 1e3]
}

/** Time goes on when it is told to; whatever is due by then is done. */
class SteppedClock implements Clock {
  private now = 0
  private timers: { readonly atMs: number; readonly fn: () => void }[] = []

  nowMs(): number {
    return this.now
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { atMs: this.now + delayMs, fn }
    this.timers.push(timer)
    return () => (this.timers = this.timers.filter((one) => one !== timer))
  }

  async run(ms: number): Promise<void> {
    const endMs = this.now + ms
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const [next] = this.timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.timers = this.timers.filter((one) => one !== next)
      this.now = Math.max(this.now, next.atMs)
      next.fn()
    }
    this.now = endMs
  }
}

function fleetOf(names: readonly string[]): Fleet {
  const servers = names.map((name, at) => ({
    name,
    address: { kind: 'ssh', host: `10.0.0.${at + 1}`, port: 22, user: 'deploy', socketPath: '' } as const,
    hostKey: { kind: 'none' } as const,
    labels: {},
    lostAfterMs: null,
  }))
  return { name: 'simulated', servers, guards: { prune: 1, history: 'any' }, ingress: INGRESS_DEFAULTS }
}

/** One proxy on each server, and nothing else that matters here. */
function observed(servers: readonly string[]): Observation {
  return new Map(
    servers.map((server) => {
      const slot = { stack: INGRESS_STACK, service: INGRESS_SERVICE, key: server }
      const proxy = { containerId: `proxy-${server}`, server, slot, state: 'running', ports: [] } as unknown as Replica
      const listing = { facts: {}, replicas: [proxy], foreign: [], volumes: [], networks: [] }
      return [server, { kind: 'listed', server, atMs: 0, listing } as unknown as ServerView]
    }),
  )
}
