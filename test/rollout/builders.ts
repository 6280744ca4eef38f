import { ROLLBACK_DEFAULTS, ROLLOUT_DEFAULTS, UPDATE_DEFAULTS } from '../../src/model/index.js'
import type { Replica, ServiceSpec } from '../../src/model/index.js'

/** A healthcheck that the engine runs every second. */
export const CHECK: NonNullable<ServiceSpec['healthcheck']> = {
  test: ['CMD', 'true'],
  intervalMs: 1_000,
  timeoutMs: null,
  retries: null,
  startPeriodMs: null,
  startIntervalMs: null,
}

/** A service with nothing special, and what a test wants different. */
export function specOf(patch: Partial<ServiceSpec>): ServiceSpec {
  return {
    stack: 'shop',
    name: 'web',
    image: 'web:1',
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
    ...patch,
  }
}

export function replicaOf(patch: Partial<Replica>): Replica {
  return {
    containerId: 'c1',
    containerName: 'shop-web-1-00000000',
    server: 'lon-1',
    slot: { stack: 'shop', service: 'web', key: '1' },
    specHash: '0'.repeat(20),
    revision: 'a'.repeat(40),
    image: 'web@sha256:1',
    imageId: 'sha256:1',
    limits: '',
    restart: '',
    controller: 'one',
    state: 'running',
    health: 'none',
    exitCode: null,
    createdAtMs: 0,
    ports: [],
    addresses: {},
    ...patch,
  }
}
