import { specHash } from '../../src/model/index.js'
import type { Action, ImagePin, NetworkSpec, Problem, Result, Server, ServiceSpec } from '../../src/model/index.js'
import { dockerDriver } from '../../src/driver/index.js'
import type { DriverLimits, DriverOptions } from '../../src/driver/index.js'
import type { Adopter, Balancer, Clock, Driver, Examiner, LogEvent, Swarmer } from '../../src/controller/index.js'

export const FLEET = 'acme'

export const clock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

export type TestDriver = Driver &
  Swarmer &
  Examiner &
  Adopter &
  Balancer & { readonly events: LogEvent[]; readonly hints: string[] }

/** A driver that keeps what it logs and hints. */
export function newDriver(limits: Partial<DriverLimits> = {}, options: Partial<DriverOptions> = {}): TestDriver {
  const events: LogEvent[] = []
  const hints: string[] = []
  const driver = dockerDriver({
    identities: { keys: [], agentSocket: null },
    registryAuths: {},
    log: (event) => void events.push(event),
    clock,
    random: () => 0.5,
    limits,
    ...options,
  })
  driver.onHint((server) => void hints.push(server))
  return Object.assign(driver, { events, hints })
}

export function localServer(name: string, socketPath: string): Server {
  const address = { kind: 'local', socketPath } as const
  return { name, address, hostKey: { kind: 'none' }, labels: {}, lostAfterMs: null }
}

export function serviceSpec(changes: Partial<ServiceSpec> = {}): ServiceSpec {
  const policy = {
    parallelism: 1,
    delayMs: 0,
    monitorMs: 0,
    failureAction: 'rollback',
    maxFailureRatio: 0,
    order: null,
  }
  return {
    stack: 'shop',
    name: 'web',
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
    restart: { condition: 'no', maxAttempts: 0 },
    stopSignal: null,
    stopGraceMs: 1_000,
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
    update: policy as ServiceSpec['update'],
    rollback: policy as ServiceSpec['rollback'],
    rollout: { healthyDeadlineMs: null, progressDeadlineMs: 600_000, scope: 'stack', onRollback: 'status' },
    dependsOn: [],
    probe: null,
    restartAt: null,
    ...changes,
  }
}

/** What a stack without networks of its own is on. */
export const SHOP_NETWORK: NetworkSpec = {
  name: 'shop_default',
  external: false,
  driver: 'bridge',
  options: {},
  internal: false,
  labels: {},
  subnets: [],
}

/** One that all servers of a Swarm have. */
export const SWARM_NETWORK: NetworkSpec = { ...SHOP_NETWORK, name: 'shop_mesh', driver: 'overlay' }

export type RunAction = Extract<Action, { readonly kind: 'run' }>

export function runAction(
  server: string,
  changes: Partial<ServiceSpec> = {},
  image: ImagePin = { digest: null, id: '' },
  key = '1',
): RunAction {
  const spec = serviceSpec(changes)
  const slot = { stack: spec.stack, service: spec.name, key }
  const identity = {
    fleet: FLEET,
    slot,
    specHash: specHash(spec),
    revision: 'f'.repeat(40),
    restart: '',
    controller: 'controller-1',
  }
  return { kind: 'run', server, stack: spec.stack, slot, spec, image, identity }
}

export function onContainer<K extends 'start' | 'remove'>(kind: K, server: string, containerId: string) {
  return { kind, server, stack: 'shop', slot: { stack: 'shop', service: 'web', key: '1' }, containerId } as const
}

export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.code} ${result.problem.message}`)
  return result.value
}

export function problemOf<T>(result: Result<T>): Problem {
  if (result.ok) throw new Error(`expected a problem, got ${JSON.stringify(result.value)}`)
  return result.problem
}

export const never = new AbortController().signal

/** Waits until something holds; fails loudly after the deadline, which is generous on purpose. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const endMs = Date.now() + deadlineMs
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
