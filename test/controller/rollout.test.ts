import { describe, expect, it } from 'vitest'
import { FLEET, compose, createWorld } from './world.js'
import type { World } from './world.js'

const PATH = 'stacks/shop/compose.yaml'

function images(world: World): string[] {
  return [...world.driver.containers.values()]
    .filter(({ replica }) => replica.state === 'running')
    .map(({ image, replica }) => `${replica.slot.service}#${replica.slot.key} ${image}`)
    .sort()
}

async function deployed(): Promise<{ world: World; controller: ReturnType<World['boot']> }> {
  const world = createWorld()
  world.source.commit(
    {
      'slipway.yaml': FLEET,
      [PATH]: compose({ web: { image: 'web:1', replicas: 3 }, api: { image: 'api:1', replicas: 2 } }),
    },
    'first',
  )
  const controller = world.boot()
  await world.clock.run(30_000)
  return { world, controller }
}

describe('a rollout', () => {
  it('deploys the first revision to healthy, then touches nothing', async () => {
    const { world, controller } = await deployed()
    expect(images(world)).toEqual(['api#1 api:1', 'api#2 api:1', 'web#1 web:1', 'web#2 web:1', 'web#3 web:1'])
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
    const calls = world.driver.calls.length
    await world.clock.run(300_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('is not begun for a commit that changes nothing here: it is accepted, and that is all', async () => {
    const { world, controller } = await deployed()
    const before = [world.driver.calls.length, world.journal.history({ limit: 100 }).length]
    const sha = world.source.commit({ 'elsewhere/compose.yaml': compose({ web: { image: 'web:9' } }) }, 'elsewhere')
    await world.clock.run(300_000)
    const facts = world.journal.history({ limit: 100 }).slice(0, -(before[1] ?? 0))
    expect(controller.status().source.accepted?.sha).toBe(sha)
    expect({ calls: world.driver.calls.length, facts: facts.map(({ kind }) => kind) }).toEqual({
      calls: before[0],
      facts: ['revision-accepted'],
    })
  })

  it('replaces only the service that changed, one at a time, new before old', async () => {
    const { world, controller } = await deployed()
    const api = [...world.driver.containers.keys()].filter((id) => world.driver.containers.get(id)?.image === 'api:1')
    world.driver.calls.length = 0
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:2', replicas: 3 }, api: { image: 'api:1', replicas: 2 } }) },
      'second',
    )
    await world.clock.run(180_000)
    expect(images(world)).toEqual(['api#1 api:1', 'api#2 api:1', 'web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
    expect(api.every((id) => world.driver.containers.has(id))).toBe(true)
    const order = world.driver.calls
      .filter((call) => /^(run|stop) web/.test(call))
      .map((call) => call.split(' ').slice(0, 2).join(' '))
    expect(order).toEqual(['run web#1', 'stop web#1', 'run web#2', 'stop web#2', 'run web#3', 'stop web#3'])
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
  })

  it('takes back everything the revision changed when one service does not become healthy, and does not try it again', async () => {
    const { world, controller } = await deployed()
    const before = images(world)
    world.driver.behaviours.set('api:bad', { never: true })
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:2', replicas: 3 }, api: { image: 'api:bad', replicas: 2 } }) },
      'bad',
    )
    await world.clock.run(900_000)
    expect(images(world)).toEqual(before)
    const stack = controller.status().stacks[0]
    expect(stack).toMatchObject({ phase: 'rejected' })
    expect(stack?.services.find((service) => service.name === 'api')?.failure?.evidence?.logTail).toEqual(['boom'])
    const calls = world.driver.calls.length
    await world.clock.run(3_600_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('lands on A when B and then C are bad', async () => {
    const { world, controller } = await deployed()
    const before = images(world)
    world.driver.behaviours.set('api:bad', { never: true })
    world.driver.behaviours.set('api:worse', { never: true })
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:1', replicas: 3 }, api: { image: 'api:bad', replicas: 2 } }) },
      'bad',
    )
    await world.clock.run(90_000)
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:1', replicas: 3 }, api: { image: 'api:worse', replicas: 2 } }) },
      'worse',
    )
    await world.clock.run(900_000)
    expect(images(world)).toEqual(before)
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'rejected' })
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:1', replicas: 3 }, api: { image: 'api:3', replicas: 2 } }) },
      'fix',
    )
    await world.clock.run(300_000)
    expect(images(world).slice(0, 2)).toEqual(['api#1 api:3', 'api#2 api:3'])
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
  })

  it('scales both ways and removes a service last', async () => {
    const { world } = await deployed()
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:1', replicas: 6 }, api: { image: 'api:1', replicas: 2 } }) },
      'more',
    )
    await world.clock.run(90_000)
    expect(images(world)).toHaveLength(8)
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:1', replicas: 2 }, api: { image: 'api:2', replicas: 2 } }) },
      'fewer',
    )
    await world.clock.run(180_000)
    expect(images(world)).toEqual(['api#1 api:2', 'api#2 api:2', 'web#1 web:1', 'web#2 web:1'])
  })

  it('changes nothing when an image cannot be pulled, and goes on when it can', async () => {
    const { world, controller } = await deployed()
    const before = images(world)
    world.driver.failures.set('pull web:gone', {
      code: 'IMAGE_NOT_FOUND',
      server: 'lon-1',
      message: 'no image web:gone',
    })
    world.source.commit(
      { [PATH]: compose({ web: { image: 'web:gone', replicas: 3 }, api: { image: 'api:2', replicas: 2 } }) },
      'gone',
    )
    await world.clock.run(120_000)
    expect(images(world)).toEqual(before)
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'blocked', problems: [{ code: 'IMAGE_NOT_FOUND' }] })
    world.driver.failures.clear()
    await world.clock.run(600_000)
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
  })

  it('restarts what asks for it after its dependency was updated, and only then', async () => {
    const { world } = await deployed()
    const wanting = compose({
      web: {
        image: 'web:1',
        replicas: 3,
        more: '    depends_on: { api: { condition: service_healthy, restart: true } }',
      },
      api: { image: 'api:2', replicas: 2 },
    })
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: wanting }, 'api moves on')
    await world.clock.run(300_000)
    const runs = world.driver.calls.filter((call) => call.startsWith('run')).map((call) => call.split(' ')[1])
    expect(runs).toEqual(['api#1', 'api#2', 'web#1', 'web#2', 'web#3'])
    const calls = world.driver.calls.length
    await world.clock.run(600_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('brings back a killed replica at once', async () => {
    const { world } = await deployed()
    const id = [...world.driver.containers.keys()][0] ?? ''
    world.driver.kill(id)
    world.driver.hint(world.driver.containers.get(id)?.replica.server ?? '')
    await world.clock.run(1_000)
    expect(images(world)).toHaveLength(5)
  })
})
