import type { CanaryCheck, Next, Problem } from '../model/index.js'
import type { Facts } from './advice.js'
import { seenAtStep } from './shares.js'
import { stagesOf } from './strategy.js'
import type { Stage } from './strategy.js'

/** What came of asking. `unknown`: nobody could say, which is neither yes nor no. `said`: in words, at most 300 characters. */
export interface CheckAnswer {
  readonly verdict: 'yes' | 'no' | 'unknown'
  readonly said: string
}

/** The last answer of a check since its step was reached. */
export interface CheckSeen extends CheckAnswer {
  readonly name: string
  /** Of which step, as `CheckRun` has it. */
  readonly run: string
  /** When the question was sent. */
  readonly askedAtMs: number
  /** In a row. No answer neither adds to them nor ends them. */
  readonly noes: number
}

/** What is to be asked, again and again, while a service stays at a step. By level: who is not named any more is forgotten. */
export interface CheckRun {
  readonly service: string
  /** Names this step of this rollout: what was said of another one counts for nothing here. */
  readonly run: string
  readonly checks: readonly CanaryCheck[]
}

/** A check and what it said, for a person. */
export interface CheckView {
  readonly name: string
  /** Null: it was not asked yet. */
  readonly verdict: CheckAnswer['verdict'] | null
  readonly said: string
  readonly askedAtMs: number | null
  readonly noes: number
  /** So many noes in a row take the canary back. */
  readonly failures: number
}

/** Nobody is asked about what the proxies do not go by yet, nor about what a person has decided. */
export function checkRuns(facts: Facts): readonly CheckRun[] {
  if (facts.state.rollout?.phase !== 'updating') return []
  return stagesOf(facts).flatMap((stage) => {
    const { spec } = stage
    const isAsked = isJudged(stage) && seenAtStep(facts, stage) !== null && !facts.suspended.has(spec.name)
    return isAsked ? [{ service: spec.name, run: runOf(stage), checks: checksOf(stage) }] : []
  })
}

/** Whether it stands at a step that its checks decide on. */
function isJudged(stage: Stage): boolean {
  const { state, steps, isStanding, isOver } = stage
  if (state === null || state.reachedAtMs === null || !isStanding || isOver) return false
  return checksOf(stage).length > 0 && state.promotedTo < state.step && steps[state.step]?.holdMs !== 0
}

function checksOf({ strategy }: Stage): readonly CanaryCheck[] {
  return strategy.kind === 'canary' ? (strategy.checks ?? []) : []
}

function runOf({ specHash, state }: Stage): string {
  return `${specHash} ${state?.step ?? -1} ${state?.reachedAtMs ?? -1}`
}

function seenOf(facts: Facts, stage: Stage, { name }: CanaryCheck): CheckSeen | null {
  const run = runOf(stage)
  return facts.checks.get(stage.spec.name)?.find((one) => one.name === name && one.run === run) ?? null
}

/** Why the new replicas are taken back by what their checks say; null: they are not. */
export function whyRefused(facts: Facts, stage: Stage): Problem | null {
  for (const check of checksOf(stage)) {
    const seen = seenOf(facts, stage, check)
    if (seen === null || seen.noes < check.failures) continue
    const often = seen.noes === 1 ? '' : ` ${seen.noes} times in a row`
    const message = `check ${check.name} said no${often}: ${seen.said}`
    return { code: 'CHECK_FAILED', stack: stage.spec.stack, service: stage.spec.name, message }
  }
  return null
}

/** The first check whose last word is no yes, or one that is too old to go by: a controller may have stood still since. */
export function openCheck(facts: Facts, stage: Stage): CheckView | null {
  const open = checksOf(stage).find((check) => {
    const seen = seenOf(facts, stage, check)
    return seen?.verdict !== 'yes' || facts.nowMs - seen.askedAtMs > 2 * check.intervalMs + check.timeoutMs
  })
  return open === undefined ? null : viewOf(open, seenOf(facts, stage, open))
}

export function checkViews(facts: Facts, stage: Stage): readonly CheckView[] {
  return isJudged(stage) ? checksOf(stage).map((check) => viewOf(check, seenOf(facts, stage, check))) : []
}

function viewOf({ name, failures }: CanaryCheck, seen: CheckSeen | null): CheckView {
  const { verdict = null, said = '', askedAtMs = null, noes = 0 } = seen ?? {}
  return { name, verdict, said, askedAtMs, noes, failures }
}

/** What a step waits for at a check, and what to do. */
export function openCheckProblem({ name, verdict, said, noes, failures }: CheckView): {
  readonly message: string
  readonly next: Next
} {
  const until = `check ${name} says yes, or somebody promotes it`
  switch (verdict) {
    case null:
      return { message: `check ${name} was not asked yet`, next: { kind: 'wait', until } }
    case 'yes':
      return { message: `check ${name} said yes too long ago`, next: { kind: 'wait', until } }
    case 'no':
      return { message: `check ${name} says no (${noes} of ${failures}): ${said}`, next: { kind: 'wait', until } }
    case 'unknown': {
      const remedy = 'see that it answers where the controller runs, or run slipway promote or slipway abort'
      return { message: `check ${name} gives no answer: ${said}`, next: { kind: 'stalled', remedy } }
    }
  }
}
