import { specHash } from '../model/index.js'
import type { Action, ActionResult, Problem, Replica, Result } from '../model/index.js'
import { removalKey, slotKey } from '../rollout/index.js'
import type { Prepared, RunFailure } from '../rollout/index.js'
import type { Clock, Driver, Journal } from './ports.js'
import type { Intent } from './facts.js'

export interface PerformerEvents {
  /** The action was answered; its effect is trusted only when seen. */
  answered(action: Action, result: Result<ActionResult>): void
  /** The journal cannot be written: nothing was sent. */
  journalFailed(problem: Problem): void
  /** Number of the last look at the server that was started. */
  lastLook(server: string): number
  look(server: string): void
  /** What the action kept busy is free: its slot, or an image, network or volume that other stacks may wait for as well. */
  freed(action: Action): void
}

interface Pending {
  readonly intent: Intent
  /** Look from which on the effect is seen; null while the action is under way. */
  readonly seenFrom: number | null
  /** What is written down once it was seen; null: that is written. */
  readonly open: 'done' | 'observed' | null
}

/** First pause after an action on a slot failed, doubled to the second. */
const COOL_FIRST_MS = 1_000
const COOL_MOST_MS = 60_000
/** Answers of preparing actions that are remembered; forgotten ones are only asked for again. */
const PREPARED_KEPT = 20_000
/** Actions under way at once, on all servers together. */
const AT_ONCE = 256

const UNKNOWN_OUTCOMES: ReadonlySet<Problem['code']> = new Set(['CALL_TIMEOUT', 'CONNECTION_LOST'])

/**
 * Sends actions, each after its intent is on the disk, and remembers what was sent until it was seen. Decides nothing. What was sent and never
 * answered keeps its slot busy until the server was looked at.
 */
export class Performer {
  private readonly pending = new Map<number, Pending>()
  private readonly queue: Intent[] = []
  private running = 0
  private nextOpId: number
  private readonly cooling = new Map<string, { readonly untilMs: number; readonly count: number }>()
  readonly prepared = new Map<string, Prepared>()
  readonly runFailures = new Map<string, RunFailure>()
  private readonly driver: Driver
  private readonly journal: Journal
  private readonly clock: Clock
  private readonly events: PerformerEvents
  private readonly closing = new AbortController()

  constructor(driver: Driver, journal: Journal, clock: Clock, events: PerformerEvents, openIntents: readonly Intent[]) {
    this.driver = driver
    this.journal = journal
    this.clock = clock
    this.events = events
    this.nextOpId = 1 + Math.max(0, ...openIntents.map((intent) => intent.opId))
    // Sent by a controller that died: unknown until its server was looked at once.
    for (const intent of openIntents) this.pending.set(intent.opId, { intent, seenFrom: 1, open: 'observed' })
  }

  /** Journals the intents, then sends. False: the journal refused, nothing was sent. */
  send(actions: readonly Action[]): boolean {
    if (actions.length === 0) return true
    const intents = actions.map((action) => ({ opId: this.nextOpId++, atMs: this.clock.nowMs(), action }))
    try {
      this.journal.intend(intents)
    } catch (error) {
      this.events.journalFailed(problemOf(error))
      return false
    }
    for (const intent of intents) {
      this.pending.set(intent.opId, { intent, seenFrom: null, open: null })
      this.queue.push(intent)
    }
    this.pump()
    return true
  }

  /** Settles everything that look number `seq` at the server has seen. */
  seen(server: string, seq: number): void {
    for (const [opId, entry] of this.pending) {
      if (entry.intent.action.server !== server || entry.seenFrom === null || entry.seenFrom > seq) continue
      if (entry.open !== null) this.settle(opId, entry.open, null)
      this.pending.delete(opId)
      this.events.freed(entry.intent.action)
    }
  }

  /** A lost server: its slots may be filled elsewhere; it is fenced when it returns. */
  abandon(server: string): void {
    for (const [opId, entry] of this.pending) {
      if (entry.intent.action.server !== server || entry.seenFrom === null) continue
      if (entry.open === 'done') this.settle(opId, 'done', null)
      this.pending.delete(opId)
      this.events.freed(entry.intent.action)
    }
  }

  /** Slots of a stack that nothing may be decided for yet. */
  busySlots(stack: string): ReadonlySet<string> {
    const busy = new Set<string>()
    for (const { intent } of this.pending.values()) {
      if (intent.action.stack === stack && 'slot' in intent.action) busy.add(slotKey(intent.action.slot))
    }
    const nowMs = this.clock.nowMs()
    for (const [key, { untilMs }] of this.cooling) {
      if (untilMs > nowMs && key.startsWith(`${stack}/`)) busy.add(key.slice(stack.length + 1))
    }
    return busy
  }

  /** Containers of a stack that a stop, restart or removal was sent to, and is not seen yet. */
  stopping(stack: string): readonly string[] {
    const actions = [...this.pending.values()].map(({ intent }) => intent.action)
    return stoppedBy(actions.filter((action) => action.stack === stack))
  }

  /** When the first slot of a stack that cools down is free again. */
  coolAtMs(stack: string): number | null {
    const nowMs = this.clock.nowMs()
    const times = [...this.cooling]
      .filter(([key, { untilMs }]) => key.startsWith(`${stack}/`) && untilMs > nowMs)
      .map(([, { untilMs }]) => untilMs)
    return times.length === 0 ? null : Math.min(...times)
  }

  preparing(): ReadonlySet<string> {
    return new Set(
      [...this.pending.values()].map(({ intent }) => preparedKey(intent.action)).filter((key) => key !== null),
    )
  }

  /** Containers that may exist on a server because making them was sent and never confirmed. */
  unconfirmed(server: string): readonly Replica[] {
    return [...this.pending.values()].flatMap(({ intent: { action, atMs } }) =>
      action.kind === 'run' && action.server === server ? [mayExist(action, atMs)] : [],
    )
  }

  isIdle(): boolean {
    return this.pending.size === 0
  }

  /** Actions under way, whatever becomes of them afterwards. */
  get underWay(): number {
    return this.running + this.queue.length
  }

  /** What a server had may be gone: prepare again before making anything there. */
  forget(server: string): void {
    for (const key of this.prepared.keys()) if (key.startsWith(`${server}|`)) this.prepared.delete(key)
  }

  /** Nothing more is sent; resolves when what is under way has been answered, or given up on at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.queue.length = 0
    const endMs = this.clock.nowMs() + deadlineMs
    while (this.running > 0 && this.clock.nowMs() < endMs)
      await new Promise<void>((resolve) => void this.clock.after(20, resolve))
    this.closing.abort()
  }

  private pump(): void {
    while (this.running < AT_ONCE) {
      const intent = this.queue.shift()
      if (intent === undefined) return
      this.running += 1
      void this.perform(intent)
    }
  }

  private async perform(intent: Intent): Promise<void> {
    const result = await this.driver
      .perform(intent.action, this.closing.signal)
      .catch((error: unknown): Result<ActionResult> => ({
        ok: false,
        problem: { code: 'BUG', message: String(error) },
      }))
    this.running -= 1
    if (!this.closing.signal.aborted) this.answered(intent, result)
    this.pump()
  }

  private answered(intent: Intent, result: Result<ActionResult>): void {
    const { action } = intent
    const unknown = !result.ok && UNKNOWN_OUTCOMES.has(result.problem.code)
    const preparedOnly = !('slot' in action)
    // What was done and not seen is known to nobody but us: a controller that starts now, while the server is away, must hear of it.
    const isOpen = result.ok && !preparedOnly
    if (!isOpen)
      this.settle(intent.opId, result.ok ? 'done' : unknown ? 'unknown' : 'failed', result.ok ? null : result.problem)
    const open = unknown ? 'observed' : isOpen ? 'done' : null
    this.pending.set(intent.opId, { intent, seenFrom: this.events.lastLook(action.server) + 1, open })
    this.remember(action, result)
    // Images, networks and volumes are not in any slot: their answer is enough.
    if (preparedOnly && !unknown) this.pending.delete(intent.opId)
    this.events.answered(action, result)
    if (preparedOnly && !unknown) this.events.freed(action)
    else this.events.look(action.server)
  }

  private settle(opId: number, result: 'done' | 'failed' | 'unknown' | 'observed', problem: Problem | null): void {
    try {
      this.journal.settle([{ opId, atMs: this.clock.nowMs(), result, problem }])
    } catch (error) {
      // The intent stays open on the disk, which only makes a later controller look before it acts.
      this.events.journalFailed(problemOf(error))
    }
  }

  private remember(action: Action, result: Result<ActionResult>): void {
    const key = preparedKey(action)
    const nowMs = this.clock.nowMs()
    if (this.prepared.size > PREPARED_KEPT) this.prepared.clear()
    if (key !== null)
      this.prepared.set(
        key,
        result.ok
          ? { kind: 'done', image: result.value.image ?? null }
          : { kind: 'failed', problem: result.problem, atMs: nowMs },
      )
    if (!('slot' in action)) return
    const slot = slotKey(action.slot)
    if (result.ok) this.cooling.delete(`${action.stack}/${slot}`)
    if (action.kind === 'run' || action.kind === 'start') this.rememberRun(action, slot, result, nowMs)
    else if (!result.ok) this.cool(`${action.stack}/${slot}`, nowMs)
  }

  private rememberRun(
    action: Extract<Action, { kind: 'run' | 'start' }>,
    slot: string,
    result: Result<ActionResult>,
    nowMs: number,
  ): void {
    const key = `${action.stack}/${slot}`
    const before = this.runFailures.get(key)
    if (result.ok) {
      this.runFailures.delete(key)
      return
    }
    this.runFailures.set(key, {
      specHash: action.kind === 'run' ? specHash(action.spec) : '',
      problem: result.problem,
      atMs: nowMs,
      count: (before?.count ?? 0) + 1,
      alike: before?.problem.code === result.problem.code ? before.alike + 1 : 1,
    })
    if (action.kind === 'start') this.cool(key, nowMs)
    if (['IMAGE_NOT_FOUND', 'NETWORK_CONFLICT', 'VOLUME_CONFLICT'].includes(result.problem.code))
      this.forget(action.server)
  }

  private cool(key: string, nowMs: number): void {
    const count = (this.cooling.get(key)?.count ?? 0) + 1
    this.cooling.set(key, {
      count,
      untilMs: nowMs + Math.min(COOL_MOST_MS, COOL_FIRST_MS * 2 ** Math.min(count - 1, 10)),
    })
  }
}

/** The key under which the answer of a preparing action is kept; null for actions on slots. */
function preparedKey(action: Action): string | null {
  switch (action.kind) {
    case 'pull':
      return `${action.server}|image|${action.image}|${action.policy}`
    case 'ensure-network':
      return `${action.server}|network|${action.network.name}`
    case 'ensure-volume':
      return `${action.server}|volume|${action.volume.name}`
    case 'remove-network':
      return removalKey(action.server, action.network)
    default:
      return null
  }
}

/** Containers that do not run on, by id. */
export function stoppedBy(actions: readonly Action[]): readonly string[] {
  return actions.flatMap((action) =>
    action.kind === 'stop' || action.kind === 'restart' || action.kind === 'remove' ? [action.containerId] : [],
  )
}

function mayExist(action: Extract<Action, { kind: 'run' }>, atMs: number): Replica {
  const { identity, server, image } = action
  return {
    containerId: `unconfirmed ${identity.slot.service}#${identity.slot.key}`,
    containerName: '',
    server,
    slot: identity.slot,
    specHash: identity.specHash,
    revision: identity.revision,
    image: image.digest ?? image.id,
    imageId: image.id,
    limits: '',
    restart: identity.restart,
    controller: identity.controller,
    state: 'created',
    health: 'none',
    exitCode: null,
    createdAtMs: atMs,
    ports: [],
    addresses: {},
  }
}

/** Errors of ports that carry a problem; anything else is a bug with its message. */
export function problemOf(error: unknown): Problem {
  const carried =
    error !== null && typeof error === 'object' && 'problem' in error
      ? (error.problem as Problem | undefined)
      : undefined
  return carried ?? { code: 'BUG', message: error instanceof Error ? error.message : String(error) }
}
