import type { Problem, ServiceSpec } from '../model/index.js'
import type { Facts } from './advice.js'
import type { RolloutFact } from './facts.js'
import { whyRefused } from './checks.js'
import { holdOf, whyWorse } from './judge-canary.js'
import { unmetDependency } from './order.js'
import { measureProgress } from './progress.js'
import { seenAtStep } from './shares.js'
import { stagesOf } from './strategy.js'
import type { Stage } from './strategy.js'

/** Steps that are reached or begun now, one a service. */
export function stageFacts(facts: Facts): readonly RolloutFact[] {
  return stagesOf(facts).flatMap((stage) => (facts.suspended.has(stage.spec.name) ? [] : nextOf(facts, stage)))
}

/** The first service whose new replicas are worse than its old ones, or refused by a check, unless a person has promoted them. */
export function worseCanary(facts: Facts): { readonly spec: ServiceSpec; readonly problem: Problem } | null {
  for (const stage of stagesOf(facts)) {
    const isTrusted = stage.state === null || stage.state.promotedTo >= stage.state.step || stage.isOver
    const problem = isTrusted ? null : (whyWorse(facts, stage) ?? whyRefused(facts, stage))
    if (problem !== null) return { spec: stage.spec, problem }
  }
  return null
}

/** Services that stay at a step on purpose: no progress is expected of them. */
export function heldServices(facts: Facts): ReadonlySet<string> {
  const held = stagesOf(facts).filter((stage) => isHeld(stage))
  return new Set(held.map(({ spec }) => spec.name))
}

function isHeld({ state, isStanding, isOver }: Stage): boolean {
  return state !== null && state.reachedAtMs !== null && isStanding && !isOver
}

function nextOf(facts: Facts, stage: Stage): readonly RolloutFact[] {
  const { state, spec } = stage
  if (stage.isOver) return []
  if (state === null) return unmetDependency(spec, measureProgress(facts)) === null ? [begun(facts, stage, 0)] : []
  // What is ill, or where nobody can look, is waited for.
  if (!stage.isStanding || !stage.isSeen) return []
  if (state.reachedAtMs === null) return seenAtStep(facts, stage) === null ? [] : [reached(facts, stage)]
  return holdOf(facts, stage) === null ? [begun(facts, stage, state.step + 1)] : []
}

function begun(facts: Facts, stage: Stage, step: number): RolloutFact {
  const { spec, specHash, steps, state } = stage
  const isPromoted = state !== null && state.promotedTo >= state.step
  return {
    kind: 'step-begun',
    ...{ atMs: facts.nowMs, stack: spec.stack, service: spec.name, specHash },
    ...{ step, steps: steps.length, percent: steps[step]?.percent ?? 100, promoted: isPromoted },
  }
}

function reached(facts: Facts, { spec, specHash, steps, state }: Stage): RolloutFact {
  const step = state?.step ?? 0
  return {
    kind: 'step-reached',
    ...{ atMs: facts.nowMs, stack: spec.stack, service: spec.name, specHash },
    ...{ step, percent: steps[step]?.percent ?? 100, holdMs: steps[step]?.holdMs ?? null },
  }
}
