import { compareText } from './slot.js'
import type { Observation, ServerView, SwarmFacts } from './observation.js'

/** A Swarm that servers of the fleet form. Sorted by name. */
export interface Swarm {
  readonly members: readonly string[]
  /** Members that were managers when they were last looked at, and can be looked at now. */
  readonly managers: readonly string[]
}

/** The Swarm that most servers are in; of equal ones that of the first by name. Null: they are in none. */
export function swarmOf(observation: Observation): Swarm | null {
  const nodes = [...observation.values()].flatMap((view) => {
    const swarm = factsIn(view)
    return swarm === undefined ? [] : [{ view, swarm }]
  })
  const groups: { readonly known: Set<string>; readonly views: { view: ServerView; swarm: SwarmFacts }[] }[] = []
  for (const node of nodes) {
    const own = groups.filter(({ known }) => node.swarm.managers.some((id) => known.has(id)))
    const known = new Set([...own.flatMap((group) => [...group.known]), ...node.swarm.managers])
    const views = [...own.flatMap((group) => group.views), node]
    for (const group of own) groups.splice(groups.indexOf(group), 1)
    groups.push({ known, views })
  }
  const sorted = groups
    .map(({ views }) => views.sort((a, b) => compareText(a.view.server, b.view.server)))
    .sort((a, b) => b.length - a.length || compareText(a[0]?.view.server ?? '', b[0]?.view.server ?? ''))
  const [most] = sorted
  if (most === undefined) return null
  return {
    members: most.map(({ view }) => view.server),
    managers: most.flatMap(({ view, swarm }) => (swarm.isManager && view.kind === 'listed' ? [view.server] : [])),
  }
}

function factsIn(view: ServerView): SwarmFacts | undefined {
  return view.kind === 'listed' ? view.listing.facts.swarm : view.facts?.swarm
}
