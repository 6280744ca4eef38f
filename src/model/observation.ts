import type { Problem } from './problem.js'
import type { Slot } from './slot.js'
import type { SpecHash } from './spec-hash.js'

export type ContainerState = 'created' | 'running' | 'restarting' | 'paused' | 'exited' | 'dead' | 'removing'

/** `none`: the container has no healthcheck. */
export type EngineHealth = 'none' | 'starting' | 'healthy' | 'unhealthy'

/** A host port in use. Empty address: all of them. */
export interface HostPort {
  readonly hostIp: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
}

/** A container of our fleet, as last seen on a server. Identity comes from its labels, or from the name of one taken over from Compose. Times in ms since the epoch, by the server's clock. */
export interface Replica {
  readonly containerId: string
  readonly containerName: string
  readonly server: string
  readonly slot: Slot
  readonly specHash: SpecHash
  readonly revision: string
  /** The label `slipway.image`. */
  readonly image: string
  readonly imageId: string
  readonly limits: string
  readonly restart: string
  /** Empty: it was made by `docker compose`. */
  readonly controller: string
  readonly state: ContainerState
  readonly health: EngineHealth
  /** Of the last exit; null while it never exited or the engine does not say. */
  readonly exitCode: number | null
  readonly createdAtMs: number
  readonly ports: readonly HostPort[]
  /** Address by network name, on networks where its host reaches it; empty while not running. */
  readonly addresses: Readonly<Record<string, string>>
  /** TCP ports that its image or its spec exposes, published or not, sorted; absent: none, or it does not run. */
  readonly exposes?: readonly number[]
  /** The address of its service when it was made, and the names that it was given; absent: it was given none. */
  readonly named?: { readonly address: string; readonly knows: readonly string[] }
  /** Only when the observation was asked to look closer at this container. */
  readonly detail?: ReplicaDetail
}

export interface ReplicaDetail {
  readonly startedAtMs: number
  readonly finishedAtMs: number
  readonly restartCount: number
  readonly oomKilled: boolean
}

/** A container that is not ours: never touched, but its name and ports count. */
export interface ForeignContainer {
  readonly containerId: string
  readonly name: string
  readonly running: boolean
  readonly ports: readonly HostPort[]
  /** What it was made from; absent where that is not known by name any more. */
  readonly image?: string
  /** The service of a Compose project that `docker compose` runs it as; absent where it was made otherwise. */
  readonly compose?: { readonly project: string; readonly service: string; readonly number: number }
}

export interface VolumeSeen {
  readonly name: string
  readonly fleet: string | null
  /** The Compose project that `docker compose` made it for; absent where it was made otherwise. */
  readonly project?: string
  /** Hash of the settings that Slipway made it with; absent where it did not. */
  readonly settings?: string
}

export interface NetworkSeen {
  readonly name: string
  readonly fleet: string | null
  /** The Compose project that made it, where no fleet did. */
  readonly project?: string
  /** Hash of the settings that Slipway made it with; absent where it did not. */
  readonly settings?: string
  /** In CIDR form; absent: it has none. */
  readonly subnets?: readonly string[]
  /** It is one network on all servers of a Swarm. Absent: it is this server's own. */
  readonly isShared?: boolean
}

/** What an engine says of its host, once a connection. `arch` in Go's words: amd64, arm64. */
export interface EngineFacts {
  readonly engineId: string
  readonly engineVersion: string
  readonly apiVersion: string
  readonly os: string
  readonly arch: string
  readonly hostname: string
  readonly cpus: number
  readonly memoryBytes: number
  /** Absent: it is in no Swarm, or has lost the one that it was in. */
  readonly swarm?: SwarmFacts
}

/** The Swarm that an engine is a node of. */
export interface SwarmFacts {
  readonly node: string
  readonly isManager: boolean
  /** Node ids of the managers that it knows, sorted: two engines that know a common one are in the same Swarm. */
  readonly managers: readonly string[]
}

/** One full look at a server. Partial looks do not exist: they are problems. */
export interface Listing {
  readonly facts: EngineFacts
  readonly replicas: readonly Replica[]
  readonly foreign: readonly ForeignContainer[]
  readonly volumes: readonly VolumeSeen[]
  readonly networks: readonly NetworkSeen[]
}

/**
 * What is known of a server now. Unreachable is not empty: `mayHold` is what was last seen there plus what was sent and never
 * confirmed; `everListed` false means that it may hold anything.
 * Phases: `missed` (one or two looks failed), `unknown` (three), `lost` (longer than lost-after).
 */
export type ServerView =
  | { readonly kind: 'listed'; readonly server: string; readonly atMs: number; readonly listing: Listing }
  | {
      readonly kind: 'unreachable'
      readonly server: string
      readonly sinceMs: number
      readonly problem: Problem
      readonly phase: 'missed' | 'unknown' | 'lost'
      readonly everListed: boolean
      readonly facts: EngineFacts | null
      readonly mayHold: readonly Replica[]
      /** Last seen there; absent when nothing is remembered. A volume's data is not made anew elsewhere while it may be here. */
      readonly volumes?: readonly VolumeSeen[]
    }

/** Sorted by server name. */
export type Observation = ReadonlyMap<string, ServerView>
