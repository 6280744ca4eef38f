import type { Desired, Observation, Problem, Result, Revision } from '../model/index.js'
import type { Command } from './facts.js'
import type { Follower } from './follower.js'
import { pruneProblem, rewrittenProblem, servicesInUse } from './guards.js'
import type { Memory } from './memory.js'
import type { Ports } from './ports.js'

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
  /** What would hold the revision; only in a dry run, which goes on. */
  guardProblem: Problem | null = null

  constructor(ports: Ports, memory: Memory, observed: (signal: AbortSignal) => Promise<Observation>, dryRun: boolean) {
    this.dryRun = dryRun
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
    // A dry run shows what a held revision would do. One that was approved while nobody could act on it is judged again.
    const isHeld = held?.revision.sha === sha && !this.dryRun && !this.memory.state.approved.includes(sha)
    return isHeld || (refused?.revision.sha === sha && this.loadedOnce)
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
    const problem = await this.guard(desired, signal)
    if (signal.aborted) return
    this.guardProblem = problem
    if (problem !== null && !this.dryRun) {
      this.memory.record([{ kind: 'revision-held', atMs, revision, problem }])
      return
    }
    this.accept(desired, atMs)
  }

  /** After an approval: the held revision is judged again. */
  async reconsider(follower: Follower, signal: AbortSignal): Promise<void> {
    const { held } = this.memory.state
    if (held === null) return
    const desired = await follower.read(held.revision)
    if (!signal.aborted) await this.consider(held.revision, desired, signal)
  }

  /** Replicas of stacks that Git does not know and the journal does not remember: removed too, unless they are more than the guard allows. */
  adoptOrphans(observation: Observation): void {
    const { accepted, stacks } = this.memory.state
    if (accepted === null) return
    // A file that cannot be read may be the very one that these replicas came from.
    if ([...this.invalidStacks.keys()].some((name) => stacks[name] === undefined)) return
    const inUse = [...servicesInUse(observation)]
    const orphans = inUse.filter((key) => {
      const name = key.slice(0, key.indexOf('/'))
      return stacks[name] === undefined && !this.invalidStacks.has(name)
    })
    if (orphans.length === 0) {
      this.orphanProblem = null
      return
    }
    const limit = accepted.fleet.guards.prune
    if (orphans.length / inUse.length > limit && !this.memory.state.approved.includes(accepted.revision.sha)) {
      const message = `${orphans.length} of ${inUse.length} running services are not in Git (${orphans.sort().slice(0, 5).join(', ')}), more than guards.prune (${Math.round(limit * 100)}%) allows to remove`
      this.orphanProblem = {
        code: 'PRUNE_GUARD',
        message,
        next: {
          kind: 'stalled',
          remedy: `slipway approve ${accepted.revision.sha.slice(0, 12)}, or put them back into Git`,
        },
      }
      return
    }
    this.orphanProblem = null
    const names = [...new Set(orphans.map((key) => key.slice(0, key.indexOf('/'))))].sort()
    this.memory.record(
      names.map((stack) => ({
        kind: 'stack-orphaned',
        atMs: this.ports.clock.nowMs(),
        stack,
        revision: accepted.revision,
      })),
    )
  }

  get problems(): readonly Problem[] {
    const guard = this.dryRun ? this.guardProblem : null
    return [this.orphanProblem, guard].filter((problem) => problem !== null)
  }

  /** Revisions that a person may approve. */
  get waiting(): readonly Revision[] {
    const { held, accepted } = this.memory.state
    const orphans = this.orphanProblem !== null ? accepted : null
    return [held, orphans].flatMap((entry) => (entry === null ? [] : [entry.revision]))
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

  private async guard(desired: Desired, signal: AbortSignal): Promise<Problem | null> {
    const { accepted, approved } = this.memory.state
    if (accepted === null || approved.includes(desired.revision.sha)) return null
    // The rule that holds is the one in force, not the one that the revision in question brings along.
    if (accepted.fleet.guards.history === 'fast-forward') {
      const ancestor = await this.ports.source.isAncestor(accepted.revision.sha, desired.revision.sha, signal)
      if (!ancestor.ok || !ancestor.value) return rewrittenProblem(accepted.revision, desired.revision)
    }
    const observation = await this.observed(signal)
    return pruneProblem(accepted.fleet.guards.prune, desired, observation)
  }

  private accept(desired: Desired, atMs: number): void {
    const before = this.memory.state
    const stacks: Record<string, string> = {}
    for (const entry of desired.stacks) {
      const hash = entry.kind === 'valid' ? entry.hash : before.stacks[entry.name]?.desired?.hash
      if (entry.kind === 'valid' && !this.memory.keep(entry.hash, entry.stack)) return
      if (hash !== undefined) stacks[entry.name] = hash
    }
    this.noteInvalid(desired)
    this.memory.record([
      {
        kind: 'revision-accepted',
        atMs,
        revision: desired.revision,
        fleet: desired.fleet,
        stacks,
        rewound: before.approved.includes(desired.revision.sha),
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

export function answerTo(command: Command): string {
  switch (command.kind) {
    case 'approve':
      return `revision ${command.sha.slice(0, 12)} is approved and will be rolled out`
    case 'retry':
      return `${command.stack} is tried again`
    case 'restart':
      return `${command.stack}/${command.service} is restarted, one batch after the other`
    case 'suspend':
      return `${command.scope === '*' ? 'the fleet' : command.scope} is suspended: it is watched and left as it is`
    case 'resume':
      return `${command.scope === '*' ? 'the fleet' : command.scope} is followed again`
    case 'drain':
      return `replicas leave ${command.server}; its volumes stay`
    case 'undrain':
      return `${command.server} takes replicas again; none is moved back by itself`
    case 'sync':
      return 'looking at Git and the servers now'
  }
}
