import { ROLLBACK_DEFAULTS, UPDATE_DEFAULTS } from '../../model/index.js'
import type { Reservations, ResourceLimits, RestartPolicy, ServiceMode, UpdatePolicy } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, get, keyOf, quoted, textOf } from '../node.js'
import { readBytes, readDuration, readInteger, readNumber, readText } from '../read.js'
import type { Report } from '../report.js'
import { didYouMean } from '../text.js'

const COUNT = { min: 0, max: 10_000 }
const CPUS = { min: 0, max: 4_096 }
/** The engine refuses less: a container cannot start in it. */
const LEAST_MEMORY = 6 * 1024 * 1024

/** `deploy.mode`; a service that others wait for to complete is a job as well. */
export function readMode(service: Node, isAwaited: boolean, report: Report): ServiceMode {
  const node = get(get(service, 'deploy'), 'mode')
  const mode = node === undefined ? 'replicated' : textOf(node)
  if (mode === 'global' && isAwaited)
    report.error(
      'CONFLICT',
      node ?? service,
      'another service waits for this one to complete, so it runs once; remove `mode: global`',
    )
  if (mode === 'replicated-job' || isAwaited) return 'job'
  if (mode === 'replicated' || mode === 'global') return mode
  if (node !== undefined && mode === 'global-job')
    report.error(
      'FIELD_UNSUPPORTED',
      node,
      'global jobs are not supported; use replicated-job, or mode: global with a command that stays',
    )
  else if (node !== undefined) {
    const near = didYouMean(mode, ['replicated', 'global', 'replicated-job'])
    report.error('FIELD_INVALID', node, `found ${quoted(mode)}, expected replicated, global or replicated-job${near}`)
  }
  return 'replicated'
}

/** `deploy.replicas` or `scale`, which must agree. A global service has one a server, which is not a number here. */
export function readReplicas(service: Node, mode: ServiceMode, report: Report): number {
  const deploy = get(service, 'deploy')
  const replicas = readInteger(deploy, 'replicas', COUNT, report)
  const scale = readInteger(service, 'scale', COUNT, report)
  const count = agree(replicas, scale, service, 'scale', 'deploy.replicas', report) ?? 1
  const spot = keyOf(deploy, 'replicas') ?? keyOf(service, 'scale')
  if (spot !== undefined && mode === 'global')
    report.error('CONFLICT', spot, 'a global service has one replica on each server; remove the number')
  if (spot !== undefined && mode === 'job' && count > 1)
    report.error('CONFLICT', spot, 'a one-shot service runs once; remove the number')
  return mode === 'replicated' ? count : 1
}

/** Of two ways to say the same, where both are used they must say the same. */
function agree(
  first: number | null,
  second: number | null,
  service: Node,
  key: string,
  other: string,
  report: Report,
): number | null {
  const spot = keyOf(service, key)
  if (first !== null && second !== null && first !== second && spot !== undefined)
    report.error('CONFLICT', spot, `it says ${second} and \`${other}\` says ${first}; keep one of them`)
  return first ?? second
}

export function readLimits(service: Node, report: Report): ResourceLimits {
  const limits = get(get(get(service, 'deploy'), 'resources'), 'limits')
  const read = (key: string): number | null => readNumber(limits, key, CPUS, report)
  const cpus = agree(
    read('cpus'),
    readNumber(service, 'cpus', CPUS, report),
    service,
    'cpus',
    'deploy.resources.limits.cpus',
    report,
  )
  const memory = agree(
    readBytes(limits, 'memory', report),
    readBytes(service, 'mem_limit', report),
    service,
    'mem_limit',
    'deploy.resources.limits.memory',
    report,
  )
  const pids = agree(
    readPids(limits, 'pids', report),
    readPids(service, 'pids_limit', report),
    service,
    'pids_limit',
    'deploy.resources.limits.pids',
    report,
  )
  if (memory !== null && memory > 0 && memory < LEAST_MEMORY)
    report.error(
      'VALUE_OUT_OF_RANGE',
      get(limits, 'memory') ?? get(service, 'mem_limit') ?? service,
      'a container needs at least 6m of memory',
    )
  return {
    cpus: zeroIsNone(cpus),
    memoryBytes: zeroIsNone(memory),
    pids: pids !== null && pids > 0 ? pids : null,
    memorySwapBytes: readSwap(service, memory, report),
    memoryReservedBytes: readReserved(service, report),
  }
}

/** Memory and swap together. -1 is as much as there is, 0 says nothing. */
function readSwap(service: Node, memory: number | null, report: Report): number | undefined {
  const node = get(service, 'memswap_limit')
  if (node === undefined) return undefined
  const swap = textOf(node) === '-1' ? -1 : readBytes(service, 'memswap_limit', report)
  if (swap === null || swap === 0) return undefined
  if (memory === null || (swap !== -1 && swap < memory))
    report.error('CONFLICT', node, 'it counts memory and swap together, so it needs a `mem_limit:` that is not higher')
  return swap
}

/** Absent when it is too small for the engine; placement counts with it anyway. */
function readReserved(service: Node, report: Report): number | undefined {
  const { memoryBytes } = readReservations(service, report)
  if (memoryBytes >= LEAST_MEMORY) return memoryBytes
  const reservations = get(get(get(service, 'deploy'), 'resources'), 'reservations')
  const spot = keyOf(service, 'mem_reservation') ?? keyOf(reservations, 'memory')
  if (memoryBytes > 0 && spot !== undefined)
    report.warn(
      'FIELD_IGNORED',
      spot,
      'ignored but for placement: no engine reserves less than 6m of memory for a container',
    )
  return undefined
}

function readPids(map: Node | undefined, key: string, report: Report): number | null {
  return readInteger(map, key, { min: -1, max: 4_194_304 }, report)
}

function zeroIsNone(value: number | null): number | null {
  return value === 0 ? null : value
}

export function readReservations(service: Node, report: Report): Reservations {
  const reservations = get(get(get(service, 'deploy'), 'resources'), 'reservations')
  const memory = agree(
    readBytes(reservations, 'memory', report),
    readBytes(service, 'mem_reservation', report),
    service,
    'mem_reservation',
    'deploy.resources.reservations.memory',
    report,
  )
  return { cpus: readNumber(reservations, 'cpus', CPUS, report) ?? 0, memoryBytes: memory ?? 0 }
}

/** Reserving more than the limit can never be used. */
export function checkResources(limits: ResourceLimits, reserved: Reservations, service: Node, report: Report): void {
  const node = get(get(get(service, 'deploy'), 'resources'), 'reservations') ?? service
  if (limits.memoryBytes !== null && reserved.memoryBytes > limits.memoryBytes)
    report.error(
      'CONFLICT',
      node,
      'more memory is reserved than the limit allows; lower the reservation or raise the limit',
    )
  if (limits.cpus !== null && reserved.cpus > limits.cpus)
    report.error(
      'CONFLICT',
      node,
      'more cpus are reserved than the limit allows; lower the reservation or raise the limit',
    )
}

/** `deploy.restart_policy` wins over `restart`. Absent: unless-stopped, because the fleet is meant to run; a job is not. */
export function readRestart(service: Node, mode: ServiceMode, report: Report): RestartPolicy {
  const policy = get(get(service, 'deploy'), 'restart_policy')
  const restart = policy === undefined ? simpleRestart(service, mode, report) : deployRestart(policy, report)
  const spot = policy ?? get(service, 'restart')
  if (mode === 'job' && spot !== undefined && restart.condition !== 'no' && restart.condition !== 'on-failure')
    report.error('CONFLICT', spot, 'a one-shot service that always restarts never completes; use no or on-failure')
  return restart
}

function simpleRestart(service: Node, mode: ServiceMode, report: Report): RestartPolicy {
  const node = get(service, 'restart')
  if (node === undefined) return { condition: mode === 'job' ? 'no' : 'unless-stopped', maxAttempts: 0 }
  const text = textOf(node)
  const [, attempts] = /^on-failure(?::([0-9]{1,6}))?$/.exec(text) ?? [null]
  if (text.startsWith('on-failure') && attempts !== null)
    return { condition: 'on-failure', maxAttempts: Number(attempts ?? 0) }
  if (text === 'no' || text === 'always' || text === 'unless-stopped') return { condition: text, maxAttempts: 0 }
  const near = didYouMean(text, ['always', 'on-failure', 'unless-stopped'])
  report.error(
    'FIELD_INVALID',
    node,
    `found ${describe(node)}, expected no, always, on-failure, on-failure:3 or unless-stopped${near}`,
  )
  return { condition: 'unless-stopped', maxAttempts: 0 }
}

function deployRestart(policy: Node, report: Report): RestartPolicy {
  for (const key of ['delay', 'window']) {
    const spot = keyOf(policy, key)
    readDuration(policy, key, report)
    if (spot !== undefined)
      report.warn('FIELD_IGNORED', spot, 'ignored: Slipway waits 10s before it restarts, doubling to 5m')
  }
  const condition = readText(policy, 'condition') ?? 'any'
  const maxAttempts = readInteger(policy, 'max_attempts', { min: 0, max: 1_000_000 }, report) ?? 0
  const attempts = keyOf(policy, 'max_attempts')
  if (attempts !== undefined && condition !== 'on-failure')
    report.warn('FIELD_IGNORED', attempts, 'ignored: Docker counts attempts only with `condition: on-failure`')
  const known = CONDITIONS.get(condition)
  if (known !== undefined) return { condition: known, maxAttempts: known === 'on-failure' ? maxAttempts : 0 }
  report.error(
    'FIELD_INVALID',
    get(policy, 'condition') ?? policy,
    `found ${quoted(condition)}, expected none, on-failure or any`,
  )
  return { condition: 'no', maxAttempts: 0 }
}

/** Compose takes the words of `restart` here as well. */
const CONDITIONS: ReadonlyMap<string, RestartPolicy['condition']> = new Map<string, RestartPolicy['condition']>([
  ['none', 'no'],
  ['no', 'no'],
  ['on-failure', 'on-failure'],
  ['any', 'always'],
  ['always', 'always'],
  ['unless-stopped', 'unless-stopped'],
])

export function readUpdate(service: Node, report: Report): UpdatePolicy {
  return readPolicy(get(get(service, 'deploy'), 'update_config'), UPDATE_DEFAULTS, report)
}

export function readRollback(service: Node, report: Report): UpdatePolicy {
  return readPolicy(get(get(service, 'deploy'), 'rollback_config'), ROLLBACK_DEFAULTS, report)
}

function readPolicy(node: Node | undefined, defaults: UpdatePolicy, report: Report): UpdatePolicy {
  const order = readText(node, 'order')
  const action = readText(node, 'failure_action')
  return {
    parallelism: readInteger(node, 'parallelism', COUNT, report) ?? defaults.parallelism,
    delayMs: readDuration(node, 'delay', report) ?? defaults.delayMs,
    order: order === 'start-first' || order === 'stop-first' ? order : defaults.order,
    monitorMs: readDuration(node, 'monitor', report) ?? defaults.monitorMs,
    failureAction:
      action === 'rollback' || action === 'pause' || action === 'continue' ? action : defaults.failureAction,
    maxFailureRatio: readNumber(node, 'max_failure_ratio', { min: 0, max: 1 }, report) ?? defaults.maxFailureRatio,
  }
}
