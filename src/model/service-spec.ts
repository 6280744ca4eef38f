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
    }
  | { readonly kind: 'anonymous'; readonly target: string; readonly readOnly: boolean }
  | {
      readonly kind: 'bind'
      readonly source: string
      readonly target: string
      readonly readOnly: boolean
      readonly createHostPath: boolean
      readonly propagation: string | null
    }
  | {
      readonly kind: 'tmpfs'
      readonly target: string
      readonly readOnly: boolean
      readonly sizeBytes: number | null
      readonly mode: number | null
    }

/** `network` is the network's full name on the server (`shop_default`). */
export interface NetworkAttachment {
  readonly network: string
  readonly aliases: readonly string[]
}

/** A config or secret that is put into the container before it starts. */
export interface FileSpec {
  readonly kind: 'config' | 'secret'
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
  /** `host` or `none`; null: the networks above. */
  readonly networkMode: 'host' | 'none' | null
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
  // Outside the spec hash: they do not change what one container is.
  readonly pullPolicy: 'always' | 'missing' | 'never'
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
  /** `x-slipway.restart_at`: replicas made for another value are restarted, rolling. */
  readonly restartAt: string | null
}
