import { measureUsage, withPlan } from '../planner/index.js'
import type { FleetUsage } from '../planner/index.js'
import type { Action, Fleet, NetworkSeen, Observation, Problem } from '../model/index.js'
import type { Asker } from './asker.js'
import type { CheckBook } from './check-book.js'
import { decideStack, proxiesLeave } from './decide.js'
import type { Decision } from './decide.js'
import type { Memory } from './memory.js'
import { problemOf } from './performer.js'
import type { Performer } from './performer.js'
import type { Ports } from './ports.js'
import type { ProvenRecovery } from './proven-recovery.js'
import type { Proxies } from './proxies.js'
import type { ServerWatch } from './server-watch.js'

/** Who the loop works with. */
export interface LoopParts {
  readonly ports: Ports
  readonly memory: Memory
  readonly performer: Performer
  readonly asker: Asker
  readonly watch: ServerWatch
  readonly recovery: ProvenRecovery
  /** Null: proxies are left alone. */
  readonly proxies: Proxies | null
  readonly checks: CheckBook
  readonly dryRun: boolean
  /** Before each turn: what must be known of all stacks together. Returns those that it made known, which nobody has marked yet. */
  readonly prepare: (observation: Observation) => readonly string[]
  readonly turned: () => void
}

/** What waits for a proxy is looked at again after. */
const WAITING_MS = 100

/** Whether the journal can be written again is found out this often. */
const JOURNAL_RETRY_MS = 5_000

/**
 * Marked stacks are decided anew, from all that is known, once a turn; turns never overlap and never wait. A stack is marked by a look that shows
 * something new, an answer, a time that has come, a commit, a command: by level, never by what happened.
 */
export class StackLoop {
  readonly decisions = new Map<string, Decision>()
  readonly bugs = new Map<string, Problem>()
  /** Stacks that were decided once at least. */
  private readonly known = new Set<string>()
  /** Stacks whose plan brings replicas to servers. */
  private readonly arriving = new Set<string>()
  private readonly dirty = new Set<string>()
  private readonly alarms = new Map<string, () => void>()
  private usage: FleetUsage | undefined
  private watched: ReadonlyMap<string, readonly string[]> | null = null
  private turning = false
  private running = false
  private readonly parts: LoopParts

  constructor(parts: LoopParts) {
    this.parts = parts
  }

  start(): void {
    this.running = true
  }

  stop(): void {
    this.running = false
    for (const cancel of this.alarms.values()) cancel()
  }

  get isIdle(): boolean {
    return this.dirty.size === 0 && !this.parts.recovery.isReading
  }

  mark(stack: string): void {
    this.dirty.add(stack)
    this.turnSoon()
  }

  markAll(): void {
    for (const name of Object.keys(this.parts.memory.state.stacks)) this.dirty.add(name)
    this.turnSoon()
  }

  /** Stacks that wait for room or a port: any change on a server may be what they wait for. */
  markBlocked(): void {
    for (const [name, { plan }] of this.decisions)
      if (plan.changes.some((change) => change.kind === 'blocked')) this.mark(name)
  }

  /** Stacks that bring replicas to servers: an image that one of them had pulled may be what another waits for. */
  markArriving(): void {
    for (const name of this.arriving) this.mark(name)
  }

  /** Containers on a server that want a closer look. Asked at each look: grouped once a decision. */
  closer(server: string): readonly string[] {
    this.watched ??= watchedByServer(this.decisions.values())
    return this.watched.get(server) ?? []
  }

  private turnSoon(): void {
    if (this.turning || !this.running) return
    this.turning = true
    this.parts.ports.clock.after(0, () => {
      this.turning = false
      if (this.running) this.turn()
    })
  }

  private turn(): void {
    const { memory, watch } = this.parts
    const { accepted } = memory.state
    if (!watch.isComplete() || accepted === null) return
    this.usage = measureUsage(watch.observation(), memory.specOf, this.usage)
    if (memory.problem !== null) this.retryJournal()
    for (const name of this.parts.prepare(this.usage.observation)) this.dirty.add(name)
    this.meetNames(this.usage.observation)
    const names = [...this.dirty].sort()
    this.dirty.clear()
    // What one stack is about to take is not free for the next; that of stacks that are not decided now is still under way.
    let usage = this.claimed(
      this.usage,
      [...this.arriving].filter((name) => !names.includes(name)),
    )
    for (const name of names) {
      this.decide(name, accepted.fleet, usage)
      usage = this.claimed(usage, [name])
    }
    if (Object.keys(memory.state.stacks).every((name) => this.known.has(name))) this.parts.proxies?.complete()
    this.parts.turned()
  }

  /** Names are of all stacks together, in what is wanted and in what was proven. */
  private meetNames(observation: Observation): void {
    const { memory, proxies } = this.parts
    if (proxies?.names.isOn !== true) return
    const stacks = Object.entries(memory.state.stacks).flatMap(([name, { desired, proven }]) =>
      [desired, proven].flatMap((version) => (version === null ? [] : (memory.stack(version.hash, name) ?? []))),
    )
    proxies.names.meet([...new Set(stacks)], observation)
  }

  private claimed(usage: FleetUsage, names: readonly string[]): FleetUsage {
    return names.reduce((sum, name) => {
      const decision = this.decisions.get(name)
      return decision === undefined ? sum : withPlan(sum, decision.plan)
    }, usage)
  }

  /** While the journal cannot be written nothing is done; whether it can be again is found out by writing. */
  private retryJournal(): void {
    const { memory, ports } = this.parts
    memory.compact()
    if (memory.problem !== null) ports.clock.after(JOURNAL_RETRY_MS, () => this.markAll())
  }

  private decide(name: string, fleet: Fleet, usage: FleetUsage): void {
    this.alarms.get(name)?.()
    this.alarms.delete(name)
    const { ports, memory, performer, asker, recovery, proxies, checks, watch } = this.parts
    try {
      if (recovery.isNeeded(name, usage)) return
      const held = this.isHeld(name) || proxiesLeave(name, memory, usage)
      const times = { nowMs: ports.clock.nowMs(), awakeSinceMs: watch.awakeSinceMs() }
      const about = { ...times, controllerId: ports.journal.controllerId, fleet, usage }
      const decision = decideStack(
        { ...about, observation: usage.observation, memory, performer, asker, proxies, checks },
        name,
        held,
      )
      this.bugs.delete(name)
      this.known.add(name)
      this.keep(name, decision)
      if (decision !== null && !held) this.act(name, decision)
    } catch (error) {
      this.broken(name, { ...problemOf(error), stack: name })
    }
  }

  private keep(name: string, decision: Decision | null): void {
    this.watched = null
    if (decision === null) this.decisions.delete(name)
    else this.decisions.set(name, decision)
    const arrives =
      decision?.plan.changes.some((change) => change.kind === 'create' || change.kind === 'replace') === true
    if (arrives) this.arriving.add(name)
    else this.arriving.delete(name)
  }

  /** A broken invariant stops this stack and is shown; the others go on. */
  private broken(name: string, problem: Problem): void {
    this.bugs.set(name, problem)
    const fields = { stack: name, code: problem.code, problem: problem.message }
    this.parts.ports.log({ atMs: this.parts.ports.clock.nowMs(), level: 'error', message: 'decision failed', fields })
  }

  /** A person, another controller or a full disk may hold a stack: it is planned and shown, nothing is done. */
  private isHeld(name: string): boolean {
    const { suspended, rival } = this.parts.memory.state
    const byPerson = suspended['*'] !== undefined || suspended[name] !== undefined
    return this.parts.dryRun || byPerson || rival !== null || this.parts.memory.problem !== null
  }

  private act(name: string, { advice, target }: Decision): void {
    const { ports, performer, asker, watch } = this.parts
    const { proxies } = this.parts
    const given = proxies?.names.give(advice.actions, target.stack, performer.prepared) ?? advice.actions
    const waiting = proxies === null ? [] : this.waiting(given, proxies)
    performer.send(given.filter((action) => !waiting.includes(action)))
    for (const ask of advice.asks) void asker.ask(ask)
    for (const diagnosis of advice.diagnoses) void asker.diagnose(diagnosis)
    for (const server of advice.looks) watch.look(server)
    this.keepTracks(name)
    const askAgainAtMs = waiting.length > 0 ? ports.clock.nowMs() + WAITING_MS : null
    const times = [advice.wakeAtMs, performer.coolAtMs(name), askAgainAtMs].filter((time) => time !== null)
    if (times.length === 0) return
    const delayMs = Math.max(0, Math.min(...times) - ports.clock.nowMs())
    this.alarms.set(
      name,
      ports.clock.after(delayMs, () => this.mark(name)),
    )
  }

  private waiting(actions: readonly Action[], proxies: Proxies): readonly Action[] {
    const { ports, watch } = this.parts
    const networks = (server: string): readonly NetworkSeen[] => {
      const view = watch.observation().get(server)
      return view?.kind === 'listed' ? view.listing.networks : []
    }
    const tables = (server: string) => proxies.tablesOn(server)
    return proxies.names.waiting(actions, { tables, networks, nowMs: ports.clock.nowMs() })
  }

  /** Tracks of containers that nobody watches any more are dropped. */
  private keepTracks(name: string): void {
    if (this.parts.performer.busySlots(name).size > 0) return
    const watched = [...this.decisions.values()].flatMap((decision) => decision.advice.watched)
    this.parts.asker.keepOnly(new Set(watched.map((replica) => replica.containerId)))
  }
}

function watchedByServer(decisions: Iterable<Decision>): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const { advice } of decisions)
    for (const { server, containerId } of advice.watched)
      groups.set(server, [...(groups.get(server) ?? []), containerId])
  return groups
}
