import type { IngressSettings } from './ingress.js'
import type { SignedBy } from './signature.js'
import type { ReleaseWindow } from './window.js'

/** How a server is reached. `local` is an engine's socket on the controller's own machine. */
export type Address =
  | {
      readonly kind: 'ssh'
      readonly host: string
      readonly port: number
      readonly user: string
      readonly socketPath: string
    }
  | { readonly kind: 'local'; readonly socketPath: string }

/** What identifies the host before anything is sent. A fingerprint is `SHA256:…` as ssh prints it. */
export type HostKey =
  | { readonly kind: 'fingerprints'; readonly fingerprints: readonly string[] }
  | { readonly kind: 'known-hosts'; readonly content: string; readonly path: string }
  | { readonly kind: 'none' }

export interface Server {
  readonly name: string
  readonly address: Address
  readonly hostKey: HostKey
  readonly labels: Readonly<Record<string, string>>
  /** How long unreachable before its replicas are placed elsewhere. Default 5 min; null: never. */
  readonly lostAfterMs: number | null
}

/** What a manifest may ask for only where the fleet allows it; `payload/guards.ts` says what each of them gives away. */
export type GuardName =
  | 'absolute_binds'
  | 'cap_add'
  | 'devices'
  | 'docker_socket'
  | 'foreign_containers'
  | 'host_cgroup'
  | 'host_ipc'
  | 'host_network'
  | 'host_pid'
  | 'host_userns'
  | 'host_uts'
  | 'privileged'
  | 'security_opt'
  | 'system_binds'

export interface Guards {
  /** Largest share (0 to 1) of the running services, or servers in use, that one revision may remove. Default 0.3. */
  readonly prune: number
  /** `fast-forward` holds a rewritten history; `any` follows it. */
  readonly history: 'fast-forward' | 'any'
  /** Allowed beside what is by default. */
  readonly allow?: readonly GuardName[]
  /** Refused although it is allowed by default. */
  readonly deny?: readonly GuardName[]
  /** Absent: signatures are not asked for. */
  readonly signedBy?: SignedBy
  /** Present: a revision goes only with a plan that was shown before it was merged. */
  readonly plan?: 'pinned'
}

/** The fleet, as slipway.yaml declares it. */
export interface Fleet {
  readonly name: string
  readonly servers: readonly Server[]
  readonly guards: Guards
  /** When new revisions may be rolled out. Absent or empty: always. */
  readonly windows?: readonly ReleaseWindow[]
  /** Absent: ports are published where replicas run. */
  readonly ingress?: IngressSettings
}

export const GUARD_DEFAULTS: Guards = Object.freeze({ prune: 0.3, history: 'fast-forward' })
export const LOST_AFTER_DEFAULT_MS = 5 * 60_000
