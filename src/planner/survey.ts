import { compareText, swarmOf } from '../model/index.js'
import type { Fleet, Server, Swarm } from '../model/index.js'
import type { FleetUsage, ReplicaIndex, UnreachableView } from './usage.js'

/** What can be said of the fleet as a whole, the same for every stack of a tick. */
export interface Survey {
  readonly fleet: Fleet
  readonly servers: ReadonlyMap<string, Server>
  /** Sorted by name. */
  readonly byName: readonly Server[]
  /** Servers of the fleet that were not looked at this tick; null: never reported on at all. */
  readonly unreachable: ReadonlyMap<string, UnreachableView | null>
  /** Never listed and not given up: these may hold anything. Sorted. */
  readonly neverListed: readonly string[]
  /** More than half of the fleet is away at once: then it is the controller that is cut off. */
  readonly isCutOff: boolean
  /** Null: they are in none. */
  readonly swarm: Swarm | null
}

/** By the index that belongs to one measure; a memory of a pure function, nothing more. */
const surveys = new WeakMap<ReplicaIndex, Survey>()

export function surveyOf(fleet: Fleet, usage: FleetUsage): Survey {
  const known = surveys.get(usage.replicas)
  if (known?.fleet === fleet) return known
  const survey = takeSurvey(fleet, usage)
  surveys.set(usage.replicas, survey)
  return survey
}

function takeSurvey(fleet: Fleet, { observation }: FleetUsage): Survey {
  const byName = [...fleet.servers].sort((a, b) => compareText(a.name, b.name))
  const unreachable = new Map<string, UnreachableView | null>()
  for (const { name } of byName) {
    const view = observation.get(name) ?? null
    if (view?.kind !== 'listed') unreachable.set(name, view)
  }
  const isCutOff = unreachable.size * 2 > byName.length
  const isOpen = (view: UnreachableView | null) =>
    view === null || (!view.everListed && (view.phase !== 'lost' || isCutOff))
  const neverListed = [...unreachable].flatMap(([name, view]) => (isOpen(view) ? [name] : []))
  return {
    fleet,
    servers: new Map(byName.map((server) => [server.name, server])),
    byName,
    unreachable,
    neverListed,
    isCutOff,
    swarm: swarmOf(observation),
  }
}
