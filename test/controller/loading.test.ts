import { expect, it } from 'vitest'
import type { ManifestLoader } from '../../src/controller/index.js'
import { createLoader } from '../../src/manifest/index.js'
import { fail } from '../../src/model/index.js'
import { PATH, SHOP, deployed, running } from './deployed.js'
import { FLEET, compose, createWorld } from './world.js'

const problem = { code: 'MANIFEST_TOO_COSTLY', message: 'reading the manifests takes more than 60 s' } as const

/** A loader that counts its rounds, and that a commit brings down as often as it is told. */
function fragile(): ManifestLoader & { failures: number; rounds: number } {
  const loader = createLoader()
  const made = {
    failures: 0,
    rounds: 0,
    load: (...[tree, read]: Parameters<ManifestLoader['load']>) => {
      made.rounds += 1
      if (made.failures === 0) return loader.load(tree, read)
      made.failures -= 1
      return Promise.resolve({ kind: 'refused', problems: [problem] } as const)
    },
  }
  return made
}

it('a commit that brings the loader down changes nothing, and is read again until it can be', async () => {
  const world = createWorld()
  const loader = fragile()
  world.source.commit({ 'slipway.yaml': FLEET, [PATH]: compose(SHOP) }, 'first')
  const controller = world.boot({}, world.journal, loader)
  await world.clock.run(60_000)
  const before = running(world)
  expect(before).toHaveLength(5)

  loader.failures = 3
  const sha = world.source.commit(
    { [PATH]: compose({ web: { image: 'web:2', replicas: 3 }, api: SHOP['api'] ?? { image: '' } }) },
    'second',
  )
  await world.clock.run(70_000)
  expect(running(world)).toEqual(before)
  expect(controller.status().source.problem?.code).toBe('MANIFEST_TOO_COSTLY')

  await world.clock.run(1_200_000)
  expect([controller.status().source.problem, controller.status().source.accepted?.sha]).toEqual([null, sha])
  expect(running(world).filter((line) => line.endsWith('web:2'))).toHaveLength(3)
})

it('a revision is read once, however often Git and the servers are looked at, and rolled out', async () => {
  const world = createWorld()
  const loader = fragile()
  world.source.commit({ 'slipway.yaml': FLEET, [PATH]: compose(SHOP) }, 'first')
  world.boot({}, world.journal, loader)
  await world.clock.run(3_000)
  const { rounds } = loader
  expect(rounds).toBeGreaterThan(0)
  await world.clock.run(1_200_000)
  expect([loader.rounds, running(world).length]).toEqual([rounds, 5])
})

it.each(['tree', 'read'] as const)(
  'a commit of which Git does not give the %s just now is read again, and rolled out',
  async (call) => {
    const { world, controller } = await deployed()
    const whole = world.source[call].bind(world.source)
    world.source[call] = () => Promise.resolve(fail({ code: 'GIT_TIMEOUT', message: 'not in time' }))
    const sha = world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'second')
    await world.clock.run(120_000)
    expect(controller.status().source).toMatchObject({ problem: { code: 'GIT_TIMEOUT' }, refused: null })
    Object.assign(world.source, { [call]: whole })
    await world.clock.run(900_000)
    expect(controller.status().source).toMatchObject({ problem: null, accepted: { sha } })
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  },
)
