import type {
  Action,
  ActionResult,
  CanaryCheck,
  Guards,
  Listing,
  MeshIdentity,
  NetworkSpec,
  ProbeSpec,
  ProxySeen,
  ProxyTable,
  Replica,
  RestartPolicy,
  Result,
  Revision,
  Server,
  ServiceSpec,
  SignatureVerdict,
  SignedWhat,
  Slot,
  Stack,
} from '../model/index.js'
import type { Loaded, ReadContent } from '../manifest/index.js'
import type { CheckAnswer, FailureEvidence } from '../rollout/index.js'
import type { CertificateKeeper, HeldCertificate } from './certificate-port.js'
import type { Fact, Intent, Outcome } from './facts.js'

/** Milliseconds since the epoch that never jump while the process lives: wall time at start plus monotonic time since. */
export interface Clock {
  nowMs(): number
  /** Runs `fn` once after `delayMs`. Returns what cancels it. */
  after(delayMs: number, fn: () => void): () => void
}

export interface TreeEntry {
  readonly kind: 'file' | 'symlink' | 'submodule'
  /** Git object id, 40 hexadecimal digits. */
  readonly oid: string
}

/** The files of one revision under the followed path, by path relative to it. Sorted. Contents are read as needed. */
export interface SourceTree {
  readonly revision: Revision
  readonly entries: ReadonlyMap<string, TreeEntry>
}

/** A commit that a revision brings. */
export interface NewCommit {
  readonly sha: string
  readonly author: string
  readonly subject: string
  /** `Slipway-…: value` lines at the end of its message, names without the prefix and in small letters. */
  readonly trailers: readonly { readonly name: string; readonly value: string }[]
  /** It has no parents. */
  readonly isRoot: boolean
  /** Null where nobody asked. For the newest commit and `tag`: that of the followed tag. */
  readonly signature: SignatureVerdict | null
  /** Whose signature would count, for a message. */
  readonly expected: string
}

/** `since` null: `sha` alone. `signed` null: signatures are not looked at. */
export interface NewsQuestion {
  readonly sha: string
  readonly since: string | null
  readonly signed: SignedWhat | null
}

/**
 * The followed repository. Nothing here trusts the remote: a revision is returned only when its commit and trees have been read and
 * their hashes checked; contents are checked when read. All calls end within their own deadlines.
 * Problems: GIT_*; REVISION of a held or rewritten history is the controller's business, not the source's.
 */
export interface Source {
  /** What the followed ref names now, fetched and verified. */
  poll(signal: AbortSignal): Promise<Result<Revision>>
  /** A revision that was fetched before; one of the followed history also by the first 7 or more digits of its hash. */
  revision(sha: string, signal: AbortSignal): Promise<Result<Revision>>
  tree(sha: string, signal: AbortSignal): Promise<Result<SourceTree>>
  /** Contents by oid; every one asked for, or a problem. */
  read(oids: readonly string[], signal: AbortSignal): Promise<Result<ReadonlyMap<string, Uint8Array>>>
  isAncestor(ancestor: string, descendant: string, signal: AbortSignal): Promise<Result<boolean>>
  /** The commits that `sha` has and `since` has not, newest first. Problems: GIT_TOO_LARGE for more than 1,000. */
  news(question: NewsQuestion, signal: AbortSignal): Promise<Result<readonly NewCommit[]>>
  close(): Promise<void>
}

/**
 * Files to Desired, in rounds: it asks for the contents it misses and is called again with them. Rounds of one revision come one after the
 * other. Problems: those of the manifest, and MANIFEST_TOO_COSTLY when it had to be stopped.
 */
export interface ManifestLoader {
  load(tree: SourceTree, read: ReadContent, signal: AbortSignal): Loaded | Promise<Loaded>
}

/** Whether a replica answers. `unknown`: nobody could be asked, which says nothing about the replica. */
export interface Readiness {
  readonly verdict: 'ready' | 'not-ready' | 'unknown'
  /** What the probe or healthcheck said, cut to 4,096 characters. */
  readonly output: string
}

export interface ReadinessQuestion {
  readonly replica: Replica
  readonly probe: ProbeSpec | null
  /** Whether to run the container's healthcheck command, if it has one. */
  readonly healthcheck: boolean
}

export type Evidence = FailureEvidence

export interface LogLine {
  readonly stream: 'stdout' | 'stderr'
  readonly atMs: number | null
  readonly text: string
}

/**
 * The way to the servers. One connection each, kept alive, reconnected with backoff; every call has a deadline, every answer a byte bound.
 * Problems: SERVER_*, HOST_KEY_*, ENGINE_*, CALL_TIMEOUT, CONNECTION_LOST and those of each action.
 */
export interface Driver {
  /**
   * The servers from now on: opens what is new, closes what is gone, keeps what is equal. Only containers labelled with `fleet` are replicas.
   * `guards` hold for what is made from now on; without them, their defaults. They do not hold for `ownStack`, which no manifest can say anything of.
   */
  use(fleet: string, servers: readonly Server[], guards?: Guards, ownStack?: string): void
  /** One full look; `closer` names containers to inspect as well. */
  observe(server: string, closer: readonly string[], signal: AbortSignal): Promise<Result<Listing>>
  /** Exactly one action. CALL_TIMEOUT and CONNECTION_LOST mean that the outcome is unknown. */
  perform(action: Action, signal: AbortSignal): Promise<Result<ActionResult>>
  ask(server: string, question: ReadinessQuestion, signal: AbortSignal): Promise<Result<Readiness>>
  diagnose(server: string, containerId: string, signal: AbortSignal): Promise<Result<Evidence>>
  /** Ends when the log does; throws an Error with a `problem` property when it cannot be read on. */
  logs(server: string, containerId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>
  /** `listener` is called when something happened on a server that is worth a look; never with what happened. */
  onHint(listener: (server: string) => void): void
  close(): Promise<void>
}

/** What is told of a server when a person asks for it; the controller itself decides nothing by it. */
export interface ServerCondition {
  /** How far its clock is before ours, beyond the time that asking took; negative: behind. Null: nobody can say. */
  readonly clockAheadMs: number | null
  /** The file system of the engine's data, or why nobody can say. */
  readonly disk:
    | { readonly path: string; readonly freeBytes: number; readonly totalBytes: number }
    | { readonly path: string; readonly problem: string }
}

/** Looks closer at a server, for `server check`. Problems: as for `observe`. */
export interface Examiner {
  examine(server: string, signal: AbortSignal): Promise<Result<ServerCondition>>
}

/** A container that `docker compose` runs, and the slot that it would fill. `joined`: by service, the containers whose namespaces are joined. */
export interface AdoptionQuestion {
  readonly containerId: string
  readonly slot: Slot
  readonly spec: ServiceSpec
  readonly joined: ReadonlyMap<string, string>
}

/** How such a container stands to what its slot wants. A setting that the manifest, or the container, does not say is null. */
export interface AdoptionAnswer {
  /** What cannot be changed in a running container, by Compose's key. */
  readonly differences: readonly { readonly field: string; readonly from: string | null; readonly to: string | null }[]
  readonly notes: readonly string[]
  /** The limits that it has, as `formatLimits` prints them. */
  readonly limits: string
  readonly restart: RestartPolicy
}

/** A container gets another name, and where it is not null another restart policy; it goes on running. */
export interface Adoption {
  readonly containerId: string
  readonly slot: Slot
  readonly from: string
  readonly to: string
  readonly restart: RestartPolicy | null
}

/** Takes over what `docker compose` or a person runs, for `import`; the controller itself never does. */
export interface Adopter {
  /** Changes nothing. Problems: CONFLICT where somebody else says that it is his, CONTAINER_GONE and those of any call. */
  compare(server: string, question: AdoptionQuestion, signal: AbortSignal): Promise<Result<AdoptionAnswer>>
  /** Whether a network that is there can be used as it is. Changes nothing. Problems: NETWORK_CONFLICT and those of any call. */
  checkNetwork(server: string, network: NetworkSpec, stack: string, signal: AbortSignal): Promise<Result<null>>
  /** Problems: CONFLICT where it is not any more what was asked about, CONTAINER_GONE and those of any call. */
  adopt(server: string, adoption: Adoption, signal: AbortSignal): Promise<Result<null>>
}

/**
 * Asks what the checks of canaries want to know, from where the controller is. Reads only; ends within the check's time. Whoever cannot be asked, or
 * gives no number, is `unknown`: it never rejects.
 */
export interface Checker {
  check(check: CanaryCheck, signal: AbortSignal): Promise<CheckAnswer>
}

/** The proxies of a fleet with ingress. */
export interface Balancer {
  /**
   * Brings the proxy in a container on a server to a table, whatever it had before, and tells how it stands then. Sent again it changes nothing.
   * What the proxy refuses never takes the place of what it has. Problems: PROXY_ABSENT, PROXY_REFUSED and those of any call.
   */
  balance(server: string, containerId: string, table: ProxyTable, signal: AbortSignal): Promise<Result<ProxySeen>>
  /**
   * The certificates of the table that the proxy in a container starts with, whether it runs or not; none where it has no table. What is not of the
   * form that tables have is left out. Problems: those of any call.
   */
  certificates(server: string, containerId: string, signal: AbortSignal): Promise<Result<readonly HeldCertificate[]>>
}

/** Who the proxies of a fleet are to each other: an authority of the fleet's own, and a certificate for each server. */
export interface MeshAuthority {
  /**
   * Makes and renews what is due, for these servers; others are forgotten. True: something is new, and tables are to be made anew. Problems:
   * STORE_FAILED.
   */
  renew(fleet: string, servers: readonly string[]): Promise<Result<boolean>>
  /** As of the last `renew`, without any waiting; null for a server that it did not name. */
  identity(server: string): Omit<MeshIdentity, 'port'> | null
}

export interface LogOptions {
  readonly tail: number
  readonly follow: boolean
}

/** What was last seen on a server, for a controller that starts while the server is away. */
export interface Inventory {
  readonly server: string
  readonly engineId: string
  readonly replicas: readonly Replica[]
}

/** Everything the journal knows at start. `facts` are those after `snapshot`. */
export interface JournalContent {
  readonly snapshot: unknown
  readonly facts: readonly Fact[]
  readonly inventories: readonly Inventory[]
  /** Sent and never answered. */
  readonly openIntents: readonly Intent[]
}

/** A line of history: a fact that a person wants to read, newest first. */
export interface HistoryQuery {
  readonly stack?: string
  readonly service?: string
  readonly limit: number
}

/**
 * The journal of facts on disk. Calls return when the row is durable, or throw `StoreError`: then nothing that depends on it may be done.
 * A cache with memory: deleting it loses history and the memory of rejected revisions, nothing else.
 */
export interface Journal {
  load(): JournalContent
  append(facts: readonly Fact[]): void
  intend(intents: readonly Intent[]): void
  settle(outcomes: readonly Outcome[]): void
  putInventory(inventory: Inventory): void
  dropInventory(server: string): void
  /** Stacks by hash, kept so that a rollback needs neither Git nor today's loader. */
  putStack(hash: string, stack: Stack): void
  stack(hash: string): Stack | undefined
  /** Writes the folded state and forgets facts that it covers, but for the newest `keep` of history. */
  snapshot(state: unknown, stackHashesInUse: readonly string[]): void
  history(query: HistoryQuery): readonly Fact[]
  /** Random, made once with the data directory. */
  readonly controllerId: string
  close(): void
}

/** One event for people and machines to follow: a fixed message with typed fields. */
export interface LogEvent {
  readonly atMs: number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, string | number | boolean | null | readonly string[]>>
}

export interface Ports {
  readonly clock: Clock
  readonly source: Source
  readonly loader: ManifestLoader
  readonly driver: Driver
  readonly journal: Journal
  /** Absent: proxies are left alone, as by a plan that is only shown. */
  readonly ingress?: {
    readonly balancer: Balancer
    readonly mesh: MeshAuthority
    /** Absent: routes with `tls: acme` never get a certificate. */
    readonly certificates?: CertificateKeeper
  }
  /** Absent: no check is asked, as by a plan that is only shown. */
  readonly checker?: Checker
  readonly log: (event: LogEvent) => void
}
