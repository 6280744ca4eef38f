import { describe, expect, it } from 'vitest'
import { UPDATE_DEFAULTS } from '../../src/model/index.js'
import { EMPTY_STACK_STATE, advance, isReady, newTrack, trackAnswer, trackLook } from '../../src/rollout/index.js'
import type { HealthTrack, Rotation } from '../../src/rollout/index.js'
import { replicaOf, specOf } from './builders.js'
import { NOW_MS, actionsOf, factsOf, removeAt, replaceAt, replicaAt } from './situation.js'
import type { Situation } from './situation.js'

const web = specOf({ image: 'web:2', balanced: [{ target: 80, published: 80, hostIp: '', protocol: 'tcp' }] })
const before = specOf({ image: 'web:1' })
const there = (key: number) => ({ successor: replicaAt(web, key, `new${key}`) })

function standing(phases: Readonly<Record<string, Rotation['phase'] | number>>): ReadonlyMap<string, Rotation> {
  return new Map(
    Object.entries(phases).map(([id, said]) => {
      const sinceMs = typeof said === 'number' ? said : null
      const phase = typeof said === 'number' ? 'leaving' : said
      return [id, { phase, leavingSinceMs: sinceMs, quietSinceMs: sinceMs, sessions: 0, waitsFor: null }]
    }),
  )
}

/** What is stopped, and what gets nothing new. */
function leavesOf(situation: Situation): { readonly actions: readonly string[]; readonly drains: readonly string[] } {
  const { drains } = advance(factsOf(situation))
  return { actions: actionsOf(situation), drains: drains.map(({ containerId }) => containerId) }
}

describe('an old replica whose successor is proven', () => {
  const situation: Situation = {
    services: [web],
    proven: [before],
    state: { provenReplicas: { 'web#1': 'new1' } },
    changes: [replaceAt(web, 1, there(1))],
  }

  it.each<[string, ReadonlyMap<string, Rotation>, readonly string[], readonly string[]]>([
    ['goes on while proxies do not send to the new one', standing({ new1: 'entering', old1: 'in' }), [], []],
    ['gets nothing new once they do', standing({ new1: 'in', old1: 'in' }), [], ['old1']],
    [
      'goes on getting nothing new while connections are open',
      standing({ new1: 'in', old1: NOW_MS - 29_999 }),
      [],
      ['old1'],
    ],
    ['is stopped when its time is over', standing({ new1: 'in', old1: NOW_MS - 30_000 }), ['stop web#1 old1'], []],
    ['is stopped when nothing is open to it', standing({ new1: 'in', old1: 'out' }), ['stop web#1 old1'], []],
    ['is stopped at once where nothing is balanced', new Map(), ['stop web#1 old1'], []],
  ])('%s', (_, rotation, actions, drains) => {
    expect(leavesOf({ ...situation, rotation })).toEqual({ actions, drains })
  })

  it('is not kept for the proxies when it is ill itself', () => {
    const from = replicaAt(before, 1, 'old1', { health: 'unhealthy' })
    const changes = [replaceAt(web, 1, { ...there(1), from })]
    const rotation = standing({ new1: 'entering' })
    expect(leavesOf({ ...situation, changes, rotation }).actions).toEqual(['stop web#1 old1'])
  })

  it.each<[string, number, number | null, readonly string[]]>([
    ['has all of its time from when the last proxy stopped sending to it', 39_000, NOW_MS - 29_000, []],
    ['has no more than that', 39_000, NOW_MS - 30_000, ['stop web#1 old1']],
    ['waits for a proxy that may still send to it', 39_999, null, []],
    ['does not wait for one that cannot be told', 40_000, null, ['stop web#1 old1']],
  ])('%s', (_, leavingMs, quietSinceMs, actions) => {
    const leaving = {
      phase: 'leaving',
      leavingSinceMs: NOW_MS - leavingMs,
      quietSinceMs,
      sessions: 1,
      waitsFor: null,
    } as const
    const rotation = new Map([...standing({ new1: 'in' }), ['old1', leaving] as const])
    expect(leavesOf({ ...situation, rotation }).actions).toEqual(actions)
  })

  it('is asked for again when its time ends', () => {
    const asked = (rotation: ReadonlyMap<string, Rotation>) => advance(factsOf({ ...situation, rotation })).wakeAtMs
    expect(asked(standing({ new1: 'in', old1: 'in' }))).toBe(NOW_MS + 40_000)
    expect(asked(standing({ new1: 'in', old1: NOW_MS - 10_000 }))).toBe(NOW_MS + 20_000)
  })

  it('says what it waits for', () => {
    const entering = {
      phase: 'entering',
      leavingSinceMs: null,
      quietSinceMs: null,
      sessions: 0,
      waitsFor: 'the proxy of b is away',
    } as const
    const { waiting } = advance(factsOf({ ...situation, rotation: new Map([['new1', entering]]) }))
    expect(waiting).toMatchObject([{ slot: '1', problem: { code: 'PROXY_ABSENT', message: 'the proxy of b is away' } }])
  })
})

describe('old replicas that stop first', () => {
  const spec = { ...web, update: { ...UPDATE_DEFAULTS, parallelism: 1, order: 'stop-first' as const } }
  const changes = [1, 2, 3].map((key) => replaceAt(spec, key, { order: 'stop-first' }))
  const situation: Situation = {
    services: [spec],
    proven: [before],
    state: { provenReplicas: { 'web#1': 'old1', 'web#2': 'old2', 'web#3': 'old3' } },
    changes,
  }
  const all = { old1: 'in', old2: 'in', old3: 'in' } as const

  it.each<[string, number, ReadonlyMap<string, Rotation>, readonly string[], readonly string[]]>([
    ['leave as many at once as parallelism says', 1, standing(all), [], ['old1']],
    [
      'leave as many at once as parallelism says, and no more later',
      1,
      standing({ ...all, old1: NOW_MS - 1 }),
      [],
      ['old1'],
    ],
    ['leave one after the other in whatever order', 1, standing({ ...all, old2: NOW_MS - 1 }), [], ['old2']],
    ['leave two at once', 2, standing(all), [], ['old1', 'old2']],
    ['leave two at once, also when one of them began', 2, standing({ ...all, old1: NOW_MS - 1 }), [], ['old1', 'old2']],
    ['stop when they have left', 1, standing({ ...all, old1: NOW_MS - 30_000 }), ['stop web#1 old1'], []],
  ])('%s', (_, parallelism, rotation, actions, drains) => {
    const own = { ...spec, update: { ...spec.update, parallelism } }
    const own3 = [1, 2, 3].map((key) => replaceAt(own, key, { order: 'stop-first' }))
    expect(leavesOf({ ...situation, services: [own], changes: own3, rotation })).toEqual({ actions, drains })
  })
})

describe('old replicas that stop first, while one is ill', () => {
  const update = { ...UPDATE_DEFAULTS, parallelism: 2, order: 'stop-first' as const }
  const said = { old1: NOW_MS - 2_000, old2: NOW_MS - 3_000, old3: NOW_MS - 1_000, old4: 'in' } as const

  /** Four slots, `ill` of which the engine calls unhealthy, or which said no when they were asked. */
  function situationOf(
    rotation: Parameters<typeof standing>[0],
    ill: number,
    how = 'says the engine',
    parallelism = 2,
  ) {
    const spec = { ...web, update: { ...update, parallelism } }
    const from = replicaAt(before, ill, `old${ill}`, how === 'says the engine' ? { health: 'unhealthy' } : {})
    const track = { ...newTrack(from.containerId, NOW_MS), refused: true }
    const changes = [1, 2, 3, 4].map((key) =>
      replaceAt(spec, key, { order: 'stop-first', ...(key === ill ? { from } : {}) }),
    )
    const provenReplicas = { 'web#1': 'old1', 'web#2': 'old2', 'web#3': 'old3', 'web#4': 'old4' }
    const tracks = new Map(how === 'says the engine' ? [] : [[from.containerId, track] as const])
    return {
      services: [spec],
      proven: [before],
      state: { provenReplicas },
      changes,
      tracks,
      rotation: standing(rotation),
    }
  }

  const goingOf = (situation: Situation): readonly string[] => {
    const { actions, drains } = leavesOf(situation)
    return [...actions, ...drains]
  }

  it('call one back that left for the update: the ill one makes way in its place', () => {
    expect(goingOf(situationOf({ ...said, old1: 'in', old3: 'in' }, 4, undefined, 1))).toEqual(['old4'])
    expect(goingOf(situationOf({ ...said, old1: 'in', old3: 'in', old4: 'out' }, 4, undefined, 1))).toEqual([
      'stop web#4 old4',
    ])
  })

  it('go on leaving for as many as may be down beside it, the longest first', () => {
    expect(goingOf(situationOf({ ...said, old3: 'in' }, 4))).toEqual(['old4', 'old2'])
  })

  it.each([
    ['says the engine', 'old4'],
    ['it says itself', 'old1'],
  ])('count it as one that makes way only once they chose it, though it gets nothing: %s', (how, first) => {
    const rotation = { old1: 'in', old2: 'in', old3: 'in', old4: NOW_MS - 1_000 } as const
    expect(goingOf(situationOf(rotation, 4, how, 1))).toEqual([first])
  })
})

describe('a replica that no slot wants', () => {
  it('gets nothing new before it is stopped', () => {
    const situation: Situation = { services: [web], changes: [removeAt(web, 2, 'unwanted', 'extra')] }
    expect(leavesOf({ ...situation, rotation: standing({ extra: 'in' }) })).toEqual({ actions: [], drains: ['extra'] })
    expect(leavesOf({ ...situation, rotation: standing({ extra: 'out' }) }).actions).toEqual(['stop web#2 extra'])
  })
})

describe('whether clients are sent to a replica', () => {
  const track = newTrack('c1', NOW_MS)
  const state = EMPTY_STACK_STATE
  const detail = { startedAtMs: 1, finishedAtMs: 0, restartCount: 0, oomKilled: false }
  const replica = replicaOf({ containerId: 'c1', health: 'healthy', detail })
  const no = (ready: HealthTrack): HealthTrack => trackAnswer(ready, 'not-ready', 'no', NOW_MS + 199_000)
  const ill = { ...replica, health: 'unhealthy' } as const
  const anew = { ...replica, detail: { ...detail, startedAtMs: 2, restartCount: 1 } }

  it.each([
    ['a healthy one', {}, undefined, true],
    ['one that does not run', { state: 'exited' }, undefined, false],
    ['an ill one', { health: 'unhealthy' }, undefined, false],
    ['one that starts', { health: 'starting' }, undefined, false],
    ['one that starts and has answered', { health: 'starting' }, { ...track, isReady: true }, true],
    ['a new one that has not answered yet', {}, track, false],
    ['one that said no when asked last', {}, { ...track, isReady: true, refused: true }, false],
    ['one without a check, or with a probe, whose slot has proven another', { health: 'none' }, undefined, true],
  ] as const)('%s', (_, patch, known, ready) => {
    expect(isReady(state, known, { ...replica, ...patch })).toBe(ready)
  })

  it.each([
    ['a look that says nothing of its probe', (ready) => trackLook(ready, replica, true, NOW_MS + 200_000), true],
    ['an answer that did not come', (ready) => trackAnswer(ready, 'unknown', 'cut', NOW_MS + 200_000), true],
    ['a no', (ready) => no(ready), false],
    [
      'a no, and an answer that did not come',
      (ready) => trackAnswer(no(ready), 'unknown', 'cut', NOW_MS + 200_000),
      false,
    ],
    ['a look that finds it ill', (ready) => trackLook(ready, ill, true, NOW_MS + 200_000), false],
    ['a look that finds it started anew', (ready) => trackLook(ready, anew, true, NOW_MS + 200_000), false],
  ] as readonly (readonly [string, (ready: HealthTrack) => HealthTrack, boolean])[])(
    'one that was ready, after a time in which the controller stood still and %s',
    (_, after, isSentTo) => {
      const ready = trackAnswer(trackLook(track, replica, true, NOW_MS), 'ready', '', NOW_MS + 100)
      expect(isReady(state, after(ready), replica)).toBe(isSentTo)
      const seen = trackLook(after(ready), replica, true, NOW_MS + 200_100)
      expect(isReady(state, seen, replica)).toBe(isSentTo)
    },
  )

  it('a proven one, but for one that was started again', () => {
    const proven = { ...state, provenReplicas: { 'web#1': 'c1' } }
    const one = replicaOf({ containerId: 'c1', health: 'starting', slot: { stack: 'shop', service: 'web', key: '1' } })
    expect(isReady(proven, undefined, one)).toBe(true)
    const healed = { ...proven, heals: { 'web#1': { atMs: NOW_MS, count: 1 } } }
    expect(isReady(healed, undefined, one)).toBe(false)
    expect(isReady(healed, { ...track, isReady: true }, one)).toBe(true)
  })
})
