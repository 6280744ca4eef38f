import { describe, expect, it } from 'vitest'
import { pinsOf } from '../../src/cli/pins.js'
import { previewOn } from '../../src/controller/index.js'
import type { Controller } from '../../src/controller/index.js'
import { openLedger, shownKey } from '../../src/forge/index.js'
import type { Ledger } from '../../src/forge/index.js'
import { ALL, PATH, SHOP, running } from './deployed.js'
import { FLEET, FakeSource, compose, createWorld } from './world.js'
import type { World } from './world.js'

const MINUTE = 60_000
const PINNED = `${FLEET}guards: { plan: pinned }\n`
const signal = new AbortController().signal

interface Pinned {
  readonly world: World
  readonly controller: Controller
  readonly ledger: Ledger
  /** What a pull request is told. */
  readonly show: (files: Readonly<Record<string, string>>) => Promise<string>
  readonly held: () => string | undefined
}

async function pinned(fleet = PINNED): Promise<Pinned> {
  const world = createWorld()
  const { clock, source } = world
  const ledger = openLedger({ read: () => null, write: () => undefined })
  source.commit({ 'slipway.yaml': fleet, [PATH]: compose(SHOP) }, 'first')
  const pins = pinsOf({ ledger, source, clock, ref: 'main', snapshot: () => controller.snapshot() })
  const controller: Controller = world.boot({ pins })
  await clock.run(30_000)
  return {
    world,
    controller,
    ledger,
    async show(files) {
      const merged = new FakeSource()
      merged.commit({ 'slipway.yaml': fleet, [PATH]: compose(SHOP), ...files }, 'as merged')
      const planning = previewOn(controller.snapshot(), merged, clock, 'main', signal)
      await clock.run(1_000)
      const { pin } = await planning
      ledger.set(shownKey(pin ?? 'none'), 'shown')
      return pin ?? 'none'
    },
    held: () => controller.status().source.held?.problem.code,
  }
}

const version = (image: string, replicas = 3): Readonly<Record<string, string>> => ({
  [PATH]: compose({ ...SHOP, web: { image, replicas } }),
})
const NEW = ['web#1 web:2', 'web#2 web:2', 'web#3 web:2']

describe('a revision of a fleet whose plans are pinned', () => {
  it('goes when its plan is the one that was shown', async () => {
    const { world, show, held } = await pinned()
    expect(await show(version('web:2'))).toMatch(/^[0-9a-f]{20}$/)
    world.source.commit(version('web:2'), 'merged')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBeUndefined()
    expect(running(world)).toEqual(expect.arrayContaining(NEW))
  })

  it.each([
    ['nobody was shown', version('web:3')],
    ['was shown for fewer replicas', version('web:2', 4)],
    ['was shown for another policy', { 'slipway.yaml': `${PINNED}windows: []\n`, ...version('web:2') }],
  ])('is held when its plan %s', async (_what, files) => {
    const { world, controller, show, held } = await pinned()
    await show(version('web:2'))
    world.source.commit(files, 'merged')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBe('PLAN_NOT_SHOWN')
    expect(controller.status().source.held?.problem.message).toMatch(/its plan is [0-9a-f]{20}, which nobody was shown/)
    expect(running(world)).toEqual(ALL)
  })

  it('is held while the fleet is not as it was when the plan was shown, and goes when it is again', async () => {
    const { world, show, held } = await pinned()
    await show(version('web:2'))
    for (const server of ['lon-1', 'lon-2', 'par-1'])
      world.driver.failures.set(`run ${server}`, { code: 'DISK_FULL', message: 'no space left' })
    const [victim] = [...world.driver.containers].find(([, { image }]) => image === 'web:1') ?? []
    world.driver.containers.delete(victim ?? '')
    await world.clock.run(MINUTE)
    world.source.commit(version('web:2'), 'merged')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBe('PLAN_NOT_SHOWN')
    world.driver.failures.clear()
    await world.clock.run(20 * MINUTE)
    expect(held()).toBeUndefined()
    expect(running(world)).toEqual(expect.arrayContaining(NEW))
  })

  it('goes by a commit that names its plan, or by an approval, and not by a name of another', async () => {
    const { world, controller, show, ledger, held } = await pinned()
    await show(version('web:2'))
    world.source.commit(version('web:3'), 'merged\n\nSlipway-Plan: 0123456789abcdef')
    await world.clock.run(2 * MINUTE)
    expect(controller.status().source.held?.problem.message).toContain('not 0123456789abcdef, which its commits name')
    const named = /its plan is ([0-9a-f]{20})/.exec(controller.status().source.held?.problem.message ?? '')?.[1] ?? ''
    expect(ledger.get(shownKey(named))).toBeUndefined()
    world.source.commit({}, `as planned\n\nSlipway-Plan: ${named}`)
    await world.clock.run(2 * MINUTE)
    expect(held()).toBeUndefined()
    expect(running(world)).toContain('web#1 web:3')
    expect(world.journal.history({ limit: 50 }).filter(({ kind }) => kind === 'guard-released')).toEqual([
      expect.objectContaining({ guard: 'plan', reason: named, author: 'Ada' }),
    ])
    const sha = world.source.commit(version('web:4'), 'merged')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBe('PLAN_NOT_SHOWN')
    expect(controller.command({ kind: 'approve', sha, by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(2 * MINUTE)
    expect(running(world)).toContain('web#1 web:4')
  })

  it('that changes nothing is not held, and one that lifts the guard is', async () => {
    const { world, held } = await pinned()
    world.source.commit({ 'README.md': 'x' }, 'a word')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBeUndefined()
    world.source.commit({ 'slipway.yaml': FLEET, ...version('web:2') }, 'no more guard')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBe('PLAN_NOT_SHOWN')
  })

  it('is not asked for a plan where the guard is not set', async () => {
    const { world, held } = await pinned(FLEET)
    world.source.commit(version('web:2'), 'merged')
    await world.clock.run(2 * MINUTE)
    expect(held()).toBeUndefined()
    expect(running(world)).toEqual(expect.arrayContaining(NEW))
  })
})
