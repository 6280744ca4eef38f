import type { DeviceSpec, ExecutionSpec, HookSpec, IsolationSpec, NamingSpec, TuningSpec } from './engine-settings.js'
import type { BalancedPort } from './ingress.js'
import type { RouteSpec } from './routes.js'
import type { ServiceMode, UpdatePolicy, RolloutPolicy } from './rollout-policy.js'

export interface PortSpec {
  readonly target: number
  /** Null: the engine chooses a free port. */
  readonly published: number | null
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** Empty: every address. */
  readonly hostIp: string
}

/** `source` of a named volume is the volume's full name on the server (`shop_data`). */
export type MountSpec =
  | {
      readonly kind: 'volume'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
      readonly noCopy: boolean
      /** A folder inside of the volume; it must be there. */
      readonly subpath?: string
    }
  | { readonly kind: 'anonymous'; readonly target: string; readonly readOnly: boolean }
  /** The files of an image. What is written there is gone with the container. `source` is the image's reference. */
  | {
      readonly kind: 'image'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
      readonly subpath?: string
    }
  /** A folder of the repository, shipped with the container as a copy of its own. `source` is its path there. */
  | {
      readonly kind: 'shipped'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
      readonly files: readonly ShippedFile[]
    }
  | {
      readonly kind: 'bind'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
      readonly createHostPath: boolean
      readonly propagation: string | null
      /** `z` labels the path for all containers, `Z` for this one. */
      readonly selinux?: 'z' | 'Z'
      readonly recursive?: 'disabled' | 'writable' | 'readonly'
    }
  | {
      readonly kind: 'tmpfs'
      readonly target: string
      readonly readOnly: boolean
      readonly sizeBytes: number | null
      readonly mode: number | null
      /** Mount options beside size, mode and `ro`: `noexec`, `uid=33`. */
      readonly options?: readonly string[]
    }

/** `path` is below the folder. */
export interface ShippedFile {
  readonly path: string
  readonly contentBase64: string
  readonly mode: number
}

/** `network` is the network's full name on the server (`shop_default`). */
export interface NetworkAttachment {
  readonly network: string
  readonly aliases: readonly string[]
  // Absent where nothing is said, as in `engine-settings.ts`.
  readonly ipv4Address?: string
  readonly ipv6Address?: string
  readonly linkLocalIps?: readonly string[]
  readonly macAddress?: string
  readonly driverOpts?: Readonly<Record<string, string>>
  /** The highest is the container's first network; equal ones go by name. */
  readonly priority?: number
  /** The highest gives the default route. */
  readonly gwPriority?: number
}

/** `service:name` stands for the replica of that service on the same server, `container:name` for any container there. */
export type NetworkMode = 'host' | 'none' | 'bridge' | `service:${string}` | `container:${string}`

/** A config, a secret, or a file of the repository in a bind mount, put into the container before it starts. */
export interface FileSpec {
  readonly kind: 'config' | 'secret' | 'bind'
  readonly name: string
  /** Path in the repository it came from, for causes and messages. */
  readonly source: string
  readonly target: string
  readonly contentBase64: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** `test` is Docker's form: `['CMD', …]`, `['CMD-SHELL', text]`, `['NONE']`. Null: what the image says. Times in ms. */
export interface HealthcheckSpec {
  readonly test: readonly string[] | null
  readonly intervalMs: number | null
  readonly timeoutMs: number | null
  readonly retries: number | null
  readonly startPeriodMs: number | null
  readonly startIntervalMs: number | null
}

/** Readiness asked by the controller through the SSH connection. */
export type ProbeSpec =
  | {
      readonly kind: 'http'
      readonly port: number
      readonly path: string
      readonly scheme: 'http' | 'https'
      readonly host: string | null
      readonly expectMin: number
      readonly expectMax: number
      readonly timeoutMs: number
    }
  | { readonly kind: 'tcp'; readonly port: number; readonly timeoutMs: number }

export type DependencyCondition = 'service_started' | 'service_healthy' | 'service_completed_successfully'

export interface Dependency {
  readonly service: string
  readonly condition: DependencyCondition
  readonly required: boolean
  /** Compose's `restart`: restart this service after Slipway updated the dependency. */
  readonly restart: boolean
}

/** Docker's own restart policy, which holds while the controller is away. */
export interface RestartPolicy {
  readonly condition: 'no' | 'on-failure' | 'always' | 'unless-stopped'
  /** 0: without end. Only with `on-failure`. */
  readonly maxAttempts: number
}

export interface ResourceLimits {
  readonly cpus: number | null
  readonly memoryBytes: number | null
  readonly pids: number | null
  /** Memory and swap together; -1: as much swap as the host has. Absent: the engine's own, twice the memory. */
  readonly memorySwapBytes?: number | undefined
  /** What the kernel leaves to the container when the server is short of memory. */
  readonly memoryReservedBytes?: number | undefined
}

export interface Reservations {
  readonly cpus: number
  readonly memoryBytes: number
}

export interface Constraint {
  /** `node.labels.zone`, `node.hostname`, `node.platform.os`, `node.platform.arch`, `node.id`. */
  readonly key: string
  readonly op: '==' | '!='
  readonly value: string
}

export interface PlacementSpec {
  readonly constraints: readonly Constraint[]
  /** Label keys to spread over, in order: `node.labels.zone`. */
  readonly spread: readonly string[]
  /** 0: no limit. */
  readonly maxPerServer: number
}

export interface Ulimit {
  readonly name: string
  readonly soft: number
  readonly hard: number
}

/** `every_86400`: pulled when what the server has is older, in seconds. */
export type PullPolicy = 'always' | 'missing' | 'never' | `every_${number}`

export interface Logging {
  readonly driver: string | null
  readonly options: Readonly<Record<string, string>>
}

/** A service in canonical form: every default filled in, every path resolved, nothing to look up. */
export interface ServiceSpec {
  readonly stack: string
  readonly name: string
  readonly image: string
  /** Null: the image's own. */
  readonly command: readonly string[] | null
  readonly entrypoint: readonly string[] | null
  readonly environment: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly PortSpec[]
  readonly mounts: readonly MountSpec[]
  readonly networks: readonly NetworkAttachment[]
  /** Null: the networks above. */
  readonly networkMode: NetworkMode | null
  readonly files: readonly FileSpec[]
  readonly healthcheck: HealthcheckSpec | null
  readonly restart: RestartPolicy
  readonly stopSignal: string | null
  readonly stopGraceMs: number
  readonly user: string | null
  readonly workingDir: string | null
  readonly init: boolean | null
  readonly readOnly: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly ulimits: readonly Ulimit[]
  readonly sysctls: Readonly<Record<string, string>>
  /** `name:address`. */
  readonly extraHosts: readonly string[]
  readonly hostname: string | null
  readonly logging: Logging | null
  readonly tuning?: TuningSpec | undefined
  readonly isolation?: IsolationSpec | undefined
  readonly devices?: DeviceSpec | undefined
  readonly naming?: NamingSpec | undefined
  readonly execution?: ExecutionSpec | undefined
  readonly hooks?: HookSpec | undefined
  // Outside the spec hash: they do not change what one container is.
  readonly pullPolicy: PullPolicy
  readonly mode: ServiceMode
  readonly replicas: number
  /** Changed in place by the engine where it can be. */
  readonly limits: ResourceLimits
  readonly reservations: Reservations
  readonly placement: PlacementSpec
  readonly update: UpdatePolicy
  readonly rollback: UpdatePolicy
  readonly rollout: RolloutPolicy
  readonly dependsOn: readonly Dependency[]
  readonly probe: ProbeSpec | null
  /** Ports that the proxies of the fleet listen on. Absent: none. */
  readonly balanced?: readonly BalancedPort[]
  /** Requests that the proxies hand to it. Absent: none. */
  readonly routes?: readonly RouteSpec[]
  /** `x-slipway.export`: other stacks reach it as `service.stack`. Absent: they do not. */
  readonly exported?: boolean
  /** `x-slipway.restart_at`: replicas made for another value are restarted, rolling. */
  readonly restartAt: string | null
}
