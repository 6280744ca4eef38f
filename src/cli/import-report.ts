import type { AdoptionAnswer } from '../controller/index.js'
import type { Desired, Problem, RestartPolicy, Result, Stack } from '../model/index.js'
import type { Adoptee, AdoptionPlan } from '../planner/index.js'

/** What becomes of one container of the project. */
export type Fate = 'kept' | 'replaced' | 'removed'

export interface Imported {
  readonly adoptee: Adoptee
  readonly fate: Fate
  readonly answer: AdoptionAnswer
  /** Null: nothing was done yet. */
  readonly outcome: Result<null> | null
}

/** Everything that is shown: what was found, what is to happen, and what did. */
export interface ImportReport {
  readonly desired: Desired
  readonly stack: Stack
  readonly plan: AdoptionPlan
  readonly containers: readonly Imported[]
  /** What stands against it, or against the next rollout. */
  readonly problems: readonly Problem[]
  readonly isDone: boolean
}

/** Null: it stays, because it is right or because the container goes anyhow. */
export function restartFor({ adoptee, fate, answer }: Imported): RestartPolicy | null {
  const { restart } = adoptee.spec
  const isRight = restart.condition === answer.restart.condition && restart.maxAttempts === answer.restart.maxAttempts
  return fate !== 'kept' || isRight ? null : restart
}
