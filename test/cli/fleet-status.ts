import type { FleetStatus, ServicePhase, ServiceStatus, SourceStatus, StackStatus } from '../../src/controller/index.js'
import type { Revision } from '../../src/model/index.js'

/** A commit whose hash is one digit, repeated. */
export function revision(digit: string, subject = 'Raise the limit'): Revision {
  return { ref: 'main', sha: digit.repeat(40), author: 'Ann', committedAtMs: 0, subject }
}

export function fleetStatus(source: Partial<SourceStatus>, stacks: readonly StackStatus[] = []): FleetStatus {
  return {
    apiVersion: 'slipway/v1',
    fleet: 'acme',
    atMs: 180_000,
    controller: { id: 'c1', startedAtMs: 0 },
    source: {
      repository: 'https://git.example.com/acme/fleet.git',
      ref: 'main',
      fetched: null,
      accepted: null,
      lastPollAtMs: null,
      nextPollAtMs: null,
      problem: null,
      problemSinceMs: null,
      held: null,
      refused: null,
      ...source,
    },
    servers: [],
    stacks,
    certificates: [],
    suspended: [],
    problems: [],
  }
}

export function stackStatus(name: string, phase: ServicePhase, services: readonly ServiceStatus[] = []): StackStatus {
  const revisions = { fetched: null, accepted: null, attempted: null, applied: null, proven: null }
  return { name, phase, sentence: `${name} is ${phase}`, revisions, problems: [], services, rollout: null }
}

export function serviceStatus(name: string, over: Partial<ServiceStatus> = {}): ServiceStatus {
  return {
    name,
    mode: 'replicated',
    image: 'busybox:1.36',
    phase: 'synced',
    wanted: 2,
    healthy: 2,
    revision: revision('a'),
    sinceMs: 0,
    sentence: `runs busybox:1.36`,
    problem: null,
    failure: null,
    replicas: [],
    ...over,
  }
}
