import { specHash } from '../model/index.js'
import type { Cause, Change, Problem, Replica, Reroute, StackPlan } from '../model/index.js'
import { countChanges, summarise } from './summarise.js'
import type { PlanCounts } from './summarise.js'

export interface ReplicaJson {
  readonly server: string
  readonly containerId: string
  readonly containerName: string
  readonly specHash: string
  readonly revision: string
  readonly state: string
  readonly health: string
}

/** A change for machines. Specs are named by image and hash only: their contents may be secret. */
export interface ChangeJson {
  readonly kind: Change['kind']
  readonly service: string
  readonly slot: string
  /** Null for what is blocked. */
  readonly server: string | null
  /** What the slot should run; null for what is removed. */
  readonly image: string | null
  readonly specHash: string | null
  readonly causes: readonly Cause[]
  /** The replica that is there now; null where there is none. */
  readonly replica: ReplicaJson | null
  readonly successor?: ReplicaJson | null
  readonly order?: 'start-first' | 'stop-first'
  readonly orderReason?: string
  readonly requested?: boolean
  readonly why?: string
  readonly problem?: Problem
}

export interface PlanJson {
  readonly apiVersion: 'slipway/v1'
  readonly kind: 'Plan'
  readonly summary: string
  readonly counts: PlanCounts
  readonly stacks: readonly {
    readonly stack: string
    readonly counts: PlanCounts
    readonly changes: readonly ChangeJson[]
    /** Ports and routes that the proxies are told of. */
    readonly reroutes: readonly Reroute[]
  }[]
}

/** Plans for machines: keys in a fixed order, so that equal plans are equal bytes once printed. */
export function planToJson(plans: readonly StackPlan[]): PlanJson {
  return {
    apiVersion: 'slipway/v1',
    kind: 'Plan',
    summary: summarise(plans),
    counts: countChanges(plans.flatMap((plan) => plan.changes)),
    stacks: plans.map(({ stack, changes, reroutes = [] }) => ({
      stack,
      counts: countChanges(changes),
      changes: changes.map(changeToJson),
      reroutes,
    })),
  }
}

function changeToJson(change: Change): ChangeJson {
  const spec = change.kind === 'remove' ? null : change.spec
  const base = {
    kind: change.kind,
    service: change.slot.service,
    slot: change.slot.key,
    server: change.kind === 'blocked' ? null : change.server,
    image: spec?.image ?? null,
    specHash: spec === null ? null : specHash(spec),
    causes: change.kind === 'unchanged' ? [] : change.causes,
  }
  switch (change.kind) {
    case 'create':
      return { ...base, replica: null }
    case 'replace': {
      const { order, orderReason, requested, successor } = change
      return {
        ...base,
        replica: replicaToJson(change.from),
        successor: successor && replicaToJson(successor),
        order,
        orderReason,
        requested,
      }
    }
    case 'restart':
    case 'remove':
      return { ...base, replica: replicaToJson(change.replica), why: change.why }
    case 'blocked':
      return { ...base, replica: null, problem: change.problem }
    case 'update-in-place':
    case 'unchanged':
      return { ...base, replica: replicaToJson(change.replica) }
  }
}

function replicaToJson({
  server,
  containerId,
  containerName,
  specHash: hash,
  revision,
  state,
  health,
}: Replica): ReplicaJson {
  return { server, containerId, containerName, specHash: hash, revision, state, health }
}
