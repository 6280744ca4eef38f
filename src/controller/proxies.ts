import { isSameSet, isSameTable, replicasOf, route } from '../ingress/index.js'
import type { Routing, StackEndpoints, TableInput } from '../ingress/index.js'
import type { Fleet, Observation, Problem, ProxyTable, ServerView } from '../model/index.js'
import type { Rotation, ServiceShare, ShareSeen } from '../rollout/index.js'
import type { CertificateKeeper, CertificateStatus } from './certificate-port.js'
import { keepSame, leavingOf } from './endpoints.js'
import { FrontKeeper } from './front-keeper.js'
import { MeshKeeper } from './mesh-keeper.js'
import { NameBook } from './names.js'
import { problemOf } from './performer.js'
import type { Balancer, Clock, MeshAuthority } from './ports.js'
import { isBalanced, isListening, isServedEverywhere, takenPorts } from './proxy-place.js'
import type { BalancedFleet } from './proxy-place.js'
import {
  accept,
  countedBy,
  hasAlready,
  phaseOf,
  problemsOf,
  proxiesIn,
  shutPorts,
  surely,
  tableFor,
} from './rotation.js'
import type { Leaving, Proxy } from './rotation.js'
import { ReadBack } from './read-back.js'
import { ShareBook } from './share-book.js'

export interface ProxiesParts {
  readonly balancer: Balancer
  readonly mesh: MeshAuthority
  /** Absent: routes with `tls: acme` get none. */
  readonly certificates?: CertificateKeeper
  readonly clock: Clock
  readonly observation: () => Observation
  /** How replicas of a stack stand in the proxies has changed. */
  readonly changed: (stack: string) => void
  readonly failed: (server: string, problem: Problem) => void
}

interface StackPart {
  readonly endpoints: StackEndpoints
  /** By container id. */
  readonly leaving: ReadonlyMap<string, Leaving>
}

/** Changes are gathered this long before they are told to the proxies. */
const GATHER_MS = 5
const RETRY_FIRST_MS = 1_000
const RETRY_MOST_MS = 30_000
/** Others are waited for this long before a replica gets nothing from its own proxy either. */
const LET_GO_MS = 5_000
/** A proxy that was told nothing for this long is asked at the next look: it may have been started anew. */
const FRESH_MS = 10_000
const NOWHERE: ReadonlyMap<string, Rotation> = new Map()

/**
 * Keeps the proxies of a fleet with ingress as they should be: a table for each, made from what all stacks bring, sent when it differs from what the
 * proxy has. By level: whatever was missed is in the next table. Lost with the controller; the proxies go on without it.
 */
export class Proxies {
  private readonly parts: ProxiesParts
  private readonly stacks = new Map<string, StackPart>()
  private proxies = new Map<string, Proxy>()
  /** Stacks with replicas that enter or leave, and how they stood when they were decided. */
  private readonly unsettled = new Map<string, string>()
  private readonly leftSince = new Map<string, number>()
  private readonly mesh: MeshKeeper
  private readonly front: FrontKeeper
  /** Null: nobody keeps certificates. */
  private readonly readBack: ReadBack | null
  /** Null: what stacks bring has changed since. */
  private routing: Routing | null = null
  private lastRouting: Routing | undefined
  private lastCounted: ReadonlySet<string> = new Set()
  private lastShut: ReadonlySet<string> = new Set()
  readonly names = new NameBook()
  private readonly shareBook = new ShareBook()
  private fleet: BalancedFleet | null = null
  /** Every stack was decided once: before that nobody knows what a table must hold. */
  private isComplete = false
  private readonly closing = new AbortController()
  private cancel: () => void = () => undefined
  private wakesAtMs = Infinity

  constructor(parts: ProxiesParts) {
    this.parts = parts
    const soon = (): void => this.turnAt(parts.clock.nowMs() + GATHER_MS)
    this.mesh = new MeshKeeper({ ...parts, renewed: soon })
    const { certificates } = parts
    this.front = new FrontKeeper(certificates, soon)
    const [turnAt, { signal }] = [(atMs: number): void => this.turnAt(atMs), this.closing]
    this.readBack = certificates === undefined ? null : new ReadBack({ ...parts, certificates, signal, turnAt })
  }

  /** The fleet from now on. Without ingress nothing is kept. */
  use(fleet: Fleet): void {
    this.fleet = isBalanced(fleet) ? fleet : null
    this.names.use(fleet)
    this.mesh.use(this.fleet)
    if (this.fleet === null) this.forget()
  }

  /** What a stack brings from now on; `leaving` by container id. */
  decided(
    stack: string,
    endpoints: StackEndpoints,
    leaving: ReadonlySet<string>,
    shares: readonly ServiceShare[],
  ): void {
    if (this.fleet === null) return
    this.shareBook.decided(stack, shares)
    const before = this.stacks.get(stack)
    const nowMs = this.parts.clock.nowMs()
    const since = leavingOf(leaving, before?.leaving, nowMs)
    const kept = keepSame(before?.endpoints ?? [], endpoints)
    if (kept.length === 0) this.stacks.delete(stack)
    else this.stacks.set(stack, { endpoints: kept, leaving: since })
    this.noteUnsettled(stack)
    if (kept === before?.endpoints || (before === undefined && kept.length === 0)) return
    this.routing = null
    this.turnAt(nowMs + GATHER_MS)
  }

  /** All stacks have been decided. A table that lacks one would take its traffic away. */
  complete(): void {
    if (this.isComplete) return
    this.isComplete = true
    this.turnAt(this.parts.clock.nowMs() + GATHER_MS)
  }

  /** What all proxies that can be asked give new replicas, by service, and what came of it. */
  shares(stack: string): ReadonlyMap<string, ShareSeen> {
    return this.shareBook.seen(stack)
  }

  leaving(stack: string): ReadonlySet<string> {
    return new Set(this.stacks.get(stack)?.leaving.keys())
  }

  /** How the replicas of a stack stand, by container id. `running`: all that run, those among them that it brings nowhere any more. */
  rotation(stack: string, endpoints: StackEndpoints, running: readonly string[]): ReadonlyMap<string, Rotation> {
    if (this.fleet === null) return NOWHERE
    const leaving = this.stacks.get(stack)?.leaving ?? new Map<string, Leaving>()
    const nowMs = this.parts.clock.nowMs()
    const asked = [...this.proxies.values()].filter(({ isReachable }) => isReachable)
    const standing = new Map(
      [...replicasOf(endpoints)].map(([id, replica]) => {
        const about = { id, ...replica, leaving: leaving.get(id) ?? null }
        return [id, phaseOf(about, asked, this.isReached(replica.server), nowMs)]
      }),
    )
    for (const id of running) {
      const left = standing.has(id) ? null : this.leftBehind(id, asked)
      if (left !== null) standing.set(id, left)
    }
    return standing
  }

  /** What no stack brings any more, and a proxy was told to send to when it was told last. */
  private leftBehind(id: string, asked: readonly Proxy[]): Rotation | null {
    if (!asked.some(({ acked }) => acked?.local.has(id) === true)) {
      this.leftSince.delete(id)
      return null
    }
    const leavingSinceMs = this.leftSince.get(id) ?? this.parts.clock.nowMs()
    this.leftSince.set(id, leavingSinceMs)
    return { phase: 'leaving', leavingSinceMs, quietSinceMs: null, sessions: 0, waitsFor: null }
  }

  /** After a look: proxies may have come, gone, or been started anew. */
  looked(view: ServerView): void {
    if (this.fleet === null) return
    const nowMs = this.parts.clock.nowMs()
    // Whoever decides next must know whom to ask.
    for (const proxy of proxiesIn(view, this.proxies)) this.proxies.set(proxy.containerId, proxy)
    for (const proxy of this.proxies.values())
      if (proxy.server === view.server && nowMs - (proxy.acked?.atMs ?? 0) > FRESH_MS) proxy.dueAtMs = nowMs
    this.turnAt(nowMs + GATHER_MS)
  }

  /** What the proxies of a server were last known to do. */
  tablesOn(server: string): readonly ProxyTable[] {
    const own = [...this.proxies.values()].filter((proxy) => proxy.server === server && proxy.isReachable)
    return own.flatMap(({ table }) => table ?? [])
  }

  /** What keeps proxies from what they should be. */
  problems(): readonly Problem[] {
    const asked = [...this.proxies.values()].filter(({ isReachable }) => isReachable)
    const others = [this.mesh.problem, ...this.front.problems(this.parts.clock.nowMs())]
    return [...others.filter((problem) => problem !== null), ...asked.flatMap(problemsOf)]
  }

  /** Each server that listens and can be reached has a proxy that serves routes. */
  isEverywhere(): boolean {
    const serving = new Set([...this.proxies.values()].flatMap(({ server, table }) => (table?.front ? [server] : [])))
    return this.fleet === null || isServedEverywhere(this.fleet, this.parts.observation(), serving)
  }

  /** Those that come at runtime. */
  certificates(): readonly CertificateStatus[] {
    return this.front.statuses()
  }

  close(): void {
    this.closing.abort()
    this.cancel()
    this.mesh.close()
  }

  private forget(): void {
    this.cancel()
    this.wakesAtMs = Infinity
    this.stacks.clear()
    this.routing = null
    this.proxies.clear()
    this.unsettled.clear()
    this.leftSince.clear()
    this.front.forget()
    this.shareBook.forget()
  }

  private turnAt(atMs: number): void {
    if (atMs >= this.wakesAtMs || this.closing.signal.aborted) return
    this.cancel()
    this.wakesAtMs = atMs
    this.cancel = this.parts.clock.after(Math.max(0, atMs - this.parts.clock.nowMs()), () => {
      this.wakesAtMs = Infinity
      this.turn()
    })
  }

  private turn(): void {
    const { fleet } = this
    if (fleet === null || !this.isComplete || this.closing.signal.aborted) return
    this.meet()
    const endpoints = [...this.stacks.values()].map((part) => part.endpoints)
    this.routing ??= route(endpoints, this.lastRouting)
    const routing = this.routing
    this.lastRouting = routing
    const counted = countedBy(routing, fleet, this.proxies.values(), (server) => this.isReached(server))
    this.lastCounted = isSameSet(this.lastCounted, counted) ? this.lastCounted : counted
    const shut = shutPorts(this.proxies.values(), routing.replicas)
    this.lastShut = isSameSet(this.lastShut, shut) ? this.lastShut : shut
    this.front.use(fleet.ingress, endpoints)
    const unread = this.readBack?.unread([...this.proxies.values()])
    const front = this.front.input(fleet.ingress)
    const nowMs = this.parts.clock.nowMs()
    for (const proxy of this.proxies.values()) {
      if (proxy.isBusy || !proxy.isReachable || unread?.has(proxy.containerId) === true) continue
      if (nowMs < proxy.retryAtMs) {
        this.turnAt(proxy.retryAtMs)
        continue
      }
      const input = this.inputFor(proxy, fleet, { routing, counted: this.lastCounted, shut: this.lastShut, front })
      if (input === null) continue
      const { table, counted: sentTo } = tableFor(proxy, input)
      if (!isSameTable(proxy.table, table) || nowMs >= proxy.dueAtMs) void this.send(proxy, table, sentTo)
      else {
        proxy.acked = hasAlready(proxy) ?? proxy.acked
        if (proxy.dueAtMs < Infinity) this.turnAt(proxy.dueAtMs)
      }
    }
    this.tellChanged()
  }

  /** Takes in the proxies that run. Those of servers that cannot be looked at are remembered, and not waited for. */
  private meet(): void {
    const all = [...this.parts.observation().values()].flatMap((view) => proxiesIn(view, this.proxies))
    this.proxies = new Map(all.map((proxy) => [proxy.containerId, proxy]))
  }

  private inputFor(
    proxy: Proxy,
    fleet: BalancedFleet,
    shared: Pick<TableInput, 'routing' | 'counted' | 'shut' | 'front'>,
  ): TableInput | null {
    const { server } = proxy
    const view = this.parts.observation().get(server)
    const mesh = this.mesh.identityOf(server, fleet)
    if (mesh === undefined) return null
    return {
      ...shared,
      server,
      isListening: isListening(fleet, server, view),
      taken: view?.kind === 'listed' ? takenPorts(view) : [],
      peers: this.mesh.peersFor(server),
      mesh,
      names: this.names.inputFor(server, view?.kind === 'listed' ? view.listing.networks : []),
      letGo: new Set(
        shared.routing.leaving
          .filter((one) => one.server === server && this.isLetGo(one.containerId, one.key, proxy))
          .map(({ key, containerId }) => `${key} ${containerId}`),
      ),
    }
  }

  /** It gets nothing here already, or no other proxy sends to it. One that cannot be told so holds nothing up for long. */
  private isLetGo(id: string, key: string, own: Proxy): boolean {
    if (surely(own)?.targets.get(`${key} ${id}`)?.state === 'drain') return true
    const letGoAtMs =
      LET_GO_MS + Math.min(...[...this.stacks.values()].map(({ leaving }) => leaving.get(id)?.sinceMs ?? Infinity))
    if (this.parts.clock.nowMs() >= letGoAtMs) return true
    if (letGoAtMs < Infinity) this.turnAt(letGoAtMs)
    const others = [...this.proxies.values()].filter((proxy) => proxy.server !== own.server && proxy.isReachable)
    return others.every((proxy) => surely(proxy)?.counted.has(`${key} ${id}`) === false)
  }

  private isReached(server: string): boolean {
    return this.parts.observation().get(server)?.kind === 'listed'
  }

  private async send(proxy: Proxy, table: ProxyTable, counted: ReadonlySet<string>): Promise<void> {
    const { balancer, clock } = this.parts
    proxy.isBusy = true
    if (table !== proxy.table) proxy.isSure = false
    const result = await balancer
      .balance(proxy.server, proxy.containerId, table, this.closing.signal)
      .catch((error: unknown) => ({ ok: false, problem: problemOf(error) }) as const)
    proxy.isBusy = false
    if (this.closing.signal.aborted || this.fleet === null) return
    const nowMs = clock.nowMs()
    if (result.ok) accept(proxy, table, result.value, counted, nowMs)
    else this.fail(proxy, result.problem, nowMs)
    this.front.stand(this.proxies.values())
    this.tellChanged()
    const { figures } = result.ok ? result.value : {}
    if (result.ok)
      this.shareBook.answered(proxy, table, figures, this.proxies.values(), nowMs).forEach(this.parts.changed)
    this.turnAt(nowMs + GATHER_MS)
  }

  private fail(proxy: Proxy, problem: Problem, nowMs: number): void {
    if (proxy.problem?.message !== problem.message) this.parts.failed(proxy.server, problem)
    proxy.problem = { ...problem, server: proxy.server }
    proxy.failures += 1
    proxy.table = null
    proxy.isSure = false
    proxy.retryAtMs = nowMs + Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(proxy.failures - 1, 10))
  }

  private noteUnsettled(stack: string): void {
    const part = this.stacks.get(stack)
    const rotation = part === undefined ? NOWHERE : this.rotation(stack, part.endpoints, [])
    const isMoving = [...rotation.values()].some(({ phase }) => phase !== 'in')
    if (isMoving) this.unsettled.set(stack, JSON.stringify([...rotation]))
    else this.unsettled.delete(stack)
  }

  private tellChanged(): void {
    for (const [stack, before] of [...this.unsettled]) {
      this.noteUnsettled(stack)
      if (this.unsettled.get(stack) !== before) this.parts.changed(stack)
    }
  }
}
