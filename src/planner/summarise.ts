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
  const rerouted = plans.reduce((sum, { reroutes = [] }) => sum + reroutes.length, 0)
  if (kinds.length === 0 && rerouted === 0) return 'nothing to do'
  const moved = plans.flatMap((plan) => plan.changes).filter(isMove).length
  const words = (kind: ChangeKind): string =>
    kind === 'replace' && moved > 0 ? `${WORDS.replace} (${moved} moved)` : WORDS[kind]
  const told = kinds.map((kind) => `${counts[kind]} ${words(kind)}`)
  // What stays stands last.
  if (rerouted > 0) told.splice(counts.unchanged > 0 ? told.length - 1 : told.length, 0, `${rerouted} to reroute`)
  return told.join(', ')
}

function isMove(change: Change): boolean {
  return change.kind === 'replace' && change.from.server !== change.server
}
