import { formatLimits } from '../model/index.js'
import type {
  Action,
  Fleet,
  Observation,
  Problem,
  Replica,
  Result,
  Server,
  ServerView,
  StackPlan,
} from '../model/index.js'
import { createLoader } from '../manifest/index.js'
import { measureUsage, withPlan } from '../planner/index.js'
import type { FleetUsage } from '../planner/index.js'
import { trackAnswer, trackLook } from '../rollout/index.js'
import type { Ask, Diagnosis, FailureEvidence, HealthTrack } from '../rollout/index.js'
import { Acceptance, answerTo } from './acceptance.js'
import { decideStack, isProbed } from './decide.js'
import type { Decision } from './decide.js'
import type { Command, Fact } from './facts.js'
import { FOLLOW_DEFAULTS, Follower } from './follower.js'
import type { FollowOptions } from './follower.js'
import { describeFact } from './describe-fact.js'
import { Memory } from './memory.js'
import { Performer, problemOf } from './performer.js'
import type { Inventory, Ports } from './ports.js'
import { ProvenRecovery } from './proven-recovery.js'
import { findRival } from './rivals.js'
import { WATCH_DEFAULTS, ServerWatch } from './server-watch.js'
import type { WatchOptions } from './server-watch.js'
import { fleetStatus } from './status-view.js'
import type { FleetStatus } from './status.js'

/** Times in ms. */
export interface ControllerOptions {
  /** For the status: where Git is. */
  readonly repository: string
  readonly ref: string
  readonly follow: Partial<FollowOptions>
  readonly watch: Partial<WatchOptions>
  /** Replicas of another controller that appear later than this after the first look are a rival's. Default 30 s. */
  readonly rivalGraceMs: number
  /** Plan and show, change nothing: guards are reported instead of obeyed. */
  readonly dryRun: boolean
  /** What is under way at the end is awaited this long. Default 30 s. */
  readonly stopDeadlineMs: number
}

export const CONTROLLER_DEFAULTS: ControllerOptions = Object.freeze({
  repository: '',
  ref: 'main',
  follow: {},
  watch: {},
  rivalGraceMs: 30_000,
  dryRun: false,
  stopDeadlineMs: 30_000,
})

const JOURNAL_RETRY_MS = 5_000

/**
 * The loop: gather facts, decide, act, look. Everything is event-driven and level-triggered: a look that shows something new, an answer, a time that
 * has come, a commit or a command marks stacks, and each marked stack is decided anew from all that is known. Decisions never overlap and never wait.
 */
export class Controller {
  private readonly ports: Ports
  private readonly options: ControllerOptions
  private readonly memory: Memory
  private readonly performer: Performer
  private readonly watch: ServerWatch
  private readonly follower: Follower
  private readonly acceptance: Acceptance
  private readonly recovery: ProvenRecovery
  private readonly inventories: Map<string, Inventory>
  private readonly decisions = new Map<string, Decision>()
  private readonly bugs = new Map<string, Problem>()
  private readonly tracks = new Map<string, HealthTrack>()
  private readonly evidence = new Map<string, FailureEvidence | null>()
  private readonly asking = new Set<string>()
  private readonly dirty = new Set<string>()
  private readonly alarms = new Map<string, () => void>()
  private readonly listeners = new Set<() => void>()
  private readonly firstListed = new Map<string, number>()
  private usage: FleetUsage | undefined
  private ticking = false
  private started = false
  private closed = false
  private notifying = false
  private readonly startedAtMs: number
  private readonly closing = new AbortController()

  constructor(ports: Ports, options: Partial<ControllerOptions>) {
    this.ports = ports
    this.options = { ...CONTROLLER_DEFAULTS, ...options }
    this.startedAtMs = ports.clock.nowMs()
    const content = ports.journal.load()
    this.inventories = new Map(content.inventories.map((inventory) => [inventory.server, inventory]))
    this.memory = new Memory(ports.journal, content.snapshot, content.facts, (fact) => this.recorded(fact))
    this.performer = new Performer(
      ports.driver,
      ports.journal,
      ports.clock,
      this.performerEvents(),
      content.openIntents,
    )
    this.watch = new ServerWatch(
      ports.driver,
      ports.clock,
      { ...WATCH_DEFAULTS, ...this.options.watch },
      {
        closer: (server) => this.closer(server),
        unconfirmed: (server) => this.performer.unconfirmed(server),
        looked: (server, view, before, changed, seq) => this.looked(server, view, before, changed, seq),
      },
    )
    this.acceptance = new Acceptance(ports, this.memory, (signal) => this.observed(signal), this.options.dryRun)
    this.follower = new Follower(
      ports.source,
      createLoader(),
      ports.clock,
      { ...FOLLOW_DEFAULTS, ...this.options.follow },
      {
        found: (revision, outcome) => this.acceptance.consider(revision, outcome, this.closing.signal),
        isKnown: (sha) => this.acceptance.isKnown(sha),
        polled: () => this.notify(),
      },
    )
    this.recovery = new ProvenRecovery(ports, this.memory, this.follower, (stack) => this.mark(stack))
  }

  start(): void {
    this.started = true
    const { accepted } = this.memory.state
    if (accepted !== null) this.useFleet(accepted.fleet)
    void this.follower.poll()
  }

  /** Ends at the next safe point: nothing new is sent, what is under way is awaited, the journal is compact. */
  async stop(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.follower.close()
    for (const cancel of this.alarms.values()) cancel()
    await this.performer.drain(this.options.stopDeadlineMs)
    this.closing.abort()
    this.watch.close()
    this.memory.compact()
  }

  /** Does what a person says, now. The answer says what will follow. */
  command(command: Command): Result<string> {
    const checked = this.acceptance.check(command)
    if (!checked.ok) return checked
    return this.obey(checked.value)
  }

  private obey(command: Command): Result<string> {
    if (
      command.kind !== 'sync' &&
      !this.memory.record([{ kind: 'commanded', atMs: this.ports.clock.nowMs(), command }])
    ) {
      return {
        ok: false,
        problem: this.memory.problem ?? { code: 'STORE_FAILED', message: 'the journal cannot be written' },
      }
    }
    if (command.kind === 'approve') void this.acceptance.reconsider(this.follower, this.closing.signal)
    if (command.kind === 'sync') {
      void this.follower.poll()
      for (const server of this.watch.observation().keys()) this.watch.look(server)
    }
    this.markAll()
    return { ok: true, value: answerTo(command) }
  }

  /** Asks Git now; resolves when what it says has been judged. */
  async poll(): Promise<void> {
    await this.follower.poll()
  }

  status(): FleetStatus {
    return fleetStatus({
      nowMs: this.ports.clock.nowMs(),
      startedAtMs: this.startedAtMs,
      controllerId: this.ports.journal.controllerId,
      repository: this.options.repository,
      ref: this.options.ref,
      follower: this.follower,
      state: this.memory.state,
      problems: [...(this.memory.problem !== null ? [this.memory.problem] : []), ...this.acceptance.problems],
      observation: this.watch.observation(),
      servers: this.servers(),
      decisions: this.decisions,
      bugs: this.bugs,
      invalid: this.acceptance.invalidStacks,
    })
  }

  /** The newest plan of each stack, as decided last. */
  plans(): readonly StackPlan[] {
    return [...this.decisions.values()].map((decision) => decision.plan).sort((a, b) => (a.stack < b.stack ? -1 : 1))
  }

  /** Called after anything that `status` shows may have changed, not more often than the loop turns. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Nothing is under way and nothing is left to decide. */
  isQuiet(): boolean {
    return this.watch.isComplete() && this.performer.isIdle() && this.dirty.size === 0 && this.asking.size === 0
  }

  private servers(): readonly Server[] {
    const { accepted, retired } = this.memory.state
    return [...(accepted?.fleet.servers ?? []), ...Object.values(retired)]
  }

  private useFleet(fleet: Fleet): void {
    const servers = this.servers()
    this.ports.driver.use(fleet.name, servers)
    this.watch.use(servers, this.inventories)
    this.markAll()
  }

  private performerEvents(): ConstructorParameters<typeof Performer>[3] {
    return {
      answered: (action, result) => {
        if (!result.ok)
          this.log('warn', 'action failed', {
            action: action.kind,
            server: action.server,
            stack: action.stack,
            code: result.problem.code,
            problem: result.problem.message,
          })
        if (action.kind === 'update' && result.ok) this.memory.record([limitsFact(action, this.ports.clock.nowMs())])
        // A container that was started again is judged anew.
        if (action.kind === 'start' || action.kind === 'restart') this.forgetReplica(action.containerId)
        this.mark(action.stack)
      },
      journalFailed: (problem) => this.log('error', 'journal failed', { code: problem.code, problem: problem.message }),
      lastLook: (server) => this.watch.lastStarted(server),
      look: (server) => this.watch.look(server),
      freed: (stack) => this.mark(stack),
    }
  }

  private forgetReplica(containerId: string): void {
    this.tracks.delete(containerId)
    this.evidence.delete(containerId)
  }

  private recorded(fact: Fact): void {
    const { level, message, fields } = describeFact(fact)
    this.log(level, message, fields)
    if (fact.kind === 'revision-accepted') this.useFleet(fact.fleet)
    this.notify()
  }

  private log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Parameters<Ports['log']>[0]['fields'],
  ): void {
    this.ports.log({ atMs: this.ports.clock.nowMs(), level, message, fields })
  }

  private closer(server: string): readonly string[] {
    const ids: string[] = []
    for (const { advice } of this.decisions.values())
      for (const replica of advice.watched) if (replica.server === server) ids.push(replica.containerId)
    return ids
  }

  private looked(
    server: string,
    view: ServerView,
    before: ServerView | undefined,
    changed: boolean,
    seq: number,
  ): void {
    if (this.closed) return
    const nowMs = this.ports.clock.nowMs()
    if (view.kind === 'listed') {
      this.performer.seen(server, seq)
      if (!this.firstListed.has(server)) this.firstListed.set(server, nowMs)
      this.trackLooks(view, nowMs)
    }
    if (!changed) return
    this.noteServer(server, view, before, nowMs)
    this.markTouched(view, before)
    this.notify()
  }

  private trackLooks(view: Extract<ServerView, { kind: 'listed' }>, nowMs: number): void {
    if (this.tracks.size === 0) return
    for (const replica of view.listing.replicas) {
      const track = this.tracks.get(replica.containerId)
      const decision = this.decisions.get(replica.slot.stack)
      if (track === undefined || decision === undefined) continue
      this.tracks.set(replica.containerId, trackLook(track, replica, isProbed(decision, replica), nowMs))
      this.mark(replica.slot.stack)
    }
  }

  private noteServer(server: string, view: ServerView, before: ServerView | undefined, nowMs: number): void {
    if (view.kind === 'unreachable') {
      if (view.phase === 'lost') this.performer.abandon(server)
      if (before?.kind !== 'unreachable' || before.phase !== view.phase)
        this.log('warn', 'server unreachable', {
          server,
          phase: view.phase,
          code: view.problem.code,
          problem: view.problem.message,
        })
      if (view.phase === 'lost' && !(before?.kind === 'unreachable' && before.phase === 'lost'))
        this.memory.record([{ kind: 'server-lost', atMs: nowMs, server }])
      return
    }
    if (before?.kind === 'unreachable') {
      this.performer.forget(server)
      this.log('info', 'server back', { server })
      if (before.phase === 'lost') this.memory.record([{ kind: 'server-returned', atMs: nowMs, server }])
    }
    const { engineId } = view.listing.facts
    const pinned = this.memory.state.engines[server]
    if (pinned !== engineId) this.memory.record([{ kind: 'engine-pinned', atMs: nowMs, server, engineId }])
    if (pinned !== undefined && pinned !== engineId)
      this.log('warn', 'engine changed', { server, code: 'ENGINE_CHANGED', engine: engineId })
    const inventory = { server, engineId, replicas: view.listing.replicas.map(withoutDetail) }
    this.inventories.set(server, inventory)
    this.memory.write(() => this.ports.journal.putInventory(inventory))
    const own = {
      controllerId: this.ports.journal.controllerId,
      firstListedAtMs: this.firstListed.get(server) ?? nowMs,
      graceMs: this.options.rivalGraceMs,
    }
    const rival = findRival(view, before, own, nowMs)
    if (rival !== null && this.memory.state.rival === null)
      this.memory.record([{ kind: 'rival-seen', atMs: nowMs, server, ...rival }])
    this.retireServer(server, view, nowMs)
  }

  /** A server that left the fleet is let go of when nothing of ours is on it. */
  private retireServer(server: string, view: Extract<ServerView, { kind: 'listed' }>, nowMs: number): void {
    if (this.memory.state.retired[server] === undefined || view.listing.replicas.length > 0) return
    this.memory.record([{ kind: 'server-retired', atMs: nowMs, server }])
    this.memory.write(() => this.ports.journal.dropInventory(server))
    this.inventories.delete(server)
    const { accepted } = this.memory.state
    if (accepted !== null) this.useFleet(accepted.fleet)
  }

  /** Stacks with something on the server, before or now; a server that came or went concerns all. */
  private markTouched(view: ServerView, before: ServerView | undefined): void {
    if (
      before === undefined ||
      before.kind !== view.kind ||
      view.kind === 'unreachable' ||
      before.kind === 'unreachable'
    ) {
      this.markAll()
      return
    }
    const known = new Map(before.listing.replicas.map((replica) => [replica.containerId, replica]))
    const touched = new Set<string>()
    for (const replica of view.listing.replicas) {
      const was = known.get(replica.containerId)
      known.delete(replica.containerId)
      if (
        was === undefined ||
        was.state !== replica.state ||
        was.health !== replica.health ||
        was.exitCode !== replica.exitCode
      )
        touched.add(replica.slot.stack)
    }
    for (const gone of known.values()) touched.add(gone.slot.stack)
    if (before.listing.foreign !== view.listing.foreign || before.listing.volumes !== view.listing.volumes)
      for (const [name, decision] of this.decisions)
        if (decision.plan.changes.some((change) => change.kind === 'blocked')) touched.add(name)
    for (const stack of touched) this.mark(stack)
  }

  private mark(stack: string): void {
    this.dirty.add(stack)
    this.tickSoon()
  }

  private markAll(): void {
    for (const name of this.stackNames()) this.dirty.add(name)
    this.tickSoon()
  }

  private stackNames(): readonly string[] {
    return Object.keys(this.memory.state.stacks)
  }

  private tickSoon(): void {
    if (this.ticking || this.closed || !this.started) return
    this.ticking = true
    this.ports.clock.after(0, () => {
      this.ticking = false
      this.tick()
    })
  }

  /** Decides every marked stack. One that fails by a bug of ours stops alone. */
  private tick(): void {
    if (this.closed || !this.watch.isComplete() || this.memory.state.accepted === null) return
    this.usage = measureUsage(this.watch.observation(), this.memory.specOf, this.usage)
    this.acceptance.adoptOrphans(this.watch.observation())
    if (this.memory.problem !== null) this.retryJournal()
    const names = [...this.dirty].sort()
    this.dirty.clear()
    let usage = this.usage
    for (const name of names) {
      this.decide(name, this.memory.state.accepted.fleet, usage)
      // What one stack is about to take is not free for the next.
      const decision = this.decisions.get(name)
      if (decision !== undefined) usage = withPlan(usage, decision.plan)
    }
    this.notify()
  }

  /** While the journal cannot be written nothing is done; whether it can be again is found out by writing. */
  private retryJournal(): void {
    this.memory.compact()
    if (this.memory.problem !== null) this.ports.clock.after(JOURNAL_RETRY_MS, () => this.markAll())
  }

  private decide(name: string, fleet: Fleet, usage: FleetUsage): void {
    this.alarms.get(name)?.()
    this.alarms.delete(name)
    if (this.recovery.isNeeded(name, this.watch.observation(), this.closing.signal)) return
    try {
      const nowMs = this.ports.clock.nowMs()
      const held = this.isHeld(name)
      const input = {
        nowMs,
        controllerId: this.ports.journal.controllerId,
        fleet,
        observation: usage.observation,
        usage,
        memory: this.memory,
        performer: this.performer,
        tracks: this.tracks,
        evidence: this.evidence,
      }
      const decision = decideStack(input, name, held)
      this.bugs.delete(name)
      if (decision === null) {
        this.decisions.delete(name)
        return
      }
      this.decisions.set(name, decision)
      if (!held) this.act(name, decision)
    } catch (error) {
      // A broken invariant stops this stack and is shown; the others go on.
      const problem = { ...problemOf(error), stack: name }
      this.bugs.set(name, problem)
      this.log('error', 'decision failed', { stack: name, code: problem.code, problem: problem.message })
    }
  }

  /** A person, another controller or a full disk may hold a stack: it is planned and shown, nothing is done. */
  private isHeld(name: string): boolean {
    const { suspended, rival } = this.memory.state
    return (
      this.options.dryRun ||
      rival !== null ||
      suspended['*'] !== undefined ||
      suspended[name] !== undefined ||
      this.memory.problem !== null
    )
  }

  private act(name: string, { advice }: Decision): void {
    const suspended = this.memory.state.suspended
    const actions = advice.actions.filter(
      (action) => !('slot' in action) || suspended[`${name}/${action.slot.service}`] === undefined,
    )
    this.performer.send(actions)
    for (const ask of advice.asks) void this.ask(name, ask)
    for (const diagnosis of advice.diagnoses) void this.diagnose(name, diagnosis)
    this.keepTracks(name)
    const coolAtMs = this.performer.coolAtMs(name)
    const times = [advice.wakeAtMs, coolAtMs].filter((time) => time !== null)
    if (times.length > 0)
      this.alarms.set(
        name,
        this.ports.clock.after(Math.max(0, Math.min(...times) - this.ports.clock.nowMs()), () => this.mark(name)),
      )
  }

  /** Tracks of containers that nobody watches any more are dropped. */
  private keepTracks(name: string): void {
    const watched = new Set(
      [...this.decisions.values()].flatMap((decision) => decision.advice.watched.map((replica) => replica.containerId)),
    )
    const busy = this.performer.busySlots(name).size > 0
    if (busy) return
    for (const id of this.tracks.keys()) if (!watched.has(id)) this.forgetReplica(id)
  }

  private async ask(name: string, ask: Ask): Promise<void> {
    const id = ask.replica.containerId
    if (this.asking.has(id)) return
    this.asking.add(id)
    const result = await this.ports.driver
      .ask(ask.server, { replica: ask.replica, probe: ask.probe, healthcheck: ask.healthcheck }, this.closing.signal)
      .catch((error: unknown) => ({ ok: false, problem: problemOf(error) }) as const)
    this.asking.delete(id)
    const track = this.tracks.get(id)
    if (track === undefined || this.closed) return
    const { verdict, output } = result.ok
      ? result.value
      : ({ verdict: 'unknown', output: result.problem.message } as const)
    this.tracks.set(id, trackAnswer(track, verdict, output, this.ports.clock.nowMs()))
    this.mark(name)
  }

  private async diagnose(name: string, diagnosis: Diagnosis): Promise<void> {
    const id = diagnosis.containerId
    if (this.asking.has(id)) return
    this.asking.add(id)
    const result = await this.ports.driver
      .diagnose(diagnosis.server, id, this.closing.signal)
      .catch((error: unknown) => ({ ok: false, problem: problemOf(error) }) as const)
    this.asking.delete(id)
    if (this.closed) return
    const output = this.tracks.get(id)?.output ?? ''
    this.evidence.set(id, result.ok ? withProbe(result.value, output) : null)
    this.mark(name)
  }

  /** What the servers show, once each has been looked at. */
  private async observed(signal: AbortSignal): Promise<Observation> {
    while (!this.watch.isComplete() && !signal.aborted)
      await new Promise<void>((resolve) => void this.ports.clock.after(20, resolve))
    return this.watch.observation()
  }

  private notify(): void {
    if (this.notifying || this.closed) return
    this.notifying = true
    this.ports.clock.after(0, () => {
      this.notifying = false
      for (const listener of this.listeners) listener()
    })
  }
}

/** What the probe said counts where the engine knows nothing. */
function withProbe(evidence: FailureEvidence, output: string): FailureEvidence {
  return evidence.healthOutput === '' && output !== '' ? { ...evidence, healthOutput: output } : evidence
}

function limitsFact(action: Extract<Action, { kind: 'update' }>, atMs: number): Fact {
  return {
    kind: 'limits-updated',
    atMs,
    stack: action.stack,
    service: action.slot.service,
    containerId: action.containerId,
    limits: formatLimits({ limits: action.limits }),
  }
}

function withoutDetail(replica: Replica): Replica {
  const { detail: _forgotten, ...rest } = replica
  return rest
}
