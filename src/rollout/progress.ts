import { specHash } from '../model/index.js'
import type { Change, Replica, ServiceSpec } from '../model/index.js'
import type { Facts } from './advice.js'
import type { ServiceProgress } from './order.js'
import { slotKey, specKey } from './state.js'
import type { StackState } from './state.js'

/** Whether a change is no change any more: its slot holds what it should, proven. Slots that nobody can do anything about now count too. */
export function isDone(facts: Facts, change: Change): boolean {
  switch (change.kind) {
    case 'unchanged':
      return change.spec.mode === 'job'
        ? isJobDone(facts, change.spec) || exitedWell(change.replica)
        : isProven(facts, change.slot, change.replica)
    case 'blocked':
      return isServerLost(facts, change)
    case 'create':
    case 'replace':
      return isTolerated(facts, change.slot)
    case 'restart':
      // Healing is not part of a rollout: a replica that was proven and fell ill later must not keep the rollout open.
      return isProven(facts, change.slot, change.replica)
    case 'update-in-place':
    case 'remove':
      return false
  }
}

export function isProven(
  facts: Facts,
  slot: { readonly service: string; readonly key: string },
  replica: Replica,
): boolean {
  return facts.state.provenReplicas[slotKey(slot)] === replica.containerId
}

/** It completed a rollout once. */
export function isProvenSpec(facts: Facts, spec: ServiceSpec): boolean {
  return facts.state.provenSpecs[specKey(spec.name, specHash(spec))] !== undefined
}

export function isJobDone(facts: Facts, spec: ServiceSpec): boolean {
  return facts.state.jobsDone.includes(specKey(spec.name, specHash(spec)))
}

function exitedWell(replica: Replica): boolean {
  return replica.state === 'exited' && replica.exitCode === 0
}

/** A slot that failed in a rollout that goes on regardless is left as it is. */
export function isTolerated(facts: Facts, slot: { readonly service: string; readonly key: string }): boolean {
  return facts.state.rollout !== null && facts.state.rollout.failed[slotKey(slot)] !== undefined
}

/** A slot on a lost server cannot be changed; the rollout does not wait for ever, the slot catches up when the server returns. */
export function isServerLost(facts: Facts, change: Extract<Change, { kind: 'blocked' }>): boolean {
  const name = change.problem.code === 'SERVER_UNREACHABLE' ? change.problem.server : undefined
  const view = name !== undefined ? facts.observation.get(name) : undefined
  return view?.kind === 'unreachable' && view.phase === 'lost'
}

export function isHealthy(replica: Replica): boolean {
  return replica.state === 'running' && (replica.health === 'healthy' || replica.health === 'none')
}

/** Holds its slot's place and resources, and goes on by itself or by a word: a paused one too. */
export function isUp({ state }: Replica): boolean {
  return state === 'running' || state === 'restarting' || state === 'paused'
}

/** The replica that serves for a slot now, if one does. */
export function servingReplica(facts: Facts, change: Change): Replica | null {
  switch (change.kind) {
    case 'unchanged':
    case 'update-in-place':
    case 'restart':
      return serves(facts, change.slot, change.replica) ? change.replica : null
    case 'replace':
      if (
        change.successor !== null &&
        isProven(facts, change.slot, change.successor) &&
        serves(facts, change.slot, change.successor)
      )
        return change.successor
      return isHealthy(change.from) ? change.from : null
    case 'create':
    case 'remove':
    case 'blocked':
      return null
  }
}

/**
 * The engine's verdict counts, and where it has none yet, ours: a replica proven by its probe serves while its healthcheck is still `starting`. One that
 * was started again since then is as good as new, and serves when the engine says so.
 */
function serves(facts: Facts, slot: { readonly service: string; readonly key: string }, replica: Replica): boolean {
  if (replica.state !== 'running' || replica.health === 'unhealthy') return false
  if (replica.health === 'healthy') return true
  return (
    isProven(facts, slot, replica) && !(replica.health === 'starting' && isStartedAgain(facts.state, slotKey(slot)))
  )
}

/** Since it was last proven: by Slipway, for it had failed. */
export function isStartedAgain({ heals, rollout }: StackState, key: string): boolean {
  return (heals[key]?.atMs ?? -Infinity) > (rollout?.proven[key] ?? -Infinity)
}

export function measureProgress(facts: Facts): ReadonlyMap<string, ServiceProgress> {
  const changes = byService(facts.plan.changes)
  return new Map(
    facts.target.stack.services.map((spec) => [spec.name, progressOf(facts, spec, changes.get(spec.name) ?? [])]),
  )
}

export function byService(changes: readonly Change[]): ReadonlyMap<string, readonly Change[]> {
  const groups = new Map<string, Change[]>()
  for (const change of changes) {
    const group = groups.get(change.slot.service)
    if (group === undefined) groups.set(change.slot.service, [change])
    else group.push(change)
  }
  return groups
}

function progressOf(facts: Facts, spec: ServiceSpec, changes: readonly Change[]): ServiceProgress {
  const wanted = changes.filter((change) => change.kind !== 'remove')
  const serving = wanted.map((change) => servingReplica(facts, change)).filter((replica) => replica !== null)
  const jobDone =
    spec.mode === 'job' &&
    (isJobDone(facts, spec) || wanted.some((change) => change.kind === 'unchanged' && exitedWell(change.replica)))
  return {
    wanted: wanted.length,
    settled: wanted.every((change) => isDone(facts, change)),
    running: wanted.filter((change) => change.kind !== 'create' && change.kind !== 'blocked' && runs(change)).length,
    healthy: serving.length,
    jobDone,
    touched: facts.state.rollout !== null && facts.state.rollout.services[spec.name] !== undefined,
  }
}

function runs(change: Exclude<Change, { kind: 'create' | 'blocked' | 'remove' }>): boolean {
  if (change.kind === 'replace') return change.successor?.state === 'running' || change.from.state === 'running'
  return change.replica.state === 'running'
}
