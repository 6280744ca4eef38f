import { COMPOSE_LABELS, LABELS, canonicalJson, containerName, formatLimits } from '../model/index.js'
import type { Action, GivenNames, HealthcheckSpec, Identity, ServiceSpec } from '../model/index.js'
import { compact } from './compact.js'
import { hostConfigFor, portKey } from './host-config.js'
import { MANY_NETWORKS_API, endpointsFor } from './networking.js'
import type { Joined } from './joined.js'

export type RunAction = Extract<Action, { readonly kind: 'run' }>

/** The body of `POST /containers/create`; absent fields are the image's or the engine's own. */
export interface CreatePayload {
  readonly [field: string]: unknown
  readonly Labels: Readonly<Record<string, string>>
  readonly HostConfig: Readonly<Record<string, unknown>>
}

/** From this API on healthchecks know `start_interval`. */
export const START_INTERVAL_API = 44

/**
 * `image` is the reference to create from, `apiMinor` the 45 of API 1.45, `joined` the containers that stand for `service:name`. Same action,
 * same bytes.
 */
export function createPayload(
  action: RunAction,
  image: string,
  apiMinor: number,
  joined: Joined = new Map(),
): CreatePayload {
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
    Domainname: spec.naming?.domainname,
    Tty: spec.execution?.tty,
    OpenStdin: spec.execution?.stdinOpen,
    ExposedPorts: exposed([...spec.ports.map(portKey), ...(spec.naming?.expose ?? [])]),
    Healthcheck: spec.healthcheck === null ? null : healthcheckFor(spec.healthcheck, apiMinor),
    StopSignal: spec.stopSignal,
    StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
    HostConfig: hostConfigFor(spec, containerName(action.identity), joined, hostsOf(action)),
    // Later engines take it with each network.
    MacAddress: apiMinor < MANY_NETWORKS_API ? macAddressOf(spec) : null,
    NetworkingConfig: networkingFor(spec, apiMinor),
  }) as CreatePayload
}

/** The user's own come first: whoever asks is told the first. */
function hostsOf({ spec, names }: RunAction): readonly string[] {
  return [...spec.extraHosts, ...(names?.hosts ?? []).map(({ name, address }) => `${name}:${address}`)]
}

function labelsFor({ spec, identity, image, names }: RunAction): Readonly<Record<string, string>> {
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
    ...(names === undefined ? {} : namesLabels(names)),
    ...(spec.hooks === undefined ? {} : { [LABELS.hooks]: canonicalJson(spec.hooks) }),
  }
  return { ...spec.labels, ...ours }
}

function namesLabels({ address, hosts }: GivenNames): Readonly<Record<string, string>> {
  return { [LABELS.address]: address ?? '', [LABELS.names]: hosts.map(({ name }) => name).join(' ') }
}

/** The one replica of a global service on its server is number 1 there. */
function numberOf({ slot }: Identity): string {
  return /^[1-9][0-9]*$/.test(slot.key) ? slot.key : '1'
}

function exposed(ports: readonly string[]): Readonly<Record<string, object>> | null {
  return ports.length > 0 ? Object.fromEntries(ports.map((port) => [port, {}])) : null
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

function macAddressOf(spec: ServiceSpec): string | undefined {
  return spec.networks[0]?.macAddress ?? spec.naming?.macAddress
}

function networkingFor(spec: ServiceSpec, apiMinor: number): Readonly<Record<string, unknown>> | null {
  const endpoints = endpointsFor(spec, apiMinor)
  const taken = apiMinor >= MANY_NETWORKS_API ? endpoints : endpoints.slice(0, 1)
  return taken.length === 0
    ? null
    : { EndpointsConfig: Object.fromEntries(taken.map((one) => [one.network, one.body])) }
}
