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
  const nodes = [...observation.values()].sort((a, b) => compareText(a.server, b.server)).flatMap(nodeOf)
  const [most] = bySwarm(nodes, ({ swarm }) => swarm.managers)
  if (most === undefined) return null
  return {
    members: most.map(({ view }) => view.server),
    managers: most.flatMap(({ view, swarm }) => (swarm.isManager && view.kind === 'listed' ? [view.server] : [])),
  }
}

function nodeOf(view: ServerView): readonly { readonly view: ServerView; readonly swarm: SwarmFacts }[] {
  const facts = view.kind === 'listed' ? view.listing.facts : view.facts
  return facts?.swarm === undefined ? [] : [{ view, swarm: facts.swarm }]
}

/** Nodes that know a manager in common, if only by others; the most first, those of the first node first among equals. All stay in their order. */
export function bySwarm<T>(nodes: readonly T[], managersOf: (node: T) => readonly string[]): readonly (readonly T[])[] {
  const swarms = new Set<Set<string>>()
  for (const node of nodes) {
    const own = managersOf(node)
    const known = [...swarms].filter((ids) => own.some((id) => ids.has(id)))
    for (const ids of known) swarms.delete(ids)
    swarms.add(new Set([...known.flatMap((ids) => [...ids]), ...own]))
  }
  const groups = new Map<unknown, T[]>()
  for (const node of nodes) {
    const [first = ''] = managersOf(node)
    const swarm = [...swarms].find((ids) => ids.has(first)) ?? node
    const group = groups.get(swarm) ?? []
    groups.set(swarm, group)
    group.push(node)
  }
  return [...groups.values()].sort((a, b) => b.length - a.length)
}
