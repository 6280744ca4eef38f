import { canonicalJson, hashOf, specHash } from '../model/index.js'
import type { Change, Fleet, StackPlan } from '../model/index.js'

/** What a revision wants: its fleet, and the hash of each stack by name. */
export interface Wanted {
  readonly fleet: Fleet
  readonly stacks: Readonly<Record<string, string>>
}

/**
 * The name of a plan, 20 hexadecimal digits: equal for equal manifests that would change the same slots in the same way. What differs from look to
 * look (container ids, health) is not in it.
 */
export function planPin({ fleet, stacks }: Wanted, plans: readonly StackPlan[]): string {
  const changes = plans.flatMap(({ stack, changes }) =>
    changes.filter(({ kind }) => kind !== 'unchanged').map((change) => [stack, ...essence(change)]),
  )
  return hashOf([fleet, stacks, changes.map((change) => canonicalJson(change)).sort()])
}

function essence(change: Change): readonly (string | null)[] {
  const { kind, slot } = change
  const where = kind === 'blocked' ? change.problem.code : change.server
  const to = kind === 'remove' ? change.why : specHash(change.spec)
  const from = kind === 'replace' ? change.from : 'replica' in change ? change.replica : null
  const order = kind === 'replace' ? change.order : null
  return [kind, slot.service, slot.key, where, to, from?.specHash ?? null, from?.server ?? null, order]
}
