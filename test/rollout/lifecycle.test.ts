import { describe, expect, it } from 'vitest'
import { ROLLOUT_DEFAULTS, UPDATE_DEFAULTS, serviceHash, specHash } from '../../src/model/index.js'
import type { Change, Problem, ServiceSpec, Stack } from '../../src/model/index.js'
import { EMPTY_STACK_STATE, advance, targetOf } from '../../src/rollout/index.js'
import type { Rejection, ReplicaFailure, StackState } from '../../src/rollout/index.js'
import { specOf } from './builders.js'
import {
  NOW_MS,
  away,
  blockedAt,
  createAt,
  factKindsOf,
  factsOf,
  problemOf,
  provenReplicas,
  removeAt,
  replaceAt,
  replicaAt,
  restartAt,
  revisionOf,
  slotOf,
  stackOf,
  unchangedAt,
} from './situation.js'
import type { Situation } from './situation.js'

const web = specOf({ image: 'web:2' })
const before = specOf({ image: 'web:1' })
const api = specOf({ name: 'api' })
const starting = { successor: replicaAt(web, 1, 'new1', { health: 'starting' }) } as const

function failureOf(spec: ServiceSpec, problem: Problem = problemOf('REPLICA_UNHEALTHY')): ReplicaFailure {
  return {
    kind: 'replica-failed',
    atMs: NOW_MS,
    stack: spec.stack,
    service: spec.name,
    slot: slotOf(spec, 1),
    server: 'lon-1',
    containerId: 'new1',
    specHash: specHash(spec),
    problem,
    evidence: null,
  }
}

/** A rollout of four slots of a service, of which so many have failed. */
function failing(spec: ServiceSpec, failed: number, patch: Partial<Situation> = {}): Situation {
  const keys = Array.from({ length: failed }, (_, index) => [`${spec.name}#${index + 1}`, NOW_MS] as const)
  return {
    services: [spec],
    proven: [before],
    changes: [1, 2, 3, 4].map((key) => replaceAt(spec, key)),
    ...patch,
    rollout: { services: { [spec.name]: 4 }, failed: Object.fromEntries(keys), ...patch.rollout },
    state: { failures: { [spec.name]: failureOf(spec) }, ...patch.state },
  }
}

function endOf(situation: Situation): string | null {
  const fact = advance(factsOf(situation)).facts.find(({ kind }) => kind === 'rollout-failed')
  return fact?.kind === 'rollout-failed' ? `${fact.problem.code} ${fact.then}` : null
}

describe('a rollout', () => {
  it('is given up for a newer commit at once, in whatever phase it is', () => {
    for (const phase of ['preparing', 'updating', 'paused', 'stopped'] as const)
      expect(
        factKindsOf({ services: [web], changes: [replaceAt(web, 1)], rollout: { phase, hash: 'older' } }),
        phase,
      ).toEqual(['rollout-superseded'])
  })

  it('back that failed is given up once Git says what it went back to, and not before', () => {
    const stopped = { services: [web], changes: [replaceAt(web, 1)], rollout: { phase: 'stopped', direction: 'back' } }
    expect(factKindsOf(stopped as Situation)).toEqual(['rollout-superseded'])
    expect(factKindsOf({ ...stopped, rollout: { phase: 'stopped' } })).toEqual([])
    expect(factKindsOf({ ...stopped, rollout: { direction: 'back' } })).toEqual([])
    const facts = factsOf(stopped as Situation)
    const withheld = { code: 'REVISION_REJECTED', message: 'as the test wants it' } as const
    expect(advance({ ...facts, target: { ...facts.target, withheld } }).facts).toEqual([])
  })

  it.each<[string, readonly Change[], Partial<Situation>, boolean]>([
    ['every slot is proven', [unchangedAt(web, 1)], {}, true],
    ['a slot is not made', [unchangedAt(web, 1), createAt(web, 2)], {}, false],
    ['a slot is not replaced', [replaceAt(web, 1, starting)], {}, false],
    ['the new replica runs and is not proven', [unchangedAt(web, 1)], { state: { provenReplicas: {} } }, false],
    ['an action is under way', [unchangedAt(web, 1)], { busySlots: new Set(['web#1']) }, false],
    ['a replica that was proven fell ill', [restartAt(web, 1, 'unhealthy', { health: 'unhealthy' })], {}, true],
    ['something is still to be removed', [unchangedAt(web, 1), removeAt(api, 1, 'unwanted')], {}, false],
    ['no server fits a slot', [blockedAt(web, 1, 'NO_SERVER_FITS')], {}, false],
    ['its server was missed', [blockedAt(web, 1, 'SERVER_UNREACHABLE')], { observation: away('missed') }, false],
    ['its server is unknown', [blockedAt(web, 1, 'SERVER_UNREACHABLE')], { observation: away('unknown') }, false],
    ['its server is lost', [blockedAt(web, 1, 'SERVER_UNREACHABLE')], { observation: away('lost') }, true],
  ])('that finds that %s', (_title, changes, patch, completes) => {
    const state = { provenReplicas: provenReplicas(...changes) }
    const kinds = factKindsOf({ services: [web], changes, state, ...patch })
    expect(kinds.includes('rollout-completed')).toBe(completes)
  })
})

describe('a failed replica', () => {
  it.each<[string, Partial<ServiceSpec['update']>, number, string | null]>([
    ['takes the revision back', {}, 1, 'REPLICA_UNHEALTHY rollback'],
    ['is tolerated up to max_failure_ratio', { maxFailureRatio: 0.25 }, 1, null],
    ['counts beyond max_failure_ratio', { maxFailureRatio: 0.25 }, 2, 'REPLICA_UNHEALTHY rollback'],
    ['waits for a person where it says pause', { failureAction: 'pause' }, 1, 'REPLICA_UNHEALTHY pause'],
    ['does not matter where it says continue', { failureAction: 'continue' }, 4, null],
  ])('%s', (_title, update, failed, end) => {
    expect(endOf(failing({ ...web, update: { ...UPDATE_DEFAULTS, ...update } }, failed))).toBe(end)
  })

  it('of a first deployment has nowhere to go back to', () => {
    expect(endOf(failing(web, 1, { proven: null }))).toBe('REPLICA_UNHEALTHY stop')
  })

  it('of a rollback stops, whatever rollback_config says, and is judged by rollback_config', () => {
    const back = { direction: 'back' } as const
    for (const failureAction of ['rollback', 'pause'] as const) {
      const spec = { ...web, rollback: { ...UPDATE_DEFAULTS, failureAction } }
      expect(endOf(failing(spec, 1, { rollout: back }))).toBe('ROLLBACK_FAILED stop')
    }
    const lenient = { ...web, rollback: { ...UPDATE_DEFAULTS, maxFailureRatio: 0.5 } }
    expect(endOf(failing(lenient, 2, { rollout: back }))).toBeNull()
  })

  it('of a job is not tolerated: what depends on it cannot go on', () => {
    const job = specOf({ mode: 'job', update: { ...UPDATE_DEFAULTS, failureAction: 'continue' } })
    expect(endOf(failing(job, 1))).toBe('REPLICA_UNHEALTHY rollback')
  })
})

describe('a rollout without progress', () => {
  const deadlineMs = 60_000
  const spec = { ...web, rollout: { ...ROLLOUT_DEFAULTS, progressDeadlineMs: deadlineMs } }
  const quiet = (ms: number): Partial<Situation> => ({ rollout: { highWaterAtMs: NOW_MS - ms } })

  it.each<[number, Change, Partial<Situation>, readonly string[]]>([
    [deadlineMs, replaceAt(spec, 1), {}, []],
    [deadlineMs + 1, replaceAt(spec, 1), {}, ['rollout-failed']],
    [deadlineMs * 9, replaceAt(spec, 1), { awakeSinceMs: NOW_MS - deadlineMs }, []],
    [deadlineMs * 9, replaceAt(spec, 1), { awakeSinceMs: NOW_MS - deadlineMs - 1 }, ['rollout-failed']],
    [deadlineMs + 1, blockedAt(spec, 1, 'NO_SERVER_FITS'), {}, ['rollout-failed']],
    [deadlineMs / 2, blockedAt(spec, 1, 'SERVER_UNREACHABLE'), { observation: away('unknown') }, []],
    [
      deadlineMs / 2 + 1,
      blockedAt(spec, 1, 'SERVER_UNREACHABLE'),
      { observation: away('unknown') },
      ['rollout-delayed'],
    ],
    [deadlineMs * 9, blockedAt(spec, 1, 'SERVER_UNREACHABLE'), { observation: away('unknown') }, ['rollout-delayed']],
    [deadlineMs * 9, replaceAt(spec, 1), { suspended: new Set(['web']) }, ['rollout-delayed']],
  ])('for %i ms ends when a person need not be waited for, nor a server', (ms, change, patch, kinds) => {
    // One that is begun, so that nothing else is advised.
    const busySlots = new Set(['web#1'])
    expect(factKindsOf({ services: [spec], changes: [change], busySlots, ...patch, ...quiet(ms) })).toEqual(kinds)
  })

  it('is looked at again when its time is over, counted from when the controller was awake', () => {
    const situation = { services: [spec], changes: [replaceAt(spec, 1)], busySlots: new Set(['web#1']) }
    const wakesInMs = (awakeSinceMs: number): number | null => {
      const { wakeAtMs } = advance(factsOf({ ...situation, awakeSinceMs, ...quiet(deadlineMs * 9) }))
      return wakeAtMs === null ? null : wakeAtMs - NOW_MS
    }
    expect([wakesInMs(NOW_MS), wakesInMs(NOW_MS - deadlineMs / 2 - 1)]).toEqual([deadlineMs / 2 + 1, deadlineMs / 2])
  })

  it('goes back, and says why', () => {
    expect(endOf({ services: [spec], changes: [replaceAt(spec, 1)], ...quiet(deadlineMs + 1) })).toBe(
      'PROGRESS_DEADLINE rollback',
    )
  })
})

describe('what a failure took back', () => {
  const desired = stackOf([api, web])
  const rejection = (patch: Partial<Rejection>): Rejection => ({
    atMs: 0,
    hash: 'failed',
    revision: revisionOf('c'),
    service: 'web',
    serviceHash: serviceHash(web),
    scope: 'stack',
    problem: problemOf('REPLICA_UNHEALTHY'),
    ...patch,
  })
  const imagesFor = (rejected: readonly Rejection[], proven: Stack | null = stackOf([before])): readonly string[] => {
    const state: StackState = {
      ...EMPTY_STACK_STATE,
      desired: { hash: 'wanted', revision: revisionOf('b') },
      proven: proven === null ? null : { hash: 'before', revision: revisionOf('a') },
      rejected,
    }
    return (targetOf(state, desired, proven)?.stack.services ?? []).map(({ name, image }) => `${name} ${image}`)
  }

  it.each<[string, readonly Rejection[], readonly string[]]>([
    ['is tried when nothing is rejected', [], [`api ${api.image}`, 'web web:2']],
    ['is not tried again', [rejection({ hash: 'wanted', serviceHash: 'x' })], ['web web:1']],
    ['is not tried again by another commit that still has it', [rejection({})], ['web web:1']],
    ['may be tried by a commit that changes it', [rejection({ serviceHash: 'x' })], [`api ${api.image}`, 'web web:2']],
    ['is one service where its scope is that', [rejection({ scope: 'service' })], [`api ${api.image}`, 'web web:1']],
  ])('%s', (_title, rejected, images) => {
    expect(imagesFor(rejected)).toEqual(images)
  })

  it.each(['stack', 'service'] as const)('is left as it is where nothing was ever proven, with scope %s', (scope) => {
    expect(imagesFor([rejection({ hash: 'wanted', scope })], null)).toEqual([`api ${api.image}`, 'web web:2'])
  })
})
