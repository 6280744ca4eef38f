/** `job` runs once for each spec and is done when it exits with 0. */
export type ServiceMode = 'replicated' | 'global' | 'job'

/** `update_config` and `rollback_config`. Times in ms. Order null: chosen by what is safe, and said in the plan. */
export interface UpdatePolicy {
  /** Slots in flight; 0: all. Default 1. */
  readonly parallelism: number
  readonly delayMs: number
  readonly order: 'start-first' | 'stop-first' | null
  /** How long a new replica must be healthy without a break before it counts. Default 5 s. */
  readonly monitorMs: number
  readonly failureAction: 'rollback' | 'pause' | 'continue'
  /** Failed slots tolerated, as a share of the slots to change. Default 0. */
  readonly maxFailureRatio: number
}

/** `5% 2m`: this share of the requests for this long. `holdMs` null: until a person promotes it. */
export interface CanaryStep {
  readonly percent: number
  readonly holdMs: number | null
}

/** Requests that all go to the new replicas while a canary runs, whatever its share. `value` null: any. */
export interface CanaryMatch {
  readonly kind: 'header' | 'cookie'
  readonly name: string
  readonly value: string | null
}

/** What the new replicas may be worse by, as their proxies see it. */
export interface CanaryLimits {
  /** Before the new ones had as many requests, nothing is said about them. */
  readonly leastRequests: number
  /** How much larger the share of failed requests may be than that of the old ones: 0.01 is one in a hundred. */
  readonly errorRatio: number
  /** How many times as long 95 of 100 requests may take. */
  readonly p95Ratio: number
}

/** What is asked of somebody else than the proxies while a canary runs. `authorization`: what that header says, a secret. */
export type CheckQuestion =
  | {
      readonly kind: 'http'
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
      readonly authorization: string | null
      /** The status that is a yes, both included. */
      readonly expectMin: number
      readonly expectMax: number
    }
  /** `url`: of the server, without `/api/v1`. Each number that the query gives must lie within the bounds; null: there is none. One of them is given. */
  | {
      readonly kind: 'prometheus'
      readonly url: string
      readonly query: string
      readonly authorization: string | null
      readonly min: number | null
      readonly max: number | null
    }

/** Asked by the controller from when a step of a canary is reached. */
export interface CanaryCheck {
  /** Unique in its service. */
  readonly name: string
  readonly question: CheckQuestion
  /** From one question to the next. Default 30 s. */
  readonly intervalMs: number
  /** For a whole answer. Default 5 s. */
  readonly timeoutMs: number
  /** So many noes in a row take the new replicas back. Default 2. */
  readonly failures: number
}

/** How a service comes to a new spec while its old replicas go on serving. Absent: rolling, slot by slot. */
export type Strategy =
  | {
      readonly kind: 'canary'
      readonly steps: readonly CanaryStep[]
      readonly match?: CanaryMatch
      readonly limits: CanaryLimits
      /** Absent: none. */
      readonly checks?: readonly CanaryCheck[]
    }
  /** `keepMs`: how long the old ones stay after the switch. */
  | { readonly kind: 'blue-green'; readonly keepMs: number }

export interface RolloutPolicy {
  /** One replica, from start to healthy. Null: 5 min, or what the healthcheck's own numbers need, if longer. */
  readonly healthyDeadlineMs: number | null
  /** Since the number of proven slots last rose. Default 10 min. */
  readonly progressDeadlineMs: number
  /** What a failure takes back: all that the revision changed in the stack, or the service alone. */
  readonly scope: 'stack' | 'service'
  /** What Git is told after a rollback: nothing but a status, the reverting commit, or a branch with it. */
  readonly onRollback: 'status' | 'revert' | 'pull-request'
  /** How long connections that are open to a balanced replica may go on before it is stopped. Absent: `DRAIN_DEFAULT_MS`. */
  readonly drainMs?: number
  /** Absent: rolling. */
  readonly strategy?: Strategy
}

export const UPDATE_DEFAULTS: UpdatePolicy = Object.freeze({
  parallelism: 1,
  delayMs: 0,
  order: null,
  monitorMs: 5_000,
  failureAction: 'rollback',
  maxFailureRatio: 0,
})

/** A rollback has nothing to fall back to: when it fails it stops. */
export const ROLLBACK_DEFAULTS: UpdatePolicy = Object.freeze({ ...UPDATE_DEFAULTS, failureAction: 'pause' })

export const ROLLOUT_DEFAULTS: RolloutPolicy = Object.freeze({
  healthyDeadlineMs: null,
  progressDeadlineMs: 10 * 60_000,
  scope: 'stack',
  onRollback: 'status',
})

export const DRAIN_DEFAULT_MS = 30_000
export const STOP_GRACE_DEFAULT_MS = 10_000
export const HEALTHY_DEADLINE_DEFAULT_MS = 5 * 60_000
