import { formatSlot } from '../model/index.js'
import type { Change, Problem, Replica, Revision } from '../model/index.js'
import type { StackState } from '../rollout/index.js'
import type { Decision } from './decide.js'
import { serviceSentence } from './sentences.js'
import type { StatusInput } from './status-view.js'
import type { ReplicaStatus, ServicePhase, ServiceStatus } from './status.js'

export function serviceStatuses(
  input: StatusInput,
  stack: string,
  state: StackState,
  decision: Decision,
): readonly ServiceStatus[] {
  return decision.target.stack.services.map((spec) => {
    const changes = decision.plan.changes.filter((change) => change.slot.service === spec.name)
    const seen = changes.flatMap(replicasOf)
    const replicas = seen.map((replica) => replicaStatus(input, replica))
    const healthy = new Set(replicas.filter((replica) => isServing(state, replica)).map((replica) => replica.slot)).size
    const wantedChanges = changes.filter((change) => change.kind !== 'remove')
    const waiting = decision.advice.waiting.find((entry) => entry.service === spec.name)
    const failure = state.failures[spec.name]
    const stage = decision.advice.stages.find((one) => one.service === spec.name)
    const done = spec.mode === 'job' && state.jobsDone.some((key) => key.startsWith(`${spec.name}:`))
    const phase = servicePhase({
      input,
      stack,
      service: spec.name,
      state,
      changes: wantedChanges,
      withheld: decision.target.withheld,
      done,
    })
    const revision = revisionOf(state, spec.name, replicas)
    const sinceMs = replicas.length === 0 ? null : Math.min(...replicas.map((replica) => replica.createdAtMs))
    const wanted = spec.mode === 'global' ? wantedChanges.length : spec.mode === 'job' ? 1 : spec.replicas
    const problem = waiting?.problem ?? blockedProblem(wantedChanges)
    return {
      name: spec.name,
      mode: spec.mode,
      image: spec.image,
      phase,
      wanted,
      healthy,
      revision,
      sinceMs,
      sentence: serviceSentence({
        mode: spec.mode,
        image: spec.image,
        phase,
        wanted,
        healthy,
        revision,
        sinceMs,
        problem,
        withheld: decision.target.withheld,
        failure,
        nowMs: input.nowMs,
      }),
      problem,
      failure:
        failure === undefined
          ? null
          : {
              slot: formatSlot(failure.slot),
              server: failure.server,
              atMs: failure.atMs,
              problem: failure.problem,
              evidence: failure.evidence,
            },
      replicas,
      ...(stage === undefined ? {} : { stage }),
      ...unknownNames(input.names?.unknownTo(spec, decision.target.stack, seen) ?? []),
    }
  })
}

function unknownNames(names: readonly string[]): Pick<ServiceStatus, 'unknownNames'> {
  return names.length === 0 ? {} : { unknownNames: names }
}

function replicasOf(change: Change): readonly Replica[] {
  switch (change.kind) {
    case 'unchanged':
    case 'restart':
    case 'update-in-place':
    case 'remove':
      return [change.replica]
    case 'replace':
      return change.successor === null ? [change.from] : [change.from, change.successor]
    case 'create':
    case 'blocked':
      return []
  }
}

function replicaStatus(input: StatusInput, replica: Replica): ReplicaStatus {
  return {
    slot: formatSlot(replica.slot),
    server: replica.server,
    containerId: replica.containerId,
    specHash: replica.specHash,
    revision: replica.revision,
    state: replica.state,
    health: replica.health,
    createdAtMs: replica.createdAtMs,
    seen: input.observation.get(replica.server)?.kind === 'listed',
  }
}

function isServing(state: StackState, replica: ReplicaStatus): boolean {
  if (replica.state !== 'running' || replica.health === 'unhealthy' || !replica.seen) return false
  return replica.health === 'healthy' || Object.values(state.provenReplicas).includes(replica.containerId)
}

/** The revision that first had the spec which most of what runs has. */
function revisionOf(state: StackState, service: string, replicas: readonly ReplicaStatus[]): Revision | null {
  const newest = replicas[replicas.length - 1]
  if (newest === undefined) return null
  const known = Object.entries(state.provenSpecs).find(([key]) => key === `${service}:${newest.specHash}`)
  if (known !== undefined) return known[1]
  return (
    [state.rollout?.revision, state.desired?.revision, state.proven?.revision].find(
      (revision) => revision?.sha === newest.revision,
    ) ??
    state.rollout?.revision ??
    state.proven?.revision ??
    null
  )
}

interface PhaseInput {
  readonly input: StatusInput
  readonly stack: string
  readonly service: string
  readonly state: StackState
  readonly changes: readonly Change[]
  readonly withheld: Problem | null
  readonly done: boolean
}

function servicePhase(about: PhaseInput): ServicePhase {
  const { state, changes } = about
  if (isSuspended(about.input, about.stack) || isSuspended(about.input, `${about.stack}/${about.service}`))
    return 'suspended'
  const kinds = new Set(changes.map((change) => change.kind))
  const unreachable = changes.some(
    (change) => change.kind === 'blocked' && change.problem.code === 'SERVER_UNREACHABLE',
  )
  if (unreachable) return 'unknown'
  if (kinds.has('blocked')) return 'blocked'
  const moving = kinds.has('create') || kinds.has('replace') || kinds.has('update-in-place')
  if (state.rollout !== null && (moving || state.rollout.services[about.service] !== undefined))
    return rolloutPhase(state.rollout)
  if (moving || kinds.has('restart')) return 'healing'
  if (about.done) return 'done'
  if (changes.some((change) => change.kind === 'unchanged' && change.replica.health === 'unhealthy')) return 'unhealthy'
  return about.withheld?.service === about.service ? 'rejected' : 'synced'
}

function rolloutPhase(rollout: NonNullable<StackState['rollout']>): ServicePhase {
  if (rollout.phase === 'paused') return 'paused'
  if (rollout.phase === 'stopped') return rollout.direction === 'back' ? 'rollback-failed' : 'failed'
  if (rollout.blocked !== null) return 'blocked'
  return rollout.direction === 'back' ? 'rolling-back' : 'progressing'
}

function blockedProblem(changes: readonly Change[]): Problem | null {
  return changes.find((change) => change.kind === 'blocked')?.problem ?? null
}

export function isSuspended(input: StatusInput, scope: string): boolean {
  return input.state.suspended['*'] !== undefined || input.state.suspended[scope] !== undefined
}
