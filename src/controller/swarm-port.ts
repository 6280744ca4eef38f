import type { Result } from '../model/index.js'

/** What an engine says of the Swarm that it is in. */
export interface SwarmCondition {
  /** `inactive`: it is in none; `pending`: it waits for a manager; `error`: it has lost it; `locked`: it waits for its key. */
  readonly state: 'inactive' | 'pending' | 'active' | 'error' | 'locked'
  /** What it says is wrong; empty: nothing. */
  readonly error: string
  readonly node: string
  readonly isManager: boolean
  /** Where it knows managers. */
  readonly managers: readonly { readonly node: string; readonly address: string }[]
  /** As a manager sees them; null: it is none, or nobody leads. */
  readonly nodes: readonly SwarmNode[] | null
}

export interface SwarmNode {
  readonly node: string
  readonly hostname: string
  readonly role: SwarmRole
  readonly isDown: boolean
}

export type SwarmRole = 'manager' | 'worker'

/** One thing done to a Swarm, by the engine of `server`. */
export type SwarmStep =
  /** `address`: where others reach it; empty: the engine chooses. */
  | { readonly kind: 'init'; readonly server: string; readonly address: string }
  | {
      readonly kind: 'join'
      readonly server: string
      readonly role: SwarmRole
      /** The manager whose Swarm it is. */
      readonly via: string
      readonly address: string
    }
  /** Out of a Swarm that has given it up. */
  | { readonly kind: 'leave'; readonly server: string }
  | { readonly kind: 'promote'; readonly server: string; readonly node: SwarmNode }
  /** A node that is down and no server's any more. */
  | { readonly kind: 'forget'; readonly server: string; readonly node: SwarmNode }

/** The Swarm that servers form, for the command `swarm`; the controller itself changes none. */
export interface Swarmer {
  /** Changes nothing. Problems: as for `observe`. */
  swarm(server: string, signal: AbortSignal): Promise<Result<SwarmCondition>>
  /** Problems: SWARM_REFUSED and those of any call. */
  changeSwarm(step: SwarmStep, signal: AbortSignal): Promise<Result<null>>
}
