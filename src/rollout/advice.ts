import type {
  Action,
  Observation,
  Problem,
  Replica,
  Slot,
  Stack,
  StackPlan,
  ImagePin,
  ProbeSpec,
  ServiceSpec,
} from '../model/index.js'
import type { CheckRun, CheckSeen } from './checks.js'
import type { RolloutFact } from './facts.js'
import type { HealthTrack } from './health.js'
import type { Target } from './effective.js'
import type { Rotation } from './rotation.js'
import type { ServiceShare, ShareSeen } from './shares.js'
import type { StageView } from './stage-views.js'
import type { StackState } from './state.js'

/** What the last attempt of a preparing action brought; absent: not tried since the server was last (re)connected. */
export type Prepared =
  | { readonly kind: 'done'; readonly image: ImagePin | null }
  | { readonly kind: 'failed'; readonly problem: Problem; readonly atMs: number }

/** Everything a decision about one stack is made of. Gathered first; nothing else is looked at. */
export interface Facts {
  readonly nowMs: number
  /** The same time as ISO text: what restart requests are compared by. */
  readonly nowIso: string
  /** Since when servers have been looked at without a break. */
  readonly awakeSinceMs: number
  readonly fleet: string
  readonly controller: string
  readonly state: StackState
  readonly target: Target
  /** What was last proven, in full. */
  readonly proven: Stack | null
  /** Against the target. */
  readonly plan: StackPlan
  readonly observation: Observation
  /** By container id. */
  readonly tracks: ReadonlyMap<string, HealthTrack>
  /** Slots (`service#key`) with an action under way, or done and not yet seen. */
  readonly busySlots: ReadonlySet<string>
  /** Preparing actions under way, by `preparedKey`. */
  readonly preparing: ReadonlySet<string>
  readonly prepared: ReadonlyMap<string, Prepared>
  /** The last failure to make a container in a slot, by `service#key`; absent when the last one succeeded. */
  /** Services that a person suspended alone: planned and shown, not touched. */
  readonly suspended: ReadonlySet<string>
  /** Restart requests by command, and those that follow from updates: ISO time by `stack/service`. */
  readonly restarts: ReadonlyMap<string, string>
  readonly runFailures: ReadonlyMap<string, RunFailure>
  /** Failed replicas whose evidence has been gathered, by container id. */
  readonly evidence: ReadonlyMap<string, Extract<RolloutFact, { kind: 'replica-failed' }>['evidence']>
  /** How replicas of balanced services stand in the proxies, by container id. Whoever is absent is in none. */
  readonly rotation: ReadonlyMap<string, Rotation>
  /** What all proxies that can be asked were told and took, by service. Absent: nothing, or nobody knows yet. */
  readonly shares: ReadonlyMap<string, ShareSeen>
  /** What the checks of canaries said last, by service. Absent: nothing yet. */
  readonly checks: ReadonlyMap<string, readonly CheckSeen[]>
}

export interface RunFailure {
  readonly specHash: string
  readonly problem: Problem
  readonly atMs: number
  readonly count: number
  /** The last ones of them that had this very code. */
  readonly alike: number
}

/** A replica to be asked whether it is ready, now. */
export interface Ask {
  readonly server: string
  readonly replica: Replica
  readonly probe: ProbeSpec | null
  readonly healthcheck: boolean
}

/** By its probe, and by its healthcheck where it has one. */
export function askOf(replica: Replica, { probe }: ServiceSpec): Ask {
  return { server: replica.server, replica, probe, healthcheck: replica.health !== 'none' }
}

/** A replica whose evidence is wanted before it is taken away. */
export interface Diagnosis {
  readonly server: string
  readonly slot: Slot
  readonly containerId: string
}

/** Why something does not happen yet: for the status, never for a decision. */
export interface Waiting {
  readonly service: string
  readonly slot: string | null
  readonly problem: Problem
}

export interface Advice {
  /** To be journaled before any action; when one is a turning point (see `again`) nothing else is advised. */
  readonly facts: readonly RolloutFact[]
  readonly actions: readonly Action[]
  readonly asks: readonly Ask[]
  readonly diagnoses: readonly Diagnosis[]
  /** Servers to look at now: what a replica without any check does is only seen there. */
  readonly looks: readonly string[]
  /** Containers to look at closely: new and not proven. By id. */
  readonly watched: readonly Replica[]
  /** Replicas that the proxies are to send nothing new to. By level: who is not named any more gets something again. */
  readonly drains: readonly Replica[]
  /** By level, too: of a service that is not named, all ready replicas count alike. */
  readonly shares: readonly ServiceShare[]
  /** Checks of canaries to be asked. By level, too. */
  readonly checks: readonly CheckRun[]
  /** Services that come to their spec by a strategy: for the status. */
  readonly stages: readonly StageView[]
  readonly waiting: readonly Waiting[]
  /** Decide again at this time at the latest; null: only when something happens. */
  readonly wakeAtMs: number | null
  /** The facts change what is to be decided: fold them and ask once more. */
  readonly again: boolean
}

export const NOTHING: Advice = Object.freeze({
  facts: [],
  actions: [],
  asks: [],
  diagnoses: [],
  looks: [],
  watched: [],
  drains: [],
  shares: [],
  checks: [],
  stages: [],
  waiting: [],
  wakeAtMs: null,
  again: false,
})

export function earliest(...times: readonly (number | null)[]): number | null {
  return times.reduce((a, b) => (a === null ? b : b === null ? a : Math.min(a, b)), null)
}

/** The revision written on containers of a spec: the first that had it, so that a rollback gives the same bytes. */
export function revisionOf(facts: Facts, key: string): string {
  return facts.state.provenSpecs[key]?.sha ?? facts.target.version.revision.sha
}

/** Several pieces of advice as one. */
export function combine(pieces: readonly Partial<Advice>[]): Advice {
  return {
    facts: pieces.flatMap((piece) => piece.facts ?? []),
    actions: pieces.flatMap((piece) => piece.actions ?? []),
    asks: pieces.flatMap((piece) => piece.asks ?? []),
    diagnoses: pieces.flatMap((piece) => piece.diagnoses ?? []),
    looks: [...new Set(pieces.flatMap((piece) => piece.looks ?? []))],
    watched: pieces.flatMap((piece) => piece.watched ?? []),
    drains: pieces.flatMap((piece) => piece.drains ?? []),
    shares: pieces.flatMap((piece) => piece.shares ?? []),
    checks: pieces.flatMap((piece) => piece.checks ?? []),
    stages: pieces.flatMap((piece) => piece.stages ?? []),
    waiting: pieces.flatMap((piece) => piece.waiting ?? []),
    wakeAtMs: earliest(...pieces.map((piece) => piece.wakeAtMs ?? null)),
    again: pieces.some((piece) => piece.again === true),
  }
}
