import { specHash } from '../model/index.js'
import type { Replica } from '../model/index.js'
import type { Facts } from './advice.js'
import { isHealthy, isUp } from './progress.js'
import { stagesOf } from './strategy.js'
import type { Stage } from './strategy.js'

/** How much of a service's requests its new replicas get while both they and the old ones serve. */
export interface ServiceShare {
  readonly service: string
  /** Of the new ones. */
  readonly specHash: string
  /** 0 to 100. */
  readonly percent: number
}

/** A share that all proxies that can be asked go by, and what has come of it since. */
export interface ShareSeen {
  readonly specHash: string
  readonly percent: number
  readonly sinceMs: number
  readonly fresh: GroupFigures
  readonly old: GroupFigures
}

/** Since the share is what it is. */
export interface GroupFigures {
  readonly requests: number
  readonly errors: number
  /** Null: too few to say. */
  readonly p95Ms: number | null
}

/** What the proxies saw while they went by the step's share; null: they do not all go by it, or nobody knows. */
export function seenAtStep(facts: Facts, stage: Stage): ShareSeen | null {
  const seen = facts.shares.get(stage.spec.name)
  return seen?.specHash === stage.specHash && seen.percent === stage.percent ? seen : null
}

/** What each service's new replicas get. By level: whatever else is decided, or held, this holds. */
export function sharesOf(facts: Facts): readonly ServiceShare[] {
  const stages = stagesOf(facts)
  const staged = new Set(stages.map(({ spec }) => spec.name))
  const back = takenBack(facts).filter(({ service }) => !staged.has(service))
  return [...stages.flatMap((stage) => shareOf(facts, stage)), ...back.map((one) => ({ ...one, percent: 0 }))]
}

/** Nobody is sent to a group in which nobody serves: the proxies decide then. */
function shareOf(facts: Facts, { spec, specHash: hash, percent }: Stage): readonly ServiceShare[] {
  const phase = facts.state.rollout?.phase
  // What waits for a person after a failure gets nothing meanwhile.
  const isStopped = phase === 'paused' || phase === 'stopped'
  const share = { service: spec.name, specHash: hash, percent: isStopped ? 0 : percent }
  const serves = (isNew: boolean): boolean =>
    replicasOf(facts, spec.name).some((replica) => (replica.specHash === hash) === isNew && isHealthy(replica))
  return (share.percent === 0 && !serves(false)) || (share.percent === 100 && !serves(true)) ? [] : [share]
}

/** Replicas whose strategy was given up get nothing new from that very turn, whatever is waited for before they are stopped. */
export function drainsTakenBack(facts: Facts): readonly Replica[] {
  return takenBack(facts).flatMap(({ service, specHash: hash }) =>
    replicasOf(facts, service).filter((replica) => replica.specHash === hash && isUp(replica)),
  )
}

/** Where others serve, and Git did not come back to it. */
function takenBack(facts: Facts): readonly Omit<ServiceShare, 'percent'>[] {
  return Object.entries(facts.state.takenBack ?? {}).flatMap(([service, hash]) => {
    const spec = facts.target.stack.services.find(({ name }) => name === service)
    const others = replicasOf(facts, service).some((replica) => replica.specHash !== hash && isHealthy(replica))
    return (spec === undefined || specHash(spec) !== hash) && others ? [{ service, specHash: hash }] : []
  })
}

/** Seen, or last seen where nobody can look. */
function replicasOf(facts: Facts, service: string): readonly Replica[] {
  return [...facts.observation.values()]
    .flatMap((view) => (view.kind === 'listed' ? view.listing.replicas : view.mayHold))
    .filter(({ slot }) => slot.service === service && slot.stack === facts.target.stack.name)
}
