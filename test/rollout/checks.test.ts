import { describe, expect, it } from 'vitest'
import { ROLLOUT_DEFAULTS, UPDATE_DEFAULTS } from '../../src/model/index.js'
import type { CanaryCheck, CanaryStep, ServiceSpec } from '../../src/model/index.js'
import type { CheckAnswer } from '../../src/rollout/index.js'
import { specOf } from './builders.js'
import { Passage } from './passage.js'

const checkOf = (name: string, failures = 2): CanaryCheck => ({
  name,
  question: { kind: 'prometheus', url: 'http://prom', query: name, authorization: null, min: null, max: 1 },
  ...{ intervalMs: 30_000, timeoutMs: 5_000, failures },
})

const STEPS: readonly CanaryStep[] = [
  { percent: 25, holdMs: 60_000 },
  { percent: 50, holdMs: 60_000 },
]

function webOf(image: string, checks: readonly CanaryCheck[], steps = STEPS): ServiceSpec {
  const limits = { leastRequests: 0, errorRatio: 0.02, p95Ratio: 2 }
  const rollout = { ...ROLLOUT_DEFAULTS, strategy: { kind: 'canary' as const, steps, limits, checks } }
  return specOf({ image, replicas: 4, update: { ...UPDATE_DEFAULTS, monitorMs: 0 }, rollout })
}

function begin(checks: readonly CanaryCheck[] = [checkOf('latency')], steps = STEPS): Passage {
  return new Passage([webOf('web:1', checks, steps)]).want([webOf('web:2', checks, steps)])
}

function begunSteps(play: Passage): readonly string[] {
  return play.told().filter((line) => line.startsWith('begun'))
}

function waitingOf(play: Passage): readonly string[] {
  return play.advice().waiting.map(({ problem }) => `${problem.next?.kind} ${problem.message}`)
}

const ALL_OLD = 'web#1 web:1, web#2 web:1, web#3 web:1, web#4 web:1'

describe('a canary with checks', () => {
  it('asks from when the proxies go by the share, at each step anew, and goes on when they have said yes', () => {
    const play = begin()
    expect(play.told().slice(-3)).toEqual(['share web 25', 'reached web 1', 'asks web latency'])
    play.answer('web', 'latency', 'yes').pass(59_999)
    expect(play.told()).toEqual([])
    play.pass(1)
    expect(play.told()).toEqual([
      'begun web 2/3',
      'run web#2 web:2',
      'share web 50',
      'reached web 2',
      'asks web latency',
    ])
    play.pass(600_000)
    expect(play.told()).toEqual(['delayed'])
    play.answer('web', 'latency', 'yes')
    expect(play.told().filter((line) => line.startsWith('asks') || line === 'completed')).toEqual(['completed'])
  })

  it('asks nothing before the proxies have taken the share', () => {
    const play = begin([checkOf('latency')])
    const late = new Passage([webOf('web:1', [checkOf('latency')])])
    late.takesShares = false
    late.want([webOf('web:2', [checkOf('latency')])])
    expect([play, late].map((one) => one.told().filter((line) => line.startsWith('asks')))).toEqual([
      ['asks web latency'],
      [],
    ])
  })

  it.each<[string, readonly CheckAnswer['verdict'][], 'goes on' | 'waits' | 'goes back']>([
    ['nothing', [], 'waits'],
    ['yes', ['yes'], 'goes on'],
    ['no', ['no'], 'waits'],
    ['no and no', ['no', 'no'], 'goes back'],
    ['no, yes and no', ['no', 'yes', 'no'], 'waits'],
    ['no, and yes again', ['no', 'yes'], 'goes on'],
    ['yes, and no at last', ['yes', 'no'], 'waits'],
    ['no, no answer, and no', ['no', 'unknown', 'no'], 'goes back'],
    ['nothing that is an answer', ['unknown', 'unknown', 'unknown', 'unknown'], 'waits'],
    ['yes, and then no answer', ['yes', 'unknown'], 'waits'],
    ['no answer, and then yes', ['unknown', 'yes'], 'goes on'],
  ])('hears %s, and does as it should', (_title, verdicts, then) => {
    const play = begin()
    play.told()
    play.pass(59_000)
    for (const verdict of verdicts) play.answer('web', 'latency', verdict)
    play.pass(1_000)
    const lines = play.told()
    const isGoing = lines.includes('begun web 2/3')
    const isBack = lines.includes('failed CHECK_FAILED rollback')
    expect(isGoing ? 'goes on' : isBack ? 'goes back' : 'waits').toBe(then)
    expect(play.running() === ALL_OLD).toBe(isBack)
  })

  it('goes back to nothing in that very turn when one says no too often, and is rejected with its words', () => {
    const play = begin([checkOf('smoke'), checkOf('latency', 1)])
    play.answer('web', 'smoke', 'yes')
    play.told()
    play.answer('web', 'latency', 'no', '7 is more than 1')
    expect(play.told()).toEqual([
      'failed CHECK_FAILED rollback',
      'started back',
      'share web 0',
      'stop web#1 web:2',
      'completed',
      'share web none',
    ])
    expect(play.state.rejected.map(({ problem }) => [problem.service, problem.message])).toEqual([
      ['web', 'check latency said no: 7 is more than 1'],
    ])
    const twice = begin().answer('web', 'latency', 'no').answer('web', 'latency', 'no', 'HTTP 503')
    expect(twice.state.rejected[0]?.problem.message).toBe('check latency said no 2 times in a row: HTTP 503')
  })

  it('waits for each of them, and says for which, why, and what to do', () => {
    const play = begin([checkOf('smoke'), checkOf('latency')]).pass(60_000)
    expect(waitingOf(play)).toEqual([expect.stringMatching(/^wait step 1 of 3, .*check smoke was not asked yet$/)])
    play.answer('web', 'smoke', 'yes').answer('web', 'latency', 'unknown', 'prom cannot be reached')
    expect(play.advice().stages).toMatchObject([
      { waitsFor: 'checks', checks: [{ verdict: 'yes' }, { verdict: 'unknown', said: 'prom cannot be reached' }] },
    ])
    expect(waitingOf(play)).toEqual([
      expect.stringMatching(/^stalled .*check latency gives no answer: prom cannot be reached$/),
    ])
    play.answer('web', 'latency', 'no', '2 is more than 1')
    expect(waitingOf(play)).toEqual([expect.stringMatching(/^wait .*latency says no \(1 of 2\): 2 is more than 1$/)])
    expect(begunSteps(play)).toEqual(['begun web 1/3'])
  })

  it('does not go by a yes from before a controller stood still', () => {
    const play = begin().answer('web', 'latency', 'yes')
    play.pass(65_001)
    expect(waitingOf(play)).toEqual([expect.stringMatching(/said yes too long ago$/)])
    play.answer('web', 'latency', 'yes')
    expect(begunSteps(play)).toEqual(['begun web 1/3', 'begun web 2/3'])
  })

  it('asks anew under another controller, and passes nothing before', () => {
    const play = begin().answer('web', 'latency', 'yes').pass(30_000)
    play.restart().pass(60_000)
    expect(begunSteps(play)).toEqual(['begun web 1/3'])
    play.answer('web', 'latency', 'yes')
    expect(begunSteps(play)).toEqual(['begun web 2/3'])
  })

  it('is judged at a step without a time, too, which a yes does not end', () => {
    const steps = [{ percent: 25, holdMs: null }]
    const play = begin(undefined, steps).answer('web', 'latency', 'yes').pass(3_600_000)
    expect(play.advice().stages).toMatchObject([{ waitsFor: 'promote' }])
    play.answer('web', 'latency', 'no').answer('web', 'latency', 'no')
    expect(play.told()).toContain('failed CHECK_FAILED rollback')
  })

  it('goes on by the word of a person whatever they say, and is asked nothing more about that step', () => {
    const play = begin().answer('web', 'latency', 'no').promote('web', 'step')
    expect(begunSteps(play)).toEqual(['begun web 1/3', 'begun web 2/3 promoted'])
    play.answer('web', 'latency', 'unknown').promote('web', 'end')
    expect(play.told()).toContain('completed')
  })

  it('goes back by abort while they are asked', () => {
    const play = begin().answer('web', 'latency', 'yes').abort()
    expect(play.told()).toContain('failed ROLLOUT_ABORTED rollback')
    expect([play.running(), play.advice().checks]).toEqual([ALL_OLD, []])
  })

  it('asks nothing while a person has suspended it, nor where a failure waits for one', () => {
    const play = begin()
    play.suspended.add('web')
    expect(play.settle().advice().checks).toEqual([])
    const web = (image: string): ServiceSpec => ({
      ...webOf(image, [checkOf('latency', 1)]),
      update: { ...UPDATE_DEFAULTS, monitorMs: 0, failureAction: 'pause' },
    })
    const paused = new Passage([web('web:1')]).want([web('web:2')]).answer('web', 'latency', 'no')
    expect(paused.told()).toContain('failed CHECK_FAILED pause')
    expect(paused.advice().checks).toEqual([])
    expect(paused.advice().shares).toMatchObject([{ service: 'web', percent: 0 }])
  })

  it('asks nothing at the end, where everything goes to the new ones at once', () => {
    const play = begin(undefined, [{ percent: 100, holdMs: 60_000 }])
    play.answer('web', 'latency', 'yes').pass(60_000)
    const lines = play.told()
    expect(lines.filter((line) => line.startsWith('asks'))).toEqual(['asks web latency'])
    expect(lines.at(-2)).toBe('completed')
  })
})
