import { specHash } from '../model/index.js'
import type { Problem, ServiceSpec, SpecHash, Stack } from '../model/index.js'
import type { SpecOf } from '../planner/index.js'
import { EMPTY_STACK_STATE } from '../rollout/index.js'
import type { Fact } from './facts.js'
import { problemOf } from './performer.js'
import type { Journal } from './ports.js'
import { EMPTY_STATE, REMOVED, fold } from './state.js'
import type { State } from './state.js'

/** Facts after which the folded state is written and older facts are forgotten. */
const SNAPSHOT_EVERY = 500

/**
 * State and what belongs to it: the fold of the journal, stacks by hash, specs by hash. A fact is on the disk before it counts; when it cannot be
 * written, nothing that follows from it is done.
 */
export class Memory {
  private current: State
  private sinceSnapshot = 0
  private readonly stacks = new Map<string, Stack>()
  private readonly specs = new Map<SpecHash, ServiceSpec>()
  private finder: SpecOf = () => undefined
  private readonly journal: Journal
  private readonly onFact: (fact: Fact) => void
  /** Set while the journal cannot be written. */
  problem: Problem | null = null

  constructor(journal: Journal, snapshot: unknown, facts: readonly Fact[], onFact: (fact: Fact) => void) {
    this.journal = journal
    this.onFact = onFact
    this.current = facts.reduce(fold, startOf(snapshot))
    const { stacks } = this.current
    for (const { desired } of Object.values(stacks)) if (desired !== null) this.stack(desired.hash)
    for (const hash of this.hashesInUse()) this.stack(hash)
  }

  get state(): State {
    return this.current
  }

  /** Writes, then folds. False: the journal refused, nothing happened. */
  record(facts: readonly Fact[]): boolean {
    if (facts.length === 0) return true
    const written = this.write(() => this.journal.append(facts))
    if (!written) return false
    for (const fact of facts) {
      this.current = fold(this.current, fact)
      this.onFact(fact)
    }
    this.sinceSnapshot += facts.length
    if (this.sinceSnapshot >= SNAPSHOT_EVERY) this.compact()
    return true
  }

  /** Writes the folded state and lets the journal forget what it covers. */
  compact(): void {
    const inUse = this.hashesInUse()
    if (!this.write(() => this.journal.snapshot(this.current, inUse))) return
    this.sinceSnapshot = 0
    const kept = new Set(inUse)
    for (const hash of this.stacks.keys()) if (!kept.has(hash)) this.stacks.delete(hash)
  }

  keep(hash: string, stack: Stack): boolean {
    if (this.stacks.has(hash)) return true
    if (!this.write(() => this.journal.putStack(hash, stack))) return false
    this.learn(hash, stack, 'newest')
    return true
  }

  /** A stack's content; `REMOVED` is one without services. */
  stack(hash: string, name = ''): Stack | null {
    if (hash === REMOVED) return { name, path: '', services: [], networks: [], volumes: [] }
    const known = this.stacks.get(hash)
    if (known !== undefined) return known
    const stored = this.journal.stack(hash)
    if (stored !== undefined) this.learn(hash, stored, 'older')
    return stored ?? null
  }

  /** Another function after each stack that was learnt: what was computed with the last one is out of date. */
  get specOf(): SpecOf {
    return this.finder
  }

  /** Runs a write; remembers that the journal fails, and that it works again. */
  write(run: () => void): boolean {
    try {
      run()
      this.problem = null
      return true
    } catch (error) {
      this.problem = problemOf(error)
      return false
    }
  }

  /** What is outside a spec's hash, such as reservations, is as the newest stack has it. */
  private learn(hash: string, stack: Stack, age: 'newest' | 'older'): void {
    this.stacks.set(hash, stack)
    for (const spec of stack.services) {
      const key = specHash(spec)
      if (age === 'newest' || !this.specs.has(key)) this.specs.set(key, spec)
    }
    this.finder = (hash) => this.specs.get(hash)
  }

  private hashesInUse(): readonly string[] {
    const hashes = Object.values(this.current.stacks).flatMap((stack) => [
      stack.desired?.hash,
      stack.proven?.hash,
      stack.rollout?.hash,
      stack.rollout?.from?.hash,
    ])
    return [...new Set(hashes.filter((hash): hash is string => hash !== undefined && hash !== REMOVED))].sort()
  }
}

/** The journal's own format check stands at its door; a snapshot of an older release lacks what it did not know. */
function startOf(snapshot: unknown): State {
  const state: State = { ...EMPTY_STATE, ...(snapshot as Partial<State> | null) }
  const stacks = Object.entries(state.stacks).map(
    ([name, stack]) => [name, { ...EMPTY_STACK_STATE, ...stack }] as const,
  )
  return { ...state, stacks: Object.fromEntries(stacks) }
}
