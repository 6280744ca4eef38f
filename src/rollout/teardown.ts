import { swarmOf } from '../model/index.js'
import type { Action } from '../model/index.js'
import type { Facts } from './advice.js'

/** Networks of a stack that is gone; volumes stay. A network that cannot be removed (something foreign uses it) is tried once and left. */
export function networksToRemove(facts: Facts): readonly Action[] {
  if (facts.target.stack.services.length > 0 || facts.plan.changes.length > 0) return []
  const names = new Set(
    (facts.proven?.networks ?? []).filter((network) => !network.external).map((network) => network.name),
  )
  const [manager] = swarmOf(facts.observation)?.managers ?? []
  return [...facts.observation.values()].flatMap((view) => {
    if (view.kind !== 'listed') return []
    // One that all servers of a Swarm see is removed once.
    const ours = view.listing.networks.filter(
      ({ name, fleet, isShared }) =>
        names.has(name) && fleet === facts.fleet && (isShared !== true || view.server === manager),
    )
    return ours
      .filter((network) => !facts.prepared.has(removalKey(view.server, network.name)))
      .map(
        (network) =>
          ({
            kind: 'remove-network',
            server: view.server,
            stack: facts.target.stack.name,
            network: network.name,
          }) as const,
      )
  })
}

export function removalKey(server: string, network: string): string {
  return `${server}|remove-network|${network}`
}
