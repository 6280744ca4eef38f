import { compareText, formatSlot, specHash, valueHash } from '../model/index.js'
import type { StackPlan } from '../model/index.js'

/**
 * Names what a plan does: each slot that changes, how, where, and to which specification. Equal plans have equal hashes; what stays as it is,
 * container ids, causes and times are no part of it, so a replica that is started again meanwhile makes no other plan.
 */
export function planHash(plans: readonly StackPlan[]): string {
  const changes = plans.flatMap((plan) =>
    plan.changes
      .filter((change) => change.kind !== 'unchanged' && change.kind !== 'restart')
      .map((change) => [
        formatSlot(change.slot),
        plan.stack,
        change.kind,
        change.kind === 'blocked' ? change.problem.code : change.server,
        change.kind === 'replace' ? change.from.server : '',
        change.kind === 'remove' ? '' : specHash(change.spec),
      ]),
  )
  return valueHash(changes.map((change) => change.join(' ')).sort(compareText)).slice(0, 16)
}
