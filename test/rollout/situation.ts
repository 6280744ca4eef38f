import { specHash } from '../../src/model/index.js'
import type { Change, Problem, Replica, Revision, ServerView, ServiceSpec, Slot, Stack } from '../../src/model/index.js'
import { EMPTY_STACK_STATE, advance, slotKey } from '../../src/rollout/index.js'
import type { Facts, Prepared, Rollout, StackState } from '../../src/rollout/index.js'
import { replicaOf } from './builders.js'

export const NOW_MS = 100_000_000
export const SERVER = 'lon-1'

export function revisionOf(sha: string): Revision {
  return { ref: 'main', sha: sha.repeat(40), author: 'Ada', committedAtMs: 0, subject: `commit ${sha}` }
}

/** A moment of a stack: what is planned, what is remembered. Every image is on the server, unless `prepared` says otherwise. */
export interface Situation extends Partial<Omit<Facts, 'state' | 'target' | 'plan' | 'proven'>> {
  readonly services: readonly ServiceSpec[]
  readonly changes?: readonly Change[]
  /** What was proven last; the same as what is wanted, unless said otherwise. Null: nothing ever was. */
  readonly proven?: readonly ServiceSpec[] | null
  readonly state?: Partial<StackState>
  /** What the running rollout differs in from one that has just been prepared; null: none runs. */
  readonly rollout?: Partial<Rollout> | null
}

export function stackOf(services: readonly ServiceSpec[]): Stack {
  return { name: 'shop', path: 'stacks/shop/compose.yaml', services, networks: [], volumes: [] }
}

export function rolloutOf(patch: Partial<Rollout>): Rollout {
  return {
    revision: revisionOf('b'),
    hash: 'wanted',
    direction: 'forward',
    fast: false,
    startedAtMs: NOW_MS - 60_000,
    slots: 1,
    services: {},
    from: { hash: 'before', revision: revisionOf('a') },
    phase: 'updating',
    blocked: null,
    proven: {},
    highWaterAtMs: NOW_MS - 60_000,
    failed: {},
    ...patch,
  }
}

export function factsOf(situation: Situation): Facts {
  const { services, changes = [], proven = services, state = {}, rollout = {}, ...rest } = situation
  const images = [...services, ...(proven ?? [])].map((spec): [string, Prepared] => [
    `${SERVER}|image|${spec.image}|missing`,
    { kind: 'done', image: { digest: null, id: spec.image } },
  ])
  return {
    nowMs: NOW_MS,
    nowIso: new Date(NOW_MS).toISOString(),
    awakeSinceMs: 0,
    fleet: 'acme',
    controller: 'one',
    state: {
      ...EMPTY_STACK_STATE,
      desired: { hash: 'wanted', revision: revisionOf('b') },
      proven: proven === null ? null : { hash: 'before', revision: revisionOf('a') },
      rollout: rollout === null ? null : rolloutOf(rollout),
      ...state,
    },
    target: { version: { hash: 'wanted', revision: revisionOf('b') }, stack: stackOf(services), withheld: null },
    proven: proven === null ? null : stackOf(proven),
    plan: { stack: 'shop', changes },
    observation: new Map([[SERVER, listed()]]),
    tracks: new Map(),
    busySlots: new Set(),
    preparing: new Set(),
    prepared: new Map(images),
    suspended: new Set(),
    restarts: new Map(),
    runFailures: new Map(),
    evidence: new Map(),
    rotation: new Map(),
    shares: new Map(),
    checks: new Map(),
    ...rest,
  }
}

function listed(): ServerView {
  const facts = {
    engineId: 'e1',
    engineVersion: '1',
    apiVersion: '1.45',
    os: 'linux',
    arch: 'amd64',
    hostname: SERVER,
    cpus: 4,
    memoryBytes: 8e9,
  }
  const listing = { facts, replicas: [], foreign: [], volumes: [], networks: [] }
  return { kind: 'listed', server: SERVER, atMs: NOW_MS, listing }
}

export function away(phase: 'missed' | 'unknown' | 'lost', mayHold: readonly Replica[] = []): Facts['observation'] {
  const view = {
    kind: 'unreachable',
    server: SERVER,
    sinceMs: 0,
    problem: problemOf('SERVER_UNREACHABLE'),
    phase,
    everListed: true,
    facts: null,
    mayHold,
  } as const
  return new Map([[SERVER, view]])
}

export function problemOf(code: Problem['code']): Problem {
  return { code, message: 'as the test wants it', server: SERVER }
}

/** What happens now, one short line each: `stop web#1 old`. */
export function actionsOf(situation: Situation): readonly string[] {
  return advance(factsOf(situation)).actions.map((action) => {
    const slot = 'slot' in action ? ` ${slotKey(action.slot)}` : ''
    const what =
      action.kind === 'run'
        ? ` ${action.spec.image}`
        : action.kind === 'pull'
          ? ` ${action.image}`
          : 'containerId' in action
            ? ` ${action.containerId}`
            : ''
    return `${action.kind}${slot}${what}`
  })
}

export function factKindsOf(situation: Situation): readonly string[] {
  return advance(factsOf(situation)).facts.map(({ kind }) => kind)
}

export function slotOf(spec: ServiceSpec, key: number | string): Slot {
  return { stack: spec.stack, service: spec.name, key: String(key) }
}

/** A healthy replica of a spec, whose id says the slot: `web#1 old`. */
export function replicaAt(spec: ServiceSpec, key: number, id: string, patch: Partial<Replica> = {}): Replica {
  return replicaOf({ containerId: id, slot: slotOf(spec, key), specHash: specHash(spec), health: 'healthy', ...patch })
}

export function createAt(spec: ServiceSpec, key: number): Change {
  return { kind: 'create', slot: slotOf(spec, key), server: SERVER, spec, causes: [] }
}

export function replaceAt(
  spec: ServiceSpec,
  key: number,
  patch: Partial<Extract<Change, { kind: 'replace' }>> = {},
): Change {
  return {
    kind: 'replace',
    slot: slotOf(spec, key),
    server: SERVER,
    spec,
    from: replicaAt(spec, key, `old${key}`, { specHash: '0'.repeat(20) }),
    successor: null,
    order: 'start-first',
    orderReason: '',
    requested: false,
    causes: [],
    ...patch,
  }
}

export function unchangedAt(spec: ServiceSpec, key: number, patch: Partial<Replica> = {}): Change {
  return {
    kind: 'unchanged',
    slot: slotOf(spec, key),
    server: SERVER,
    spec,
    replica: replicaAt(spec, key, `${spec.name}${key}`, patch),
  }
}

export function restartAt(
  spec: ServiceSpec,
  key: number,
  why: 'exited' | 'unhealthy' | 'paused',
  patch: Partial<Replica> = {},
): Change {
  return {
    kind: 'restart',
    slot: slotOf(spec, key),
    server: SERVER,
    spec,
    replica: replicaAt(spec, key, `${spec.name}${key}`, patch),
    why,
    causes: [],
  }
}

export function removeAt(
  spec: ServiceSpec,
  key: number,
  why: 'surplus' | 'unwanted',
  id = `${spec.name}${key}`,
): Change {
  return {
    kind: 'remove',
    slot: slotOf(spec, key),
    server: SERVER,
    replica: replicaAt(spec, key, id),
    why,
    causes: [],
  }
}

export function blockedAt(spec: ServiceSpec, key: number, code: Problem['code']): Change {
  return { kind: 'blocked', slot: slotOf(spec, key), spec, problem: problemOf(code), causes: [] }
}

/** Containers that were proven in their slots. */
export function provenReplicas(...changes: readonly Change[]): StackState['provenReplicas'] {
  return Object.fromEntries(
    changes.flatMap((change) => ('replica' in change ? [[slotKey(change.slot), change.replica.containerId]] : [])),
  )
}
