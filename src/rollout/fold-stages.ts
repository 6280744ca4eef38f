import type { RolloutFact } from './facts.js'
import type { Rollout, StackState, StageState } from './state.js'

/** Beyond every step. */
const TO_THE_END = 1_000_000

export function stepBegun(state: StackState, fact: Extract<RolloutFact, { kind: 'step-begun' }>): StackState {
  const before = state.rollout?.stages?.[fact.service]
  const promotedTo = before?.specHash === fact.specHash ? before.promotedTo : -1
  const { specHash, step, atMs } = fact
  return withStage(state, fact.service, { specHash, step, begunAtMs: atMs, reachedAtMs: null, promotedTo }, atMs)
}

export function stepReached(state: StackState, fact: Extract<RolloutFact, { kind: 'step-reached' }>): StackState {
  const stage = state.rollout?.stages?.[fact.service]
  return stage?.step === fact.step && stage.specHash === fact.specHash
    ? withStage(state, fact.service, { ...stage, reachedAtMs: fact.atMs }, fact.atMs)
    : state
}

function withStage(state: StackState, service: string, stage: StageState, atMs: number): StackState {
  const { rollout } = state
  if (rollout === null) return state
  return { ...state, rollout: { ...rollout, stages: { ...rollout.stages, [service]: stage }, highWaterAtMs: atMs } }
}

/** What a rollout that ends half-way had beside the old. */
export function givenUp({ rollout, takenBack }: StackState): Pick<StackState, 'takenBack'> {
  const stages = Object.entries(rollout?.stages ?? {})
  if (stages.length === 0) return {}
  return { takenBack: { ...takenBack, ...Object.fromEntries(stages.map(([name, stage]) => [name, stage.specHash])) } }
}

/** A person wants to wait no longer: at the step at work, or at none. Null `service`: at all that have begun. */
export function promoted(state: StackState, service: string | null, isStep: boolean): StackState {
  return onStages(state, (rollout) => ({
    ...rollout,
    stages: Object.fromEntries(
      Object.entries(rollout.stages ?? {}).map(([name, stage]) => [
        name,
        service === null || service === name ? { ...stage, promotedTo: isStep ? stage.step : TO_THE_END } : stage,
      ]),
    ),
  }))
}

/** A person wants all that the rollout changed taken back. */
export function aborted(state: StackState, by: string, atMs: number): StackState {
  return onStages(state, (rollout) => (rollout.direction === 'back' ? rollout : { ...rollout, aborted: { atMs, by } }))
}

function onStages(state: StackState, change: (rollout: Rollout) => Rollout): StackState {
  // A snapshot that an older release wrote may lack the field.
  const rollout = state.rollout as Rollout | null | undefined
  return rollout === null || rollout === undefined ? state : { ...state, rollout: change(rollout) }
}
