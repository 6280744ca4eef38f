import { INGRESS_STACK } from '../model/index.js'
import type { Observation, Problem, Result, Server, ServerView, Stack, StackPlan } from '../model/index.js'
import { Acceptance } from './acceptance.js'
import { answerTo } from './answers.js'
import { Asker } from './asker.js'
import { CheckBook } from './check-book.js'
import { checkCommand } from './check-command.js'
import { CONTROLLER_DEFAULTS } from './controller-options.js'
import type { ControllerOptions } from './controller-options.js'
import { isProbed } from './decide.js'
import { describeFact, describeFailure } from './describe-fact.js'
import type { Command, Fact } from './facts.js'
import { FOLLOW_DEFAULTS, Follower } from './follower.js'
import { limitsFact } from './limits-fact.js'
import { Memory } from './memory.js'
import { Performer } from './performer.js'
import type { LogEvent, Ports } from './ports.js'
import type { Snapshot } from './preview.js'
import { ProvenRecovery } from './proven-recovery.js'
import { openProxies } from './open-proxies.js'
import type { Proxies } from './proxies.js'
import { ServerBook } from './server-book.js'
import { ServerWatch, WATCH_DEFAULTS } from './server-watch.js'
import type { Look } from './server-watch.js'
import { StackLoop } from './stack-loop.js'
import { fleetStatus } from './status-view.js'
import type { FleetStatus } from './status.js'
import { isAnotherEngine, touchedStacks } from './touched.js'

/** Timers of longer than some weeks fire at once. */
const LONGEST_NAP_MS = 24 * 3_600_000

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
  private readonly book: ServerBook
  private readonly asker: Asker
  private readonly loop: StackLoop
  private readonly proxies: Proxies | null
  private readonly checks: CheckBook
  private readonly listeners = new Set<() => void>()
  private closed = false
  private cancelWake: () => void = () => undefined
  private notifying = false
  private readonly startedAtMs: number
  private readonly closing = new AbortController()

  constructor(ports: Ports, options: Partial<ControllerOptions>) {
    this.ports = ports
    this.options = { ...CONTROLLER_DEFAULTS, ...options }
    this.startedAtMs = ports.clock.nowMs()
    const content = ports.journal.load()
    this.memory = new Memory(ports.journal, content.snapshot, content.facts, (fact) => this.recorded(fact))
    this.book = new ServerBook(ports, this.memory, content.inventories, this.options.rivalGraceMs)
    this.asker = new Asker(ports.driver, ports.clock, this.closing.signal, (stack) => this.loop.mark(stack))
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
        closer: (server) => this.loop.closer(server),
        unconfirmed: (server) => this.performer.unconfirmed(server),
        looked: (server, view, before, changed, look) => this.looked(server, view, before, changed, look),
        renamed: (server) => void (this.book.letGo(server) && this.useFleet()),
      },
    )
    this.acceptance = new Acceptance(
      ports,
      this.memory,
      (signal) => this.observed(signal),
      this.options,
      (atMs) => this.wakeAt(atMs),
    )
    this.follower = new Follower(
      ports.source,
      ports.loader,
      ports.clock,
      { ...FOLLOW_DEFAULTS, ...this.options.follow },
      {
        found: (revision, outcome) => this.acceptance.consider(revision, outcome, this.closing.signal),
        isKnown: (sha) => this.acceptance.isKnown(sha),
        polled: () => this.notify(),
      },
    )
    const mark = (stack: string): void => this.loop.mark(stack)
    const recovery = new ProvenRecovery(ports, this.memory, this.follower, this.closing.signal, mark)
    const papers = {
      isHeld: () => this.memory.state.rival !== null,
      isEverywhere: () => this.proxies?.isEverywhere() === true,
      record: (fact: Fact) => void this.memory.record([fact]),
    }
    this.proxies = options.dryRun === true ? null : openProxies(ports, this.watch, mark, papers)
    this.checks = new CheckBook(ports, this.closing.signal, mark)
    this.loop = new StackLoop({
      ports,
      memory: this.memory,
      performer: this.performer,
      asker: this.asker,
      watch: this.watch,
      recovery,
      proxies: this.proxies,
      checks: this.checks,
      dryRun: this.options.dryRun,
      prepare: (observation) => {
        this.book.noteLost(observation)
        return this.acceptance.adoptOrphans(observation)
      },
      turned: () => this.notify(),
    })
  }

  start(): void {
    this.loop.start()
    this.useFleet()
    void this.follower.poll()
  }

  /** Ends at the next safe point: nothing new is sent, what is under way is awaited, the journal is compact. */
  async stop(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.follower.close()
    this.cancelWake()
    this.loop.stop()
    await this.performer.drain(this.options.stopDeadlineMs)
    this.closing.abort()
    this.proxies?.close()
    this.checks.close()
    this.watch.close()
    this.memory.compact()
  }

  /** Does what a person says, now. The answer says what will follow. */
  command(command: Command): Result<string> {
    const checked = checkCommand(this.memory, this.acceptance.waiting, command)
    if (!checked.ok) return checked
    return this.obey(checked.value)
  }

  private obey(command: Command): Result<string> {
    const fact: Fact = { kind: 'commanded', atMs: this.ports.clock.nowMs(), command }
    if (command.kind !== 'sync' && !this.memory.record([fact])) {
      const unknown: Problem = { code: 'STORE_FAILED', message: 'the journal cannot be written' }
      return { ok: false, problem: this.memory.problem ?? unknown }
    }
    if (command.kind === 'resume') this.forgiveDelay()
    if (command.kind === 'approve') void this.acceptance.reconsider(this.follower, this.closing.signal)
    if (command.kind === 'sync') {
      void this.follower.poll()
      for (const server of this.watch.observation().keys()) this.watch.look(server)
    }
    this.loop.markAll()
    return { ok: true, value: answerTo(command) }
  }

  /** Writes the folded state and lets the journal forget what it covers. Done by itself every few hundred facts and at the end. */
  compact(): void {
    this.memory.compact()
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
      proxyProblems: this.proxies?.problems() ?? [],
      names: this.proxies?.names ?? null,
      certificates: this.proxies?.certificates() ?? [],
      observation: this.watch.observation(),
      servers: this.servers(),
      decisions: this.loop.decisions,
      bugs: this.loop.bugs,
      invalid: this.acceptance.invalidStacks,
    })
  }

  /** What is known now, for a plan of something else. */
  snapshot(): Snapshot {
    const { state } = this.memory
    const stack = (hash: string): Stack | undefined => this.memory.stack(hash) ?? undefined
    const { journal, loader } = this.ports
    return { observation: this.watch.observation(), state, stack, controllerId: journal.controllerId, loader }
  }

  /** The newest plan of each stack, as decided last. */
  plans(): readonly StackPlan[] {
    return [...this.loop.decisions.values()]
      .map((decision) => decision.plan)
      .sort((a, b) => (a.stack < b.stack ? -1 : 1))
  }

  /** Called after anything that `status` shows may have changed, not more often than the loop turns. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Nothing is under way and nothing is left to decide. */
  isQuiet(): boolean {
    return this.isDecided() && this.performer.isIdle() && this.asker.isIdle
  }

  /** Every server was looked at, or tried, and every stack decided on that: `plans` are those of the accepted revision. */
  isDecided(): boolean {
    return this.watch.isComplete() && this.loop.isIdle
  }

  /** Judges the held revision again when its window opens, also while Git cannot be asked. */
  private wakeAt(atMs: number): void {
    const delayMs = Math.min(atMs - this.ports.clock.nowMs(), LONGEST_NAP_MS)
    this.cancelWake()
    this.cancelWake = this.ports.clock.after(delayMs, () => {
      void this.acceptance.reconsider(this.follower, this.closing.signal)
    })
  }

  /** Nobody went on with rollouts while they were suspended: their deadlines begin anew. */
  private forgiveDelay(): void {
    const atMs = this.ports.clock.nowMs()
    const moving = Object.entries(this.memory.state.stacks).filter(([, stack]) => stack.rollout !== null)
    this.memory.record(moving.map(([stack]) => ({ kind: 'rollout-delayed', atMs, stack })))
  }

  private servers(): readonly Server[] {
    const { accepted, retired } = this.memory.state
    return [...(accepted?.fleet.servers ?? []), ...Object.values(retired)]
  }

  private useFleet(): void {
    const { accepted, retired } = this.memory.state
    if (accepted === null) return
    const servers = this.servers()
    const { name, guards, ingress } = accepted.fleet
    this.ports.driver.use(name, servers, guards, ingress === undefined ? undefined : INGRESS_STACK)
    this.watch.use(accepted.fleet.servers, Object.values(retired), this.book.inventories)
    this.proxies?.use(accepted.fleet)
    this.loop.markAll()
  }

  private performerEvents(): ConstructorParameters<typeof Performer>[3] {
    return {
      answered: (action, result) => {
        if (!result.ok) this.log('warn', 'action failed', describeFailure(action, result.problem))
        if (action.kind === 'update' && result.ok) this.memory.record([limitsFact(action, this.ports.clock.nowMs())])
        // A container that was started again is judged anew.
        if (action.kind === 'start' || action.kind === 'restart') this.asker.forget(action.containerId)
        this.loop.mark(action.stack)
      },
      journalFailed: (problem) => this.log('error', 'journal failed', { code: problem.code, problem: problem.message }),
      lastLook: (server) => this.watch.lastStarted(server),
      look: (server) => this.watch.look(server),
      freed: (action) => {
        this.loop.mark(action.stack)
        if (!('slot' in action)) this.loop.markArriving()
      },
    }
  }

  private recorded(fact: Fact): void {
    const { level, message, fields } = describeFact(fact)
    this.log(level, message, fields)
    if (fact.kind === 'revision-accepted') this.useFleet()
    this.notify()
  }

  private log(level: LogEvent['level'], message: string, fields: LogEvent['fields']): void {
    this.ports.log({ atMs: this.ports.clock.nowMs(), level, message, fields })
  }

  private looked(server: string, view: ServerView, before: ServerView | undefined, changed: boolean, look: Look): void {
    if (this.closed) return
    if (view.kind === 'listed') {
      this.performer.seen(server, look.seq)
      this.trackLooks(view, look.begunAtMs)
    }
    this.proxies?.looked(view)
    if (!changed) return
    if (view.kind === 'unreachable' && view.phase === 'lost') this.performer.abandon(server)
    // What it had may be gone: images, networks and volumes are made sure of again.
    if (isAnotherEngine(view, before)) this.performer.forget(server)
    if (this.book.note(view, before) === 'retired') this.useFleet()
    this.markTouched(view, before)
    this.notify()
  }

  private trackLooks(view: Extract<ServerView, { kind: 'listed' }>, begunAtMs: number): void {
    if (this.asker.tracks.size === 0) return
    for (const replica of view.listing.replicas) {
      const decision = this.loop.decisions.get(replica.slot.stack)
      if (decision !== undefined && this.asker.looked(replica, isProbed(decision, replica), begunAtMs))
        this.loop.mark(replica.slot.stack)
    }
  }

  private markTouched(view: ServerView, before: ServerView | undefined): void {
    const touched = touchedStacks(view, before)
    if (touched.all || touched.stacks.has(INGRESS_STACK)) this.loop.markAll()
    for (const stack of touched.stacks) this.loop.mark(stack)
    this.loop.markBlocked()
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
