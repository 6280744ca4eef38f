import { COMPOSE_LABELS, LABELS, formatLimits } from '../model/index.js'
import type { Action, HealthcheckSpec, Identity, MountSpec, PortSpec, ServiceSpec } from '../model/index.js'

export type RunAction = Extract<Action, { readonly kind: 'run' }>

/** The body of `POST /containers/create`; absent fields are the image's or the engine's own. */
export interface CreatePayload {
  readonly [field: string]: unknown
  readonly Labels: Readonly<Record<string, string>>
  readonly HostConfig: Readonly<Record<string, unknown>>
}

/** From this API on `create` takes more than one network. */
const MANY_NETWORKS_API = 44
/** From this API on healthchecks know `start_interval`. */
const START_INTERVAL_API = 44

/** `image` is the reference to create from, `apiMinor` the 45 of API 1.45. Same action, same bytes. */
export function createPayload(action: RunAction, image: string, apiMinor: number): CreatePayload {
  const { spec } = action
  return compact({
    Image: image,
    Cmd: spec.command,
    // The engine's way to say "no entrypoint": an empty list would mean the image's own.
    Entrypoint: spec.entrypoint !== null && spec.entrypoint.length === 0 ? [''] : spec.entrypoint,
    Env: Object.entries(spec.environment)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
    Labels: labelsFor(action),
    User: spec.user,
    WorkingDir: spec.workingDir,
    Hostname: spec.hostname,
    ExposedPorts: spec.ports.length > 0 ? Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])) : null,
    Healthcheck: spec.healthcheck === null ? null : healthcheckFor(spec.healthcheck, apiMinor),
    StopSignal: spec.stopSignal,
    StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
    HostConfig: hostConfigFor(spec),
    NetworkingConfig: networkingFor(spec, apiMinor),
  }) as CreatePayload
}

/** Networks that `create` could not take, to be attached before the start. */
export function laterNetworks(spec: ServiceSpec, apiMinor: number): readonly { network: string; aliases: string[] }[] {
  if (spec.networkMode !== null || apiMinor >= MANY_NETWORKS_API) return []
  return spec.networks.slice(1).map(({ network, aliases }) => ({ network, aliases: aliasesFor(spec, aliases) }))
}

function labelsFor({ spec, identity, image }: RunAction): Readonly<Record<string, string>> {
  const { slot } = identity
  const ours: Record<string, string> = {
    [LABELS.fleet]: identity.fleet,
    [LABELS.stack]: slot.stack,
    [LABELS.service]: slot.service,
    [LABELS.slot]: slot.key,
    [LABELS.spec]: identity.specHash,
    [LABELS.revision]: identity.revision,
    [LABELS.image]: image.digest ?? image.id,
    [LABELS.limits]: formatLimits(spec),
    [LABELS.restart]: identity.restart,
    [LABELS.controller]: identity.controller,
    [COMPOSE_LABELS.project]: slot.stack,
    [COMPOSE_LABELS.service]: slot.service,
    [COMPOSE_LABELS.number]: numberOf(identity),
    [COMPOSE_LABELS.oneoff]: 'False',
    [COMPOSE_LABELS.configHash]: identity.specHash,
  }
  return { ...spec.labels, ...ours }
}

/** The one replica of a global service on its server is number 1 there. */
function numberOf({ slot }: Identity): string {
  return /^[1-9][0-9]*$/.test(slot.key) ? slot.key : '1'
}

function portKey(port: PortSpec): string {
  return `${port.target}/${port.protocol}`
}

function healthcheckFor(check: HealthcheckSpec, apiMinor: number): Readonly<Record<string, unknown>> {
  return compact({
    Test: check.test,
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    Retries: check.retries,
    StartPeriod: nanoseconds(check.startPeriodMs),
    StartInterval: apiMinor >= START_INTERVAL_API ? nanoseconds(check.startIntervalMs) : null,
  })
}

function nanoseconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1e6)
}

function hostConfigFor(spec: ServiceSpec): Readonly<Record<string, unknown>> {
  const binds = spec.mounts.filter(isBindByText)
  const mounts = spec.mounts.filter((mount) => !isBindByText(mount))
  return compact({
    NetworkMode: spec.networkMode ?? spec.networks[0]?.network ?? 'none',
    RestartPolicy: { Name: spec.restart.condition, MaximumRetryCount: retriesOf(spec) },
    PortBindings: spec.ports.length > 0 ? portBindings(spec.ports) : null,
    Binds: binds.length > 0 ? binds.map(bindText) : null,
    Mounts: mounts.length > 0 ? mounts.map(mountFor) : null,
    NanoCpus: spec.limits.cpus === null ? null : Math.round(spec.limits.cpus * 1e9),
    Memory: spec.limits.memoryBytes,
    PidsLimit: spec.limits.pids,
    Init: spec.init,
    ReadonlyRootfs: spec.readOnly ? true : null,
    CapAdd: listed(spec.capAdd),
    CapDrop: listed(spec.capDrop),
    Ulimits: listed(spec.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))),
    Sysctls: Object.keys(spec.sysctls).length > 0 ? spec.sysctls : null,
    ExtraHosts: listed(spec.extraHosts),
    LogConfig: spec.logging === null ? null : compact({ Type: spec.logging.driver, Config: spec.logging.options }),
  })
}

function retriesOf(spec: ServiceSpec): number {
  return spec.restart.condition === 'on-failure' ? spec.restart.maxAttempts : 0
}

function portBindings(ports: readonly PortSpec[]): Readonly<Record<string, unknown[]>> {
  const bindings: Record<string, unknown[]> = {}
  for (const port of ports) {
    const binding = { HostIp: port.hostIp, HostPort: port.published === null ? '' : String(port.published) }
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), binding]
  }
  return bindings
}

type BindMount = Extract<MountSpec, { readonly kind: 'bind' }>

/** Only the text form makes a missing folder on the host on every engine; it has no way to write a path with a colon. */
function isBindByText(mount: MountSpec): mount is BindMount {
  return mount.kind === 'bind' && mount.createHostPath && !`${mount.source}${mount.target}`.includes(':')
}

function bindText(mount: BindMount): string {
  const flags = [mount.readOnly ? 'ro' : 'rw', ...(mount.propagation === null ? [] : [mount.propagation])]
  return `${mount.source}:${mount.target}:${flags.join(',')}`
}

function mountFor(mount: MountSpec): Readonly<Record<string, unknown>> {
  const base = { Target: mount.target, ReadOnly: mount.readOnly }
  switch (mount.kind) {
    case 'volume':
      return { Type: 'volume', Source: mount.source, ...base, VolumeOptions: { NoCopy: mount.noCopy } }
    case 'anonymous':
      return { Type: 'volume', ...base }
    case 'bind':
      return compact({
        Type: 'bind',
        Source: mount.source,
        ...base,
        BindOptions: mount.propagation === null ? null : { Propagation: mount.propagation },
      })
    case 'tmpfs':
      return { Type: 'tmpfs', ...base, TmpfsOptions: compact({ SizeBytes: mount.sizeBytes, Mode: mount.mode }) }
  }
}

function networkingFor(spec: ServiceSpec, apiMinor: number): Readonly<Record<string, unknown>> | null {
  if (spec.networkMode !== null || spec.networks.length === 0) return null
  const networks = apiMinor >= MANY_NETWORKS_API ? spec.networks : spec.networks.slice(0, 1)
  const endpoints = networks.map(({ network, aliases }) => [network, { Aliases: aliasesFor(spec, aliases) }] as const)
  return { EndpointsConfig: Object.fromEntries(endpoints) }
}

/** As with Compose, a service is found by its name. */
function aliasesFor(spec: ServiceSpec, aliases: readonly string[]): string[] {
  return [...new Set([spec.name, ...aliases])]
}

function listed<T>(values: readonly T[]): readonly T[] | null {
  return values.length > 0 ? values : null
}

function compact(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}
