import type { Dependency, ServiceSpec, UpdatePolicy } from '../model/index.js'
import type { Stage } from './strategy.js'

/** What all slots of a service share in one step. */
export interface ServiceContext {
  readonly spec: ServiceSpec
  readonly policy: UpdatePolicy
  /** The rollout waits for a person: only what was proven is kept alive. */
  readonly frozen: boolean
  readonly unmet: Dependency | null
  /** Slots that may still begin to be replaced. */
  readonly budget: number
  /** Slots that serve nobody now, and how many may. */
  readonly down: number
  readonly tolerableDown: number
  /** Slots whose old replica gets nothing new any more, to be stopped before there is a new one. */
  readonly leaving: ReadonlySet<string>
  readonly lastProvenAtMs: number
  /** Where it comes to its spec by a strategy; null: the rolling way. */
  readonly stage: Stage | null
}

export interface ChangeContext extends ServiceContext {
  readonly key: string
  /** Something must leave the slot before anything new may come into it. */
  readonly occupied: boolean
}
