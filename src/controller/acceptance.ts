import { canonicalJson } from '../model/index.js'
import type { Desired, Observation, Problem, Result, Revision, SignedBy } from '../model/index.js'
import { isApproved, waitingFor } from './approvals.js'
import type { Release, Waiting } from './approvals.js'
import type { ControllerOptions } from './controller-options.js'
import type { Follower } from './follower.js'
import { judge } from './gate.js'
import { servicesInUse } from './guards.js'
import type { Memory } from './memory.js'
import type { Pins } from './pins.js'
import type { Ports } from './ports.js'
import type { State } from './state.js'

export interface InvalidStack {
  readonly path: string
  readonly problems: readonly Problem[]
}

/** Decides which revision is in force: refused when it cannot be read, held when a guard says so, accepted otherwise. */
export class Acceptance {
  /** Stacks that the accepted revision has wrong; their last good version stays. */
  invalidStacks: ReadonlyMap<string, InvalidStack> = new Map()
  private readonly ports: Ports
  private readonly memory: Memory
  private readonly observed: (signal: AbortSignal) => Promise<Observation>
  private orphanProblem: Problem | null = null

  private readonly dryRun: boolean
  private readonly signedBy: SignedBy | null
  private readonly pins: Pins | null
  private readonly wakeAt: (atMs: number) => void
  /** What would hold the revision; only in a dry run, which goes on. */
  guardProblem: Problem | null = null

  /** `wakeAt` is called with the time at which a held revision is to be judged again. */
  constructor(
    ports: Ports,
    memory: Memory,
    observed: (signal: AbortSignal) => Promise<Observation>,
    { dryRun, signedBy, pins }: Pick<ControllerOptions, 'dryRun' | 'signedBy' | 'pins'>,
    wakeAt: (atMs: number) => void,
  ) {
    this.wakeAt = wakeAt
    this.dryRun = dryRun
    this.signedBy = signedBy
    this.pins = pins
    this.ports = ports
    this.memory = memory
    this.observed = observed
  }

  isKnown(sha: string): boolean {
    const { accepted, held, refused } = this.memory.state
    if (accepted?.revision.sha === sha) {
      // The ref came back to what is in force: whatever was held or refused meanwhile is of no interest any more.
      if (held !== null || refused !== null)
        this.memory.record([{ kind: 'revision-released', atMs: this.ports.clock.nowMs() }])
      return this.invalidStacks.size === 0 && this.loadedOnce
    }
    // A dry run shows what a held revision would do. After a start it is judged again: keys, rules and approvals may be others now.
    // What waits for something else than a person is judged again each time.
    const isHeld = held?.revision.sha === sha && held.problem.next?.kind === 'stalled' && !this.dryRun
    return (isHeld && this.loadedOnce) || (refused?.revision.sha === sha && this.loadedOnce)
  }
  private loadedOnce = false

  async consider(revision: Revision, outcome: Result<Desired, readonly Problem[]>, signal: AbortSignal): Promise<void> {
    const atMs = this.ports.clock.nowMs()
    this.loadedOnce = true
    if (!outcome.ok) {
      if (this.memory.state.refused?.revision.sha !== revision.sha)
        this.memory.record([{ kind: 'revision-refused', atMs, revision, problems: outcome.problem }])
      return
    }
    const desired = this.withKnownNames(outcome.value)
    const { accepted } = this.memory.state
    if (accepted?.revision.sha === revision.sha) {
      this.noteInvalid(desired)
      return
    }
    const { hold, releases } = await judge(
      {
        ports: this.ports,
        state: this.memory.state,
        desired,
        signedBy: this.signedBy,
        observed: this.observed,
        pins: this.pins,
      },
      signal,
    )
    if (signal.aborted) return
    this.guardProblem = hold?.problem ?? null
    if (hold !== null && !this.dryRun) {
      const { problem, untilMs } = hold
      if (untilMs !== null) this.wakeAt(untilMs)
      if (isSameHold(this.memory.state.held, revision, problem)) return
      this.memory.record([{ kind: 'revision-held', atMs, revision, problem }])
      return
    }
    this.accept(desired, atMs, releases)
  }

  /** After an approval: the held revision is judged again. */
  async reconsider(follower: Follower, signal: AbortSignal): Promise<void> {
    const { held } = this.memory.state
    if (held === null) return
    const desired = await follower.read(held.revision)
    if (!signal.aborted) await this.consider(held.revision, desired, signal)
  }

  /**
   * Replicas of stacks that Git does not know and the journal does not remember: removed too, unless they are more than the guard allows. Returns
   * the stacks that are known from now on, to be decided.
   */
  adoptOrphans(observation: Observation): readonly string[] {
    const { accepted, stacks } = this.memory.state
    if (accepted === null) return []
    // A file that cannot be read may be the very one that these replicas came from.
    if ([...this.invalidStacks.keys()].some((name) => stacks[name] === undefined)) return []
    const inUse = [...servicesInUse(observation)]
    const orphans = inUse.filter((key) => {
      const name = key.slice(0, key.indexOf('/'))
      return stacks[name] === undefined && !this.invalidStacks.has(name)
    })
    if (orphans.length === 0) {
      this.orphanProblem = null
      return []
    }
    const limit = accepted.fleet.guards.prune
    if (orphans.length / inUse.length > limit && !isApproved(this.memory.state, accepted.revision.sha, 'prune')) {
      const message = `${orphans.length} of ${inUse.length} running services are not in Git (${orphans.sort().slice(0, 5).join(', ')}), more than guards.prune (${Math.round(limit * 100)}%) allows to remove`
      this.orphanProblem = {
        code: 'PRUNE_GUARD',
        message,
        next: {
          kind: 'stalled',
          remedy: `slipway approve ${accepted.revision.sha.slice(0, 12)}, or put them back into Git`,
        },
      }
      return []
    }
    this.orphanProblem = null
    const names = [...new Set(orphans.map((key) => key.slice(0, key.indexOf('/'))))].sort()
    const atMs = this.ports.clock.nowMs()
    const { revision } = accepted
    const isWritten = this.memory.record(names.map((stack) => ({ kind: 'stack-orphaned', atMs, stack, revision })))
    return isWritten ? names : []
  }

  get problems(): readonly Problem[] {
    const guard = this.dryRun ? this.guardProblem : null
    return [this.orphanProblem, guard].filter((problem) => problem !== null)
  }

  /** Revisions that wait for a person. */
  get waiting(): readonly Waiting[] {
    const { held, accepted } = this.memory.state
    const waiting =
      held === null ? [] : [waitingFor(held.revision, held.problem, this.signedBy, accepted?.fleet.guards)]
    if (this.orphanProblem === null || accepted === null) return waiting
    return [...waiting, { revision: accepted.revision, gate: 'prune', refusal: null }]
  }

  /** A file that cannot be read at all does not say its stack's name; the stack that came from its path does. */
  private withKnownNames(desired: Desired): Desired {
    const byPath = new Map(
      Object.entries(this.memory.state.stacks).flatMap(([name, { desired: version }]) => {
        const stack = version === null ? null : this.memory.stack(version.hash, name)
        return stack === null || stack.path === '' ? [] : [[stack.path, name] as const]
      }),
    )
    const stacks = desired.stacks.map((entry) =>
      entry.kind === 'invalid' ? { ...entry, name: byPath.get(entry.path) ?? entry.name } : entry,
    )
    return { ...desired, stacks }
  }

  private accept(desired: Desired, atMs: number, releases: readonly Release[]): void {
    const before = this.memory.state
    const stacks: Record<string, string> = {}
    for (const entry of desired.stacks) {
      const hash = entry.kind === 'valid' ? entry.hash : before.stacks[entry.name]?.desired?.hash
      if (entry.kind === 'valid' && !this.memory.keep(entry.hash, entry.stack)) return
      if (hash !== undefined) stacks[entry.name] = hash
    }
    this.noteInvalid(desired)
    const { revision } = desired
    this.memory.record([
      ...releases.map((release) => ({ kind: 'guard-released', atMs, revision, ...release }) as const),
      {
        kind: 'revision-accepted',
        atMs,
        revision,
        fleet: desired.fleet,
        stacks,
        rewound: isApproved(before, revision.sha, 'history'),
      },
    ])
    for (const warning of desired.warnings) {
      const where = warning.place !== undefined ? `${warning.place.path}:${warning.place.line ?? 1}` : ''
      this.ports.log({
        atMs,
        level: 'warn',
        message: 'manifest warning',
        fields: { code: warning.code, where, problem: warning.message },
      })
    }
  }

  private noteInvalid(desired: Desired): void {
    this.invalidStacks = new Map(
      desired.stacks.flatMap((entry) =>
        entry.kind === 'invalid' ? [[entry.name, { path: entry.path, problems: entry.problems }] as const] : [],
      ),
    )
    for (const [stack, { problems }] of this.invalidStacks) {
      this.ports.log({
        atMs: this.ports.clock.nowMs(),
        level: 'warn',
        message: 'stack invalid',
        fields: { stack, problems: problems.map((problem) => problem.message) },
      })
    }
  }
}

function isSameHold(held: State['held'], revision: Revision, problem: Problem): boolean {
  return held?.revision.sha === revision.sha && canonicalJson(held.problem) === canonicalJson(problem)
}
