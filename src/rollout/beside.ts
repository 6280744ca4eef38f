import { ailmentOf } from '../model/index.js'
import type { Change, Replica } from '../model/index.js'
import { combine } from './advice.js'
import type { Advice, Facts } from './advice.js'
import type { ChangeContext } from './context.js'
import { heal } from './heal.js'
import { judged } from './judged.js'
import { isProven } from './progress.js'

type ReplaceChange = Extract<Change, { kind: 'replace' }>

/** While the strategy is under way both stay: the new one is judged as any, and the old one is kept well. */
export function bothStay(
  facts: Facts,
  context: ChangeContext,
  change: ReplaceChange,
  successor: Replica,
): Partial<Advice> {
  const { verdict, advice } = judged(facts, context, change.slot, successor)
  if (verdict === 'settled') return {}
  if (!isProven(facts, change.slot, successor)) return advice
  if (verdict === 'failed') return advice
  const kept = keepOld(facts, context, change)
  // What was proven and fell ill has no deadline of its own: the step does not go on, and the rollout has one.
  if (verdict === 'waiting') return combine([{ ...advice, wakeAtMs: finite(advice.wakeAtMs) }, kept])
  return { ...kept, watched: [successor] }
}

function finite(atMs: number | null = null): number | null {
  return atMs === Infinity ? null : atMs
}

/** The old one of a slot that is not to change yet, or has its new one beside it: what falls ill meanwhile is healed. */
export function keepOld(facts: Facts, context: ChangeContext, change: ReplaceChange): Partial<Advice> {
  const { from } = change
  const before = facts.proven?.services.find(({ name }) => name === from.slot.service)
  const why = before === undefined ? null : ailmentOf(before.restart, from)
  return before === undefined || why === null || why === 'paused'
    ? {}
    : heal(facts, context, {
        kind: 'restart',
        slot: change.slot,
        server: from.server,
        spec: before,
        replica: from,
        why,
        causes: [],
      })
}
