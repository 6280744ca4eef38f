import { describe, expect, it } from 'vitest'
import { EMPTY_STACK_STATE, advance, foldRollout } from '../../src/rollout/index.js'
import type { RolloutFact, StackState } from '../../src/rollout/index.js'
import { specHash } from '../../src/model/index.js'
import { specOf } from './builders.js'
import {
  NOW_MS,
  actionsOf,
  factsOf,
  problemOf,
  replaceAt,
  replicaAt,
  restartAt,
  revisionOf,
  rolloutOf,
  slotOf,
} from './situation.js'

const web = specOf({ image: 'web:2' })
const slot = slotOf(web, 1)
const base = { atMs: NOW_MS, stack: 'shop' } as const

const started: RolloutFact = {
  kind: 'rollout-started',
  ...base,
  revision: revisionOf('b'),
  hash: 'wanted',
  direction: 'forward',
  fast: false,
  slots: 1,
  services: { web: 1 },
  from: { hash: 'before', revision: revisionOf('a') },
}

function failedWith(then: 'rollback' | 'pause' | 'stop', hash = 'wanted'): RolloutFact {
  return {
    kind: 'rollout-failed',
    ...base,
    revision: revisionOf('b'),
    hash,
    service: 'web',
    serviceHash: 'bad',
    scope: 'stack',
    problem: problemOf('REPLICA_UNHEALTHY'),
    then,
  }
}

function completedWith(hash: string, direction: 'forward' | 'back'): RolloutFact {
  const spec = { service: 'web', specHash: specHash(web), revision: revisionOf('b') }
  return {
    kind: 'rollout-completed',
    ...base,
    revision: revisionOf('b'),
    hash,
    direction,
    failedSlots: 0,
    restarts: {},
    specs: [spec],
  }
}

function slotProven(atMs: number, containerId = 'new1'): RolloutFact {
  return {
    kind: 'slot-proven',
    ...base,
    atMs,
    slot,
    service: 'web',
    specHash: specHash(web),
    server: 'lon-1',
    containerId,
  }
}

function stateAfter(facts: readonly RolloutFact[], state: Partial<StackState> = {}): StackState {
  return facts.reduce(foldRollout, {
    ...EMPTY_STACK_STATE,
    desired: { hash: 'wanted', revision: revisionOf('b') },
    proven: { hash: 'before', revision: revisionOf('a') },
    ...state,
  })
}

describe('what was proven', () => {
  it('is what completed, not what was tried', () => {
    expect(stateAfter([started]).proven?.hash).toBe('before')
    expect(stateAfter([started, slotProven(NOW_MS)]).proven?.hash).toBe('before')
    expect(stateAfter([started, completedWith('wanted', 'forward')]).proven?.hash).toBe('wanted')
  })
})

describe('what failed', () => {
  it.each<[string, readonly RolloutFact[], readonly string[]]>([
    ['is rejected', [started, failedWith('rollback')], ['wanted']],
    ['is rejected where there is nothing to go back to', [started, failedWith('stop')], ['wanted']],
    ['is not rejected while a person is waited for', [started, failedWith('pause')], []],
    [
      'stays rejected after what it was taken back to runs again',
      [started, failedWith('rollback'), completedWith('before', 'back')],
      ['wanted'],
    ],
    [
      'is forgotten when what Git wants runs',
      [started, failedWith('rollback', 'older'), completedWith('wanted', 'forward')],
      [],
    ],
  ])('%s', (_title, facts, rejected) => {
    expect(stateAfter(facts).rejected.map(({ hash }) => hash)).toEqual(rejected)
  })

  it('is remembered twenty times, the newest', () => {
    const facts = Array.from({ length: 25 }, (_, index) => [started, failedWith('rollback', `h${index}`)]).flat()
    const { rejected } = stateAfter(facts)
    expect(rejected).toHaveLength(20)
    expect(rejected.at(-1)?.hash).toBe('h24')
  })
})

describe('the high-water mark', () => {
  it('rises with a slot that is proven for the first time in a rollout, never again for it', () => {
    const once = stateAfter([started, slotProven(NOW_MS + 1_000)])
    expect(once.rollout?.highWaterAtMs).toBe(NOW_MS + 1_000)
    const again = stateAfter([started, slotProven(NOW_MS + 1_000), slotProven(NOW_MS + 9_000, 'new2')])
    expect(again.rollout?.highWaterAtMs).toBe(NOW_MS + 1_000)
    expect(again.provenReplicas).toEqual({ 'web#1': 'new2' })
  })
})

describe('the pause before a replica is restarted again', () => {
  const heal = (atMs: number): RolloutFact => ({
    kind: 'replica-healed',
    ...base,
    atMs,
    service: 'web',
    slot,
    server: 'lon-1',
    how: 'restarted',
    reason: 'unhealthy',
  })
  /** Heals as soon as it may, so often; the pauses in seconds. */
  const pausesOf = (times: number): readonly number[] => {
    let state = stateAfter([], { proven: { hash: 'wanted', revision: revisionOf('b') } })
    let nowMs = NOW_MS
    const pauses: number[] = []
    for (let time = 0; time < times; time += 1) {
      state = foldRollout(state, heal(nowMs))
      const change = restartAt(web, 1, 'unhealthy', { health: 'unhealthy' })
      const situation = { services: [web], changes: [change], rollout: null, state, nowMs }
      expect(actionsOf(situation)).toEqual([])
      const { wakeAtMs } = advance(factsOf(situation))
      expect(actionsOf({ ...situation, nowMs: wakeAtMs ?? 0 })).toEqual(['restart web#1 web1'])
      pauses.push(((wakeAtMs ?? 0) - nowMs) / 1_000)
      nowMs = wakeAtMs ?? 0
    }
    return pauses
  }

  it('doubles from ten seconds up to five minutes', () => {
    expect(pausesOf(9)).toEqual([10, 20, 40, 80, 160, 300, 300, 300, 300])
  })

  it('is forgotten after ten minutes without', () => {
    const state = stateAfter([0, 20, 60].map((s) => heal(NOW_MS + s * 1_000)))
    expect(state.heals['web#1']?.count).toBe(3)
    expect(foldRollout(state, heal(NOW_MS + 60_000 + 600_000)).heals['web#1']?.count).toBe(1)
  })
})

describe('a container', () => {
  it.each([
    ['running', 'stop web#1 old1'],
    ['restarting', 'stop web#1 old1'],
    ['paused', 'stop web#1 old1'],
    ['exited', 'remove web#1 old1'],
    ['created', 'remove web#1 old1'],
    ['dead', 'remove web#1 old1'],
  ] as const)('that is %s and has to go: %s', (state, action) => {
    const from = replicaAt(web, 1, 'old1', { state })
    const change = replaceAt(web, 1, { successor: replicaAt(web, 1, 'new1'), from })
    const provenReplicas = { 'web#1': 'new1' }
    const rollout = rolloutOf({})
    expect(actionsOf({ services: [web], changes: [change], state: { provenReplicas, rollout } })).toEqual([action])
  })
})
