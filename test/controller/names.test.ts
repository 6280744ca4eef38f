import { describe, expect, it } from 'vitest'
import { GUARD_DEFAULTS, INGRESS_DEFAULTS } from '../../src/model/index.js'
import type { Action, Fleet, GivenNames, Replica } from '../../src/model/index.js'
import { memoryJournal } from '../../src/controller/index.js'
import { NameBook } from '../../src/controller/names.js'
import type { Prepared } from '../../src/rollout/index.js'
import { runAction, serviceSpec } from '../driver/fixtures.js'
import { PATH, deployed } from './deployed.js'
import { FLEET, compose } from './world.js'
import type { ServiceText, World } from './world.js'

const INGRESS = `${FLEET}ingress: true\n`
const DB: ServiceText = { image: 'db:1', more: '    expose: [5432]' }
const WEB: ServiceText = { image: 'web:1', replicas: 2 }
const SHOP = { web: WEB, db: DB }

/** What containers were told since, by `service#slot`: `db=198.18.1.2`. */
function watchGiven({ driver }: World): ReadonlyMap<string, string> {
  const given = new Map<string, string>()
  driver.before = (action: Action) => {
    if (action.kind === 'run' && action.stack !== 'slipway')
      given.set(`${action.slot.service}#${action.slot.key}`, textOf(action.names))
  }
  return given
}

function textOf(names: GivenNames | undefined): string {
  return names === undefined ? 'nothing' : names.hosts.map(({ name, address }) => `${name}=${address}`).join(' ')
}

/** `service#slot` of containers that were made since. */
function made({ driver }: World): readonly string[] {
  return driver.calls.filter((call) => call.startsWith('run ')).map((call) => call.split(' ')[1] ?? '')
}

/** Where proxies that run serve a service by its name, each address once. */
function addressesOf({ balancer }: World, key: string): readonly string[] {
  const named = [...balancer.proxies.values()].flatMap(({ table }) =>
    table.services.filter((service) => service.key === key).map(({ name }) => name?.address ?? 'none'),
  )
  return [...new Set(named)]
}

describe('a fleet with ingress', () => {
  it('serves each service at one address on all servers, and tells it to new containers', async () => {
    const { world } = await deployed(SHOP, INGRESS)
    const [address = '', ...others] = addressesOf(world, 'shop/db:5432')
    expect(others).toEqual([])
    expect(address).toMatch(/^198\.18\./)
    const given = watchGiven(world)
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { ...WEB, image: 'web:2' } }) }, 'second')
    await world.clock.run(60_000)
    expect([...given].sort()).toEqual([
      ['web#1', `db=${address}`],
      ['web#2', `db=${address}`],
    ])
  })

  it('makes nobody anew for a name, says who does not know it, and tells it with a restart', async () => {
    const { world, controller } = await deployed({ web: WEB }, INGRESS)
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: compose(SHOP) }, 'a database')
    await world.clock.run(60_000)
    expect(made(world)).toEqual(['db#1'])
    const lacking = () =>
      controller.status().stacks.flatMap(({ services }) => services.flatMap((one) => one.unknownNames ?? []))
    expect(lacking()).toEqual(['db'])
    controller.command({ kind: 'restart', stack: 'shop', service: 'web', reason: '', by: 'ann' })
    await world.clock.run(60_000)
    expect(made(world)).toContain('web#1')
    expect(lacking()).toEqual([])
  })

  it('keeps addresses when a controller knows nothing any more', async () => {
    const { world, controller } = await deployed(SHOP, INGRESS)
    const before = addressesOf(world, 'shop/db:5432')
    await controller.stop()
    world.boot({}, memoryJournal({ controllerId: 'two' }))
    await world.clock.run(60_000)
    expect(addressesOf(world, 'shop/db:5432')).toEqual(before)
  })

  it.each([
    ['nothing is known to listen', { ...DB, more: '' }],
    ['its port is that of sshd', { ...DB, more: '    expose: [5432, 22]' }],
    [
      'somebody publishes its port on servers',
      { ...DB, more: '    expose: [5432]\n    ports: [{ target: 1, published: 5432, mode: host }]' },
    ],
  ])('leaves a name to Docker where %s', async (_, db) => {
    const { world } = await deployed({ web: WEB, db }, INGRESS)
    expect(addressesOf(world, 'shop/db:5432').filter((address) => address !== 'none')).toEqual([])
    const given = watchGiven(world)
    world.source.commit({ [PATH]: compose({ web: { ...WEB, image: 'web:2' }, db }) }, 'second')
    await world.clock.run(60_000)
    expect(new Set(given.values())).toEqual(new Set(['']))
  })

  it('has no names where they are turned off', async () => {
    const { world } = await deployed(SHOP, `${FLEET}ingress: { names: false }\n`)
    expect(addressesOf(world, 'shop/db:5432')).toEqual([])
    const given = watchGiven(world)
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { ...WEB, image: 'web:2' } }) }, 'second')
    await world.clock.run(60_000)
    expect(new Set(given.values())).toEqual(new Set(['nothing']))
  })

  it('tells other stacks of what is exported', async () => {
    const { world } = await deployed(SHOP, INGRESS)
    const given = watchGiven(world)
    const exported = { ...DB, more: '    expose: [5432]\n    x-slipway: { export: true }' }
    const files = { [PATH]: compose({ ...SHOP, db: exported }), 'stacks/blog/compose.yaml': compose({ blog: WEB }) }
    world.source.commit(files, 'a blog')
    await world.clock.run(60_000)
    const [address = ''] = addressesOf(world, 'shop/db:5432')
    expect(given.get('blog#1')).toBe(`db.shop=${address}`)
  })

  it('waits a while for a port that is exposed and that nobody opens, and not for ever', async () => {
    const { world } = await deployed(SHOP, INGRESS)
    world.balancer.closed.add(5432)
    world.driver.calls.length = 0
    world.source.commit({ [PATH]: compose({ ...SHOP, db: { ...DB, image: 'db:2' } }) }, 'second')
    const until = async (call: string): Promise<number> => {
      const endMs = world.clock.nowMs() + 120_000
      while (!world.driver.calls.some((one) => one.startsWith(call)) && world.clock.nowMs() < endMs)
        await world.clock.run(100)
      return world.clock.nowMs()
    }
    const startMs = await until('run db')
    // When it was watched, and before its time to drain is over.
    expect((await until('stop db')) - startMs).toBeLessThan(8_000)
  })

  it('starts no container with a host port while a proxy has that port for a name', async () => {
    const { world } = await deployed(SHOP, INGRESS)
    const wrong: string[] = []
    world.driver.before = (action: Action) => {
      if (action.kind !== 'run' || action.spec.ports.length === 0) return
      const tables = [...world.balancer.proxies.values()].map(({ table }) => table)
      if (
        tables.some((table) => table.server === action.server && table.services.some(({ name }) => name?.port === 5432))
      )
        wrong.push(action.server)
    }
    const taker = { image: 'taker:1', more: '    ports: [{ target: 1, published: 5432, mode: host }]' }
    world.source.commit({ 'stacks/blog/compose.yaml': compose({ taker }) }, 'a host port')
    await world.clock.run(60_000)
    expect(made(world)).toContain('taker#1')
    expect(wrong).toEqual([])
  })
})

describe('what is known of names', () => {
  it('is read from containers, the oldest of them, where nothing is remembered', () => {
    const fleet: Fleet = {
      name: 'acme',
      servers: [],
      guards: GUARD_DEFAULTS,
      ingress: INGRESS_DEFAULTS,
    }
    const db = serviceSpec({ name: 'db', networks: [{ network: 'shop_default', aliases: [] }] })
    const stack = { name: 'shop', path: '', services: [db], networks: [], volumes: [] }
    const told = (containerId: string, createdAtMs: number, address: string): Replica => ({
      ...mayRun(containerId, createdAtMs),
      named: { address, knows: [] },
    })
    const mayHold = [told('c2', 2_000, '198.18.0.2'), told('c1', 1_000, '198.18.0.1'), mayRun('c3', 3_000)]
    const problem = { code: 'SERVER_UNREACHABLE', message: 'away' } as const
    const away = { server: 'lon-1', sinceMs: 0, problem, phase: 'missed', everListed: true, facts: null } as const
    const book = new NameBook()
    book.use(fleet)
    book.meet([stack], new Map([['lon-1', { kind: 'unreachable', ...away, mayHold }]]))
    expect(book.inputFor('lon-1', [])?.addresses.get('shop/db')).toBe('198.18.0.1')
    // Whoever is known keeps it, whatever containers say later.
    book.meet([{ ...stack }], new Map())
    expect(book.inputFor('lon-1', [])?.addresses.get('shop/db')).toBe('198.18.0.1')
  })

  it('is what an image exposes too, wherever it was pulled', () => {
    const [web, db] = ['web', 'db'].map((name) =>
      serviceSpec({ name, image: `${name}:1`, networks: [{ network: 'shop_default', aliases: [] }] }),
    )
    if (web === undefined || db === undefined) throw new Error('no services')
    const stack = { name: 'shop', path: '', services: [db, web], networks: [], volumes: [] }
    const book = new NameBook()
    book.use({ name: 'acme', servers: [], guards: GUARD_DEFAULTS, ingress: INGRESS_DEFAULTS })
    book.meet([stack], new Map())
    const problem = { code: 'REGISTRY_UNREACHABLE', message: 'away' } as const
    const prepared = new Map<string, Prepared>([
      ['lon-1|image|db:1|missing', { kind: 'done', image: { digest: null, id: 'i', exposes: [5432] } }],
      ['lon-2|image|db:1|missing', { kind: 'failed', problem, atMs: 0 }],
    ])
    const [told] = book.give([runAction('lon-1', web)], stack, prepared)
    expect(told?.kind === 'run' ? told.names?.hosts.map(({ name }) => name) : []).toEqual(['db'])
    const [untold] = book.give([runAction('lon-1', web)], stack, new Map())
    expect(untold?.kind === 'run' ? untold.names?.hosts : []).toEqual([])
  })
})

function mayRun(containerId: string, createdAtMs: number): Replica {
  const slot = { stack: 'shop', service: 'db', key: '1' }
  return {
    ...{ containerId, containerName: containerId, server: 'lon-1', slot, specHash: 'a', revision: 'f', image: 'i' },
    ...{ imageId: 'i', limits: '', restart: '', controller: 'one', state: 'running', health: 'none', exitCode: null },
    ...{ createdAtMs, ports: [], addresses: {} },
  }
}
