import type { Server } from '../model/index.js'
import type { Clock, LogEvent } from '../controller/index.js'
import type { SshHost, SshIdentities } from '../ssh/index.js'
import type { Way } from './way.js'

export interface RegistryAuth {
  readonly username: string
  readonly password: string
}

export interface DriverOptions {
  readonly identities: SshIdentities
  /** By the host of the server's address. */
  readonly hosts?: Readonly<Record<string, SshHost>>
  /** By registry host (`registry.example.com:5000`; Docker Hub is `docker.io`). */
  readonly registryAuths: Readonly<Record<string, RegistryAuth>>
  readonly log: (event: LogEvent) => void
  readonly clock: Clock
  /** 0 to 1, for jitter. */
  readonly random: () => number
  readonly limits?: Partial<DriverLimits>
  /** Reaches servers some other way than by SSH and sockets: engines in memory. */
  readonly ways?: (server: Server) => Way
}

/** Every bound of the driver. Times in ms. */
export interface DriverLimits {
  /** TCP, host key, login. */
  readonly connectMs: number
  /** Ping, info, inspect, small lists. */
  readonly readMs: number
  readonly listMs: number
  /** Create, remove, update, networks, volumes, archives. */
  readonly changeMs: number
  readonly startMs: number
  /** On top of the grace period. */
  readonly stopMs: number
  readonly pullMs: number
  /** Longest silence within a pull. */
  readonly pullIdleMs: number
  /** A healthcheck that names no timeout. */
  readonly healthcheckMs: number
  readonly keepaliveMs: number
  readonly keepaliveCount: number
  readonly backoffFirstMs: number
  readonly backoffMaxMs: number
  /** A connection that lived this long is no failed attempt when it ends. */
  readonly stableMs: number
  /** How long an end of all connections may take before they are cut. */
  readonly closeMs: number
  /** Pause before another look when the engine's list was behind its events. */
  readonly lagMs: number
  readonly listBytes: number
  readonly answerBytes: number
  readonly pullBytes: number
  readonly errorBytes: number
  readonly lineBytes: number
  /** Characters of a probe's or healthcheck's output that are kept. */
  readonly outputChars: number
  /** What a proxy tells of itself: some 600 bytes for each replica and slot. */
  readonly proxyBytes: number
  /** How long one that was just started may take to answer. */
  readonly proxyStartMs: number
  /** How long a proxy may take to reload. HAProxy itself tries to bind for 3 s. */
  readonly proxyReloadMs: number
  readonly proxyPollMs: number
  /** Log lines that wait for a slow reader before the oldest are dropped, said in a line of its own. */
  readonly logLines: number
  /** Calls at once on one server, by lane; slow are pulls, stops and restarts. */
  readonly lanes: Lanes
  /** The same where each call needs an exec channel, of which sshd allows ten. */
  readonly narrowLanes: Lanes
  /** Logins at once, all servers together. */
  readonly logins: number
}

export interface Lanes {
  readonly read: number
  readonly change: number
  readonly slow: number
}

export type Lane = keyof Lanes

export const DRIVER_LIMITS: DriverLimits = Object.freeze({
  connectMs: 10_000,
  readMs: 10_000,
  listMs: 15_000,
  changeMs: 60_000,
  startMs: 120_000,
  stopMs: 30_000,
  pullMs: 30 * 60_000,
  pullIdleMs: 2 * 60_000,
  healthcheckMs: 30_000,
  keepaliveMs: 10_000,
  keepaliveCount: 3,
  backoffFirstMs: 1_000,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  closeMs: 2_000,
  lagMs: 20,
  listBytes: 64 * 1024 * 1024,
  answerBytes: 4 * 1024 * 1024,
  pullBytes: 64 * 1024 * 1024,
  errorBytes: 64 * 1024,
  lineBytes: 256 * 1024,
  outputChars: 4_096,
  proxyBytes: 32 * 1024 * 1024,
  proxyStartMs: 2_000,
  proxyReloadMs: 20_000,
  proxyPollMs: 50,
  logLines: 10_000,
  lanes: Object.freeze({ read: 12, change: 6, slow: 6 }),
  narrowLanes: Object.freeze({ read: 3, change: 2, slow: 2 }),
  logins: 16,
})
