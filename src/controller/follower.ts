import type { Desired, Problem, ProblemCode, Result, Revision } from '../model/index.js'
import { MOST_ROUNDS } from '../manifest/index.js'
import type { Clock, ManifestLoader, Source } from './ports.js'

/** Times in ms. */
export interface FollowOptions {
  /** Git is asked this often, give or take a tenth. Default 60 s. */
  readonly pollIntervalMs: number
  /** First pause after Git could not be read, doubled to the poll interval times five at most. Default 5 s. */
  readonly retryFirstMs: number
  /** A number from 0 to 1, for the jitter. */
  readonly random: () => number
}

export interface FollowEvents {
  /** A revision that was not seen before, read and judged; every time, also when it is refused. */
  found(revision: Revision, outcome: Result<Desired, readonly Problem[]>): Promise<void>
  /** Whether a revision is in force, held or refused already: nothing new to read. */
  isKnown(sha: string): boolean
  polled(): void
}

export const FOLLOW_DEFAULTS: FollowOptions = Object.freeze({
  pollIntervalMs: 60_000,
  retryFirstMs: 5_000,
  random: () => 0.5,
})

const RETRY_MOST_MS = 5 * 60_000

/** Follows Git: polls, reads what is new, hands it over. What cannot be read changes nothing; it is said, and tried again. */
export class Follower {
  fetched: Revision | null = null
  problem: Problem | null = null
  problemSinceMs: number | null = null
  lastPollAtMs: number | null = null
  nextPollAtMs: number | null = null
  private failures = 0
  private polling: Promise<void> | null = null
  /** Revisions are read one after the other. */
  private reading: Promise<unknown> = Promise.resolve()
  private cancel: () => void = () => undefined
  private readonly closing = new AbortController()
  private readonly source: Source
  private readonly loader: ManifestLoader
  private readonly clock: Clock
  private readonly options: FollowOptions
  private readonly events: FollowEvents

  constructor(source: Source, loader: ManifestLoader, clock: Clock, options: FollowOptions, events: FollowEvents) {
    this.source = source
    this.loader = loader
    this.clock = clock
    this.options = options
    this.events = events
  }

  /** Polls now, or joins the poll under way; resolves when what it found has been handed over. */
  poll(): Promise<void> {
    if (this.closing.signal.aborted) return Promise.resolve()
    this.polling ??= this.pollOnce().finally(() => {
      this.polling = null
      this.schedule()
      this.events.polled()
    })
    return this.polling
  }

  /** Reads a revision that was fetched before. */
  read(revision: Revision): Promise<Result<Desired, readonly Problem[]>> {
    const next = (): ReturnType<typeof readDesired> =>
      readDesired(this.source, this.loader, revision, this.closing.signal)
    const reading = this.reading.then(next, next)
    this.reading = reading
    return reading
  }

  close(): void {
    this.closing.abort()
    this.cancel()
  }

  private async pollOnce(): Promise<void> {
    this.cancel()
    const result = await this.source.poll(this.closing.signal)
    if (this.closing.signal.aborted) return
    this.lastPollAtMs = this.clock.nowMs()
    if (!result.ok) return this.failed(result.problem)
    this.fetched = result.value
    if (this.events.isKnown(result.value.sha)) return this.succeeded()
    const desired = await this.read(result.value)
    if (this.closing.signal.aborted) return
    // A problem of reading is not one of what stands there: the same revision is read again later.
    const unreadable = desired.ok ? undefined : desired.problem.find(({ code }) => isOfReading(code))
    if (unreadable !== undefined) return this.failed(unreadable)
    await this.events.found(result.value, desired)
    this.succeeded()
  }

  private succeeded(): void {
    this.failures = 0
    this.problem = null
    this.problemSinceMs = null
  }

  private failed(problem: Problem): void {
    this.failures += 1
    this.problem = problem
    this.problemSinceMs ??= this.clock.nowMs()
  }

  private schedule(): void {
    if (this.closing.signal.aborted) return
    const asked = this.problem?.next?.kind === 'retry' ? this.problem.next.afterMs : 0
    const backoff = Math.max(asked, this.options.retryFirstMs * 2 ** Math.min(this.failures - 1, 10))
    const pauseMs = this.failures > 0 ? Math.min(RETRY_MOST_MS, backoff) : this.options.pollIntervalMs
    const delayMs = pauseMs * (0.9 + 0.2 * this.options.random())
    this.nextPollAtMs = this.clock.nowMs() + delayMs
    this.cancel = this.clock.after(delayMs, () => void this.poll())
  }
}

function isOfReading(code: ProblemCode): boolean {
  return code.startsWith('GIT_') || code === 'MANIFEST_TOO_COSTLY'
}

/** Everything a revision wants, or every problem it has. Reads only what the loader asks for. */
export async function readDesired(
  source: Source,
  loader: ManifestLoader,
  revision: Revision,
  signal: AbortSignal,
): Promise<Result<Desired, readonly Problem[]>> {
  const tree = await source.tree(revision.sha, signal)
  if (!tree.ok) return { ok: false, problem: [tree.problem] }
  const contents = new Map<string, Uint8Array>()
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const loaded = await loader.load({ revision, entries: tree.value.entries }, (oid) => contents.get(oid), signal)
    if (loaded.kind === 'loaded') return { ok: true, value: loaded.desired }
    if (loaded.kind === 'refused') return { ok: false, problem: loaded.problems }
    const read = await source.read(loaded.oids, signal)
    if (!read.ok) return { ok: false, problem: [read.problem] }
    for (const [oid, content] of read.value) contents.set(oid, content)
  }
  return {
    ok: false,
    problem: [{ code: 'BUG', message: `reading ${revision.sha} did not end after ${MOST_ROUNDS} rounds` }],
  }
}
