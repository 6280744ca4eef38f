import { describe, expect, it } from 'vitest'
import type { CheckAnswer } from '../../src/rollout/index.js'
import { PATH, deployed, running } from './deployed.js'
import type { Deployed } from './deployed.js'
import { FLEET, compose } from './world.js'
import type { ServiceText } from './world.js'

const CHECK = '{ name: smoke, http: { url: "http://shop.test" }, interval: 10s }'
const ROLLOUT = `strategy: canary, steps: [25% 1m, 50% 1m], limits: { requests: 0 }, checks: [${CHECK}]`
const web = (image: string): ServiceText => ({
  image,
  replicas: 4,
  more: `    ports: ["80:8080"]\n    x-slipway: { rollout: { ${ROLLOUT} } }`,
})

async function begun(answer?: CheckAnswer | (() => Promise<CheckAnswer>)): Promise<Deployed> {
  const all = await deployed({ web: web('web:1') }, `${FLEET}ingress: true\n`)
  if (answer !== undefined) all.world.checker.answers.set('smoke', answer)
  all.world.source.commit({ [PATH]: compose({ web: web('web:2') }) }, 'second')
  await all.world.clock.run(45_000)
  return all
}

function freshOf({ world }: Deployed): number {
  return running(world).filter((line) => line.endsWith('web:2')).length
}

const phaseOf = ({ controller }: Deployed) => controller.status().stacks[0]?.phase
const stageOf = ({ controller }: Deployed) => controller.status().stacks[0]?.services[0]?.stage

const NO: CheckAnswer = { verdict: 'no', said: 'HTTP 503, expected 200-299' }
const UNKNOWN: CheckAnswer = { verdict: 'unknown', said: 'shop.test cannot be reached (ECONNREFUSED)' }

describe('checks of a canary', () => {
  it('are asked at their interval while its steps last, and not before or after', async () => {
    const all = await begun()
    const { asked } = all.world.checker
    const before = asked.length
    expect(before).toBeGreaterThan(0)
    await all.world.clock.run(20_000)
    expect(asked.length - before).toBe(2)
    await all.world.clock.run(300_000)
    expect([freshOf(all), phaseOf(all)]).toEqual([4, 'synced'])
    const after = asked.length
    await all.world.clock.run(300_000)
    expect(asked.length).toBe(after)
  })

  it('that say no take it back, and say so in status, events and history', async () => {
    const all = await begun(NO)
    await all.world.clock.run(60_000)
    expect([freshOf(all), phaseOf(all)]).toEqual([0, 'rejected'])
    const sentence = 'check smoke said no 2 times in a row: HTTP 503, expected 200-299'
    expect(all.controller.status().stacks[0]?.sentence).toContain(sentence)
    const failed = all.world.journal.history({ limit: 100 }).find((fact) => fact.kind === 'rollout-failed')
    expect(failed).toMatchObject({ service: 'web', problem: { code: 'CHECK_FAILED', message: sentence } })
    const told = all.world.events.filter(({ message }) => message === 'check answered')
    expect(told.map(({ level, fields }) => ({ level, ...fields }))).toEqual([
      { level: 'warn', stack: 'shop', service: 'web', check: 'smoke', ...NO },
    ])
  })

  it('that give no answer keep it at its step, and a yes lets it go on', async () => {
    const all = await begun(UNKNOWN)
    await all.world.clock.run(600_000)
    expect([freshOf(all), stageOf(all)?.waitsFor, stageOf(all)?.step]).toEqual([1, 'checks', 1])
    expect(stageOf(all)?.checks).toMatchObject([{ name: 'smoke', noes: 0, failures: 2, ...UNKNOWN }])
    expect(all.controller.status().stacks[0]?.services[0]?.problem).toMatchObject({
      code: 'STEP_HELD',
      next: { kind: 'stalled' },
    })
    all.world.checker.answers.delete('smoke')
    await all.world.clock.run(300_000)
    expect([freshOf(all), phaseOf(all)]).toEqual([4, 'synced'])
  })

  it('that give no answer between two noes have said no twice in a row', async () => {
    const answers = [NO, UNKNOWN, UNKNOWN, NO]
    const all = await begun(() => Promise.resolve(answers.shift() ?? { verdict: 'yes', said: 'HTTP 200' }))
    await all.world.clock.run(60_000)
    expect([freshOf(all), phaseOf(all)]).toEqual([0, 'rejected'])
  })

  it('that answer when their step is over are heard and asked no more', async () => {
    const late: ((answer: CheckAnswer) => void)[] = []
    const all = await begun(() => new Promise((resolve) => void late.push(resolve)))
    all.controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })
    await all.world.clock.run(30_000)
    for (const resolve of late) resolve(NO)
    await all.world.clock.run(120_000)
    expect([late.length, phaseOf(all)]).toEqual([1, 'rejected'])
    expect(all.world.events.filter(({ message }) => message === 'check answered')).toEqual([])
  })

  it('whose asking fails by a bug give no answer', async () => {
    const all = await begun(() => Promise.reject(new Error('a bug')))
    await all.world.clock.run(120_000)
    expect(stageOf(all)).toMatchObject({ waitsFor: 'checks', checks: [{ verdict: 'unknown' }] })
  })

  it('that never end hold nothing up but their step', async () => {
    const all = await begun(() => new Promise(() => undefined))
    await all.world.clock.run(120_000)
    expect([all.world.checker.asked, stageOf(all)?.waitsFor]).toEqual([['smoke'], 'checks'])
    all.controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })
    await all.world.clock.run(30_000)
    expect([freshOf(all), phaseOf(all)]).toEqual([0, 'rejected'])
  })

  it('are passed over by a person', async () => {
    const all = await begun(UNKNOWN)
    expect(all.controller.command({ kind: 'promote', scope: 'shop/web', to: 'end', by: 'ada' })).toMatchObject({
      ok: true,
    })
    await all.world.clock.run(120_000)
    expect([freshOf(all), phaseOf(all)]).toEqual([4, 'synced'])
  })

  it('are asked anew by another controller, which goes by no answer of the one before', async () => {
    const all = await begun()
    await Promise.all([all.controller.stop(), all.world.clock.run(1_000)])
    all.world.checker.answers.set('smoke', UNKNOWN)
    const next = { ...all, controller: all.world.boot() }
    await all.world.clock.run(300_000)
    expect([freshOf(next), stageOf(next)?.step, stageOf(next)?.waitsFor]).toEqual([1, 1, 'checks'])
    all.world.checker.answers.delete('smoke')
    await all.world.clock.run(300_000)
    expect([freshOf(next), phaseOf(next)]).toEqual([4, 'synced'])
  })

  it('are not asked while a person suspends the stack, whose answers of before count for nothing then', async () => {
    const all = await begun()
    all.controller.command({ kind: 'suspend', scope: 'shop', reason: '', by: 'ada' })
    await all.world.clock.run(15_000)
    const { asked } = all.world.checker
    const before = asked.length
    await all.world.clock.run(120_000)
    expect(asked.length).toBe(before)
    all.world.checker.answers.set('smoke', UNKNOWN)
    all.controller.command({ kind: 'resume', scope: 'shop', by: 'ada' })
    await all.world.clock.run(120_000)
    expect([freshOf(all), stageOf(all)?.step, stageOf(all)?.waitsFor]).toEqual([1, 1, 'checks'])
  })

  it('are asked by nobody where a plan is only shown', async () => {
    const all = await begun(UNKNOWN)
    await Promise.all([all.controller.stop(), all.world.clock.run(1_000)])
    const before = all.world.checker.asked.length
    const shown = { ...all, controller: all.world.boot({ dryRun: true }) }
    await all.world.clock.run(120_000)
    expect(stageOf(shown)?.step).toBe(1)
    expect(all.world.checker.asked.length).toBe(before)
  })
})
