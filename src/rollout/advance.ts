import { NOTHING } from './advice.js'
import type { Advice, Facts } from './advice.js'
import { checkRuns } from './checks.js'
import { lifecycle } from './lifecycle.js'
import { prepareRollout } from './prepare.js'
import { drainsTakenBack, sharesOf } from './shares.js'
import { stageViews } from './stage-views.js'
import { step } from './step.js'
import { networksToRemove, removalKey } from './teardown.js'

/**
 * When each change of a plan may happen. Pure: the same facts give the same advice. The caller journals the facts, folds them, performs the
 * actions, and comes back when anything changed.
 */
export function advance(facts: Facts): Advice {
  const leftovers = networksToRemove(facts)
  if (leftovers.length > 0)
    return {
      ...NOTHING,
      actions: leftovers.filter(
        (action) => action.kind === 'remove-network' && !facts.preparing.has(removalKey(action.server, action.network)),
      ),
    }
  const turn = lifecycle(facts)
  if (turn.length > 0) return { ...NOTHING, facts: turn, again: true }
  const isPreparing = facts.state.rollout?.phase === 'preparing'
  const advice = isPreparing ? prepareRollout(facts) : step(facts)
  const drains = [...new Set([...advice.drains, ...drainsTakenBack(facts)])]
  return { ...advice, ...standing(facts), checks: checkRuns(facts), drains }
}

/** What holds whether or not anything may be done now: a stack that is left alone keeps its shares. */
export function standing(facts: Facts): Pick<Advice, 'shares' | 'stages'> {
  return { shares: sharesOf(facts), stages: stageViews(facts) }
}
