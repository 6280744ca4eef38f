import { describe, expect, it } from 'vitest'
import type { Action } from '../../src/model/index.js'
import { PATH, deployed } from './deployed.js'
import type { Deployed } from './deployed.js'
import { FLEET, compose } from './world.js'
import type { ServiceText, World } from './world.js'

const INGRESS = `${FLEET}ingress: true\n`
const PORTS = `    ports: ["80:8080"]`
const KEY = 'shop/web:8080'
const web = (patch: Partial<ServiceText> = {}): ServiceText => ({ image: 'web:1', replicas: 3, more: PORTS, ...patch })

async function balanced(service = web()): Promise<Deployed> {
  const all = await deployed({ web: service }, INGRESS)
  all.world.driver.calls.length = 0
  return all
}

/** Before each stop: containers that get something new from a proxy all the same. */
function watchStops({ driver, balancer }: World): readonly string[] {
  const wrong: string[] = []
  driver.before = (action: Action) => {
    if (action.kind === 'stop' && balancer.sendsTo(action.containerId)) wrong.push(action.containerId)
  }
  return wrong
}

/** Proxies with no ready replica at all, at each moment in which something was told. */
function watchTables(world: World): readonly string[] {
  const wrong: string[] = []
  const { balancer } = world
  const balance = balancer.balance.bind(balancer)
  balancer.balance = async (server, id, table) => {
    const service = table.services.find(({ key }) => key === KEY)
    const here = service?.local.filter(({ state }) => state === 'ready').length ?? 0
    const there = service?.remote.reduce((sum, { weight }) => sum + weight, 0) ?? 0
    if (here + there === 0) wrong.push(server)
    return balance(server, id, table)
  }
  return wrong
}

const shop = (service: ServiceText): Readonly<Record<string, string>> => ({ [PATH]: compose({ web: service }) })

/** Goes on in steps until something is so; returns the time. */
async function untilMs({ clock }: World, isSo: () => boolean): Promise<number> {
  const endMs = clock.nowMs() + 300_000
  while (!isSo() && clock.nowMs() < endMs) await clock.run(50)
  return clock.nowMs()
}

function stops({ driver }: World): readonly string[] {
  return driver.calls
    .filter((call) => /^(run|stop) web/.test(call))
    .map((call) => call.split(' ').slice(0, 2).join(' '))
}

describe('a fleet with ingress', () => {
  it('has a proxy on each server that listens and knows all replicas', async () => {
    const { world, controller } = await balanced()
    expect(controller.status().stacks.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
      'shop synced',
      'slipway synced',
    ])
    expect(world.balancer.lines(KEY).map((line) => line.replace(/c\d+/, 'c'))).toEqual([
      'lon-1 80 c lon-2:1 par-1:1',
      'lon-2 80 c lon-1:1 par-1:1',
      'par-1 80 c lon-1:1 lon-2:1',
    ])
  })

  it('tells its proxies nothing while nothing changes, but to see that they are there', async () => {
    const { world } = await balanced()
    const before = world.balancer.told
    await world.clock.run(60_000)
    expect(world.balancer.told - before).toBeLessThanOrEqual(3 * 4)
  })

  it('makes its proxies no new table for a commit that changes nothing of them', async () => {
    const { world } = await balanced()
    const tables = (): readonly unknown[] => [...world.balancer.proxies.values()].map(({ table }) => table)
    const before = tables()
    world.source.commit({ 'elsewhere.md': 'words' }, 'words')
    await world.clock.run(61_000)
    expect(before).toHaveLength(3)
    expect(tables().every((table, at) => table === before[at])).toBe(true)
  })

  it('says where its servers are from the commit on that moves one', async () => {
    const { world } = await balanced()
    const hosts = (): readonly string[] =>
      [...world.balancer.proxies.values()]
        .map(({ table }) => table.peers.map(({ server, host }) => `${server} ${host}`).join(', '))
        .sort()
    const before = [
      'lon-1 10.0.0.1, lon-2 10.0.0.2',
      'lon-1 10.0.0.1, par-1 10.0.0.3',
      'lon-2 10.0.0.2, par-1 10.0.0.3',
    ]
    expect(hosts()).toEqual(before)
    world.source.commit({ 'slipway.yaml': INGRESS.replace('10.0.0.3', '10.0.0.9') }, 'moved')
    await world.clock.run(61_000)
    expect(hosts()).toEqual(before.map((line) => line.replace('10.0.0.3', '10.0.0.9')))
  })

  it('listens where the fleet says', async () => {
    const { world } = await deployed({ web: web() }, `${FLEET}ingress: { placement: [node.labels.zone == b] }\n`)
    expect(world.balancer.lines(KEY).filter((line) => / 80 /.test(line))).toEqual([expect.stringMatching(/^par-1 80/)])
  })

  it('leaves proxies alone without ingress', async () => {
    const { world } = await deployed({ web: web() })
    expect(world.balancer.told).toBe(0)
  })
})

describe('a rollout of a balanced service', () => {
  it('replaces one after the other, new before old, and stops nothing that still gets something', async () => {
    const { world, controller } = await balanced()
    const [wrong, empty] = [watchStops(world), watchTables(world)]
    world.source.commit(shop(web({ image: 'web:2' })), 'second')
    await world.clock.run(180_000)
    expect(stops(world)).toEqual(['run web#1', 'stop web#1', 'run web#2', 'stop web#2', 'run web#3', 'stop web#3'])
    expect({ wrong, empty }).toEqual({ wrong: [], empty: [] })
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
  })

  it('sends to each replica by a port that it listens on, while a commit moves that port', async () => {
    const { world, controller } = await balanced()
    const wrong: string[] = []
    const { balancer } = world
    const balance = balancer.balance.bind(balancer)
    balancer.balance = async (server, id, table) => {
      const targets = table.services.flatMap(({ local }) => local)
      for (const { containerId, port } of targets) {
        const { image } = world.driver.containers.get(containerId) ?? {}
        if (port !== (image === 'web:1' ? 8080 : 9090)) wrong.push(`${image} by ${port}`)
      }
      return balance(server, id, table)
    }
    world.source.commit(shop(web({ image: 'web:2', more: `    ports: ["80:9090"]` })), 'moved')
    await world.clock.run(180_000)
    expect(wrong).toEqual([])
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
    expect(world.balancer.lines('shop/web:9090').filter((line) => / 80 /.test(line))).toHaveLength(3)
  })

  it('sends to each replica by its own port, though a newer commit took over from the one that made it', async () => {
    const { world, controller } = await balanced()
    const [wrong, cut]: [string[], readonly string[]] = [[], watchStops(world)]
    const ports = new Map([1, 2, 3].map((tag) => [`web:${tag}`, 8080 + tag - 1]))
    const { balancer, driver } = world
    const balance = balancer.balance.bind(balancer)
    balancer.balance = async (server, id, table) => {
      for (const { containerId, port } of table.services.flatMap(({ local }) => local)) {
        const image = driver.containers.get(containerId)?.image ?? ''
        if (port !== ports.get(image)) wrong.push(`${image} by ${port}`)
      }
      return balance(server, id, table)
    }
    const listens = (tag: number): number => balancer.lines(`shop/web:${8080 + tag - 1}`).filter(hasReplica).length
    const hasReplica = (line: string): boolean => / c\d+( |$)/.test(line)
    for (const tag of [2, 3]) driver.behaviours.set(`web:${tag}`, { healthyAfterMs: 40_000 })
    world.source.commit(shop(web({ image: 'web:2', more: `    ports: ["80:8081"]` })), 'second')
    await untilMs(world, () => listens(2) === 1)
    world.source.commit(shop(web({ image: 'web:3', more: `    ports: ["80:8082"]` })), 'third')
    await untilMs(world, () => [...driver.containers.values()].some(({ image }) => image === 'web:3'))
    await world.clock.run(5_000)
    expect(listens(2)).toBe(1)
    await world.clock.run(300_000)
    expect({ wrong, cut }).toEqual({ wrong: [], cut: [] })
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'synced' })
  })

  it('sends to old replicas that stay, as a failure was tolerated, by the ways in that came with the new ones', async () => {
    const ports = PORTS.replace('80:', '8000:')
    const { world, controller } = await balanced(web({ more: ports }))
    world.driver.behaviours.set('web:2', { never: true })
    const about = '    x-slipway: { rollout: { healthy_deadline: 20s }, routes: [{ host: web.test, port: 8080 }] }'
    const text = compose({ web: web({ image: 'web:2', more: `${ports}\n${about}` }) })
    const goesOn = text.replace('replicas: 3 }', 'replicas: 3, update_config: { failure_action: continue } }')
    world.source.commit({ [PATH]: goesOn }, 'a route')
    await world.clock.run(300_000)
    expect(controller.status().stacks[0]?.revisions.proven?.subject).toBe('a route')
    expect(world.balancer.lines(`${KEY}/http`).map((line) => line.split(' ').length)).toEqual([4, 4, 4])
  })

  it('waits until each proxy sends to the new one, and says so', async () => {
    const { world, controller } = await balanced()
    world.balancer.problems.set('par-1', { code: 'PROXY_REFUSED', message: 'port 80 is held by nginx' })
    world.source.commit(shop(web({ image: 'web:2' })), 'second')
    await world.clock.run(120_000)
    expect(stops(world)).toEqual(['run web#1'])
    expect(JSON.stringify(controller.status())).toContain(
      'the proxy of par-1 does not send to the new replica yet: port 80 is held by nginx',
    )
    world.balancer.problems.clear()
    await world.clock.run(120_000)
    expect(stops(world)).toHaveLength(6)
  })

  it('does not wait for the proxy of a server that is away', async () => {
    const { world } = await balanced(web({ replicas: 1 }))
    const home = [...world.driver.containers.values()].find(({ image }) => image === 'web:1')?.replica.server
    world.driver.down.add(home === 'par-1' ? 'lon-2' : 'par-1')
    world.source.commit(shop(web({ image: 'web:2', replicas: 1 })), 'second')
    await world.clock.run(120_000)
    expect(stops(world)).toEqual(['run web#1', 'stop web#1'])
  })

  it.each([
    ['lets open connections go on, for the time that the manifest says', 0],
    ['gives the latest connection that time too, however slowly proxies are told', 3_000],
  ])('%s', async (_, delayMs) => {
    const drain = `${PORTS}\n    x-slipway: { rollout: { drain: 20s } }`
    const { world } = await balanced(web({ replicas: 1, more: drain }))
    const [old] = [...world.driver.containers.values()].filter(({ image }) => image === 'web:1')
    const id = old?.replica.containerId ?? ''
    world.balancer.sessions.set(id, 1)
    world.balancer.delayMs = delayMs
    world.source.commit(shop(web({ image: 'web:2', replicas: 1, more: drain })), 'second')
    const [leftAtMs, stoppedAtMs] = [
      await untilMs(world, () => !world.balancer.sendsTo(id)),
      await untilMs(world, () => stops(world).length === 2),
    ]
    expect(Math.round((stoppedAtMs - leftAtMs) / 1_000)).toBe(20)
  })

  it('stops the old one as soon as the last connection to it ends', async () => {
    const { world } = await balanced(web({ replicas: 1 }))
    const [old] = [...world.driver.containers.values()].filter(({ image }) => image === 'web:1')
    const id = old?.replica.containerId ?? ''
    world.balancer.sessions.set(id, 1)
    world.source.commit(shop(web({ image: 'web:2', replicas: 1 })), 'second')
    await untilMs(world, () => !world.balancer.sendsTo(id))
    await world.clock.run(5_000)
    expect(stops(world)).toEqual(['run web#1'])
    world.balancer.sessions.clear()
    await world.clock.run(2_000)
    expect(stops(world)).toEqual(['run web#1', 'stop web#1'])
  })

  it('sends nothing to one that takes its time to stop', async () => {
    const { world } = await balanced(web({ replicas: 1 }))
    const { balancer, clock, driver } = world
    const [stopping, wrong]: [Set<string>, string[]] = [new Set(), []]
    const [balance, perform] = [balancer.balance.bind(balancer), driver.perform.bind(driver)]
    driver.perform = async (action) => {
      if (action.kind !== 'stop') return perform(action)
      stopping.add(action.containerId)
      await new Promise<void>((resolve) => void clock.after(40_000, resolve))
      return perform(action)
    }
    balancer.balance = async (server, id, table) => {
      const ready = table.services.flatMap(({ local }) => local).filter(({ state }) => state === 'ready')
      wrong.push(...ready.map(({ containerId }) => containerId).filter((one) => stopping.has(one)))
      return balance(server, id, table)
    }
    world.source.commit(shop(web({ image: 'web:2', replicas: 1 })), 'second')
    await clock.run(180_000)
    expect(stops(world)).toEqual(['run web#1', 'stop web#1'])
    expect({ stopped: stopping.size, wrong }).toEqual({ stopped: 1, wrong: [] })
  })

  it('stops the old one first where the order says so, and never two at once', async () => {
    const first = `${PORTS}\n`
    const text = compose({ web: web({ more: first }) }).replace(
      'replicas: 3 }',
      'replicas: 3, update_config: { order: stop-first } }',
    )
    const { world } = await balanced()
    const wrong = watchStops(world)
    world.source.commit({ [PATH]: text.replace('web:1', 'web:2') }, 'second')
    await world.clock.run(240_000)
    expect(stops(world)).toEqual(['stop web#1', 'run web#1', 'stop web#2', 'run web#2', 'stop web#3', 'run web#3'])
    expect(wrong).toEqual([])
  })

  it('rolls back with the proxies at the old ones all the time', async () => {
    const { world, controller } = await balanced()
    const empty = watchTables(world)
    world.driver.behaviours.set('web:bad', { never: true })
    world.source.commit(shop(web({ image: 'web:bad' })), 'bad')
    await world.clock.run(900_000)
    expect(controller.status().stacks[0]).toMatchObject({ phase: 'rejected' })
    expect(empty).toEqual([])
    expect(world.balancer.lines(KEY).map((line) => line.split(' ').length)).toEqual([5, 5, 5])
  })
})

describe('a commit that gives a service another way in', () => {
  it('takes no replica from the ways that it had, while proxies find out about the new one', async () => {
    const { world } = await deployed({ web: web({ replicas: 1 }) }, `${FLEET}ingress: { http_port: 8000 }\n`)
    const empty = watchTables(world)
    const more = `${PORTS}\n    x-slipway: { routes: [{ host: shop.test, port: 8080 }] }`
    world.source.commit(shop(web({ replicas: 1, more })), 'a route')
    await world.clock.run(120_000)
    expect(world.balancer.lines(`${KEY}/http`)).toHaveLength(3)
    expect(empty).toEqual([])
  })
})

describe('replicas that are taken away', () => {
  it('get nothing new before they are stopped', async () => {
    const { world } = await balanced()
    const wrong = watchStops(world)
    world.source.commit(shop(web({ replicas: 1 })), 'fewer')
    await world.clock.run(60_000)
    expect(stops(world)).toEqual(['stop web#2', 'stop web#3'])
    expect(wrong).toEqual([])
  })

  it('get nothing new before they are stopped, though nobody remembers what they were', async () => {
    const { world } = await deployed({ web: web() }, `${INGRESS}guards: { prune: 100% }\n`)
    const wrong = watchStops(world)
    world.driver.behaviours.set('late:1', { healthyAfterMs: 55_000 })
    const more = { api: { image: 'api:1', more: '    ports: ["81:8080"]' }, late: { image: 'late:1' } }
    world.source.commit({ [PATH]: compose({ web: web(), ...more }) }, 'more')
    const isSentTo = (): boolean =>
      [...world.driver.containers.values()].some(
        ({ image, replica }) => image === 'api:1' && world.balancer.sendsTo(replica.containerId),
      )
    await untilMs(world, isSentTo)
    expect(isSentTo()).toBe(true)
    // Neither is proven yet.
    world.source.commit(shop(web()), 'not those')
    await world.clock.run(120_000)
    expect(world.driver.calls.filter((call) => call.startsWith('stop api'))).toHaveLength(1)
    expect(wrong).toEqual([])
  })

  it('leave the tables as soon as they are ill', async () => {
    const { world } = await balanced()
    const [ill] = [...world.driver.containers.values()].filter(({ image }) => image === 'web:1')
    const id = ill?.replica.containerId ?? ''
    for (const server of ['lon-1', 'lon-2', 'par-1'])
      world.driver.failures.set(`start ${server}`, { code: 'ENGINE_ERROR', message: 'not yet' })
    world.driver.kill(id)
    world.driver.hint(ill?.replica.server ?? '')
    await world.clock.run(100)
    expect(world.balancer.sendsTo(id)).toBe(false)
  })
})

describe('a controller that was away', () => {
  it('begins with all replicas in, and none counted out that it does not know yet', async () => {
    const { world, controller } = await balanced()
    await controller.stop()
    const before = world.balancer.lines(KEY)
    const empty = watchTables(world)
    world.boot()
    await world.clock.run(200)
    expect(world.balancer.lines(KEY)).toEqual(before)
    await world.clock.run(30_000)
    expect({ lines: world.balancer.lines(KEY), empty }).toEqual({ lines: before, empty: [] })
  })
})

describe('ingress that comes or goes', () => {
  it('replaces replicas by such that publish nothing, and listens once the old ones have let go', async () => {
    const { world, controller } = await deployed({ web: web({ replicas: 1 }) })
    world.source.commit({ 'slipway.yaml': INGRESS }, 'ingress')
    await world.clock.run(180_000)
    expect(controller.status().stacks.map(({ name, phase }) => `${name} ${phase}`)).toEqual([
      'shop synced',
      'slipway synced',
    ])
    expect(world.balancer.lines(KEY).every((line) => / 80 /.test(line))).toBe(true)
  })

  it('lets nobody bind a port before the proxies are gone', async () => {
    const { world, controller } = await balanced()
    const order: string[] = []
    world.driver.before = ({ kind, stack }) =>
      void (kind === 'run' || kind === 'stop' ? order.push(`${kind} ${stack}`) : 0)
    world.source.commit({ 'slipway.yaml': FLEET }, 'no ingress')
    await world.clock.run(120_000)
    controller.command({ kind: 'approve', sha: world.source.head ?? '', by: 'ada' })
    await world.clock.run(240_000)
    expect(order.slice(0, 3)).toEqual(['stop slipway', 'stop slipway', 'stop slipway'])
    expect(order.filter((call) => call === 'run shop')).toHaveLength(3)
    expect(controller.status().stacks.map(({ name, phase }) => `${name} ${phase}`)).toEqual(['shop synced'])
  })
})
