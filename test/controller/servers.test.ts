import { describe, expect, it } from 'vitest'
import { memoryJournal } from '../../src/controller/index.js'
import { ALL, PATH, SHOP, deployed, running, serversOf } from './deployed.js'
import { FLEET, compose } from './world.js'

describe('a server that does not answer', () => {
  it('changes nothing while it may come back', async () => {
    const { world, controller } = await deployed()
    const calls = world.driver.calls.length
    world.driver.down.add('lon-1')
    await world.clock.run(200_000)
    expect(world.driver.calls.length).toBe(calls)
    expect(controller.status().servers.find((server) => server.name === 'lon-1')?.phase).toBe('unknown')
    world.driver.down.delete('lon-1')
    await world.clock.run(60_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('has its replicas made elsewhere when it is lost, and is fenced when it returns', async () => {
    const { world } = await deployed()
    world.driver.down.add('lon-1')
    await world.clock.run(400_000)
    const elsewhere = [...world.driver.containers.values()].filter(({ replica }) => replica.server !== 'lon-1')
    expect(
      elsewhere.map(({ replica, image }) => `${replica.slot.service}#${replica.slot.key} ${image}`).sort(),
    ).toEqual(ALL)
    world.driver.down.delete('lon-1')
    await world.clock.run(120_000)
    expect(running(world)).toEqual(ALL)
    expect(serversOf(world, 'web')).not.toContain('lon-1')
  })

  it('is not replaced when it never counts as lost', async () => {
    const { world } = await deployed(
      SHOP,
      FLEET.replace('labels: { zone: a } }', 'labels: { zone: a }, lost_after: never }'),
    )
    const calls = world.driver.calls.length
    world.driver.down.add('lon-1')
    await world.clock.run(3_600_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('together with more than half of the fleet moves nothing: the controller is cut off', async () => {
    const { world } = await deployed()
    const calls = world.driver.calls.length
    world.driver.down.add('lon-1').add('lon-2')
    await world.clock.run(3_600_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('comes back from such a time before the others without any of them counting as lost', async () => {
    const { world } = await deployed()
    const calls = world.driver.calls.length
    world.driver.down.add('lon-1').add('lon-2')
    await world.clock.run(3_600_000)
    world.driver.down.delete('lon-1')
    await world.clock.run(200_000)
    expect(world.driver.calls.length).toBe(calls)
    await world.clock.run(200_000)
    expect(serversOf(world, 'web').filter((server) => server !== 'lon-2')).toHaveLength(3)
  })

  it('stays lost when the others go too', async () => {
    const { world, controller } = await deployed()
    world.driver.down.add('lon-1')
    await world.clock.run(400_000)
    const calls = world.driver.calls.length
    world.driver.down.add('lon-2')
    await world.clock.run(3_600_000)
    expect(controller.status().servers.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
      'lon-1 lost',
      'lon-2 unknown',
      'par-1 ready',
    ])
    expect(world.driver.calls.length).toBe(calls)
  })

  it('holds a rollout before anything is touched', async () => {
    const { world } = await deployed()
    world.driver.down.add('lon-1')
    await world.clock.run(60_000)
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(120_000)
    expect(running(world)).toEqual(ALL)
    world.driver.down.delete('lon-1')
    await world.clock.run(200_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })
})

describe('a rollout that has to wait', () => {
  it('for a server that comes back late goes on then, and is not called stalled', async () => {
    const { world, controller } = await deployed(SHOP, FLEET.replaceAll(' } }', ' }, lost_after: never }'))
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(64_000)
    expect(running(world).filter((line) => line.endsWith('web:2')).length).toBeGreaterThan(0)
    world.driver.down.add('lon-1').add('lon-2').add('par-1')
    await world.clock.run(3_600_000)
    world.driver.down.clear()
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
    expect(controller.status().stacks[0]?.phase).toBe('synced')
  })

  it('for its controller goes on when it is back, however late', async () => {
    const { world, controller } = await deployed()
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(34_000)
    await Promise.all([controller.stop(), world.clock.run(100)])
    await world.clock.run(7_200_000)
    world.boot()
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })
})

describe('a server that lost everything it had', () => {
  it('is asked for each image and network once, however many replicas need them', async () => {
    const { world } = await deployed({ web: { image: 'web:1', replicas: 9 } })
    world.driver.down.add('lon-1')
    await world.clock.run(60_000)
    for (const [id, { replica }] of world.driver.containers)
      if (replica.server === 'lon-1') world.driver.containers.delete(id)
    world.driver.calls.length = 0
    world.driver.down.delete('lon-1')
    await world.clock.run(60_000)
    const asked = world.driver.calls.map((call) => call.split(' ')[0]).filter((kind) => kind !== 'run')
    expect(asked.sort()).toEqual(['ensure-network', 'pull'])
    expect(running(world)).toHaveLength(9)
  })
})

it('a server that was installed anew between two looks is prepared before anything is made on it', async () => {
  const { world } = await deployed()
  world.driver.calls.length = 0
  world.driver.leads.set('lon-1', 'lon-1 anew')
  await world.clock.run(60_000)
  const kinds = world.driver.calls.filter((call) => call.endsWith('lon-1')).map((call) => call.split(' ')[0])
  expect(kinds.slice(0, 3).sort()).toEqual(['ensure-network', 'pull', 'pull'])
  expect(kinds).toContain('run')
})

describe('a fleet that changes', () => {
  it('moves replicas off a server that leaves it, and lets go of the server then', async () => {
    const { world, controller } = await deployed(SHOP, `${FLEET}guards: { prune: 50% }\n`)
    const without = FLEET.split('\n')
      .filter((line) => !line.includes('lon-2'))
      .join('\n')
    world.source.commit({ 'slipway.yaml': without }, 'one server less')
    await world.clock.run(300_000)
    expect(running(world)).toEqual(ALL)
    expect([...world.driver.containers.values()].every(({ replica }) => replica.server !== 'lon-2')).toBe(true)
    expect(controller.status().servers.map((server) => server.name)).toEqual(['lon-1', 'par-1'])
  })

  it.each(['answers by its old name too', 'answers by its new name alone'])(
    'goes on with a server that gets a new name, and %s',
    async (how) => {
      const { world, controller } = await deployed(SHOP, `${FLEET}guards: { prune: 50% }\n`)
      const calls = world.driver.calls.length
      world.driver.leads.set('lon-9', 'lon-2')
      if (how === 'answers by its new name alone') world.driver.down.add('lon-2')
      world.source.commit({ 'slipway.yaml': `${FLEET.replace('lon-2', 'lon-9')}guards: { prune: 50% }\n` }, 'a name')
      await world.clock.run(300_000)
      expect(world.driver.calls.length).toBe(calls)
      expect(controller.status().servers.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
        'lon-1 ready',
        'lon-9 ready',
        'par-1 ready',
      ])
      expect(controller.status().stacks[0]?.phase).toBe('synced')
    },
  )

  it('drains a server without going below the wanted replicas', async () => {
    const { world, controller } = await deployed()
    expect(controller.command({ kind: 'drain', server: 'lon-1', by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(200_000)
    expect(running(world)).toEqual(ALL)
    expect(serversOf(world, 'web')).not.toContain('lon-1')
    const calls = world.driver.calls.length
    controller.command({ kind: 'undrain', server: 'lon-1', by: 'ada' })
    await world.clock.run(200_000)
    expect(world.driver.calls.length).toBe(calls)
  })
})

describe('a controller that lost its journal', () => {
  it('touches nothing that is what Git wants', async () => {
    const { world, controller } = await deployed()
    await Promise.all([controller.stop(), world.clock.run(100)])
    const calls = world.driver.calls.length
    const other = world.boot({}, memoryJournal({ controllerId: 'two' }))
    await world.clock.run(600_000)
    expect(world.driver.calls.length).toBe(calls)
    expect(other.status().stacks[0]).toMatchObject({ phase: 'synced' })
  })

  it('finds out from labels and Git what was proven, and goes back to it', async () => {
    const { world, controller } = await deployed()
    await Promise.all([controller.stop(), world.clock.run(100)])
    world.driver.behaviours.set('api:bad', { never: true })
    world.source.commit({ [PATH]: compose({ ...SHOP, api: { image: 'api:bad', replicas: 2 } }) }, 'bad')
    const other = world.boot({}, memoryJournal({ controllerId: 'two' }))
    await world.clock.run(900_000)
    expect(running(world)).toEqual(ALL)
    expect(other.status().stacks[0]).toMatchObject({ phase: 'rejected' })
  })

  it('makes nothing for slots that a server it has never seen may hold', async () => {
    const { world, controller } = await deployed()
    await Promise.all([controller.stop(), world.clock.run(100)])
    world.driver.down.add('lon-1')
    const calls = world.driver.calls.length
    world.boot({}, memoryJournal({ controllerId: 'two' }))
    await world.clock.run(200_000)
    expect(world.driver.calls.filter((call) => call.startsWith('run')).length).toBe(
      world.driver.calls.slice(0, calls).filter((call) => call.startsWith('run')).length,
    )
  })
})

describe('another controller', () => {
  it('is none where a person took over what docker compose made', async () => {
    const { world, controller } = await deployed()
    await world.clock.run(60_000)
    const [first] = [...world.driver.containers.values()]
    if (first === undefined) throw new Error('nothing runs')
    const replica = { ...first.replica, containerId: 'adopted', containerName: 'adopted', controller: '' }
    world.driver.containers.set('adopted', { ...first, replica })
    world.driver.hint(first.replica.server)
    await world.clock.run(1_000)
    expect(controller.status().problems).toEqual([])
  })

  it('is noticed by what it makes; then nothing is changed until a person says so', async () => {
    const { world, controller } = await deployed()
    await world.clock.run(60_000)
    const [first] = [...world.driver.containers.values()]
    if (first === undefined) throw new Error('nothing runs')
    world.driver.containers.set('rival', {
      ...first,
      replica: { ...first.replica, containerId: 'rival', containerName: 'rival', controller: 'rival' },
    })
    world.driver.hint(first.replica.server)
    await world.clock.run(1_000)
    expect(controller.status().problems).toMatchObject([{ code: 'OTHER_CONTROLLER' }])
    const calls = world.driver.calls.length
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(300_000)
    expect(world.driver.calls.length).toBe(calls)
    controller.command({ kind: 'resume', scope: '*', by: 'ada' })
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })
})
