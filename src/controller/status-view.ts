import { INGRESS_STACK } from '../model/index.js'
import type { Observation, Problem, Revision, Server } from '../model/index.js'
import type { Decision } from './decide.js'
import type { CertificateStatus } from './certificate-port.js'
import type { Follower } from './follower.js'
import type { InvalidStack } from './acceptance.js'
import { stackSentence } from './sentences.js'
import type { NameBook } from './names.js'
import { isSuspended, serviceStatuses } from './service-status.js'
import { EMPTY_STACK_STATE } from '../rollout/index.js'
import type { StackState } from '../rollout/index.js'
import type { State } from './state.js'
import type { FleetStatus, ServerStatus, ServicePhase, ServiceStatus, StackStatus } from './status.js'

/** Everything a status is made of. */
export interface StatusInput {
  readonly nowMs: number
  readonly startedAtMs: number
  readonly controllerId: string
  readonly repository: string
  readonly ref: string
  readonly follower: Pick<Follower, 'fetched' | 'problem' | 'problemSinceMs' | 'lastPollAtMs' | 'nextPollAtMs'>
  readonly state: State
  readonly problems: readonly Problem[]
  /** What keeps proxies from what they should be. */
  readonly proxyProblems: readonly Problem[]
  /** Null: a fleet without proxies. */
  readonly names: NameBook | null
  readonly certificates: readonly CertificateStatus[]
  readonly observation: Observation
  readonly servers: readonly Server[]
  readonly decisions: ReadonlyMap<string, Decision>
  readonly bugs: ReadonlyMap<string, Problem>
  readonly invalid: ReadonlyMap<string, InvalidStack>
}

export function fleetStatus(input: StatusInput): FleetStatus {
  const { state, follower } = input
  const names = [...new Set([...Object.keys(state.stacks), ...input.invalid.keys()])].sort()
  return {
    apiVersion: 'slipway/v1',
    fleet: state.accepted?.fleet.name ?? null,
    atMs: input.nowMs,
    controller: { id: input.controllerId, startedAtMs: input.startedAtMs },
    source: {
      repository: input.repository,
      ref: input.ref,
      fetched: follower.fetched,
      accepted: state.accepted?.revision ?? null,
      lastPollAtMs: follower.lastPollAtMs,
      nextPollAtMs: follower.nextPollAtMs,
      problem: follower.problem,
      problemSinceMs: follower.problemSinceMs,
      held: state.held,
      refused: state.refused,
    },
    servers: input.servers.map((server) => serverStatus(input, server)),
    stacks: names.map((name) => stackStatus(input, name)),
    certificates: input.certificates,
    suspended: Object.entries(state.suspended).map(([scope, { by, reason, atMs }]) => ({
      scope,
      by,
      reason,
      sinceMs: atMs,
    })),
    problems: fleetProblems(input),
  }
}

function fleetProblems(input: StatusInput): readonly Problem[] {
  const { rival } = input.state
  if (rival === null) return input.problems
  const message = `controller ${rival.controller.slice(0, 8)} made ${rival.container} on ${rival.server}; nothing is changed until this is cleared`
  return [
    {
      code: 'OTHER_CONTROLLER',
      server: rival.server,
      message,
      next: { kind: 'stalled', remedy: 'stop the other controller, then slipway resume' },
    },
    ...input.problems,
  ]
}

function serverStatus(input: StatusInput, server: Server): ServerStatus {
  const view = input.observation.get(server.name)
  const drained = input.state.drained[server.name] !== undefined
  if (view === undefined)
    return {
      name: server.name,
      phase: 'connecting',
      drained,
      engineVersion: null,
      replicas: 0,
      sinceMs: null,
      problem: null,
    }
  if (view.kind === 'listed')
    return {
      name: server.name,
      phase: 'ready',
      drained,
      engineVersion: view.listing.facts.engineVersion,
      replicas: view.listing.replicas.length,
      sinceMs: null,
      problem: null,
    }
  return {
    name: server.name,
    phase: view.phase,
    drained,
    engineVersion: view.facts?.engineVersion ?? null,
    replicas: view.mayHold.length,
    sinceMs: view.sinceMs,
    problem: view.problem,
  }
}

function stackStatus(input: StatusInput, name: string): StackStatus {
  const state = input.state.stacks[name] ?? EMPTY_STACK_STATE
  const decision = input.decisions.get(name)
  const bug = input.bugs.get(name)
  const invalid = input.invalid.get(name)
  const withheld = decision?.target.withheld ?? null
  const problems = [
    ...(bug !== undefined ? [bug] : []),
    ...(invalid?.problems ?? []),
    ...(withheld !== null ? [{ ...withheld, stack: name }] : []),
    ...(state.rollout?.blocked?.problems ?? []),
    ...(name === INGRESS_STACK ? input.proxyProblems : []),
  ]
  const services = decision === undefined ? [] : serviceStatuses(input, name, state, decision)
  const phase = stackPhase(input, name, state, services, invalid !== undefined, withheld !== null)
  const rollout = state.rollout
  const revisions = {
    fetched: input.follower.fetched,
    accepted: input.state.accepted?.revision ?? null,
    attempted: state.attempted,
    applied: appliedRevision(state, services),
    proven: state.proven?.revision ?? null,
  }
  return {
    name,
    phase,
    sentence: stackSentence({ phase, state, withheld, invalid: invalid !== undefined, nowMs: input.nowMs }),
    revisions,
    problems,
    services,
    rollout:
      rollout === null
        ? null
        : {
            revision: rollout.revision,
            direction: rollout.direction,
            phase: rollout.phase,
            provenSlots: Object.keys(rollout.proven).length,
            slots: rollout.slots,
            startedAtMs: rollout.startedAtMs,
          },
  }
}

/** The revision whose containers exist: the one rolled out once nothing is left to make. */
function appliedRevision(state: StackState, services: readonly ServiceStatus[]): Revision | null {
  const made = services.every((service) => service.replicas.length >= service.wanted)
  return state.rollout !== null && made && state.rollout.phase === 'updating'
    ? state.rollout.revision
    : (state.proven?.revision ?? null)
}

function isDecided(input: StatusInput, name: string, state: StackState): boolean {
  const basis = input.decisions.get(name)?.basis
  return basis !== undefined && basis.desired === state.desired && basis.rejected === state.rejected
}

function stackPhase(
  input: StatusInput,
  name: string,
  state: StackState,
  services: readonly ServiceStatus[],
  invalid: boolean,
  withheld: boolean,
): ServicePhase {
  if (isSuspended(input, name)) return 'suspended'
  // A commit or a retry that the loop has not come to: what the last decision says is about something else.
  if (!isDecided(input, name, state)) return invalid ? 'invalid' : 'progressing'
  const { rollout } = state
  if (rollout?.phase === 'stopped') return rollout.direction === 'back' ? 'rollback-failed' : 'failed'
  if (rollout?.phase === 'paused') return 'paused'
  if (rollout !== null && rollout.blocked !== null) return 'blocked'
  if (rollout !== null) return rollout.direction === 'back' ? 'rolling-back' : 'progressing'
  const worst = (['unknown', 'unhealthy', 'blocked', 'healing'] as const).find((phase) =>
    services.some((service) => service.phase === phase),
  )
  if (worst !== undefined) return worst
  if (withheld) return 'rejected'
  return invalid ? 'invalid' : state.proven === null ? 'progressing' : 'synced'
}
