import type { CanaryLimits, Problem, Strategy } from '../model/index.js'
import type { Advice, Facts } from './advice.js'
import { checkViews, openCheckProblem } from './checks.js'
import type { CheckView } from './checks.js'
import { holdOf } from './judge-canary.js'
import type { Hold } from './judge-canary.js'
import { seenAtStep } from './shares.js'
import type { ShareSeen } from './shares.js'
import { stagesOf } from './strategy.js'
import type { Stage } from './strategy.js'

/** Where a service stands on its way: for the status, never for a decision. */
export interface StageView {
  readonly service: string
  readonly kind: Strategy['kind']
  /** From 1; 0: nothing has begun. More than `steps`: the old replicas leave. */
  readonly step: number
  readonly steps: number
  /** What the new replicas get now. */
  readonly percent: number
  /** `replicas`: until those of the step are well; `proxies`: until these go by its share. Null: for nothing. */
  readonly waitsFor: 'replicas' | 'proxies' | Hold['reason'] | null
  /** When its time is over; null: it waits for something else. */
  readonly untilMs: number | null
  /** What came of the share that the proxies go by; null: nobody knows yet. */
  readonly seen: ShareSeen | null
  /** Null: it is not judged. */
  readonly limits: CanaryLimits | null
  /** Of the step that it stands at. Absent: none. */
  readonly checks?: readonly CheckView[]
}

export function stageViews(facts: Facts): readonly StageView[] {
  return stagesOf(facts).map((stage) => viewOf(facts, stage))
}

function viewOf(facts: Facts, stage: Stage): StageView {
  const { spec, strategy, steps, state, percent } = stage
  const hold = holdOf(facts, stage)
  const checks = checkViews(facts, stage)
  const canary = strategy.kind === 'canary' ? strategy : null
  return {
    service: spec.name,
    kind: strategy.kind,
    step: (state?.step ?? -1) + 1,
    steps: steps.length,
    percent,
    waitsFor: waitsFor(stage, hold),
    untilMs: hold?.untilMs ?? null,
    seen: seenAtStep(facts, stage),
    limits: canary?.limits ?? null,
    ...(checks.length === 0 ? {} : { checks }),
  }
}

function waitsFor({ isOver, isStanding, state }: Stage, hold: Hold | null): StageView['waitsFor'] {
  if (isOver) return null
  if (!isStanding) return 'replicas'
  return state?.reachedAtMs === null ? 'proxies' : (hold?.reason ?? null)
}

/** Why a step lasts, and when to look again. */
export function stageWaits(facts: Facts): readonly Partial<Advice>[] {
  return stagesOf(facts).flatMap((stage) => {
    const hold = stage.isOver || !stage.isStanding ? null : holdOf(facts, stage)
    if (hold === null) return []
    const problem = heldBy(stage, hold)
    return [{ waiting: [{ service: stage.spec.name, slot: null, problem }], wakeAtMs: hold.untilMs }]
  })
}

function heldBy({ spec, steps, state, percent }: Stage, hold: Hold): Problem {
  const about = { code: 'STEP_HELD', stack: spec.stack, service: spec.name } as const
  const where = `step ${(state?.step ?? 0) + 1} of ${steps.length}, ${percent} % of the requests go to the new replicas`
  switch (hold.reason) {
    case 'time':
      return { ...about, message: where, next: { kind: 'wait', until: 'its time is over' } }
    case 'promote':
      return { ...about, message: where, next: { kind: 'stalled', remedy: 'run slipway promote or slipway abort' } }
    case 'checks': {
      const { message, next } = openCheckProblem(hold.check)
      return { ...about, message: `${where}; ${message}`, next }
    }
    case 'requests': {
      const until = `the new ones have had ${hold.leastRequests} requests, or somebody promotes it`
      return { ...about, message: `${where}, ${hold.requests} so far`, next: { kind: 'wait', until } }
    }
  }
}
