import { describe, expect, it } from 'vitest'
import { PLAIN } from './drafts.js'
import type { ServiceDraft, StackDraft } from './drafts.js'
import { serverNames } from './scenario.js'
import { World } from './world.js'

/** A world with one controller, whose repository holds these stacks. */
function worldOf(
  stacks: Readonly<Record<string, Readonly<Record<string, Partial<ServiceDraft>>>>>,
  servers = 2,
): World {
  const names = serverNames(servers)
  const world = new World(
    { seed: 1, servers: names },
    { servers: names, prune: 1, history: 'fast-forward', stacks: filled(stacks), broken: {} },
  )
  world.commit(world.draft, 'first')
  world.boot()
  return world
}

function filled(
  stacks: Readonly<Record<string, Readonly<Record<string, Partial<ServiceDraft>>>>>,
): Readonly<Record<string, StackDraft>> {
  const fill = (services: Readonly<Record<string, Partial<ServiceDraft>>>): StackDraft =>
    Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { ...PLAIN, ...service }]))
  return Object.fromEntries(Object.entries(stacks).map(([name, services]) => [name, fill(services)]))
}

function commit(world: World, stacks: Parameters<typeof filled>[0]): void {
  world.commit({ ...world.draft, stacks: filled(stacks) }, 'next')
}

function phases(world: World): readonly string[] {
  return (world.main.controller?.status().stacks ?? []).map(({ name, phase }) => `${name} ${phase}`)
}

/** How many moments something happened at, in this time. */
async function momentsIn(world: World, ms: number): Promise<number> {
  let moments = 0
  world.clock.settled = () => (moments += 1)
  await world.clock.run(ms)
  return moments
}

describe('what the worlds found', () => {
  it('a healthcheck that takes long is waited for, not asked after again and again', async () => {
    const world = worldOf({ shop: { web: { tag: 'hang' } } })
    await world.clock.run(4_000)
    expect(await momentsIn(world, 10_000)).toBeLessThan(200)
  })

  it('a replica without any healthcheck is looked at when its monitored time ends, and nothing happens until then', async () => {
    const world = worldOf({ shop: { web: { checked: false } } })
    await world.clock.run(2_500)
    expect(await momentsIn(world, 5_000)).toBeLessThan(100)
    expect(phases(world)).toEqual(['shop synced'])
  })

  it('a service that depends on one with no replicas, or on a job that has finished, is made', async () => {
    const world = worldOf({
      shop: { api: { replicas: 0 }, job: { mode: 'job', tag: 'done' }, web: { dependsOn: ['api', 'job'] } },
    })
    await world.clock.run(120_000)
    expect(phases(world)).toEqual(['shop synced'])
  })

  it('two stacks that wait for the same image on the same server both go on when it is there', async () => {
    const world = worldOf({ blog: { web: {} }, shop: { web: {} } }, 1)
    await world.clock.run(120_000)
    expect(phases(world)).toEqual(['blog synced', 'shop synced'])
  })

  it('a network that somebody pruned does not make the next revision a bad one', async () => {
    const world = worldOf({ shop: { web: { replicas: 2 } } })
    await world.clock.run(60_000)
    for (const engine of world.engines.values()) engine.networks.clear()
    commit(world, { shop: { web: { replicas: 2, tag: '2' } } })
    await world.clock.run(240_000)
    expect(phases(world)).toEqual(['shop synced'])
  })

  it('a replica that was just made, and that nobody has seen, is not forgotten with the controller', async () => {
    const world = worldOf({ shop: { web: { replicas: 3 } } }, 3)
    await world.clock.run(60_000)
    const performing = world.performing.bind(world)
    let made = 0
    world.performing = (process, controller, action) => {
      performing(process, controller, action)
      if (action.kind !== 'run' || (made += 1) > 1) return
      const link = world.links.get(action.server)
      // Its list cannot be read from now on.
      if (link !== undefined) link.losses = { ...link.losses, garbled: 1 }
      world.clock.after(200, () => {
        world.kill()
        world.boot()
      })
    }
    commit(world, { shop: { web: { replicas: 3, tag: '2' } } })
    await world.clock.run(120_000)
    expect(world.violations).toEqual([])
    expect(made).toBe(1)
  })

  it('where one service alone is taken back, the new specs of the others are watched as they always are', async () => {
    const world = worldOf({ shop: { api: { scope: 'service' }, web: { dependsOn: ['api'], scope: 'service' } } })
    await world.clock.run(60_000)
    commit(world, {
      shop: { api: { scope: 'service', tag: 'never' }, web: { dependsOn: ['api'], scope: 'service', tag: '2' } },
    })
    await world.clock.run(240_000)
    expect(world.violations).toEqual([])
    expect(world.boxes().map((box) => box.spec?.image)).toEqual(expect.arrayContaining(['api:1', 'web:2']))
  })

  it('a rollback that failed is tried anew when Git says what it went back to', async () => {
    const before = { shop: { web: { order: 'stop-first' } } } as const
    const world = worldOf(before)
    await world.clock.run(60_000)
    commit(world, { shop: { web: { order: 'stop-first', tag: 'never' } } })
    // The old replica, stopped by then, is removed by somebody, and there is no room for another.
    await world.clock.run(600_000, () => world.boxes().length === 2)
    for (const engine of world.engines.values()) engine.isDiskFull = true
    for (const box of world.boxes()) if (box.state === 'exited') world.engines.get(box.server)?.erase(box.id)
    await world.clock.run(600_000)
    for (const engine of world.engines.values()) engine.isDiskFull = false
    expect(phases(world)).toEqual(['shop rollback-failed'])
    commit(world, before)
    await world.clock.run(240_000)
    expect({ phases: phases(world), violations: world.violations }).toEqual({ phases: ['shop synced'], violations: [] })
  })

  it('a replica that its engine restarted long ago is good enough to go back to', async () => {
    const about = { checked: false, order: 'start-first' } as const
    const world = worldOf({ shop: { web: about } })
    await world.clock.run(60_000)
    for (let times = 1; times <= 4; times += 1) {
      for (const box of world.boxes()) world.engines.get(box.server)?.kill(box.id, 'crash')
      await world.clock.run(60_000)
    }
    commit(world, { shop: { web: { ...about, tag: 'crash' } } })
    await world.clock.run(400_000)
    expect({ phases: phases(world), violations: world.violations }).toEqual({
      phases: ['shop rejected'],
      violations: [],
    })
  })

  it('a failed replica that makes way counts as in flight until it has stopped', async () => {
    const about = { replicas: 4, failureAction: 'continue', order: 'start-first' } as const
    const world = worldOf({ shop: { web: about } })
    await world.clock.run(60_000)
    commit(world, { shop: { web: { ...about, tag: 'never' } } })
    await world.clock.run(600_000)
    expect(world.violations).toEqual([])
  })
})
