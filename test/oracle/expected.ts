import { ROLLOUT_DEFAULTS } from '../../src/model/index.js'
import type { ServiceSpec, Stack } from '../../src/model/index.js'
import { HEALTHCHECK_OFF, UNSAID, isJob, pullDefault, restartOf } from './differences.js'
import type { JsonMap } from './docker-compose.js'
import { ENGINE_GROUPS } from './expected-engine.js'
import { filesOf, mountsOf } from './expected-mounts.js'
import { networkOf, networksOf } from './expected-networks.js'
import { list, map, millisecondsOf, numberOf, sortedBy, stringMap, strings, text } from './json.js'
import type { Project } from './project.js'

type Reading = (service: JsonMap, name: string, project: Project) => unknown

/**
 * What each field of our model must be, given what Compose prints of the service. One row a field, so that a new field does not compile
 * until the oracle knows it. Written without our loader's code: Compose prints long forms only, so that this is nothing but renaming.
 */
const SERVICE: Readonly<Record<keyof ServiceSpec, Reading>> = {
  stack: (_, __, { json }) => json['name'],
  name: (_, name) => name,
  image: (service) => service['image'],
  command: (service) => service['command'] ?? null,
  entrypoint: (service) => service['entrypoint'] ?? null,
  environment: (service) => withoutNulls(map(service['environment'])),
  labels: (service) => map(service['labels']),
  ports: (service) => (['bridge', undefined].includes(service['network_mode'] as string) ? portsOf(service) : []),
  mounts: mountsOf,
  networks: networksOf,
  networkMode: (service) => service['network_mode'] ?? null,
  files: filesOf,
  healthcheck: healthcheckOf,
  restart: (service, name, project) => restartOf(service, name, project.json),
  stopSignal: (service) => service['stop_signal'] ?? null,
  stopGraceMs: (service) => millisecondsOf(service['stop_grace_period']) ?? 10_000,
  user: (service) => service['user'] ?? null,
  workingDir: (service) => service['working_dir'] ?? null,
  init: (service) => service['init'] ?? null,
  readOnly: (service) => service['read_only'] ?? false,
  capAdd: (service) => strings(service['cap_add']),
  capDrop: (service) => strings(service['cap_drop']),
  ulimits: ulimitsOf,
  sysctls: (service) => map(service['sysctls']),
  extraHosts: (service) => strings(service['extra_hosts']).map((host) => host.replace('=', ':')),
  hostname: (service) => service['hostname'] ?? null,
  logging: loggingOf,
  ...ENGINE_GROUPS,
  hooks: hooksOf,
  pullPolicy: (service) => pullPolicyOf(service),
  mode: (service, name, { json }) => (isJob(service, name, json) ? 'job' : (deployOf(service)['mode'] ?? 'replicated')),
  replicas: (service, name, { json }) =>
    isJob(service, name, json) ? 1 : (deployOf(service)['replicas'] ?? service['scale'] ?? 1),
  limits: limitsOf,
  reservations: reservationsOf,
  placement: placementOf,
  update: (service) => policyOf(map(deployOf(service)['update_config']), 'rollback'),
  rollback: (service) => policyOf(map(deployOf(service)['rollback_config']), 'pause'),
  rollout: () => ROLLOUT_DEFAULTS,
  dependsOn: dependenciesOf,
  probe: () => null,
  balanced: () => undefined,
  routes: () => undefined,
  exported: () => undefined,
  restartAt: () => null,
}

/** The stack that our loader must make of what Compose prints. */
export function expectedStack(path: string, project: Project): Stack {
  const { json } = project
  const services = Object.entries(map(json['services'])).map(([name, service]) =>
    Object.fromEntries(Object.entries(SERVICE).map(([field, read]) => [field, read(map(service), name, project)])),
  )
  return {
    name: text(json['name']),
    path,
    services: services as unknown as readonly ServiceSpec[],
    networks: Object.values(map(json['networks'])).map((one) => networkOf(map(one))),
    volumes: Object.values(map(json['volumes'])).map((one) => volumeOf(map(one))),
  }
}

function volumeOf(volume: JsonMap): Stack['volumes'][number] {
  return {
    name: text(volume['name']),
    external: volume['external'] === true,
    driver: text(volume['driver'] ?? 'local'),
    options: stringMap(volume['driver_opts']),
    labels: stringMap(volume['labels']),
  }
}

function portsOf(service: JsonMap): unknown {
  return list(service['ports']).map((item) => {
    const port = map(item)
    return {
      target: port['target'],
      published: port['published'] === undefined ? null : Number(port['published']) || null,
      protocol: port['protocol'],
      hostIp: port['host_ip'] ?? '',
    }
  })
}

/** What is named without a value is looked up by us alone. */
function hookEnvironment(given: JsonMap): Readonly<Record<string, string>> | undefined {
  const said = Object.entries(given).map(([name, value]) => [name, value === null ? UNSAID : text(value)] as const)
  if (said.length === 0) return undefined
  return said.every(([, value]) => value === UNSAID) ? UNSAID : Object.fromEntries(said)
}

function hooksOf(service: JsonMap): ServiceSpec['hooks'] {
  const [postStart, preStop] = [service['post_start'], service['pre_stop']].map((hooks) =>
    list(hooks).map((item) => {
      const hook = map(item)
      return {
        command: strings(hook['command']),
        ...(hook['user'] === undefined ? {} : { user: text(hook['user']) }),
        ...(hook['working_dir'] === undefined ? {} : { workingDir: text(hook['working_dir']) }),
        ...(hook['privileged'] === true ? { privileged: true } : {}),
        environment: hookEnvironment(map(hook['environment'])),
      }
    }),
  )
  const said = { ...(postStart?.length ? { postStart } : {}), ...(preStop?.length ? { preStop } : {}) }
  return Object.keys(said).length === 0 ? undefined : (said as ServiceSpec['hooks'])
}

function healthcheckOf(service: JsonMap): unknown {
  if (service['healthcheck'] === undefined) return null
  const check = map(service['healthcheck'])
  const test = check['test'] === undefined ? null : strings(check['test'])
  if (check['disable'] === true || test?.[0] === 'NONE') return HEALTHCHECK_OFF
  return {
    test,
    intervalMs: millisecondsOf(check['interval']),
    timeoutMs: millisecondsOf(check['timeout']),
    retries: numberOf(check['retries']),
    startPeriodMs: millisecondsOf(check['start_period']),
    startIntervalMs: millisecondsOf(check['start_interval']),
  }
}

function ulimitsOf(service: JsonMap): unknown {
  const limits = Object.entries(map(service['ulimits'])).map(([name, limit]) =>
    typeof limit === 'number'
      ? { name, soft: limit, hard: limit }
      : { name, soft: map(limit)['soft'], hard: map(limit)['hard'] },
  )
  return sortedBy(limits, ({ name }) => name)
}

function loggingOf(service: JsonMap): unknown {
  if (service['logging'] === undefined) return null
  const logging = map(service['logging'])
  return { driver: logging['driver'] ?? null, options: stringMap(logging['options']) }
}

function pullPolicyOf(service: JsonMap): unknown {
  const policy = text(service['pull_policy'] ?? pullDefault(text(service['image'])))
  const age = { daily: '24h', weekly: '168h' }[policy] ?? /^every_(.*)$/.exec(policy)?.[1]
  if (age !== undefined) return `every_${(millisecondsOf(age) ?? 0) / 1_000}`
  return policy === 'if_not_present' ? 'missing' : policy
}

function limitsOf(service: JsonMap): unknown {
  const limits = map(map(deployOf(service)['resources'])['limits'])
  const pids = numberOf(limits['pids'] ?? service['pids_limit'])
  return {
    cpus: numberOf(limits['cpus'] ?? service['cpus']) || null,
    memoryBytes: numberOf(limits['memory'] ?? service['mem_limit']) || null,
    pids: pids !== null && pids > 0 ? pids : null,
    memorySwapBytes: numberOf(service['memswap_limit']) || undefined,
    memoryReservedBytes: reservationsOf(service).memoryBytes || undefined,
  }
}

function reservationsOf(service: JsonMap): { readonly cpus: number; readonly memoryBytes: number } {
  const reservations = map(map(deployOf(service)['resources'])['reservations'])
  return {
    cpus: numberOf(reservations['cpus']) ?? 0,
    memoryBytes: numberOf(reservations['memory'] ?? service['mem_reservation']) ?? 0,
  }
}

function placementOf(service: JsonMap): unknown {
  const placement = map(deployOf(service)['placement'])
  const constraints = strings(placement['constraints']).map((constraint) => {
    const [, key, op, value] = /^(\S+?) *(==|!=) *(\S+)$/.exec(constraint) ?? []
    return { key, op, value }
  })
  // A platform is a place too.
  const [os, arch] = service['platform'] === undefined ? [] : text(service['platform']).split('/')
  if (os !== undefined) constraints.push({ key: 'node.platform.os', op: '==', value: os })
  if (arch !== undefined) constraints.push({ key: 'node.platform.arch', op: '==', value: arch })
  return {
    constraints: sortedBy(constraints, ({ key, op, value }) => `${key} ${op}${value}`),
    spread: list(placement['preferences']).map((preference) => map(preference)['spread']),
    maxPerServer: placement['max_replicas_per_node'] ?? 0,
  }
}

function policyOf(policy: JsonMap, failureAction: string): unknown {
  return {
    parallelism: policy['parallelism'] ?? 1,
    delayMs: millisecondsOf(policy['delay']) ?? 0,
    order: policy['order'] ?? null,
    monitorMs: millisecondsOf(policy['monitor']) ?? 5_000,
    failureAction: policy['failure_action'] ?? failureAction,
    maxFailureRatio: policy['max_failure_ratio'] ?? 0,
  }
}

function dependenciesOf(service: JsonMap): unknown {
  const dependencies = Object.entries(map(service['depends_on'])).map(([name, value]) => {
    const dependency = map(value)
    return {
      service: name,
      condition: dependency['condition'],
      required: dependency['required'] !== false,
      restart: dependency['restart'] === true,
    }
  })
  return sortedBy(dependencies, (dependency) => dependency.service)
}

function deployOf(service: JsonMap): JsonMap {
  return map(service['deploy'])
}

function withoutNulls(json: JsonMap): JsonMap {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null))
}
