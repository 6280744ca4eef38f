/**
 * What a manifest may say to the engine beyond what nearly every service says. Each group, and each field in it, is absent where nothing is
 * said: then it is the image's or the engine's own. Absent fields are not hashed, so a spec that does not use them keeps its hash when one is
 * added. Names are Compose's own, in camel case: `cpuRtPeriod` is `cpu_rt_period`.
 */

/** Weights and rates of block devices by path; rates in bytes or operations a second. */
export interface BlkioSpec {
  readonly weight?: number
  readonly weightDevice?: Readonly<Record<string, number>>
  readonly deviceReadBps?: Readonly<Record<string, number>>
  readonly deviceReadIops?: Readonly<Record<string, number>>
  readonly deviceWriteBps?: Readonly<Record<string, number>>
  readonly deviceWriteIops?: Readonly<Record<string, number>>
}

/** The control group beside the limits, which are changed in place. Times in microseconds, sizes in bytes. */
export interface TuningSpec {
  readonly cpuCount?: number
  readonly cpuPercent?: number
  readonly cpuPeriod?: number
  readonly cpuQuota?: number
  readonly cpuRtPeriod?: number
  readonly cpuRtRuntime?: number
  readonly cpuShares?: number
  readonly cpuset?: string
  readonly memSwappiness?: number
  readonly oomKillDisable?: boolean
  readonly oomScoreAdj?: number
  readonly shmSize?: number
  readonly blkioConfig?: BlkioSpec
  readonly storageOpt?: Readonly<Record<string, string>>
}

/** Which walls stand between the container and its host. */
export interface IsolationSpec {
  /** `service:name` stands for the replica of that service on the same server, as for `pid` and `uts`. */
  readonly ipc?: string
  readonly pid?: string
  readonly uts?: string
  readonly cgroup?: string
  readonly cgroupParent?: string
  readonly usernsMode?: string
  readonly isolation?: string
  readonly privileged?: boolean
  /** `seccomp=` is followed by the profile itself. */
  readonly securityOpt?: readonly string[]
  readonly groupAdd?: readonly string[]
}

export interface DeviceMapping {
  readonly source: string
  readonly target: string
  /** Of `r`, `w` and `m`. */
  readonly permissions: string
}

/** Devices that a driver of the engine chooses: GPUs, CDI names. `count` -1: all of them. */
export interface DeviceRequest {
  readonly driver: string
  readonly count: number
  readonly deviceIds: readonly string[]
  /** All of one inner list, of any of the outer. */
  readonly capabilities: readonly (readonly string[])[]
  readonly options: Readonly<Record<string, string>>
}

export interface DeviceSpec {
  readonly devices?: readonly DeviceMapping[]
  readonly deviceCgroupRules?: readonly string[]
  readonly deviceRequests?: readonly DeviceRequest[]
}

/** How the container is called and finds others. Links are `name:alias`. */
export interface NamingSpec {
  readonly dns?: readonly string[]
  readonly dnsSearch?: readonly string[]
  readonly dnsOpt?: readonly string[]
  readonly domainname?: string
  readonly macAddress?: string
  readonly links?: readonly string[]
  /** `80/tcp`. */
  readonly expose?: readonly string[]
}

/** A command in the running container. */
export interface HookCommand {
  readonly command: readonly string[]
  readonly user?: string
  readonly privileged?: boolean
  readonly workingDir?: string
  readonly environment?: Readonly<Record<string, string>>
}

/** In order: after the start, and before a stop that Slipway does. */
export interface HookSpec {
  readonly postStart?: readonly HookCommand[]
  readonly preStop?: readonly HookCommand[]
}

export interface ExecutionSpec {
  readonly runtime?: string
  readonly platform?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly tty?: boolean
  readonly stdinOpen?: boolean
  /** `name:ro`: containers of others whose volumes are used as well. */
  readonly volumesFrom?: readonly string[]
}
