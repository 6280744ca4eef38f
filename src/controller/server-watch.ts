import type { EngineFacts, Listing, Observation, Problem, Replica, Result, Server, ServerView } from '../model/index.js'
import { refusedNames, sharedProblem } from './engine-names.js'
import type { NamedEngine } from './engine-names.js'
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
  /** The engine of a server that left the fleet is one of the fleet's under another name: there is nothing more to watch. */
  renamed(server: string): void
}

/** What a look listed, whoever it belongs to. */
interface Answer {
  readonly listing: Listing
  readonly atMs: number
  readonly look: Look
}

interface Watched {
  readonly server: Server
  /** Left the fleet. */
  readonly isRetired: boolean
  /** The engine that was last listed under this name; null: none yet. */
  readonly engineId: string | null
  /** Of the newest look; null: it failed. */
  readonly answer: Answer | null
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
  /** Names that lead to another server's engine, each with that server. */
  private refused: ReadonlyMap<string, string> = new Map()
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

  /**
   * Servers from now on, with those that left the fleet and may still hold something. What is known of those that stay stays; `inventories` is
   * what is remembered of those that are new.
   */
  use(servers: readonly Server[], retired: readonly Server[], inventories: ReadonlyMap<string, Inventory>): void {
    const all = [...servers, ...retired]
    const names = new Set(all.map((server) => server.name))
    for (const [name, entry] of this.watched) {
      if (names.has(name)) continue
      entry.cancel()
      this.watched.delete(name)
      this.current.delete(name)
      this.firstLooks.end(name)
    }
    for (const server of all) {
      const isRetired = retired.includes(server)
      const known = this.watched.get(server.name)
      if (known !== undefined) this.watched.set(server.name, { ...known, server, isRetired })
      else this.begin(server, isRetired, inventories.get(server.name))
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

  private begin(server: Server, isRetired: boolean, inventory: Inventory | undefined): void {
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
      isRetired,
      engineId: this.rememberedEngine(isRetired, inventory),
      answer: null,
      ...idle,
      lastSeen: inventory?.replicas ?? [],
      everListed: inventory !== undefined,
    })
    this.schedule(server.name, 0)
    this.firstLooks.await(server.name)
  }

  /** What is remembered of two names says nothing about either. */
  private rememberedEngine(isRetired: boolean, inventory: Inventory | undefined): string | null {
    if (inventory === undefined) return null
    const { engineId } = inventory
    if (isRetired) return engineId
    const twins = [...this.watched].filter(([, entry]) => !entry.isRetired && entry.engineId === engineId)
    for (const [name, entry] of twins) this.watched.set(name, { ...entry, engineId: null })
    return twins.length > 0 ? null : engineId
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
    const look = { seq, begunAtMs }
    const answer = result.ok ? { listing: result.value, atMs: this.lookedAtMs, look } : null
    this.watched.set(server, { ...entry, answer, looking: false })
    this.judge(server, result, look)
    this.noteCutOff()
    this.dropRenamed(server)
    const again = this.watched.get(server)?.again === true
    const isListed = this.current.get(server)?.kind === 'listed'
    this.schedule(server, again ? 0 : isListed ? this.options.observeIntervalMs : this.options.missedIntervalMs)
  }

  /** Takes what was listed as the server's, unless it is another's; what an answer says of other names counts at the same moment. */
  private judge(server: string, result: Result<Listing>, look: Look): void {
    const isNews = result.ok && result.value.facts.engineId !== this.watched.get(server)?.engineId
    const refused = isNews || this.refused.size > 0 ? refusedNames(this.engines()) : this.refused
    // First what is taken from a name, then what is given to one: no engine counts twice.
    for (const [name, holder] of refused)
      if (name === server || !this.refused.has(name)) this.miss(name, sharedProblem(name, holder), look)
    if (!result.ok) this.miss(server, result.problem, look)
    const freed = [...this.refused.keys()].filter((name) => !refused.has(name) && name !== server)
    this.refused = refused
    if (result.ok && !refused.has(server)) this.accept(server)
    for (const name of freed) {
      this.accept(name)
      this.look(name)
    }
  }

  private accept(server: string): void {
    const entry = this.watched.get(server)
    if (entry === undefined || entry.answer === null) return
    const { listing, look, atMs } = entry.answer
    const { facts, replicas } = listing
    const known = { engineId: facts.engineId, facts, lastSeen: replicas, everListed: true }
    this.watched.set(server, { ...entry, ...known, misses: 0, sinceMs: null })
    const before = this.current.get(server)
    this.show(server, listedView(server, listing, atMs, before), before, look)
  }

  private miss(server: string, problem: Problem, look: Look): void {
    const entry = this.watched.get(server)
    if (entry === undefined) return
    this.watched.set(server, { ...entry, misses: entry.misses + 1, sinceMs: entry.sinceMs ?? this.clock.nowMs() })
    this.show(server, this.missedView(server, problem), this.current.get(server), look)
  }

  private show(server: string, view: ServerView, before: ServerView | undefined, look: Look): void {
    this.current.set(server, view)
    this.events.looked(server, view, before, isChanged(before, view), look)
  }

  private engines(): readonly NamedEngine[] {
    return [...this.watched].map(([name, { isRetired, engineId, answer }]) => ({
      name,
      isRetired,
      known: engineId,
      answered: answer?.listing.facts.engineId ?? null,
    }))
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

  /** Servers that left the fleet and are in it under this name. */
  private dropRenamed(server: string): void {
    const heir = this.watched.get(server)
    if (heir === undefined || heir.isRetired || this.current.get(server)?.kind !== 'listed') return
    for (const [name, entry] of this.watched)
      if (entry.isRetired && entry.engineId === heir.engineId) this.events.renamed(name)
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

/** The same objects as before where nothing changed: what is computed from them stays computed. */
function listedView(server: string, listing: Listing, atMs: number, before: ServerView | undefined): ServerView {
  if (before?.kind === 'listed' && sameListing(before.listing, listing)) return before
  return { kind: 'listed', server, atMs, listing }
}

function isChanged(before: ServerView | undefined, view: ServerView): boolean {
  if (before === undefined || before.kind !== view.kind) return true
  if (view.kind === 'listed') return before !== view
  return before.kind === 'unreachable' && (before.phase !== view.phase || before.mayHold.length !== view.mayHold.length)
}
