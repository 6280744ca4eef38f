import { describe, expect, it } from 'vitest'
import { UPDATE_DEFAULTS, specHash } from '../../src/model/index.js'
import type { Change, Dependency, ProblemCode, Replica, ServiceSpec } from '../../src/model/index.js'
import { advance, newTrack } from '../../src/rollout/index.js'
import type { HealthTrack, RunFailure } from '../../src/rollout/index.js'
import { CHECK, specOf } from './builders.js'
import {
  NOW_MS,
  actionsOf,
  away,
  blockedAt,
  createAt,
  factKindsOf,
  factsOf,
  provenReplicas,
  removeAt,
  replaceAt,
  replicaAt,
  restartAt,
  revisionOf,
  unchangedAt,
} from './situation.js'
import type { Situation } from './situation.js'

const web = specOf({ image: 'web:2' })
const before = specOf({ image: 'web:1' })
const there = (key: number) => ({ successor: replicaAt(web, key, `new${key}`) })

function updating(patch: Partial<ServiceSpec['update']>): ServiceSpec {
  return { ...web, update: { ...UPDATE_DEFAULTS, ...patch } }
}

describe('an old replica', () => {
  const situation = { services: [web], proven: [before] }

  it('stays while its successor is not proven', () => {
    const changes = [replaceAt(web, 1, { successor: replicaAt(web, 1, 'new1', { health: 'starting' }) })]
    expect(actionsOf({ ...situation, changes })).toEqual([])
  })

  it('is stopped once its successor is proven, and removed once it has stopped', () => {
    const state = { provenReplicas: { 'web#1': 'new1' } }
    expect(actionsOf({ ...situation, state, changes: [replaceAt(web, 1, there(1))] })).toEqual(['stop web#1 old1'])
    const from = replicaAt(before, 1, 'old1', { state: 'exited' })
    expect(actionsOf({ ...situation, state, changes: [replaceAt(web, 1, { ...there(1), from })] })).toEqual([
      'remove web#1 old1',
    ])
  })

  it.each<[string, Partial<Replica>, Partial<HealthTrack> | null, readonly string[]]>([
    ['has become unhealthy', { health: 'unhealthy' }, {}, []],
    ['is being restarted by its engine', { state: 'restarting', health: 'none' }, { readySinceMs: null }, []],
    ['was started anew and has not answered since', { health: 'starting' }, { readySinceMs: null }, []],
    ['was started anew, as far as anybody remembers', { health: 'starting' }, null, []],
    ['answered, which its engine has not heard yet', { health: 'starting' }, {}, ['stop web#1 old1']],
    ['is well, though nobody remembers more', {}, null, ['stop web#1 old1']],
  ])('that still serves stays while its proven successor is ill: that %s', (_title, replica, patch, actions) => {
    const checked = { ...web, healthcheck: CHECK }
    const state = { provenReplicas: { 'web#1': 'new1' } }
    const successor = replicaAt(checked, 1, 'new1', replica)
    const well = { readySinceMs: NOW_MS - 600_000, confirmedAtMs: NOW_MS - 1_000 }
    const track = { ...newTrack('new1', NOW_MS - 600_000), lastSeenMs: NOW_MS, ...well, ...patch }
    const tracks = new Map(patch === null ? [] : [['new1', track] as const])
    const here = { ...situation, services: [checked], state, tracks }
    expect(actionsOf({ ...here, changes: [replaceAt(checked, 1, { successor })] })).toEqual(actions)
    const from = replicaAt(before, 1, 'old1', { health: 'unhealthy' })
    expect(actionsOf({ ...here, changes: [replaceAt(checked, 1, { successor, from })] })).toEqual(['stop web#1 old1'])
  })

  it('has a successor that is watched until it is gone', () => {
    const facts = factsOf({
      ...situation,
      state: { provenReplicas: { 'web#1': 'new1' } },
      changes: [replaceAt(web, 1, there(1))],
    })
    const ids = (busySlots: readonly string[]): readonly string[] =>
      advance({ ...facts, busySlots: new Set(busySlots) }).watched.map(({ containerId }) => containerId)
    expect([ids([]), ids(['web#1'])]).toEqual([['new1'], ['new1']])
  })

  it('is not stopped, where the order is stop-first, before what the new one needs is on the server', () => {
    const changes = [replaceAt(web, 1, { order: 'stop-first' })]
    expect(actionsOf({ ...situation, changes, prepared: new Map() })).toEqual(['pull web:2'])
    expect(actionsOf({ ...situation, changes })).toEqual(['stop web#1 old1'])
  })
})

describe('parallelism', () => {
  it.each<[number, readonly string[]]>([
    [1, ['run web#1 web:2']],
    [2, ['run web#1 web:2', 'run web#2 web:2']],
    [0, ['run web#1 web:2', 'run web#2 web:2', 'run web#3 web:2']],
  ])('of %i begins that many slots at once', (parallelism, actions) => {
    const spec = updating({ parallelism })
    expect(actionsOf({ services: [spec], changes: [1, 2, 3].map((key) => replaceAt(spec, key)) })).toEqual(actions)
  })

  it.each<[string, Partial<Situation>, Change, readonly string[]]>([
    ['waits for a successor that is not proven yet', {}, replaceAt(web, 1, there(1)), []],
    [
      'waits for a successor that is not proven yet, though the old one has stopped',
      {},
      replaceAt(web, 1, { ...there(1), from: replicaAt(before, 1, 'old1', { state: 'exited' }) }),
      [],
    ],
    [
      'waits for the old replica, until it has stopped',
      { state: { provenReplicas: { 'web#1': 'new1' } } },
      replaceAt(web, 1, there(1)),
      ['stop web#1 old1'],
    ],
    [
      'goes on once the old replica has stopped',
      { state: { provenReplicas: { 'web#1': 'new1' } } },
      replaceAt(web, 1, { ...there(1), from: replicaAt(before, 1, 'old1', { state: 'exited' }) }),
      ['remove web#1 old1', 'run web#2 web:2'],
    ],
    [
      'waits for an old replica that is paused, until it has stopped',
      { state: { provenReplicas: { 'web#1': 'new1' } } },
      replaceAt(web, 1, { ...there(1), from: replicaAt(before, 1, 'old1', { state: 'paused' }) }),
      ['stop web#1 old1'],
    ],
    ['waits for an action under way', { busySlots: new Set(['web#1']) }, replaceAt(web, 1), []],
    ['waits for what a plan that was given up has begun', { busySlots: new Set(['web#1']) }, unchangedAt(web, 1), []],
  ])('of one %s', (_title, situation, first, actions) => {
    expect(actionsOf({ services: [web], ...situation, changes: [first, replaceAt(web, 2)] })).toEqual(actions)
  })

  it.each<['missed' | 'unknown' | 'lost', string, Replica['state'], readonly string[]]>([
    ['missed', 'web', 'running', []],
    ['unknown', 'web', 'running', []],
    ['unknown', 'web', 'paused', []],
    ['unknown', 'web', 'exited', ['run web#2 web:2']],
    ['lost', 'web', 'running', ['run web#2 web:2']],
    ['missed', 'api', 'running', ['run web#2 web:2']],
  ])(
    'of one waits for a slot with another replica on a server that is %s, if it is of %s and %s',
    (phase, service, was, actions) => {
      const slot = { stack: 'shop', service, key: '1' }
      const [[name, gone] = []] = away(phase, [replicaAt(before, 1, 'old1', { slot, server: 'par-1', state: was })])
      const seen = factsOf({ services: [web] }).observation
      const here = [...seen.values()].flatMap((view) =>
        view.kind === 'listed'
          ? [{ ...view, listing: { ...view.listing, replicas: [replicaAt(web, 1, 'new1')] } }]
          : [],
      )
      if (name === undefined || gone === undefined || here[0] === undefined) throw new Error('there are no servers')
      const observation = new Map([
        [name, here[0]],
        ['par-1', { ...gone, server: 'par-1' }],
      ])
      const state = { provenReplicas: { 'web#1': 'new1' } }
      const changes = [unchangedAt(web, 1, { containerId: 'new1' }), replaceAt(web, 2)]
      expect(actionsOf({ services: [web], observation, state, changes })).toEqual(actions)
    },
  )

  it('of a rollback is that of rollback_config', () => {
    const spec = { ...updating({ parallelism: 1 }), rollback: { ...UPDATE_DEFAULTS, parallelism: 2 } }
    const changes = [1, 2, 3].map((key) => replaceAt(spec, key))
    expect(actionsOf({ services: [spec], changes, rollout: { direction: 'back' } })).toHaveLength(2)
    expect(actionsOf({ services: [spec], changes })).toHaveLength(1)
  })

  it('counts a slot in which something is under way although its plan has no place for it any more', () => {
    const changes = [blockedAt(web, 1, 'NO_SERVER_FITS'), replaceAt(web, 2)]
    expect(actionsOf({ services: [web], changes, busySlots: new Set(['web#1']) })).toEqual([])
    expect(actionsOf({ services: [web], changes })).toHaveLength(1)
  })

  it('bounds, where the order is stop-first, how many do not serve', () => {
    const stopFirst = { order: 'stop-first' } as const
    const changes = [createAt(web, 1), replaceAt(web, 2, stopFirst)]
    expect(actionsOf({ services: [web], changes, busySlots: new Set(['web#1']) })).toEqual([])
    const three = updating({ parallelism: 2 })
    const all = [createAt(three, 1), ...[2, 3].map((key) => replaceAt(three, key, stopFirst))]
    expect(actionsOf({ services: [three], changes: all, busySlots: new Set(['web#1']) })).toEqual(['stop web#2 old2'])
  })
})

describe('a replica that takes the place of one with the same spec, as a limit that is taken away wants it', () => {
  const REQUEST = '2026-11-28T10:00:00.000Z'
  const tokenAfter = (restart: string, patch: Partial<Situation> = {}): readonly string[] => {
    const from = replicaAt(web, 1, 'old1', { restart })
    return advance(factsOf({ services: [web], changes: [replaceAt(web, 1, { from })], ...patch })).actions.flatMap(
      (action) => (action.kind === 'run' ? [action.identity.restart] : []),
    )
  }

  it('has another name beside it, each time', () => {
    expect(tokenAfter('')).toEqual([' again'])
    expect(tokenAfter(' again')).toEqual([''])
    const stopped = replicaAt(web, 1, 'old1', { state: 'exited' })
    const changes = [replaceAt(web, 1, { order: 'stop-first', from: stopped })]
    expect(tokenAfter('', { changes })).toEqual([' again'])
  })

  it('is as new as the last request to restart, and older than the next', () => {
    const restarts = new Map([['shop/web', REQUEST]])
    const [token = ''] = tokenAfter(REQUEST, { restarts })
    expect(token > REQUEST && token < '2026-11-28T10:00:00.001Z').toBe(true)
    expect(' again' < REQUEST).toBe(true)
    expect(tokenAfter('', { restarts })).toEqual([REQUEST])
  })
})

describe('a proven replica whose healthcheck has no verdict yet', () => {
  const stopFirst = { order: 'stop-first' } as const
  const next = (state: Situation['state'], proven: Readonly<Record<string, number>>): readonly string[] =>
    actionsOf({
      services: [web],
      changes: [unchangedAt(web, 1, { containerId: 'new1', health: 'starting' }), replaceAt(web, 2, stopFirst)],
      state: { provenReplicas: { 'web#1': 'new1' }, ...state },
      rollout: { proven },
    })
  const heals = { 'web#1': { count: 1, atMs: NOW_MS - 5_000 } }

  it('serves by our own verdict, and does not when it was started again since', () => {
    expect(next({}, {})).toEqual(['stop web#2 old2'])
    expect(next({ heals }, {})).toEqual([])
    expect(next({ heals }, { 'web#1': NOW_MS - 9_000 })).toEqual([])
    expect(next({ heals }, { 'web#1': NOW_MS - 1_000 })).toEqual(['stop web#2 old2'])
  })
})

describe('a replica beside the one that serves in its slot, where a name led to another server for a while', () => {
  it('counts as in flight, and goes before the next slot begins', () => {
    const changes = [replaceAt(web, 1), replaceAt(web, 2), removeAt(web, 2, 'unwanted', 'stray')]
    expect(actionsOf({ services: [web], proven: [before], changes })).toEqual(['stop web#2 stray'])
  })
})

describe('the delay between batches', () => {
  it.each([
    [4_999, []],
    [5_000, ['run web#2 web:2']],
  ])('has passed after %i ms of 5 s: %j', (sinceMs, actions) => {
    const spec = updating({ delayMs: 5_000 })
    const done = unchangedAt(spec, 1)
    const rollout = { proven: { 'web#1': NOW_MS - sinceMs } }
    const changes = [done, replaceAt(spec, 2)]
    expect(actionsOf({ services: [spec], rollout, changes, state: { provenReplicas: provenReplicas(done) } })).toEqual(
      actions,
    )
  })
})

describe('a slot with an action under way gets no second one', () => {
  it.each<[string, Change]>([
    ['create', createAt(web, 1)],
    ['replace', replaceAt(web, 1)],
    ['replace, whose old one is to go', replaceAt(web, 1, there(1))],
    ['restart', restartAt(web, 1, 'exited', { state: 'exited' })],
    ['surplus', removeAt(web, 1, 'surplus')],
    ['unwanted', removeAt(specOf({ name: 'old' }), 1, 'unwanted')],
  ])('%s', (_title, change) => {
    const containerId = 'replica' in change ? change.replica.containerId : 'new1'
    // Healing keeps no rollout open: another slot has to.
    const changes = change.kind === 'restart' ? [change, blockedAt(web, 2, 'NO_SERVER_FITS')] : [change]
    const situation = { services: [web], changes, state: { provenReplicas: { 'web#1': containerId } } }
    expect(actionsOf(situation)).toHaveLength(1)
    const busySlots = new Set([`${change.slot.service}#1`])
    expect(actionsOf({ ...situation, busySlots })).toEqual([])
  })
})

describe('what failed in an earlier attempt', () => {
  const state = { failedReplicas: { 'web#1': 'web1' } }
  const exited = restartAt(web, 1, 'exited', { state: 'exited' })

  it('makes way for a new container in the next one, also where it runs no more', () => {
    expect(actionsOf({ services: [web], changes: [exited], state })).toEqual(['remove web#1 web1'])
  })

  it.each<[string, Partial<Situation>]>([
    ['while the rollout waits for a person', { rollout: { phase: 'stopped' } }],
    ['in a rollout that goes on regardless', { rollout: { failed: { 'web#1': NOW_MS } } }],
  ])('stays as it is %s', (_title, patch) => {
    expect(actionsOf({ services: [web], changes: [exited, createAt(web, 2)], state, ...patch })).not.toContain(
      'remove web#1 web1',
    )
  })
})

describe('one replica too many in a slot', () => {
  const unproven = unchangedAt(web, 1)
  const extra = removeAt(web, 1, 'surplus', 'extra')
  const situation: Situation = { services: [web], changes: [unproven, extra] }

  it('stays while it serves and the one that is kept is not proven', () => {
    expect(actionsOf(situation)).toEqual([])
    const state = { provenReplicas: provenReplicas(unproven) }
    expect(actionsOf({ ...situation, state })).toEqual(['stop web#1 extra'])
  })

  it('goes when it does not serve itself', () => {
    const ill = { ...extra, replica: replicaAt(web, 1, 'extra', { health: 'unhealthy' }) } as Change
    expect(actionsOf({ ...situation, changes: [unproven, ill] })).toEqual(['stop web#1 extra'])
  })
})

describe('a rollout that waits for a person', () => {
  const unproven = replicaAt(web, 1, 'new1')
  it.each<[string, Change, readonly string[]]>([
    ['creates nothing', createAt(web, 1), []],
    ['begins no replacing', replaceAt(web, 1), []],
    ['ends no replacing', replaceAt(web, 1, { successor: unproven }), []],
    ['removes no surplus', removeAt(web, 1, 'surplus'), []],
    ['removes no service', removeAt(specOf({ name: 'gone' }), 1, 'unwanted'), []],
    ['updates nothing in place', { ...unchangedAt(web, 1), kind: 'update-in-place', causes: [] } as Change, []],
    ['keeps alive what was proven', restartAt(web, 1, 'exited', { state: 'exited' }), ['start web#1 web1']],
  ])('%s', (_title, change, actions) => {
    const containerId = change.kind === 'restart' ? change.replica.containerId : 'new1'
    const provenReplicas = change.kind === 'create' ? {} : { 'web#1': containerId }
    const situation = { services: [web], changes: [change], state: { provenReplicas } }
    for (const phase of ['paused', 'stopped'] as const)
      expect(actionsOf({ ...situation, rollout: { phase } }), phase).toEqual(actions)
  })
})

describe('a suspended service', () => {
  it('is left as it is, the others are not', () => {
    const api = specOf({ name: 'api', image: 'api:2' })
    const changes = [replaceAt(api, 1), replaceAt(web, 1)]
    expect(actionsOf({ services: [api, web], changes, suspended: new Set(['api']) })).toEqual(['run web#1 web:2'])
  })
})

describe('a service that depends on another', () => {
  const api = specOf({ name: 'api', image: 'api:1', healthcheck: CHECK })
  const job = specOf({ name: 'job', mode: 'job' })
  const on = (condition: Dependency['condition'], service = 'api'): ServiceSpec => ({
    ...web,
    dependsOn: [{ service, condition, required: true, restart: false }],
  })
  const proven = unchangedAt(api, 1)
  const healthy = provenReplicas(proven)
  const finished = { state: 'exited', exitCode: 0 } as const

  it.each<[string, ServiceSpec, readonly Change[], Partial<Situation>, boolean]>([
    ['runs and is not healthy', on('service_healthy'), [unchangedAt(api, 1, { health: 'starting' })], {}, false],
    ['is healthy', on('service_healthy'), [proven], { state: { provenReplicas: healthy } }, true],
    [
      'was healthy and has become unhealthy',
      on('service_healthy'),
      [restartAt(api, 1, 'unhealthy', { health: 'unhealthy' })],
      { state: { provenReplicas: healthy } },
      false,
    ],
    [
      'is half updated',
      on('service_healthy'),
      [proven, replaceAt(api, 2, { successor: replicaAt(api, 2, 'new2', { health: 'starting' }) })],
      { state: { provenReplicas: healthy }, rollout: { services: { api: 1 } } },
      false,
    ],
    [
      'runs, which is all that is asked',
      on('service_started'),
      [unchangedAt(api, 1, { health: 'starting' })],
      {},
      true,
    ],
    ['does not exist yet', on('service_started'), [createAt(api, 1)], { busySlots: new Set(['api#1']) }, false],
    ['runs and has to finish', on('service_completed_successfully', 'job'), [unchangedAt(job, 1)], {}, false],
    ['has finished', on('service_completed_successfully', 'job'), [unchangedAt(job, 1, finished)], {}, true],
  ])('where that one %s', (_title, spec, others, situation, starts) => {
    const services = [api, job, spec]
    const [create, replace] = [createAt(spec, 1), replaceAt(spec, 1)].map((change) =>
      actionsOf({ services, ...situation, changes: [...others, change] }).includes('run web#1 web:2'),
    )
    expect({ create, replace }).toEqual({ create: starts, replace: starts })
  })
})

describe('a container that cannot be made', () => {
  const failure = (code: ProblemCode, count = 1, alike = 1): ReadonlyMap<string, RunFailure> =>
    new Map([
      [
        'web#1',
        { specHash: specHash(web), problem: { code, message: 'no', server: 'lon-1' }, atMs: NOW_MS - 1, count, alike },
      ],
    ])

  it.each<[ProblemCode, boolean]>([
    ['ENGINE_ERROR', true],
    ['PORT_TAKEN', true],
    ['SERVER_UNREACHABLE', false],
    ['ENGINE_UNREACHABLE', false],
    ['SERVER_AUTH', false],
    ['HOST_KEY_UNKNOWN', false],
    ['HOST_KEY_MISMATCH', false],
    ['ENGINE_CHANGED', false],
    ['ENGINE_SHARED', false],
    ['ENGINE_TOO_OLD', false],
    ['CALL_TIMEOUT', false],
    ['CONNECTION_LOST', false],
    ['IMAGE_NOT_FOUND', false],
    ['NETWORK_CONFLICT', false],
  ])('because of %s is a failed replica: %s', (code, fails) => {
    const situation = { services: [web], changes: [createAt(web, 1)], runFailures: failure(code) }
    expect(factKindsOf(situation)).toEqual(fails ? ['replica-failed'] : [])
    expect(actionsOf(situation)).toEqual([])
    expect(actionsOf({ ...situation, nowMs: NOW_MS + 1_000 })).toEqual(fails ? [] : ['run web#1 web:2'])
  })

  it.each([
    [9, 3, false],
    [9, 4, true],
  ])(
    'because something is gone is one after four tries that say so, whatever came before (%i, %i): %s',
    (count, alike, fails) => {
      const runFailures = failure('IMAGE_NOT_FOUND', count, alike)
      const situation = { services: [web], changes: [createAt(web, 1)], runFailures }
      expect(factKindsOf(situation)).toEqual(fails ? ['replica-failed'] : [])
    },
  )

  it('outside a rollout is tried again after a pause, whatever the reason', () => {
    const situation = { services: [web], changes: [createAt(web, 1)], runFailures: failure('ENGINE_ERROR') }
    const settled = { state: { proven: { hash: 'wanted', revision: factsOf(situation).target.version.revision } } }
    expect(actionsOf({ ...situation, ...settled, rollout: null })).toEqual([])
    expect(factKindsOf({ ...situation, ...settled, rollout: null })).toEqual([])
    expect(actionsOf({ ...situation, ...settled, rollout: null, nowMs: NOW_MS + 10_000 })).toEqual(['run web#1 web:2'])
  })
})

describe('a replica that is lost during a rollout', () => {
  const situation = { services: [web], proven: [before], changes: [createAt(web, 1)] }
  it.each<[string, Partial<Situation>, string]>([
    ['comes back with the spec its slot had', { state: { provenReplicas: { 'web#1': 'old1' } } }, 'web:1'],
    [
      'comes back with the new spec, once that was proven in the slot',
      { state: { provenReplicas: { 'web#1': 'new1' } }, rollout: { proven: { 'web#1': NOW_MS - 1 } } },
      'web:2',
    ],
    ['is a new one where the slot had none', {}, 'web:2'],
    [
      'is a new one where the slot was not wanted any more',
      { proven: [{ ...before, replicas: 0 }], state: { provenReplicas: { 'web#1': 'older1' } } },
      'web:2',
    ],
  ])('%s', (_title, patch, image) => {
    expect(actionsOf({ ...situation, ...patch })).toEqual([`run web#1 ${image}`])
  })
})

describe('what is not wanted any more', () => {
  const gone = specOf({ name: 'gone' })
  const unwanted = removeAt(gone, 1, 'unwanted')
  const api = specOf({ name: 'api' })
  const done = unchangedAt(api, 1)
  const state = { provenReplicas: provenReplicas(done) }

  it.each<[string, Change, readonly string[]]>([
    ['goes when everything that stays is proven', done, ['stop gone#1 gone1']],
    ['stays while a slot is not made', createAt(web, 2), []],
    ['stays while a slot is not replaced', replaceAt(web, 2, there(2)), []],
    ['stays while a slot cannot be made anywhere', blockedAt(web, 2, 'NO_SERVER_FITS'), []],
  ])('%s', (_title, change, actions) => {
    const removals = actionsOf({ services: [api, web], changes: [done, change, unwanted], state }).filter((line) =>
      line.includes('gone'),
    )
    expect(removals).toEqual(actions)
  })
})

describe('an advice', () => {
  it('says when the delay ends', () => {
    const spec = updating({ delayMs: 5_000 })
    const rollout = { proven: { 'web#2': NOW_MS - 2_000 } }
    const { wakeAtMs } = advance(factsOf({ services: [spec], rollout, changes: [replaceAt(spec, 1)] }))
    expect(wakeAtMs).toBe(NOW_MS + 3_000)
  })
})

describe('a replica that failed where that is tolerated, when no rollout runs any more', () => {
  const proven = { hash: 'wanted', revision: revisionOf('b') }
  const failed = { services: [web], rollout: null, state: { proven, failedReplicas: { 'web#1': 'web1' } } }

  it('is watched once more when it looks healthy, and proven then', () => {
    const situation = { ...failed, changes: [unchangedAt(web, 1)] }
    expect(actionsOf(situation)).toEqual([])
    const well = { ...newTrack('web1', NOW_MS - 6_000), readySinceMs: NOW_MS - 6_000, confirmedAtMs: NOW_MS }
    expect(factKindsOf({ ...situation, tracks: new Map([['web1', well]]) })).toEqual(['slot-proven'])
  })

  it('is left as it is by the next rollout when it is well again, and made anew when it is not', () => {
    const api = specOf({ name: 'api', image: 'api:2' })
    const next = { ...failed, services: [web, api], proven: null, rollout: {} }
    expect(actionsOf({ ...next, changes: [unchangedAt(web, 1), createAt(api, 1)] })).toEqual(['run api#1 api:2'])
    const ill = unchangedAt(web, 1, { health: 'starting' })
    expect(actionsOf({ ...next, changes: [ill, createAt(api, 1)] })).toContain('stop web#1 web1')
  })

  it('is restarted while it does not answer yet', () => {
    expect(actionsOf({ ...failed, changes: [unchangedAt(web, 1, { health: 'starting' })] })).toEqual([
      'restart web#1 web1',
    ])
  })
})
