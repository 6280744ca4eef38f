import type { Ailment } from './ailment.js'
import type { Problem } from './problem.js'
import type { Replica } from './observation.js'
import type { ServiceSpec } from './service-spec.js'
import type { Slot } from './slot.js'

/** Why something must change. `field` is a path in Compose's words (`environment.LOG_LEVEL`); values of secrets never appear. */
export interface Cause {
  readonly field: string
  readonly from: string | null
  readonly to: string | null
  /** A sentence where field and values do not say it: `replica missing`, `exited with 137`. */
  readonly note?: string
}

export type Order = 'start-first' | 'stop-first'

/**
 * What must change in one slot. `replace` covers moves (`from.server` differs from `server`); its `successor` is the new replica when it is
 * already there. `restart` covers a replica that exited or became unhealthy (`why`), where the same container is started again, and a requested
 * restart, where it is replaced by one with the same spec.
 */
export type Change =
  | {
      readonly kind: 'create'
      readonly slot: Slot
      readonly server: string
      readonly spec: ServiceSpec
      readonly causes: readonly Cause[]
    }
  | {
      readonly kind: 'replace'
      readonly slot: Slot
      readonly server: string
      readonly spec: ServiceSpec
      readonly from: Replica
      readonly successor: Replica | null
      readonly order: Order
      /** Why this order, when the manifest does not say one. */
      readonly orderReason: string
      readonly requested: boolean
      readonly causes: readonly Cause[]
    }
  | {
      readonly kind: 'update-in-place'
      readonly slot: Slot
      readonly server: string
      readonly spec: ServiceSpec
      readonly replica: Replica
      readonly causes: readonly Cause[]
    }
  | {
      readonly kind: 'restart'
      readonly slot: Slot
      readonly server: string
      readonly spec: ServiceSpec
      readonly replica: Replica
      readonly why: Ailment
      readonly causes: readonly Cause[]
    }
  /** `surplus`: replaced, doubled or superseded, goes as soon as its slot has a better one. `unwanted`: no slot wants it, goes last. */
  | {
      readonly kind: 'remove'
      readonly slot: Slot
      readonly server: string
      readonly replica: Replica
      readonly why: 'surplus' | 'unwanted'
      readonly causes: readonly Cause[]
    }
  | {
      readonly kind: 'blocked'
      readonly slot: Slot
      readonly spec: ServiceSpec
      readonly problem: Problem
      readonly causes: readonly Cause[]
    }
  | {
      readonly kind: 'unchanged'
      readonly slot: Slot
      readonly server: string
      readonly spec: ServiceSpec
      readonly replica: Replica
    }

export type ChangeKind = Change['kind']

/** The ways to a service change, its ports and routes: the proxies are told, and no container is touched for it. */
export interface Reroute {
  readonly service: string
  readonly causes: readonly Cause[]
}

/** Everything that must change in one stack, sorted by service and slot. */
export interface StackPlan {
  readonly stack: string
  readonly changes: readonly Change[]
  /** Absent: none. */
  readonly reroutes?: readonly Reroute[]
}
