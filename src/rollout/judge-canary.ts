import type { CanaryLimits, Problem } from '../model/index.js'
import type { Facts } from './advice.js'
import { openCheck } from './checks.js'
import type { CheckView } from './checks.js'
import { seenAtStep } from './shares.js'
import type { GroupFigures, ShareSeen } from './shares.js'
import type { Stage } from './strategy.js'

/** What is slower by less is not slower: a request of 2 ms takes 4 now and then. */
const LEAST_SLOWER_MS = 20
/** A single failed request says nothing. */
const FORGIVEN_ERRORS = 1
/** A controller that was away looks for so long, or as long as the step lasts, before it goes on. */
const LOOK_MS = 10_000

/** Why the new replicas are worse than the old ones; null: they are not, or too few requests say anything. */
export function whyWorse(facts: Facts, stage: Stage): Problem | null {
  const { spec, strategy } = stage
  const seen = strategy.kind === 'canary' ? seenAtStep(facts, stage) : null
  if (strategy.kind !== 'canary' || seen === null || seen.percent === 0) return null
  const message = worse(strategy.limits, seen)
  return message === null ? null : { code: 'CANARY_WORSE', stack: spec.stack, service: spec.name, message }
}

function worse({ leastRequests, errorRatio, p95Ratio }: CanaryLimits, { fresh, old }: ShareSeen): string | null {
  if (fresh.requests < Math.max(1, leastRequests)) return null
  const allowed = ratioOf(old) + errorRatio
  if (fresh.errors - FORGIVEN_ERRORS > allowed * fresh.requests)
    return (
      `${percent(ratioOf(fresh))} of ${fresh.requests} requests to the new replicas failed, ` +
      `${percent(ratioOf(old))} of ${old.requests} to the old ones; at most ${percent(errorRatio)} more may`
    )
  if (fresh.p95Ms === null || old.p95Ms === null || old.requests < leastRequests) return null
  const isSlower = fresh.p95Ms > old.p95Ms * p95Ratio && fresh.p95Ms - old.p95Ms >= LEAST_SLOWER_MS
  if (!isSlower) return null
  return (
    `95 of 100 requests take up to ${Math.round(fresh.p95Ms)} ms in the new replicas, ${Math.round(old.p95Ms)} ms in the ` +
    `old ones; at most ${p95Ratio} times as long is allowed`
  )
}

function ratioOf({ requests, errors }: GroupFigures): number {
  return requests === 0 ? 0 : errors / requests
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1_000) / 10} %`
}

/** What a step that is reached still waits for; null: nothing. `untilMs` null: for no time. */
export type Hold = {
  readonly untilMs: number | null
  /** Of the new replicas, seen since and needed. */
  readonly requests: number
  readonly leastRequests: number
} & (
  | { readonly reason: 'time' | 'requests' | 'promote' }
  /** The first check that has not said yes. */
  | { readonly reason: 'checks'; readonly check: CheckView }
)

/** The step's time counts from when it was reached, whoever watched; but somebody must have looked at its end. */
export function holdOf(facts: Facts, stage: Stage): Hold | null {
  const { state, steps, strategy } = stage
  const holdMs = steps[state?.step ?? 0]?.holdMs ?? null
  if (state === null || state.reachedAtMs === null || state.promotedTo >= state.step || holdMs === 0) return null
  const seen = seenAtStep(facts, stage)
  const leastRequests = strategy.kind === 'canary' ? strategy.limits.leastRequests : 0
  const requests = seen?.fresh.requests ?? 0
  const about = { untilMs: null, requests, leastRequests }
  if (holdMs === null) return { ...about, reason: 'promote' }
  const lookedMs = strategy.kind === 'canary' ? (seen?.sinceMs ?? facts.nowMs) + Math.min(holdMs, LOOK_MS) : 0
  const untilMs = Math.max(state.reachedAtMs + holdMs, lookedMs)
  if (facts.nowMs < untilMs) return { ...about, reason: 'time', untilMs }
  if (requests < leastRequests) return { ...about, reason: 'requests' }
  const check = openCheck(facts, stage)
  return check === null ? null : { ...about, reason: 'checks', check }
}
