import {
  formatLimits,
  LOST_AFTER_DEFAULT_MS,
  ROLLBACK_DEFAULTS,
  ROLLOUT_DEFAULTS,
  specHash,
  UPDATE_DEFAULTS,
} from '../../src/model/index.js'
import type {
  Fleet,
  Listing,
  Observation,
  Replica,
  Server,
  ServerView,
  ServiceSpec,
  Stack,
  StackPlan,
} from '../../src/model/index.js'
import { formatPlan, measureUsage, planStack } from '../../src/planner/index.js'
import type { PlanInput } from '../../src/planner/index.js'

/** A service of the stack `shop`, all defaults. */
export function specOf(name: string, changes: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    stack: 'shop',
    name,
    image: 'busybox:1.36',
    command: null,
    entrypoint: null,
    environment: {},
    labels: {},
    ports: [],
    mounts: [],
    networks: [],
    networkMode: null,
    files: [],
    healthcheck: null,
    restart: { condition: 'unless-stopped', maxAttempts: 0 },
    stopSignal: null,
    stopGraceMs: 10_000,
    user: null,
    workingDir: null,
    init: null,
    readOnly: false,
    capAdd: [],
    capDrop: [],
    ulimits: [],
    sysctls: {},
    extraHosts: [],
    hostname: null,
    logging: null,
    pullPolicy: 'missing',
    mode: 'replicated',
    replicas: 1,
    limits: { cpus: null, memoryBytes: null, pids: null },
    reservations: { cpus: 0, memoryBytes: 0 },
    placement: { constraints: [], spread: [], maxPerServer: 0 },
    update: UPDATE_DEFAULTS,
    rollback: ROLLBACK_DEFAULTS,
    rollout: ROLLOUT_DEFAULTS,
    dependsOn: [],
    probe: null,
    restartAt: null,
    ...changes,
  }
}

export const volume = (source: string, readOnly = false) =>
  ({ kind: 'volume', source, target: '/data', readOnly, noCopy: false }) as const
export const port = (published: number | null, target = 80) =>
  ({ target, published, protocol: 'tcp', hostIp: '' }) as const

export function server(
  name: string,
  labels: Readonly<Record<string, string>> = {},
  lostAfterMs: number | null = LOST_AFTER_DEFAULT_MS,
): Server {
  return {
    name,
    address: { kind: 'ssh', host: name, port: 22, user: 'deploy', socketPath: '' },
    hostKey: { kind: 'none' },
    labels,
    lostAfterMs,
  }
}

/** A replica that runs a spec and has no healthcheck, unless said otherwise. */
export function replicaOf(
  spec: ServiceSpec,
  key: string | number,
  on: string,
  changes: Partial<Replica> = {},
): Replica {
  const id = `${spec.name}-${key}-${on}-${specHash(spec).slice(0, 6)}`
  return {
    containerId: id,
    containerName: id,
    server: on,
    slot: { stack: spec.stack, service: spec.name, key: String(key) },
    specHash: specHash(spec),
    revision: 'a'.repeat(40),
    image: spec.image,
    imageId: 'sha256:1',
    limits: formatLimits(spec),
    restart: '',
    controller: 'c1',
    state: 'running',
    health: 'none',
    exitCode: null,
    createdAtMs: 1_000,
    ports: [],
    addresses: {},
    ...changes,
  }
}

export function facts(name: string): Listing['facts'] {
  return {
    engineId: `id-${name}`,
    engineVersion: '26.1',
    apiVersion: '1.45',
    os: 'linux',
    arch: 'x86_64',
    hostname: `${name}.example`,
    cpus: 4,
    memoryBytes: 4 * 1024 ** 3,
  }
}

export function listed(name: string, replicas: readonly Replica[] = [], changes: Partial<Listing> = {}): ServerView {
  return {
    kind: 'listed',
    server: name,
    atMs: 0,
    listing: { facts: facts(name), replicas, foreign: [], volumes: [], networks: [], ...changes },
  }
}

export function away(
  name: string,
  phase: 'missed' | 'unknown' | 'lost',
  mayHold: readonly Replica[] = [],
  changes: Partial<Extract<ServerView, { kind: 'unreachable' }>> = {},
): ServerView {
  const problem = { code: 'SERVER_UNREACHABLE', message: 'connection timed out' } as const
  return {
    kind: 'unreachable',
    server: name,
    sinceMs: 0,
    problem,
    phase,
    everListed: true,
    facts: facts(name),
    mayHold,
    volumes: [],
    ...changes,
  }
}

export interface World extends Partial<Omit<PlanInput, 'stack' | 'observation' | 'usage'>> {
  readonly services?: readonly ServiceSpec[]
  readonly views: readonly ServerView[]
  readonly servers?: readonly Server[]
  readonly stack?: Partial<Stack>
  /** Specs that are not wanted any more and still known. */
  readonly known?: readonly ServiceSpec[]
}

export function fleetOf(servers: readonly Server[]): Fleet {
  return { name: 'acme', servers, guards: { prune: 0.3, history: 'fast-forward' } }
}

export function inputOf({ services = [], views, servers, known = [], stack, ...rest }: World): PlanInput {
  const observation: Observation = new Map(views.map((view) => [view.server, view]))
  const specs = new Map([...known, ...services].map((spec) => [specHash(spec), spec]))
  const find = rest.specOf ?? ((hash: string) => specs.get(hash))
  return {
    fleet: fleetOf(servers ?? views.map((view) => server(view.server))),
    stack: { name: 'shop', path: 'stacks/shop/compose.yaml', services, networks: [], volumes: [], ...stack },
    observation,
    isGoingBack: false,
    proven: null,
    usage: measureUsage(observation, find),
    drained: new Set(),
    restarts: new Map(),
    limitsInPlace: new Map(),
    jobsDone: new Set(),
    recentFailures: new Map(),
    ...rest,
    specOf: find,
  }
}

export function planOf(world: World): StackPlan {
  return planStack(inputOf(world))
}

/** The plan as a person reads it, with a line break in front so that it stands well in a test. */
export function textOf(world: World): string {
  return `\n${formatPlan([planOf(world)], { format: 'text' })}`
}

/** A plan as one short line a change, for tables. */
export function linesOf(world: World): readonly string[] {
  return planOf(world).changes.map((change) => {
    const slot = `${change.slot.service}#${change.slot.key}`
    switch (change.kind) {
      case 'blocked':
        return `blocked ${slot} ${change.problem.code}`
      case 'replace':
        return `replace ${slot} ${change.from.server} → ${change.server}${change.successor === null ? '' : ' (there)'}`
      case 'remove':
        return `remove ${slot} ${change.server} ${change.why}`
      case 'restart':
        return `restart ${slot} ${change.server} ${change.why}`
      default:
        return `${change.kind} ${slot} ${change.server}`
    }
  })
}
