import type { Problem, Revision } from '../model/index.js'
import type { RolloutFact } from './facts.js'

/** A stack's content at a revision; the content itself is kept by its hash. */
export interface StackVersion {
  readonly hash: string
  readonly revision: Revision
}

/** A stack hash, or one service's spec, whose rollout failed. Not tried again until Git changes it or a person says retry. */
export interface Rejection {
  readonly atMs: number
  readonly hash: string
  readonly revision: Revision
  readonly service: string
  readonly serviceHash: string
  readonly scope: 'stack' | 'service'
  readonly problem: Problem
}

/** The image a spec runs with, the same for every replica ever made of it. */
export interface SpecPin {
  readonly image: string
  readonly digest: string | null
  /** Image id by server. */
  readonly ids: Readonly<Record<string, string>>
}

export interface Rollout {
  readonly revision: Revision
  readonly hash: string
  readonly direction: 'forward' | 'back'
  readonly fast: boolean
  readonly startedAtMs: number
  readonly slots: number
  /** Slots to change, by service. */
  readonly services: Readonly<Record<string, number>>
  readonly from: StackVersion | null
  /** `paused` waits for a person by request of the manifest; `stopped` failed with nothing to go back to. */
  readonly phase: 'preparing' | 'updating' | 'paused' | 'stopped'
  readonly blocked: {
    readonly problems: readonly Problem[]
    readonly retryAtMs: number
    readonly attempt: number
  } | null
  /** Slots proven in this rollout, by `service#key`, with the time. */
  readonly proven: Readonly<Record<string, number>>
  /** When the number of proven slots last rose. */
  readonly highWaterAtMs: number
  /** Slots that failed in this rollout, by `service#key`. */
  readonly failed: Readonly<Record<string, number>>
  /** Services that come to their spec by a strategy, and the step that was begun last. Absent: none has begun. */
  readonly stages?: Readonly<Record<string, StageState>>
  /** By `service#key`: the container that was proven there before the new one of a stage. Absent: none. */
  readonly beside?: Readonly<Record<string, string>>
  /** A person wants it taken back. */
  readonly aborted?: { readonly atMs: number; readonly by: string }
}

export interface StageState {
  readonly specHash: string
  /** Of the steps of its strategy; as many as these are: the old replicas leave. */
  readonly step: number
  readonly begunAtMs: number
  /** Since when its replicas are proven and the proxies go by its share; null: not yet. */
  readonly reachedAtMs: number | null
  /** The last step that nobody waits at, as a person said; -1: none. */
  readonly promotedTo: number
  /** The last step is over: the old replicas leave, and the new ones are the service. Absent: it is not. */
  readonly isOver?: boolean
}

export type ReplicaFailure = Extract<RolloutFact, { kind: 'replica-failed' }>

/** The memory of one stack: a fold of facts, plain data. */
export interface StackState {
  /** What the last accepted revision wants. */
  readonly desired: StackVersion | null
  /** The last revision whose rollout completed. */
  readonly proven: StackVersion | null
  readonly attempted: Revision | null
  readonly rollout: Rollout | null
  /** A rollout ended half-way: what runs must be brought to the target even where its hash is the proven one. */
  readonly recovering: boolean
  /** Specs whose strategy was given up, by service, until a rollout completes. Absent: none. */
  readonly takenBack?: Readonly<Record<string, string>>
  readonly rejected: readonly Rejection[]
  /** By `service:specHash`. */
  readonly pins: Readonly<Record<string, SpecPin>>
  /** Specs that completed a rollout once, by `service:specHash`, with the revision that first had them. */
  readonly provenSpecs: Readonly<Record<string, Revision>>
  /** Container that was last proven healthy, by `service#key`. */
  readonly provenReplicas: Readonly<Record<string, string>>
  /** `service:specHash` of one-shot services that finished well. */
  readonly jobsDone: readonly string[]
  /** The last failure of each service. */
  readonly failures: Readonly<Record<string, ReplicaFailure>>
  /** The container whose failure was last recorded, by `service#key`. */
  readonly failedReplicas: Readonly<Record<string, string>>
  /** Recent healing, by `service#key`: how often, and when last. */
  readonly heals: Readonly<Record<string, { readonly count: number; readonly atMs: number }>>
  /** Restarts that follow from updates of dependencies: ISO time by service. */
  readonly restarts: Readonly<Record<string, string>>
  /** Limits by container id after an in-place update. */
  readonly limits: Readonly<Record<string, string>>
  readonly ended: {
    readonly atMs: number
    readonly outcome: 'completed' | 'failed' | 'superseded' | 'adopted'
    readonly direction: 'forward' | 'back'
    readonly revision: Revision
  } | null
}

export const EMPTY_STACK_STATE: StackState = Object.freeze({
  desired: null,
  proven: null,
  attempted: null,
  rollout: null,
  recovering: false,
  rejected: [],
  pins: {},
  provenSpecs: {},
  provenReplicas: {},
  jobsDone: [],
  failures: {},
  failedReplicas: {},
  heals: {},
  restarts: {},
  limits: {},
  ended: null,
})

export function specKey(service: string, specHash: string): string {
  return `${service}:${specHash}`
}

export function slotKey(slot: { readonly service: string; readonly key: string }): string {
  return `${slot.service}#${slot.key}`
}
