import type { LogEvent } from '../controller/index.js'
import type { HostKey } from '../model/index.js'
import type { SshHost, SshIdentities, SshIdentity } from '../ssh/index.js'

/** What is followed. */
export type RefChoice = { readonly branch: string } | { readonly tag: string }

/** Sent to the origin of the repository's address and to no other. `password` may be a token. */
export interface GitCredentials {
  readonly username?: string
  readonly password: string
}

/** How a repository is reached over http(s). All of it is sent to the origin of its address and to no other. */
export interface GitHttp {
  readonly headers?: Readonly<Record<string, string>>
  /** PEM: the only authorities that are believed, instead of the usual ones. */
  readonly ca?: string
  /** `http://[user:password@]host:port`, or https. */
  readonly proxy?: string
}

/** How a repository's host is logged in to over ssh. */
export interface GitSsh {
  readonly identities: SshIdentities
  /** What `~/.ssh/config` says of the host that the address names. */
  readonly host?: SshHost & { readonly user?: string; readonly port?: number }
  readonly hostKey: HostKey
}

/** Bounds of everything that a remote can make us do. Times in ms. */
export interface SourceLimits {
  /** Asking what the ref names. */
  readonly pollDeadlineMs: number
  /** Receiving, indexing and verifying objects. */
  readonly fetchDeadlineMs: number
  /** TCP, host key and login of an ssh connection, each. */
  readonly connectMs: number
  /** Silence on the connection. */
  readonly idleMs: number
  /** The answer that lists refs. */
  readonly maxListingBytes: number
  /** One pack, and one clone on disk. */
  readonly maxPackBytes: number
  readonly maxObjects: number
  /** One object of any kind, in or outside the followed path. */
  readonly maxObjectBytes: number
  /** All objects of one pack, unpacked. */
  readonly maxUnpackedBytes: number
  readonly maxCommits: number
  /** Files and directories under the followed path. */
  readonly maxTreeEntries: number
  /** One file that is read. */
  readonly maxBlobBytes: number
  /** Contents kept in memory. */
  readonly cacheBytes: number
  /** Incremental fetches into one clone; then it is cloned anew, because each leaves a pack. */
  readonly maxFetches: number
  /** Revisions whose contents stay readable when the branch no longer contains them. */
  readonly keptRevisions: number
}

const MIB = 1024 * 1024

export const SOURCE_LIMITS: SourceLimits = Object.freeze({
  pollDeadlineMs: 30_000,
  fetchDeadlineMs: 10 * 60_000,
  connectMs: 15_000,
  idleMs: 60_000,
  maxListingBytes: 16 * MIB,
  maxPackBytes: 512 * MIB,
  maxObjects: 2_000_000,
  maxObjectBytes: 128 * MIB,
  maxUnpackedBytes: 4096 * MIB,
  maxCommits: 200_000,
  maxTreeEntries: 100_000,
  maxBlobBytes: 10 * MIB,
  cacheBytes: 64 * MIB,
  maxFetches: 300,
  keptRevisions: 64,
})

export interface GitSourceOptions {
  /** `https://…`, `ssh://…`, `git@host:path`, `http://…`, `file:///…`, or a path on this machine (bare, or a work tree). */
  readonly url: string
  readonly ref: RefChoice
  /** Directory inside the repository that is followed. Default: all of it. */
  readonly path?: string
  /** Where the clone lives; made when missing. Used by one process at a time. */
  readonly dir: string
  readonly credentials?: GitCredentials
  readonly http?: GitHttp
  /** Asked once, with the host of an address over ssh. Default: no key, and no host key is believed. */
  readonly ssh?: (host: string) => GitSsh
  /** Follows over plain http on a host other than this machine, where anybody on the way can read and change all. Default false. */
  readonly allowPlainHttp?: boolean
  /** Whose signatures count: OpenSSH's allowed_signers and armoured OpenPGP keys; ssh keys that count no longer. */
  readonly signers?: { readonly allowed: string; readonly revoked: string }
  /** Signs the commits that are made here. Default: none does. */
  readonly signing?: SshIdentity
  readonly limits?: Partial<SourceLimits>
  readonly log?: (event: LogEvent) => void
  /** Milliseconds since the epoch, for log events. */
  readonly now?: () => number
}
