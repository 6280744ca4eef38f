import type { EngineFacts, Listing, Observation, Problem, Replica, Result, Server, ServerView } from '../model/index.js'
import { FirstLooks } from './first-looks.js'
import type { Clock, Driver, Inventory } from './ports.js'
import { sameListing } from './same-listing.js'

/** Times in ms. */
export interface WatchOptions {
  /** A server is looked at this often, whatever its events say. Default 15 s. */
  readonly observeIntervalMs: number
  /** Pause between looks at a server that does not answer. Default 5 s. */
  readonly missedIntervalMs: number
  /** Events on one server are gathered this long. Default 5 ms. */
  readonly hintDelayMs: number
  /** Servers that have not answered their first look when none has for this long count as unreachable for now. Default 3 s. */
  readonly firstLookMs: number
}

export const WATCH_DEFAULTS: WatchOptions = Object.freeze({
  observeIntervalMs: 15_000,
  missedIntervalMs: 5_000,
  hintDelayMs: 5,
  firstLookMs: 3_000,
})

/** Missed looks in a row after which a server is unknown. */
const UNKNOWN_AFTER_MISSES = 3
/** No look has ended for longer than this: the controller stood still. Longer than the slowest look and the pause before it. */
const STOOD_STILL_MS = 60_000

/** One look: its number, and when it began. What it shows is no younger than that. */
export interface Look {
  readonly seq: number
  readonly begunAtMs: number
}

export interface WatchEvents {
  /** Containers on the server that want a closer look. */
  closer(server: string): readonly string[]
  /** What was sent to the server and never confirmed. */
  unconfirmed(server: string): readonly Replica[]
  /** After every look; `changed` is false when it showed what the last one did. */
  looked(server: string, view: ServerView, before: ServerView | undefined, changed: boolean, look: Look): void
}

interface Watched {
  readonly server: Server
  readonly started: number
  readonly looking: boolean
  readonly again: boolean
  readonly misses: number
  readonly sinceMs: number | null
  readonly facts: EngineFacts | null
  readonly lastSeen: readonly Replica[]
  readonly everListed: boolean
  readonly cancel: () => void
}

/**
 * Looks at every server: soon after a hint, at once when asked, and anyway every interval. One look a server at a time; looks of one server never
 * wait for another's. Holds the newest view of each.
 */
export class ServerWatch {
  private readonly watched = new Map<string, Watched>()
  private readonly current = new Map<string, ServerView>()
  /** Server by the id of its engine, as last listed. */
  private readonly byEngine = new Map<string, string>()
  private readonly firstLooks: FirstLooks
  private readonly closing = new AbortController()
  /** When more than half of the servers were last away at once; such a time says nothing about any one of them. */
  private cutOffAtMs = 0
  private lookedAtMs: number
  private awakeAtMs: number

  private readonly driver: Driver
  private readonly clock: Clock
  private readonly options: WatchOptions
  private readonly events: WatchEvents

  constructor(driver: Driver, clock: Clock, options: WatchOptions, events: WatchEvents) {
    this.driver = driver
    this.clock = clock
    this.lookedAtMs = this.awakeAtMs = clock.nowMs()
    this.options = options
    this.events = events
    this.firstLooks = new FirstLooks(clock, options.firstLookMs, (server) => this.giveUpWaiting(server))
    driver.onHint((server) => this.schedule(server, this.options.hintDelayMs))
  }

  /** Servers from now on. What is known of those that stay stays; `inventories` is what is remembered of those that are new. */
  use(servers: readonly Server[], inventories: ReadonlyMap<string, Inventory>): void {
    const names = new Set(servers.map((server) => server.name))
    for (const [name, entry] of this.watched) {
      if (names.has(name)) continue
      entry.cancel()
      this.watched.delete(name)
      this.current.delete(name)
      this.firstLooks.end(name)
    }
    for (const server of servers) {
      const known = this.watched.get(server.name)
      if (known !== undefined) this.watched.set(server.name, { ...known, server })
      else this.begin(server, inventories.get(server.name))
    }
  }

  /** Every server has been looked at, or tried, at least once. */
  isComplete(): boolean {
    return this.watched.size > 0 && this.current.size === this.watched.size
  }

  observation(): Observation {
    return new Map([...this.current].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Since when it has been looked without a break. What did not happen before that may have happened while the controller stood still. */
  awakeSinceMs(): number {
    const nowMs = this.clock.nowMs()
    return nowMs - this.lookedAtMs > STOOD_STILL_MS ? nowMs : this.awakeAtMs
  }

  view(server: string): ServerView | undefined {
    return this.current.get(server)
  }

  /** Number of the last look that was started: a later one sees everything that was done before it. */
  lastStarted(server: string): number {
    return this.watched.get(server)?.started ?? 0
  }

  /** Look now, or as soon as the look under way has ended. */
  look(server: string): void {
    const entry = this.watched.get(server)
    if (entry === undefined || this.closing.signal.aborted) return
    if (entry.looking) {
      this.watched.set(server, { ...entry, again: true })
      return
    }
    entry.cancel()
    const seq = entry.started + 1
    this.watched.set(server, { ...entry, looking: true, again: false, started: seq, cancel: () => undefined })
    void this.run(server, seq)
  }

  close(): void {
    this.closing.abort()
    this.firstLooks.close()
    for (const entry of this.watched.values()) entry.cancel()
  }

  private begin(server: Server, inventory: Inventory | undefined): void {
    const idle = {
      looking: false,
      again: false,
      started: 0,
      misses: 0,
      sinceMs: null,
      facts: null,
      cancel: () => undefined,
    }
    this.watched.set(server.name, {
      server,
      ...idle,
      lastSeen: inventory?.replicas ?? [],
      everListed: inventory !== undefined,
    })
    this.schedule(server.name, 0)
    this.firstLooks.await(server.name)
  }

  private giveUpWaiting(server: string): void {
    if (this.closing.signal.aborted || this.current.has(server) || !this.watched.has(server)) return
    const problem: Problem = { code: 'SERVER_UNREACHABLE', server, message: `${server} has not answered yet` }
    const view = this.missedView(server, problem)
    this.current.set(server, view)
    this.events.looked(server, view, undefined, true, { seq: 0, begunAtMs: this.clock.nowMs() })
  }

  private schedule(server: string, delayMs: number): void {
    const entry = this.watched.get(server)
    if (entry === undefined || this.closing.signal.aborted) return
    if (entry.looking) {
      this.watched.set(server, { ...entry, again: true })
      return
    }
    entry.cancel()
    this.watched.set(server, { ...entry, cancel: this.clock.after(delayMs, () => this.look(server)) })
  }

  private async run(server: string, seq: number): Promise<void> {
    const begunAtMs = this.clock.nowMs()
    const result = await this.driver.observe(server, this.events.closer(server), this.closing.signal)
    const entry = this.watched.get(server)
    if (entry === undefined || this.closing.signal.aborted) return
    this.awakeAtMs = this.awakeSinceMs()
    this.lookedAtMs = this.clock.nowMs()
    this.firstLooks.end(server)
    const before = this.current.get(server)
    const checked = this.refuseShared(server, result)
    const after = checked.ok ? listed(entry) : missed(entry, this.clock.nowMs())
    this.watched.set(
      server,
      checked.ok
        ? { ...after, facts: checked.value.facts, lastSeen: checked.value.replicas, everListed: true, looking: false }
        : { ...after, looking: false },
    )
    const view = checked.ok ? this.listedView(server, checked.value, before) : this.missedView(server, checked.problem)
    this.current.set(server, view)
    this.noteCutOff()
    this.events.looked(server, view, before, isChanged(before, view), { seq, begunAtMs })
    const again = this.watched.get(server)?.again === true
    this.schedule(server, again ? 0 : checked.ok ? this.options.observeIntervalMs : this.options.missedIntervalMs)
  }

  /** Two names for one engine would make every replica there belong to two servers. */
  private refuseShared(server: string, result: Result<Listing>): Result<Listing> {
    if (!result.ok) return result
    const { engineId } = result.value.facts
    const twin = this.byEngine.get(engineId)
    if (twin === undefined || twin === server || !this.lists(twin, engineId)) {
      this.byEngine.set(engineId, server)
      return result
    }
    const message = `${server} and ${twin} are the same Docker Engine; remove one of them from slipway.yaml`
    return {
      ok: false,
      problem: {
        code: 'ENGINE_SHARED',
        server,
        message,
        next: { kind: 'stalled', remedy: 'correct the addresses in slipway.yaml' },
      },
    }
  }

  private lists(server: string, engineId: string): boolean {
    const view = this.current.get(server)
    return view?.kind === 'listed' && view.listing.facts.engineId === engineId
  }

  private listedView(server: string, listing: Listing, before: ServerView | undefined): ServerView {
    // The same objects as before where nothing changed: what is computed from them stays computed.
    if (before?.kind === 'listed' && sameListing(before.listing, listing)) return before
    return { kind: 'listed', server, atMs: this.clock.nowMs(), listing }
  }

  private missedView(server: string, problem: Problem): ServerView {
    const entry = this.watched.get(server)
    const sinceMs = entry?.sinceMs ?? this.clock.nowMs()
    const unknown = (entry?.misses ?? 0) >= UNKNOWN_AFTER_MISSES
    const lost = unknown && this.isLost(server, sinceMs)
    return {
      kind: 'unreachable',
      server,
      sinceMs,
      problem,
      phase: lost ? 'lost' : unknown ? 'unknown' : 'missed',
      everListed: entry?.everListed ?? false,
      facts: entry?.facts ?? null,
      mayHold: [...(entry?.lastSeen ?? []), ...this.events.unconfirmed(server)],
      ...this.volumesOf(server),
    }
  }

  /** Away for longer than its lost-after, not counting a time when it was the controller that was cut off or stood still. Once lost, until it is seen. */
  private isLost(server: string, sinceMs: number): boolean {
    const lostAfterMs = this.watched.get(server)?.server.lostAfterMs ?? null
    if (lostAfterMs === null) return false
    const before = this.current.get(server)
    if (before?.kind === 'unreachable' && before.phase === 'lost') return true
    return this.clock.nowMs() - Math.max(sinceMs, this.cutOffAtMs, this.awakeAtMs) >= lostAfterMs
  }

  private noteCutOff(): void {
    const away = [...this.watched.keys()].filter((name) => this.current.get(name)?.kind !== 'listed').length
    if (away * 2 > this.watched.size) this.cutOffAtMs = this.clock.nowMs()
  }

  /** Nothing remembered is not nothing there: then the field is absent. */
  private volumesOf(server: string): { readonly volumes?: Listing['volumes'] } {
    const before = this.current.get(server)
    const volumes = before?.kind === 'listed' ? before.listing.volumes : before?.volumes
    return volumes === undefined ? {} : { volumes }
  }
}

function listed(entry: Watched): Watched {
  return { ...entry, misses: 0, sinceMs: null }
}

function missed(entry: Watched, nowMs: number): Watched {
  return { ...entry, misses: entry.misses + 1, sinceMs: entry.sinceMs ?? nowMs }
}

function isChanged(before: ServerView | undefined, view: ServerView): boolean {
  if (before === undefined || before.kind !== view.kind) return true
  if (view.kind === 'listed') return before !== view
  return before.kind === 'unreachable' && (before.phase !== view.phase || before.mayHold.length !== view.mayHold.length)
}
