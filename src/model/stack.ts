import type { Problem } from './problem.js'
import type { Revision } from './revision.js'
import type { Fleet } from './fleet.js'
import type { ServiceSpec } from './service-spec.js'

/** Addresses of a network, beside its plain subnets. */
export interface IpamSpec {
  readonly driver?: string
  readonly options?: Readonly<Record<string, string>>
  readonly pools?: readonly IpamPool[]
}

export interface IpamPool {
  readonly subnet?: string
  readonly gateway?: string
  readonly ipRange?: string
  readonly auxAddresses?: Readonly<Record<string, string>>
}

/** The driver of networks that are one on all servers of a Swarm. */
export const OVERLAY = 'overlay'

/** A network of a stack; `name` is its full name on the server. External ones must exist and are never made or removed. */
export interface NetworkSpec {
  readonly name: string
  readonly external: boolean
  readonly driver: string
  readonly options: Readonly<Record<string, string>>
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly subnets: readonly string[]
  // Absent where nothing is said, so that networks which exist keep the settings they were made with.
  /** More than subnets is said: then all of it is here. */
  readonly ipam?: IpamSpec | undefined
  readonly attachable?: boolean | undefined
  readonly enableIpv4?: boolean | undefined
  readonly enableIpv6?: boolean | undefined
}

/** Whether all servers of a Swarm have it, once one of its managers has made it. */
export function isOfSwarm({ driver, external }: NetworkSpec): boolean {
  return driver === OVERLAY && !external
}

/** A named volume of a stack; `name` is its full name on the server. Never deleted by Slipway. */
export interface VolumeSpec {
  readonly name: string
  readonly external: boolean
  readonly driver: string
  readonly options: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/** A Compose project in canonical form. Services are sorted by name. */
export interface Stack {
  readonly name: string
  /** Path of the Compose file in the repository. */
  readonly path: string
  readonly services: readonly ServiceSpec[]
  readonly networks: readonly NetworkSpec[]
  readonly volumes: readonly VolumeSpec[]
}

/** What a revision says of one stack: its content, or why it cannot be read (then the last good one stays). */
export type StackEntry =
  | { readonly kind: 'valid'; readonly name: string; readonly stack: Stack; readonly hash: string }
  | { readonly kind: 'invalid'; readonly name: string; readonly path: string; readonly problems: readonly Problem[] }

/** What one revision wants of the whole fleet. Stacks are sorted by name. */
export interface Desired {
  readonly revision: Revision
  readonly fleet: Fleet
  readonly stacks: readonly StackEntry[]
  readonly warnings: readonly Problem[]
}

/** `stack/service`. */
export function serviceKey(spec: { readonly stack: string; readonly name: string }): string {
  return `${spec.stack}/${spec.name}`
}
