import { describe, expect, it } from 'vitest'
import { ROLLOUT_DEFAULTS, UPDATE_DEFAULTS } from '../../src/model/index.js'
import type { RolloutPolicy, ServiceSpec, Strategy } from '../../src/model/index.js'
import { givenUp } from '../../src/rollout/fold-stages.js'
import { specOf } from './builders.js'
import { Passage } from './passage.js'

const LIMITS = { leastRequests: 20, errorRatio: 0.02, p95Ratio: 2 }
const CANARY: Strategy = {
  kind: 'canary',
  steps: [
    { percent: 5, holdMs: 120_000 },
    { percent: 50, holdMs: 300_000 },
  ],
  limits: LIMITS,
}
const BLUE_GREEN: Strategy = { kind: 'blue-green', keepMs: 30_000 }

function webOf(
  image: string,
  strategy: Strategy,
  patch: Partial<ServiceSpec> = {},
  rollout: Partial<RolloutPolicy> = {},
): ServiceSpec {
  return specOf({
    image,
    replicas: 4,
    update: { ...UPDATE_DEFAULTS, monitorMs: 0 },
    rollout: { ...ROLLOUT_DEFAULTS, ...rollout, strategy },
    ...patch,
  })
}

function begin(strategy: Strategy, patch: Partial<ServiceSpec> = {}, rollout: Partial<RolloutPolicy> = {}): Passage {
  const web = (image: string): ServiceSpec => webOf(image, strategy, patch, rollout)
  return new Passage([web('web:1')]).want([web('web:2')])
}

const WELL = { requests: 100, errors: 0, p95Ms: 30 }

const TO_STEP_1 = ['started forward', 'share web 0', 'begun web 1/3', 'run web#1 web:2', 'share web 5', 'reached web 1']
const ALL_OLD = 'web#1 web:1, web#2 web:1, web#3 web:1, web#4 web:1'
const ALL_NEW = ALL_OLD.replaceAll('web:1', 'web:2')

describe('a canary', () => {
  it('goes step by step, keeps the old ones until the end, and lets them leave together', () => {
    const play = begin(CANARY)
    expect(play.told()).toEqual(TO_STEP_1)
    play.serve('web', WELL, WELL).pass(119_000)
    expect(play.told()).toEqual([])
    play.pass(1_000)
    expect(play.told()).toEqual(['begun web 2/3', 'run web#2 web:2', 'share web 50', 'reached web 2'])
    expect(play.running()).toBe(`web#1 web:1, web#1 web:2, web#2 web:1, web#2 web:2, web#3 web:1, web#4 web:1`)
    play.pass(150_000).serve('web', WELL, WELL).pass(150_000)
    const end = play.told()
    expect(end.slice(0, 6)).toEqual([
      'begun web 3/3',
      'run web#3 web:2',
      'run web#4 web:2',
      'share web 100',
      'reached web 3',
      'begun web 4/3',
    ])
    expect(end.filter((line) => line.startsWith('stop'))).toHaveLength(4)
    expect(end.slice(-2)).toEqual(['completed', 'share web none'])
    expect(play.running()).toBe(ALL_NEW)
  })

  it.each<[string, Parameters<Passage['serve']>[1], Parameters<Passage['serve']>[1], string | null]>([
    ['fail more often than the old ones', { requests: 100, errors: 5 }, { requests: 900, errors: 9 }, 'CANARY_WORSE'],
    ['fail as often as the old ones', { requests: 100, errors: 5 }, { requests: 900, errors: 45 }, null],
    ['fail, but were asked too seldom to tell', { requests: 19, errors: 19 }, { requests: 900 }, null],
    ['fail where the old ones were asked nothing', { requests: 20, errors: 20 }, {}, 'CANARY_WORSE'],
    ['failed once', { requests: 20, errors: 1 }, { requests: 900 }, null],
    ['take much longer', { requests: 100, p95Ms: 201 }, { requests: 900, p95Ms: 100 }, 'CANARY_WORSE'],
    ['take longer within the limit', { requests: 100, p95Ms: 200 }, { requests: 900, p95Ms: 100 }, null],
    ['take longer by nothing that matters', { requests: 100, p95Ms: 21 }, { requests: 900, p95Ms: 2 }, null],
    ['take longer than a few of the old ones', { requests: 100, p95Ms: 201 }, { requests: 19, p95Ms: 100 }, null],
  ])('whose new replicas %s', (_title, fresh, old, code) => {
    const play = begin(CANARY)
    play.told()
    play.serve('web', fresh, old)
    const lines = play.told()
    expect(lines.find((line) => line.startsWith('failed '))).toBe(code === null ? undefined : `failed ${code} rollback`)
    expect(play.running()).toBe(
      code === null ? `web#1 web:1, web#1 web:2${ALL_OLD.slice('web#1 web:1'.length)}` : ALL_OLD,
    )
    expect(play.state.rejected.map(({ problem }) => problem.code)).toEqual(code === null ? [] : [code])
  })

  it('that fails gets nothing more in that very turn, whatever is waited for', () => {
    const play = begin(CANARY)
    play.ill.add('web:2')
    play.told()
    play.strike('web#1', 'web:2', { health: 'unhealthy' })
    expect(play.told()).toEqual([
      'failed web#1',
      'failed REPLICA_UNHEALTHY rollback',
      'started back',
      'share web 0',
      'stop web#1 web:2',
      'completed',
      'share web none',
    ])
    expect(play.running()).toBe(ALL_OLD)
    expect(play.want([webOf('web:2', CANARY)], 'c').told()).toEqual([])
  })

  it('tolerates no failed replica, whatever update_config does', () => {
    const play = begin(CANARY, { update: { ...UPDATE_DEFAULTS, monitorMs: 0, maxFailureRatio: 1 } })
    play.strike('web#1', 'web:2', { health: 'unhealthy' })
    expect(play.told()).toContain('failed REPLICA_UNHEALTHY rollback')
  })

  it('waits for a person where a step has no time, and goes on by a word', () => {
    const strategy: Strategy = {
      ...CANARY,
      steps: [
        { percent: 25, holdMs: null },
        { percent: 50, holdMs: null },
      ],
    }
    const play = begin(strategy).serve('web', WELL, WELL).pass(86_400_000)
    expect(play.told().filter((line) => line.startsWith('begun'))).toEqual(['begun web 1/3'])
    expect(play.advice().waiting.map(({ problem }) => `${problem.code} ${problem.next?.kind}`)).toEqual([
      'STEP_HELD stalled',
    ])
    play.promote('web', 'step')
    expect(play.told().filter((line) => line.startsWith('begun'))).toEqual(['begun web 2/3 promoted'])
    play.serve('web', WELL, WELL).pass(86_400_000)
    play.promote(null, 'end')
    expect(play.told().at(-2)).toBe('completed')
    expect(play.running()).toBe(ALL_NEW)
  })

  it('is judged at each step, and not once a person has promoted it to the end', () => {
    const play = begin({ ...CANARY, steps: [{ percent: 25, holdMs: null }] })
    play.takesShares = false
    play.promote(null, 'end').serve('web', { requests: 100, errors: 100 }, WELL)
    play.takesShares = true
    play.settle()
    expect(play.told().filter((line) => line.startsWith('failed'))).toEqual([])
    expect(play.running()).toBe(ALL_NEW)
  })

  it('waits for requests beyond its time, and is no failure meanwhile', () => {
    const play = begin(CANARY)
    play.serve('web', { requests: 19 }, WELL).pass(3_600_000)
    expect(play.told().filter((line) => line.startsWith('begun'))).toEqual(['begun web 1/3'])
    expect(play.advice().stages).toMatchObject([{ step: 1, steps: 3, percent: 5, waitsFor: 'requests', untilMs: null }])
    play.serve('web', { requests: 20 }, WELL)
    expect(play.told()).toContain('begun web 2/3')
  })

  it('never runs into the progress deadline while it is held, however long', () => {
    const play = begin({ ...CANARY, steps: [{ percent: 25, holdMs: null }] })
    for (let minutes = 0; minutes < 60; minutes += 1) play.pass(60_000)
    expect(play.told().filter((line) => line.startsWith('failed'))).toEqual([])
  })

  it('runs into the progress deadline where the proxies never go by its share', () => {
    const play = new Passage([webOf('web:1', CANARY)])
    play.takesShares = false
    play.want([webOf('web:2', CANARY)])
    for (let minutes = 0; minutes < 30; minutes += 1) play.pass(60_000)
    expect(play.told()).toContain('failed PROGRESS_DEADLINE rollback')
  })

  it('goes on where it was after its controller died, once the figures are there again', () => {
    const play = begin(CANARY).serve('web', WELL, WELL).pass(60_000)
    play.told()
    play.restart().pass(60_000)
    expect(play.told()).toEqual([])
    play.serve('web', WELL, WELL)
    expect(play.told()[0]).toBe('begun web 2/3')
    play
      .restart()
      .pass(299_000)
      .serve('web', { ...WELL, errors: 50 }, WELL)
    expect(play.told()).toContain('failed CANARY_WORSE rollback')
  })

  it('does not pass a step whose time went by while nobody looked', () => {
    const play = begin(CANARY)
    play.nowMs += 3_600_000
    play.restart()
    play.serve('web', WELL, WELL)
    expect(play.advice().stages).toMatchObject([{ step: 1, waitsFor: 'time' }])
    play.pass(10_000)
    expect(play.told()).toContain('begun web 2/3')
  })

  it('gets nothing before it is proven, and all of it where no old one serves any more', () => {
    const play = begin(CANARY, { update: { ...UPDATE_DEFAULTS, monitorMs: 5_000 } })
    expect(play.told().at(-1)).toBe('run web#1 web:2')
    expect(play.advice().shares).toMatchObject([{ percent: 0 }])
    play.ill.add('web:1')
    for (const slot of [1, 2, 3, 4]) play.strike(`web#${slot}`, 'web:1', { health: 'unhealthy' })
    expect(play.told()).toContain('share web none')
  })

  it('keeps the old ones well while it is held', () => {
    const play = begin(CANARY)
    play.told()
    play.strike('web#3', 'web:1', { state: 'exited', exitCode: 1 }).strike('web#1', 'web:1', { health: 'unhealthy' })
    expect(play.told()).toEqual(['healed web#3', 'start web#3 web:1', 'healed web#1', 'restart web#1 web:1'])
  })

  it('brings a lost old replica back as it was, and the new one of its own slot as it is', () => {
    const play = begin(CANARY)
    play.told()
    play.strike('web#3', 'web:1', null)
    expect(play.told()).toEqual(['run web#3 web:1'])
    play.strike('web#1', 'web:2', null)
    expect(play.told()).toEqual(['share web 0', 'run web#1 web:2', 'share web 5'])
  })

  it('stays at its share while its server is missed, and goes no further', () => {
    const play = begin(CANARY).serve('web', WELL, WELL)
    play.told()
    play.awayServers.set('lon-1', 'missed')
    play.pass(3_600_000)
    expect(play.told()).toEqual(['delayed'])
    play.awayServers.delete('lon-1')
    play.pass(0)
    expect(play.told()).toContain('begun web 2/3')
  })

  it('gets nothing while it waits for a person after a failure, and goes back by abort', () => {
    const play = begin(CANARY, { update: { ...UPDATE_DEFAULTS, monitorMs: 0, failureAction: 'pause' } })
    play.told()
    play.serve('web', { requests: 100, errors: 50 }, WELL)
    expect(play.told()).toEqual(['failed CANARY_WORSE pause', 'share web 0'])
    play.abort()
    expect(play.told()).toContain('failed ROLLOUT_ABORTED rollback')
    expect(play.running()).toBe(ALL_OLD)
  })

  it('makes way for a newer commit at once, and gets nothing beside it', () => {
    const play = begin(CANARY)
    play.told()
    play.want([webOf('web:3', CANARY)], 'c')
    const lines = play.told()
    expect(lines.slice(0, 3)).toEqual(['superseded', 'started forward', 'share web 0'])
    expect(lines).toContain('stop web#1 web:2')
    expect(play.running()).toBe('web#1 web:1, web#1 web:3, web#2 web:1, web#3 web:1, web#4 web:1')
  })

  it.each<[string, Partial<ServiceSpec>]>([
    ['more', { replicas: 6 }],
    ['fewer', { replicas: 2 }],
  ])('comes through with %s replicas in the same commit', (_title, patch) => {
    const play = new Passage([webOf('web:1', CANARY)]).want([webOf('web:2', CANARY, patch)])
    expect(play.running()).toBe(`web#1 web:1, web#1 web:2${ALL_OLD.slice('web#1 web:1'.length)}`)
    play.promote(null, 'end')
    expect(play.running()).toBe(
      Array.from({ length: patch.replicas ?? 0 }, (_, at) => `web#${at + 1} web:2`).join(', '),
    )
  })

  it('leaves a service that a person suspended as it is, its share too', () => {
    const play = begin(CANARY).serve('web', WELL, WELL)
    play.told()
    play.suspended.add('web')
    play.pass(3_600_000)
    expect(play.told()).toEqual(['delayed'])
    expect(play.advice().shares).toMatchObject([{ service: 'web', percent: 5 }])
  })

  it.each<[string, (play: Passage) => Passage]>([
    ['a revert', (play) => play.want([webOf('web:1', CANARY, { replicas: 4 })], 'c')],
    ['a change outside its containers', (play) => play.want([webOf('web:2', CANARY, { replicas: 3 })], 'c')],
  ])('is no canary: %s', (_title, commit) => {
    const play = begin(CANARY).promote(null, 'end')
    play.told()
    commit(play)
    const lines = play.told()
    expect(lines.filter((line) => line.startsWith('begun') || line.startsWith('share'))).toEqual([])
    expect(lines.at(-1)).toBe('completed')
  })

  it('fails with all that its commit changed, and with itself alone where it says so', () => {
    for (const scope of ['stack', 'service'] as const) {
      const api = (image: string): ServiceSpec => webOf(image, BLUE_GREEN, { name: 'api', replicas: 1 }, { scope })
      const web = (image: string): ServiceSpec => webOf(image, CANARY, { replicas: 1 }, { scope })
      const play = new Passage([api('api:1'), web('web:1')]).want([api('api:2'), web('web:2')])
      play.serve('web', { requests: 100, errors: 50 }, WELL).pass(60_000)
      expect(play.running(), scope).toBe(scope === 'stack' ? 'api#1 api:1, web#1 web:1' : 'api#1 api:2, web#1 web:1')
    }
  })
})

describe('a strategy that is over, in a rollout that is not', () => {
  /** The new ones of web are all there is of it; api keeps its old ones for a while. */
  function over(): Passage {
    const of = (image: string): readonly ServiceSpec[] => [
      webOf(`web:${image}`, CANARY),
      webOf(`api:${image}`, BLUE_GREEN, { name: 'api', replicas: 1 }),
    ]
    const play = new Passage(of('1')).want(of('2')).promote('web', 'end')
    play.told()
    expect(play.running()).toBe(`api#1 api:1, api#1 api:2, ${ALL_NEW}`)
    return play
  }

  it('is not given up with it: the new ones go on serving until others take their places', () => {
    const play = over()
    play.want(
      [webOf('web:3', CANARY, { rollout: ROLLOUT_DEFAULTS }), webOf('api:2', BLUE_GREEN, { name: 'api', replicas: 1 })],
      'c',
    )
    const lines = play.told()
    expect(lines[0]).toBe('superseded')
    expect(lines.filter((line) => line.startsWith('share web'))).toEqual(['share web none'])
    const runs = lines.filter((line) => / web#. web:/.test(line))
    expect(runs.slice(0, 4)).toEqual(['run web#1 web:3', 'stop web#1 web:2', 'run web#2 web:3', 'stop web#2 web:2'])
  })

  it('is not given up either where it was once, before Git came back to it', () => {
    const play = over()
    const hash = play.state.rollout?.stages?.web?.specHash ?? ''
    expect(givenUp({ ...play.state, takenBack: { web: hash, db: 'b' } }).takenBack).toMatchObject({ db: 'b' })
    expect(givenUp({ ...play.state, takenBack: { web: hash } }).takenBack).not.toHaveProperty('web')
  })

  it('goes back replica by replica', () => {
    const play = over().abort()
    const lines = play.told()
    expect(lines.filter((line) => line.startsWith('share web'))).toEqual(['share web none'])
    expect(play.running()).toBe(`api#1 api:1, ${ALL_OLD}`)
  })
})

describe('blue-green', () => {
  it('makes all new ones beside the old, switches at once, and keeps the old ones a while', () => {
    const play = begin(BLUE_GREEN)
    expect(play.told()).toEqual([
      'started forward',
      'share web 0',
      'begun web 1/2',
      ...[1, 2, 3, 4].map((slot) => `run web#${slot} web:2`),
      'reached web 1',
      'begun web 2/2',
      'share web 100',
      'reached web 2',
    ])
    play.pass(29_999)
    expect(play.told()).toEqual([])
    play.pass(1)
    expect(play.told().slice(-2)).toEqual(['completed', 'share web none'])
    expect(play.running()).toBe(ALL_NEW)
  })

  it('goes back at once while it keeps the old ones, by abort', () => {
    const play = new Passage([webOf('web:1', BLUE_GREEN)])
    const before = play.state.provenReplicas
    play.want([webOf('web:2', BLUE_GREEN)])
    expect(play.state.provenReplicas).not.toEqual(before)
    expect(givenUp(play.state).provenReplicas).toEqual(before)
    play.told()
    play.abort()
    const lines = play.told()
    expect(lines.slice(0, 3)).toEqual(['failed ROLLOUT_ABORTED rollback', 'started back', 'share web 0'])
    expect(lines.some((line) => line.startsWith('run'))).toBe(false)
    expect(play.running()).toBe(ALL_OLD)
  })

  it('does not switch while one of the new ones is ill, and goes back', () => {
    const web = (image: string): ServiceSpec => webOf(image, BLUE_GREEN)
    const play = new Passage([web('web:1')])
    play.ill.add('web:2')
    play.want([web('web:2')])
    const lines = play.told()
    expect(lines.some((line) => line === 'share web 100')).toBe(false)
    expect(lines).toContain('failed REPLICA_UNHEALTHY rollback')
    expect(play.running()).toBe(ALL_OLD)
  })

  it('lets the old ones go sooner when a person promotes it', () => {
    const play = begin(BLUE_GREEN)
    play.promote('web', 'step')
    expect(play.running()).toBe(ALL_NEW)
  })
})
