import { describe, expect, it } from 'vitest'
import { settlementOf } from '../../src/controller/index.js'
import { PATH, SHOP, deployed } from './deployed.js'
import { compose } from './world.js'

describe('a revision that was accepted and not decided on yet', () => {
  it('is not taken for applied because the one before it is', async () => {
    const { world, controller } = await deployed()
    const sha = world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'second')
    await controller.poll()
    expect(controller.status().source.accepted?.sha).toBe(sha)
    expect(settlementOf(controller.status(), sha).kind).toBe('pending')
  })

  it('is not taken for rolled back because the one before it was', async () => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('api:bad', { never: true })
    const bad = { web: { image: 'web:1', replicas: 3 }, api: { image: 'api:bad', replicas: 2 } }
    const rejected = world.source.commit({ [PATH]: compose(bad) }, 'bad')
    await world.clock.run(900_000)
    expect(settlementOf(controller.status(), rejected).kind).toBe('rolled-back')
    const sha = world.source.commit({ [PATH]: compose({ ...bad, api: { image: 'api:3', replicas: 2 } }) }, 'fix')
    await controller.poll()
    expect(settlementOf(controller.status(), sha).kind).toBe('pending')
  })

  it('is not taken for rolled back when it is tried again', async () => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('api:bad', { never: true })
    const bad = { web: { image: 'web:1', replicas: 3 }, api: { image: 'api:bad', replicas: 2 } }
    const sha = world.source.commit({ [PATH]: compose(bad) }, 'bad')
    await world.clock.run(900_000)
    controller.command({ kind: 'retry', stack: 'shop', by: 'ada' })
    expect(settlementOf(controller.status(), sha).kind).toBe('pending')
  })

  it('is applied at once where it changes nothing', async () => {
    const { world, controller } = await deployed()
    const sha = world.source.commit({ 'README.md': 'words' }, 'words')
    await controller.poll()
    expect(settlementOf(controller.status(), sha).kind).toBe('applied')
  })
})
