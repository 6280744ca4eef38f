import { NOTHING } from './advice.js'
import type { Advice, Facts } from './advice.js'
import { lifecycle } from './lifecycle.js'
import { prepareRollout } from './prepare.js'
import { step } from './step.js'

/**
 * When each change of a plan may happen. Pure: the same facts give the same advice. The caller journals the facts, folds them, performs the
 * actions, and comes back when anything changed.
 */
export function advance(facts: Facts): Advice {
  const turn = lifecycle(facts)
  if (turn.length > 0) return { ...NOTHING, facts: turn, again: true }
  const phase = facts.state.rollout?.phase
  if (phase === 'preparing') return prepareRollout(facts)
  return step(facts)
}
