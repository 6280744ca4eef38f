import { formatLimits, specHash } from '../model/index.js'
import type {
  Cause,
  Change,
  EngineFacts,
  Fleet,
  Observation,
  Replica,
  ServiceSpec,
  Slot,
  SpecHash,
  Stack,
} from '../model/index.js'
import { violatedConstraint } from './constraints.js'
import type { Survey } from './survey.js'
import type { FleetUsage, SpecOf } from './usage.js'
import { localVolumes } from './volumes.js'
import type { LocalVolume } from './volumes.js'

/** Everything the plan of one stack is made of. */
export interface PlanInput {
  readonly fleet: Fleet
  /** What should run. A removed stack is given as one without services. */
  readonly stack: Stack
  /** What was proven to run before; null: nothing is known. */
  readonly proven: Stack | null
  readonly observation: Observation
  /** A rollback: `rollback_config` says how. */
  readonly isGoingBack: boolean
  /** `measureUsage` of this observation, shared by all stacks of a tick. */
  readonly usage: FleetUsage
  readonly specOf: SpecOf
  /** Servers that a person drained. */
  readonly drained: ReadonlySet<string>
  /** Restart requests by `stack/service`: an ISO time. The later of it and the spec's `restartAt` counts. */
  readonly restarts: ReadonlyMap<string, string>
  /** By container id: `formatLimits` after an update in place. */
  readonly limitsInPlace: ReadonlyMap<string, string>
  /** `service:specHash` of one-shot services that finished with 0. */
  readonly jobsDone: ReadonlySet<string>
  /** Failures of replicas by server, in whatever the caller calls recent. */
  readonly recentFailures: ReadonlyMap<string, number>
}

/** One service of the plan, with what is the same for all its slots. */
export interface ServiceContext {
  readonly input: PlanInput
  readonly survey: Survey
  readonly spec: ServiceSpec
  readonly hash: SpecHash
  readonly limits: string
  /** The restart request in force; empty when there is none. */
  readonly restart: string
  readonly volumes: readonly LocalVolume[]
}

/** A slot that needs a server before its change can be written. */
export interface Pending {
  readonly context: ServiceContext
  readonly slot: Slot
  /** The replica to be replaced. */
  readonly from: Replica | null
  readonly requested: boolean
  /** Where the slot ran last, which is where it belongs. */
  readonly stay: string | null
  /** The only server that counts: that of a slot of a global service. */
  readonly only: string | null
  readonly causes: readonly Cause[]
}

/** What was decided about slots: changes that are complete, and those that await a server. */
export interface Draft {
  readonly changes: readonly Change[]
  readonly pending: Pending | null
}

export function serviceContext(input: PlanInput, survey: Survey, spec: ServiceSpec): ServiceContext {
  const requested = input.restarts.size === 0 ? '' : (input.restarts.get(`${spec.stack}/${spec.name}`) ?? '')
  const declared = spec.restartAt ?? ''
  return {
    input,
    survey,
    spec,
    hash: specHash(spec),
    limits: formatLimits(spec),
    restart: declared > requested ? declared : requested,
    volumes: localVolumes(spec, input.stack),
  }
}

export function slotOf({ spec }: ServiceContext, key: string): Slot {
  return { stack: spec.stack, service: spec.name, key }
}

export function factsOf({ observation }: Pick<PlanInput, 'observation'>, server: string): EngineFacts | null {
  const view = observation.get(server)
  return view === undefined ? null : view.kind === 'listed' ? view.listing.facts : view.facts
}

/** Why replicas of this service may not stay on a server; null when they may. Capacity and ports evict nobody. */
export function evictionCause(context: ServiceContext, name: string): Cause | null {
  const { input, survey, spec } = context
  const server = survey.servers.get(name)
  if (server === undefined) return sentence(`server ${name} left the fleet`)
  if (input.drained.has(name)) return sentence(`server ${name} drained`)
  const { constraints } = spec.placement
  const violated = constraints.length === 0 ? null : violatedConstraint(constraints, server, factsOf(input, name))
  if (violated === null) return null
  const { key, op, value } = violated
  return { field: 'placement', from: null, to: null, note: `${key} ${op} ${value} no longer holds on ${name}` }
}

/** A cause that no field names. */
export function sentence(note: string): Cause {
  return { field: '', from: null, to: null, note }
}
