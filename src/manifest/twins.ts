import type { Fleet, StackEntry } from '../model/index.js'
import { acmeProblems } from './acme-routes.js'
import { portProblems } from './port-twins.js'
import type { Claims } from './port-twins.js'
import { hasRoutes, routeProblems } from './route-twins.js'

/** Stacks that claim what another one, or the same, claims as well are refused: ports and routes are the whole fleet's. So is what nobody could certify. */
export function refuseClaimedTwice(
  entries: readonly StackEntry[],
  { ingress }: Fleet,
  claims: Claims,
): readonly StackEntry[] {
  if (ingress === undefined) return entries
  const problems = [
    ...portProblems(entries, claims, ingress, hasRoutes(entries)),
    ...routeProblems(entries, claims),
    ...acmeProblems(entries, claims, ingress.acme),
  ]
  if (problems.length === 0) return entries
  return entries.map((entry) => {
    const own = problems.filter(({ stack }) => stack === entry.name)
    if (own.length === 0 || entry.kind === 'invalid') return entry
    return { kind: 'invalid', name: entry.name, path: entry.stack.path, problems: own }
  })
}
