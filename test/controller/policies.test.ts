import { describe, expect, it } from 'vitest'
import { ALL, PATH, SHOP, deployed, running } from './deployed.js'
import { FLEET, compose, createWorld } from './world.js'

const web = (
  image: string,
  update: string,
): Readonly<Record<string, { image: string; replicas: number; more?: string }>> => ({
  web: {
    image,
    replicas: 3,
    more: `    x-slipway: { rollout: { healthy_deadline: 20s } }\n    deploy: &d { replicas: 3, update_config: { ${update} } }`,
  },
  api: { image: 'api:1', replicas: 2 },
})

function text(image: string, update: string): string {
  return compose(web(image, update))
    .replace(/ {4}deploy: \{ replicas: 3 \}\n/, '')
    .replace('&d ', '')
}

function order(calls: readonly string[]): string[] {
  return calls.filter((call) => /^(run|stop) /.test(call)).map((call) => call.split(' ').slice(0, 2).join(' '))
}

describe('update_config', () => {
  it('parallelism replaces that many slots at a time', async () => {
    const { world } = await deployed()
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: text('web:2', 'parallelism: 2') }, 'update')
    await world.clock.run(200_000)
    expect(order(world.driver.calls).slice(0, 2)).toEqual(['run web#1', 'run web#2'])
    expect(order(world.driver.calls).indexOf('run web#3')).toBeGreaterThan(2)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it('parallelism 0 replaces all at once', async () => {
    const { world } = await deployed()
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: text('web:2', 'parallelism: 0') }, 'update')
    await world.clock.run(200_000)
    expect(order(world.driver.calls).slice(0, 3)).toEqual(['run web#1', 'run web#2', 'run web#3'])
  })

  it('order stop-first never has two replicas in a slot', async () => {
    const { world } = await deployed()
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: text('web:2', 'order: stop-first') }, 'update')
    await world.clock.run(200_000)
    expect(order(world.driver.calls)).toEqual([
      'stop web#1',
      'run web#1',
      'stop web#2',
      'run web#2',
      'stop web#3',
      'run web#3',
    ])
  })

  it('order stop-first takes no replica away while one that was updated is lost', async () => {
    const { world } = await deployed()
    world.source.commit({ [PATH]: text('web:2', 'order: stop-first, delay: 60s') }, 'update')
    const updated = (): string | undefined =>
      [...world.driver.containers].find(([, { image }]) => image === 'web:2')?.[0]
    const isProven = (): boolean =>
      world.journal
        .history({ limit: 100 })
        .some((fact) => fact.kind === 'slot-proven' && fact.containerId === updated())
    for (let second = 0; second < 300 && !isProven(); second++) await world.clock.run(1_000)
    await world.clock.run(55_000)
    const id = updated() ?? ''
    const first = world.driver.containers.get(id)
    if (first === undefined) throw new Error('no replica was updated')
    // Somebody removes it just before the next one's turn, and for a minute no other can be made.
    const { server } = first.replica
    const lostAtMs = world.clock.nowMs()
    world.driver.failures.set(`run ${server}`, { code: 'CALL_TIMEOUT', server, message: 'no answer' })
    world.driver.containers.delete(id)
    world.driver.hint(server)
    const stoppedAfterMs: number[] = []
    world.driver.before = ({ kind }) => {
      if (kind === 'stop') stoppedAfterMs.push(world.clock.nowMs() - lostAtMs)
    }
    await world.clock.run(60_000)
    expect(stoppedAfterMs).toEqual([])
    world.driver.failures.clear()
    await world.clock.run(300_000)
    expect(stoppedAfterMs).toHaveLength(2)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it('order stop-first stops nothing before the new image is on the server, also after a restart', async () => {
    const { world, controller } = await deployed()
    world.source.commit({ [PATH]: text('web:2', 'order: stop-first, delay: 60s') }, 'update')
    await world.clock.run(80_000)
    expect(running(world).filter((line) => line.endsWith('web:2'))).toHaveLength(1)
    await controller.stop()
    world.driver.calls.length = 0
    world.boot()
    await world.clock.run(200_000)
    const stops = world.driver.calls.flatMap((call, at) => (/^stop web/.test(call) ? [at] : []))
    expect(stops).toHaveLength(2)
    for (const at of stops) {
      const server = world.driver.calls[at]?.split(' ').at(-1) ?? ''
      expect(world.driver.calls.slice(0, at).some((call) => call.startsWith('pull') && call.includes(server))).toBe(
        true,
      )
    }
  })

  it('delay keeps the next batch waiting', async () => {
    const { world } = await deployed()
    world.source.commit({ [PATH]: text('web:2', 'delay: 60s') }, 'update')
    await world.clock.run(80_000)
    expect(running(world).filter((line) => line.endsWith('web:2'))).toHaveLength(1)
    await world.clock.run(200_000)
    expect(running(world).filter((line) => line.endsWith('web:2'))).toHaveLength(3)
  })

  it('a rollout that a person gives up is taken back and rejected', async () => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('web:2', { never: true })
    world.source.commit({ [PATH]: text('web:2', '') }, 'update')
    await world.clock.run(40_000)
    expect(controller.command({ kind: 'promote', scope: 'shop', to: 'end', by: 'ada' })).toMatchObject({ ok: false })
    expect(controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(100_000)
    expect(running(world)).toEqual(ALL)
    expect(controller.status().stacks[0]?.problems[0]?.message).toContain('given up by ada')
    expect(controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })).toMatchObject({ ok: false })
  })

  it('failure_action pause stops where it is and waits for a person', async () => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('web:2', { never: true })
    world.source.commit({ [PATH]: text('web:2', 'failure_action: pause') }, 'update')
    await world.clock.run(600_000)
    expect(controller.status().stacks[0]?.phase).toBe('paused')
    expect(running(world).filter((line) => line.endsWith('web:1'))).toHaveLength(3)
    const calls = world.driver.calls.length
    await world.clock.run(600_000)
    expect(world.driver.calls.length).toBe(calls)
    world.driver.behaviours.clear()
    controller.command({ kind: 'retry', stack: 'shop', by: 'ada' })
    await world.clock.run(200_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it('failure_action pause begins no other replica where one could not even be made', async () => {
    const { world, controller } = await deployed()
    const first = [...world.driver.containers.values()].find(
      ({ replica }) => replica.slot.service === 'web' && replica.slot.key === '1',
    )
    const server = first?.replica.server ?? ''
    world.driver.failures.set(`run ${server}`, { code: 'ENGINE_ERROR', server, message: 'no such program' })
    world.source.commit({ [PATH]: text('web:2', 'failure_action: pause') }, 'update')
    await world.clock.run(600_000)
    expect(controller.status().stacks[0]?.phase).toBe('paused')
    expect(running(world)).toEqual(ALL)
  })

  it('failure_action continue goes on, keeping old replicas where new ones failed', async () => {
    const { world } = await deployed()
    world.driver.behaviours.set('web:2', { never: true })
    world.source.commit({ [PATH]: text('web:2', 'failure_action: continue') }, 'update')
    await world.clock.run(250_000)
    expect(running(world).filter((line) => line.endsWith('web:1'))).toHaveLength(3)
    const failed = world.events.filter((event) => event.message === 'replica failed')
    expect(new Set(failed.map((event) => event.fields.slot)).size).toBe(3)
  })
})

describe('rollback_config', () => {
  it.each([
    ['stop-first', ['stop web#1', 'run web#1']],
    ['start-first', ['run web#1', 'stop web#1']],
  ])('order %s holds for what had been updated already', async (back, turns) => {
    const { world } = await deployed()
    const policy = `order: start-first }, rollback_config: { order: ${back}`
    world.source.commit({ [PATH]: text('web:1', policy) }, 'policy')
    await world.clock.run(60_000)
    world.source.commit({ [PATH]: text('web:2', policy) }, 'good for one, bad for the others')
    while (!world.driver.calls.some((call) => call.startsWith('stop web#1'))) await world.clock.run(100)
    world.driver.behaviours.set('web:2', { never: true })
    world.driver.calls.length = 0
    await world.clock.run(400_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:1', 'web#2 web:1', 'web#3 web:1'])
    expect(order(world.driver.calls).filter((call) => call.endsWith('web#1'))).toEqual(turns)
  })
})

describe('a rollback', () => {
  it('that fails too stops, says so once, and leaves what still serves', async () => {
    const { world, controller } = await deployed(SHOP)
    world.driver.behaviours.set('api:bad', { never: true })
    world.source.commit(
      {
        [PATH]: compose({
          web: { image: 'web:2', replicas: 3 },
          api: {
            image: 'api:bad',
            replicas: 2,
            more: '    x-slipway: { rollout: { healthy_deadline: 60s } }\n    depends_on: [web]',
          },
        }),
      },
      'bad',
    )
    await world.clock.run(80_000)
    world.driver.behaviours.set('web:1', { never: true })
    await world.clock.run(3_600_000)
    expect(controller.status().stacks[0]?.phase).toBe('rollback-failed')
    expect(world.events.map((event) => event.fields.code)).toContain('ROLLBACK_FAILED')
    expect(running(world).filter((line) => line.includes('web:2')).length).toBeGreaterThanOrEqual(2)
    expect(
      world.events.filter((event) => event.message === 'rollout failed' && event.fields.then === 'stop'),
    ).toHaveLength(1)
    const calls = world.driver.calls.length
    await world.clock.run(3_600_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('of a first deployment has nowhere to go: it stays, is not repeated, and a fix goes through', async () => {
    const world = createWorld()
    world.driver.behaviours.set('web:bad', { never: true })
    world.source.commit({ 'slipway.yaml': FLEET, [PATH]: compose({ web: { image: 'web:bad', replicas: 2 } }) }, 'first')
    const controller = world.boot()
    await world.clock.run(900_000)
    expect(controller.status().stacks[0]?.phase).toBe('failed')
    const calls = world.driver.calls.length
    await world.clock.run(900_000)
    expect(world.driver.calls.length).toBe(calls)
    world.source.commit({ [PATH]: compose({ web: { image: 'web:1', replicas: 2 } }) }, 'fix')
    await world.clock.run(300_000)
    expect(running(world)).toEqual(['web#1 web:1', 'web#2 web:1'])
    expect(controller.status().stacks[0]?.phase).toBe('synced')
  })

  it('is forgotten once a fix runs: the same spec may be tried again then', async () => {
    const { world, controller } = await deployed()
    const api = (image: string): string =>
      compose({ ...SHOP, api: { image, replicas: 2, more: '    x-slipway: { rollout: { healthy_deadline: 30s } }' } })
    world.driver.behaviours.set('api:2', { never: true })
    world.source.commit({ [PATH]: api('api:2') }, 'bad')
    await world.clock.run(300_000)
    world.source.commit({ [PATH]: api('api:3') }, 'fix')
    await world.clock.run(300_000)
    world.driver.behaviours.clear()
    world.source.commit({ [PATH]: api('api:2') }, 'again')
    await world.clock.run(300_000)
    expect(running(world).slice(0, 2)).toEqual(['api#1 api:2', 'api#2 api:2'])
    expect(controller.status().stacks[0]?.phase).toBe('synced')
  })

  it('with scope service takes back that service alone', async () => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('api:bad', { never: true })
    const scoped = '    x-slipway: { rollout: { scope: service, healthy_deadline: 30s } }'
    world.source.commit(
      {
        [PATH]: compose({ web: { image: 'web:2', replicas: 3 }, api: { image: 'api:bad', replicas: 2, more: scoped } }),
      },
      'half good',
    )
    await world.clock.run(600_000)
    expect(running(world)).toEqual(['api#1 api:1', 'api#2 api:1', 'web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
    expect(controller.status().stacks[0]?.phase).toBe('rejected')
    const calls = world.driver.calls.length
    await world.clock.run(600_000)
    expect(world.driver.calls.length).toBe(calls)
  })
})

describe('a one-shot service', () => {
  const withMigration = (migrate: string, api: string): string =>
    `${compose({ api: { image: api, replicas: 2, more: '    depends_on: { migrate: { condition: service_completed_successfully } }' } })}  migrate:\n    image: ${migrate}\n`

  it('runs to its end before what waits for it, once for each spec', async () => {
    const world = createWorld()
    world.driver.behaviours.set('migrate:1', { exits: 0 })
    world.driver.behaviours.set('migrate:2', { exits: 0 })
    world.source.commit({ 'slipway.yaml': FLEET, [PATH]: withMigration('migrate:1', 'api:1') }, 'first')
    const controller = world.boot()
    await world.clock.run(60_000)
    expect(order(world.driver.calls)).toEqual(['run migrate#1', 'run api#1', 'run api#2'])
    expect(controller.status().stacks[0]?.phase).toBe('synced')
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: withMigration('migrate:2', 'api:2') }, 'second')
    await world.clock.run(120_000)
    expect(order(world.driver.calls)).toEqual(['run migrate#1', 'run api#1', 'stop api#1', 'run api#2', 'stop api#2'])
    expect(running(world)).toEqual(['api#1 api:2', 'api#2 api:2'])
    const calls = world.driver.calls.length
    await world.clock.run(600_000)
    expect(world.driver.calls.length).toBe(calls)
  })

  it('that fails takes the revision back before anything that waits for it was touched', async () => {
    const world = createWorld()
    world.driver.behaviours.set('migrate:1', { exits: 0 })
    world.driver.behaviours.set('migrate:bad', { exits: 3 })
    world.source.commit({ 'slipway.yaml': FLEET, [PATH]: withMigration('migrate:1', 'api:1') }, 'first')
    const controller = world.boot()
    await world.clock.run(60_000)
    const before = running(world)
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: withMigration('migrate:bad', 'api:2') }, 'second')
    await world.clock.run(300_000)
    expect(running(world)).toEqual(before)
    expect(order(world.driver.calls)).toEqual(['run migrate#1'])
    expect(controller.status().stacks[0]).toMatchObject({
      phase: 'rejected',
      problems: [{ code: 'REVISION_REJECTED' }],
    })
  })
})

describe('healing', () => {
  it('restarts an unhealthy replica with growing pauses, and forgives after ten good minutes', async () => {
    const { world } = await deployed()
    world.driver.behaviours.set('web:1', { never: true })
    world.driver.calls.length = 0
    await world.clock.run(1_200_000)
    const restarts = world.driver.calls.filter((call) => call.startsWith('restart web#1'))
    expect(restarts.length).toBeGreaterThan(2)
    expect(restarts.length).toBeLessThan(12)
    world.driver.behaviours.clear()
    await world.clock.run(1_200_000)
    expect(running(world)).toEqual(ALL)
  })

  it('makes a replica anew that was removed by hand, with the spec its slot had', async () => {
    const { world } = await deployed()
    world.driver.behaviours.set('web:2', { healthyAfterMs: 50_000 })
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'slow')
    await world.clock.run(70_000)
    const old = [...world.driver.containers.values()].find(
      ({ image, replica }) => image === 'web:1' && replica.slot.key === '3',
    )?.replica
    if (old === undefined) throw new Error('slot 3 has no old replica')
    world.driver.containers.delete(old.containerId)
    world.driver.hint(old.server)
    await world.clock.run(1_000)
    expect(running(world).filter((line) => line.startsWith('web#3'))).toEqual(['web#3 web:1'])
    await world.clock.run(600_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })
})

describe('a global service', () => {
  it('runs once on every server, and goes where a server joins', async () => {
    const world = createWorld()
    const globally =
      'services:\n  log:\n    image: log:1\n    healthcheck: { test: [CMD, "true"] }\n    deploy: { mode: global }\n'
    const two = FLEET.split('\n')
      .filter((line) => !line.includes('par-1'))
      .join('\n')
    world.source.commit({ 'slipway.yaml': two, [PATH]: globally }, 'first')
    world.boot()
    await world.clock.run(60_000)
    expect(running(world)).toEqual(['log#lon-1 log:1', 'log#lon-2 log:1'])
    world.source.commit({ 'slipway.yaml': FLEET }, 'one more')
    await world.clock.run(120_000)
    expect(running(world)).toEqual(['log#lon-1 log:1', 'log#lon-2 log:1', 'log#par-1 log:1'])
  })
})
