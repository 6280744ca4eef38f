import type { RolloutFact } from './facts.js'
import { slotKey } from './state.js'
import type { Rollout, StackState, StageState } from './state.js'

/** Beyond every step. */
const TO_THE_END = 1_000_000

export function stepBegun(state: StackState, fact: Extract<RolloutFact, { kind: 'step-begun' }>): StackState {
  const before = state.rollout?.stages?.[fact.service]
  const promotedTo = before?.specHash === fact.specHash ? before.promotedTo : -1
  const { specHash, step, steps, atMs } = fact
  const over = step >= steps ? { isOver: true } : {}
  return withStage(
    state,
    fact.service,
    { specHash, step, begunAtMs: atMs, reachedAtMs: null, promotedTo, ...over },
    atMs,
  )
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

/** The old one of a slot goes on serving beside the new one that is proven, and counts again if that is given up. */
export function noteBeside(state: StackState, fact: Extract<RolloutFact, { kind: 'slot-proven' }>): StackState {
  const { rollout } = state
  const key = slotKey(fact.slot)
  const before = state.provenReplicas[key]
  const isStaged = rollout?.stages?.[fact.service]?.specHash === fact.specHash
  if (rollout === null || !isStaged || before === undefined || rollout.beside?.[key] !== undefined) return state
  return { ...state, rollout: { ...rollout, beside: { ...rollout.beside, [key]: before } } }
}

/**
 * What a rollout that ends half-way had beside the old, which is what is proven again: nobody has to ask it anew while the new one leaves. Where the old
 * ones leave already there is no way back at once: the new ones serve until others take their places. `only`: one service.
 */
export function givenUp(state: StackState, only: string | null = null): Partial<StackState> {
  const { rollout, takenBack, provenReplicas } = state
  const all = Object.entries(rollout?.stages ?? {}).filter(([name]) => only === null || name === only)
  if (all.length === 0) return {}
  const stages = new Map(all.filter(([, stage]) => stage.isOver !== true))
  const beside = Object.entries(rollout?.beside ?? {}).filter(([key]) => stages.has(key.slice(0, key.lastIndexOf('#'))))
  const before = Object.entries(takenBack ?? {}).filter(([name]) => !all.some(([other]) => other === name))
  return {
    takenBack: Object.fromEntries([...before, ...[...stages].map(([name, { specHash }]) => [name, specHash] as const)]),
    provenReplicas: { ...provenReplicas, ...Object.fromEntries(beside) },
  }
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
