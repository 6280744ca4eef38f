import type { Change, ChangeKind, StackPlan } from '../model/index.js'

/** How many changes of each kind plans have. */
export type PlanCounts = Readonly<Record<ChangeKind, number>>

/** In the order in which they are told. */
const WORDS: Readonly<Record<ChangeKind, string>> = {
  replace: 'to replace',
  create: 'to create',
  'update-in-place': 'to update in place',
  restart: 'to restart',
  remove: 'to remove',
  blocked: 'blocked',
  unchanged: 'unchanged',
}

export function countChanges(changes: readonly Change[]): PlanCounts {
  const counts = { replace: 0, create: 0, 'update-in-place': 0, restart: 0, remove: 0, blocked: 0, unchanged: 0 }
  for (const change of changes) counts[change.kind] += 1
  return counts
}

/** `2 to replace, 1 to create, 12 unchanged`; `nothing to do` for plans without a slot. */
export function summarise(plans: readonly StackPlan[]): string {
  const counts = countChanges(plans.flatMap((plan) => plan.changes))
  const kinds = (Object.keys(WORDS) as ChangeKind[]).filter((kind) => counts[kind] > 0)
  return kinds.length === 0 ? 'nothing to do' : kinds.map((kind) => `${counts[kind]} ${WORDS[kind]}`).join(', ')
}
