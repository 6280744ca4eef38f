import type { ImagePin, Problem, Revision, Slot } from '../model/index.js'

/** What a failed replica left behind, for the person who must understand it. */
export interface FailureEvidence {
  readonly state: string
  readonly exitCode: number | null
  readonly oomKilled: boolean
  readonly restartCount: number
  readonly error: string
  /** Last output of the healthcheck or probe (at most 4,096 characters) and its exit code. */
  readonly healthOutput: string
  readonly healthExitCode: number | null
  /** Last lines of stdout and stderr, oldest first, at most 20 of at most 500 characters. */
  readonly logTail: readonly string[]
}

/** Facts of rollouts. `hash` is a stack hash. */
export type RolloutFact =
  | {
      readonly kind: 'rollout-started'
      readonly atMs: number
      readonly stack: string
      readonly revision: Revision
      readonly hash: string
      readonly direction: 'forward' | 'back'
      /** Every spec was proven before: no waiting beyond health. */
      readonly fast: boolean
      /** Slots that must change. */
      readonly slots: number
      /** Slots that must change, by service. */
      readonly services: Readonly<Record<string, number>>
      /** Revision and hash of the proven stack that a failure goes back to; null on a first deployment. */
      readonly from: { readonly revision: Revision; readonly hash: string } | null
    }
  | {
      readonly kind: 'rollout-blocked'
      readonly atMs: number
      readonly stack: string
      readonly problems: readonly Problem[]
      readonly retryAtMs: number
      readonly attempt: number
    }
  | {
      readonly kind: 'image-pinned'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly specHash: string
      readonly image: string
      readonly digest: string | null
      readonly ids: Readonly<Record<string, string>>
    }
  /** Everything is on the servers; from here old replicas may be touched. */
  | { readonly kind: 'rollout-prepared'; readonly atMs: number; readonly stack: string }
  | {
      readonly kind: 'slot-proven'
      readonly atMs: number
      readonly slot: Slot
      readonly stack: string
      readonly service: string
      readonly specHash: string
      readonly server: string
      readonly containerId: string
    }
  | {
      readonly kind: 'replica-failed'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly slot: Slot
      readonly server: string
      readonly containerId: string
      readonly specHash: string
      readonly problem: Problem
      readonly evidence: FailureEvidence | null
    }
  | {
      readonly kind: 'job-finished'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly specHash: string
      readonly server: string
      readonly exitCode: number
    }
  | {
      readonly kind: 'rollout-completed'
      readonly atMs: number
      readonly stack: string
      readonly revision: Revision
      readonly hash: string
      readonly direction: 'forward' | 'back'
      readonly failedSlots: number
      /** Services to restart because something they depend on was updated (Compose: `depends_on.restart`): ISO time by service. */
      readonly restarts: Readonly<Record<string, string>>
      /** Every service's spec, with the revision that is to be written on its containers. */
      readonly specs: readonly ProvenSpec[]
    }
  | {
      readonly kind: 'rollout-failed'
      readonly atMs: number
      readonly stack: string
      readonly revision: Revision
      readonly hash: string
      readonly service: string
      /** Of the service that failed, with all that its manifest says: a commit that changes any of it is tried again. */
      readonly serviceHash: string
      readonly scope: 'stack' | 'service'
      readonly problem: Problem
      readonly then: 'rollback' | 'pause' | 'stop'
    }
  /** A service goes on to a step of its strategy; `step` equal to `steps`: its old replicas leave. */
  | {
      readonly kind: 'step-begun'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly specHash: string
      readonly step: number
      readonly steps: number
      readonly percent: number
      /** A person did not want to wait at the one before. */
      readonly promoted: boolean
    }
  /** From here the step's time counts. `holdMs` null: it waits for a person. */
  | {
      readonly kind: 'step-reached'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly specHash: string
      readonly step: number
      readonly percent: number
      readonly holdMs: number | null
    }
  | {
      readonly kind: 'rollout-superseded'
      readonly atMs: number
      readonly stack: string
      readonly revision: Revision
      readonly hash: string
      readonly by: Revision
    }
  /** Time in which nobody could go on (controller or server away, suspended) does not count towards the progress deadline. */
  | { readonly kind: 'rollout-delayed'; readonly atMs: number; readonly stack: string }
  /** What runs was found to be what a revision wants, without a rollout (first look after the journal was lost, or a change outside containers). */
  | {
      readonly kind: 'stack-adopted'
      readonly atMs: number
      readonly stack: string
      readonly revision: Revision
      readonly hash: string
      readonly pins: readonly AdoptedPin[]
      readonly specs: readonly ProvenSpec[]
      /** Containers found healthy, by `service#key`. */
      readonly replicas: Readonly<Record<string, string>>
    }
  | { readonly kind: 'stack-removed'; readonly atMs: number; readonly stack: string; readonly revision: Revision }
  /** A container outside a rollout was started again, replaced or restarted by Slipway. */
  | {
      readonly kind: 'replica-healed'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly slot: Slot
      readonly server: string
      readonly how: 'started' | 'restarted' | 'recreated'
      readonly reason: string
    }
  | {
      readonly kind: 'limits-updated'
      readonly atMs: number
      readonly stack: string
      readonly service: string
      readonly containerId: string
      readonly limits: string
    }

export interface ProvenSpec {
  readonly service: string
  readonly specHash: string
  readonly revision: Revision
}

export interface AdoptedPin {
  readonly service: string
  readonly specHash: string
  readonly image: string
  readonly pin: ImagePin
  readonly server: string
}
