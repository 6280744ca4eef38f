import type { CertificateStatus } from './certificate-port.js'
import type { FailureEvidence, StageView } from '../rollout/index.js'
import type { Problem, Revision } from '../model/index.js'

/** The five revisions of a stack; null where there is none yet. */
export interface StackRevisions {
  readonly fetched: Revision | null
  readonly accepted: Revision | null
  readonly attempted: Revision | null
  readonly applied: Revision | null
  readonly proven: Revision | null
}

export type ServicePhase =
  | 'synced'
  | 'progressing'
  | 'rolling-back'
  | 'blocked'
  | 'paused'
  | 'rejected'
  | 'rollback-failed'
  | 'healing'
  | 'unhealthy'
  | 'unknown'
  | 'suspended'
  | 'invalid'
  | 'done'
  | 'failed'

export interface ReplicaStatus {
  readonly slot: string
  readonly server: string
  readonly containerId: string
  readonly specHash: string
  readonly revision: string
  readonly state: string
  readonly health: string
  readonly createdAtMs: number
  /** False while the server cannot be reached: this is what was last seen. */
  readonly seen: boolean
}

export interface ServiceStatus {
  readonly name: string
  readonly mode: 'replicated' | 'global' | 'job'
  readonly image: string
  readonly phase: ServicePhase
  readonly wanted: number
  readonly healthy: number
  /** The commit whose spec runs. */
  readonly revision: Revision | null
  readonly sinceMs: number | null
  /** What it runs, since when, from whom, what it waits for and what would unblock it. */
  readonly sentence: string
  readonly problem: Problem | null
  readonly failure: {
    readonly slot: string
    readonly server: string
    readonly atMs: number
    readonly problem: Problem
    readonly evidence: FailureEvidence | null
  } | null
  readonly replicas: readonly ReplicaStatus[]
  /** Where it stands on the way of its strategy; absent: it is on none. */
  readonly stage?: StageView
  /** Names that some of its replicas were not given, as they were made before: sorted; absent: none. */
  readonly unknownNames?: readonly string[]
}

export interface StackStatus {
  readonly name: string
  readonly phase: ServicePhase
  readonly sentence: string
  readonly revisions: StackRevisions
  readonly problems: readonly Problem[]
  readonly services: readonly ServiceStatus[]
  /** While a rollout runs. */
  readonly rollout: {
    readonly revision: Revision
    readonly direction: 'forward' | 'back'
    readonly phase: string
    readonly provenSlots: number
    readonly slots: number
    readonly startedAtMs: number
  } | null
}

export interface ServerStatus {
  readonly name: string
  readonly phase: 'connecting' | 'ready' | 'missed' | 'unknown' | 'lost'
  readonly drained: boolean
  readonly engineVersion: string | null
  readonly replicas: number
  readonly sinceMs: number | null
  readonly problem: Problem | null
}

export interface SourceStatus {
  readonly repository: string
  readonly ref: string
  readonly fetched: Revision | null
  readonly accepted: Revision | null
  readonly lastPollAtMs: number | null
  readonly nextPollAtMs: number | null
  /** Set while Git cannot be read: what is wrong, and since when. The last accepted revision stays in force. */
  readonly problem: Problem | null
  readonly problemSinceMs: number | null
  /** A revision that waits for a person, with what releases it. */
  readonly held: { readonly revision: Revision; readonly problem: Problem } | null
  readonly refused: { readonly revision: Revision; readonly problems: readonly Problem[] } | null
}

/** Everything `slipway status` shows, and what `--format json` prints. */
export interface FleetStatus {
  readonly apiVersion: 'slipway/v1'
  readonly fleet: string | null
  readonly atMs: number
  readonly controller: { readonly id: string; readonly startedAtMs: number } | null
  readonly source: SourceStatus
  readonly servers: readonly ServerStatus[]
  readonly stacks: readonly StackStatus[]
  /** Of hosts whose routes say `tls: acme`. */
  readonly certificates: readonly CertificateStatus[]
  readonly suspended: readonly {
    readonly scope: string
    readonly by: string
    readonly reason: string
    readonly sinceMs: number
  }[]
  /** Holds of the whole fleet: another controller, journal not writable. */
  readonly problems: readonly Problem[]
}
