import { beforeEach, describe, expect, it } from 'vitest'
import type { Controller, HeldCertificate } from '../../src/controller/index.js'
import type { ProxyTable } from '../../src/model/index.js'
import { FakeAuthority, FakeStore } from './authority.js'
import { PATH } from './deployed.js'
import { FLEET, compose, createWorld } from './world.js'
import type { World } from './world.js'

const WWW = 'www.example.com'
const HOUR_MS = 3_600_000
const LIFE_MS = 12 * HOUR_MS
const SERVERS = ['lon-1', 'lon-2', 'par-1']
const INGRESS = `${FLEET}ingress: { acme: { email: ops@example.com, terms_agreed: true } }\n`

let world: World
let authority: FakeAuthority
let store: FakeStore
let controller: Controller
/** Servers that were told a table without the certificate of a host of theirs, since the last start. */
let bare: string[]
let first: string

function routes(...hosts: readonly string[]): string {
  const list = hosts.map((host) => `{ host: ${host}, port: 8080, tls: acme }`).join(', ')
  return compose({ web: { image: 'web:1', replicas: 2, more: `    x-slipway: { routes: [${list}] }` } })
}

function pemsIn({ front }: ProxyTable): readonly string[] {
  return (front?.certificates ?? []).map(({ pem }) => pem)
}

/** What the proxies that run serve, by server. */
function served(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...world.balancer.proxies.values()].map(({ table }) => [table.server, pemsIn(table)]))
}

/** Another controller, whose data directory is empty, and which begins when the fleet has been at rest. */
async function startAnew(change: () => void = () => undefined, forMs = 120_000): Promise<void> {
  await controller.stop()
  world.certificates?.close()
  store = new FakeStore()
  bare.length = 0
  authority.orders.length = 0
  change()
  world.papers = { authority, store, clock: world.clock }
  controller = world.boot()
  await world.clock.run(forMs)
}

/** Instead of what a proxy says that it has. */
function says(server: string, held: readonly HeldCertificate[]): void {
  const real = world.balancer.certificates.bind(world.balancer)
  world.balancer.certificates = (asked, id) =>
    asked === server ? Promise.resolve({ ok: true, value: held }) : real(asked, id)
}

function codes(): readonly string[] {
  return controller.status().stacks.flatMap(({ problems }) => problems.map(({ code }) => code))
}

beforeEach(async () => {
  world = createWorld()
  authority = new FakeAuthority(world.clock)
  authority.lifeMs = LIFE_MS
  store = new FakeStore()
  bare = []
  world.papers = { authority, store, clock: world.clock }
  const balance = world.balancer.balance.bind(world.balancer)
  world.balancer.balance = (server, id, table) => {
    if (table.front !== undefined && pemsIn(table).length === 0) bare.push(server)
    return balance(server, id, table)
  }
  world.source.commit({ 'slipway.yaml': INGRESS, [PATH]: routes(WWW) }, 'first')
  controller = world.boot()
  await world.clock.run(120_000)
  first = store.kept.certificates[0]?.pem ?? 'none came'
  expect(served()).toEqual(Object.fromEntries(SERVERS.map((server) => [server, [first]])))
})

describe('certificates that are lost with the data directory', () => {
  it('are read back from the proxies before these are told anything, kept again, and nothing is ordered', async () => {
    await startAnew()
    expect(bare).toEqual([])
    expect(authority.orders).toEqual([])
    expect(store.kept.certificates.map(({ host, pem }) => [host, pem])).toEqual([[WWW, first]])
    expect(Object.values(served())).toEqual([[first], [first], [first]])
    const restored = world.journal.history({ limit: 100 }).filter(({ kind }) => kind === 'certificates-restored')
    expect(restored).toMatchObject([{ hosts: [WWW] }])
  })

  it('are renewed in time, as if nothing had been', async () => {
    await startAnew()
    await world.clock.run(7 * HOUR_MS)
    expect(authority.orders).toEqual([])
    await world.clock.run(HOUR_MS)
    expect(authority.orders.map(({ host }) => host)).toEqual([WWW])
  })

  it('that nobody can read are read back too, what was there is put aside, and it is said', async () => {
    await startAnew(() => {
      store.isTorn = true
    })
    expect(bare).toEqual([])
    expect(authority.orders).toEqual([])
    expect(store.isAside).toBe(true)
    expect(store.kept.certificates.map(({ pem }) => pem)).toEqual([first])
    expect(codes()).toContain('STORE_FAILED')
  })

  it('that a failing disk hides are served on, and stay where they are', async () => {
    await startAnew(() => {
      store.readProblem = { code: 'STORE_FAILED', message: 'EIO' }
    })
    expect(bare).toEqual([])
    expect(authority.orders).toEqual([])
    expect(store.isAside).toBe(false)
    expect(store.saves).toBe(0)
    expect(codes()).toContain('STORE_FAILED')
    store.readProblem = null
    await world.clock.run(3_600_000)
    expect(store.kept.certificates.map(({ pem }) => pem)).toEqual([first])
    expect(codes()).toEqual([])
  })

  it('are not asked for where none is missing', async () => {
    const kept = store.kept
    world.balancer.reads.length = 0
    await startAnew(() => {
      store.kept = kept
    })
    expect(world.balancer.reads).toEqual([])
    expect(bare).toEqual([])
  })

  it('come from a proxy that served while one that has just been made has none', async () => {
    await startAnew(() => says('lon-1', []))
    expect(authority.orders).toEqual([])
    expect(Object.values(served())).toEqual([[first], [first], [first]])
  })

  it('take the place of one in an old backup that has run out', async () => {
    await startAnew(() => {
      const old = { host: WWW, directory: 'https://ca', pem: 'old', fromMs: 0, untilMs: world.clock.nowMs() - 1 }
      store.kept = { certificates: [old], attempts: [] }
    })
    expect(authority.orders).toEqual([])
    expect(store.kept.certificates.map(({ pem }) => pem)).toEqual([first])
  })
})

describe('a proxy that cannot be asked', () => {
  const problem = { code: 'ENGINE_ERROR', message: 'no' } as const

  it('holds up the others for some seconds only, and gets what they hold', async () => {
    await startAnew(() => world.balancer.unreadable.set('par-1', problem))
    expect(bare).toEqual([])
    expect(authority.orders).toEqual([])
    expect(Object.values(served())).toEqual([[first], [first], [first]])
    const said = world.events.filter(({ message }) => message === 'proxy failed')
    expect(said.map(({ fields }) => fields['server'])).toEqual(['par-1'])
  })

  it('gets no table before it has told, as it may hold what nobody else does', async () => {
    await startAnew(() => {
      says('lon-1', [])
      says('lon-2', [])
      world.balancer.unreadable.set('par-1', problem)
    }, 20_000)
    expect(new Set(bare)).toEqual(new Set(['lon-1', 'lon-2']))
    world.balancer.unreadable.clear()
    await world.clock.run(20_000)
    expect(bare).not.toContain('par-1')
    expect(authority.orders).toEqual([])
    expect(Object.values(served())).toEqual([[first], [first], [first]])
  })

  it('is told its table in the end, and it is said that it goes without', async () => {
    await startAnew(() => SERVERS.forEach((server) => world.balancer.unreadable.set(server, problem)), 59_000)
    expect(bare).toEqual([])
    await world.clock.run(60_000)
    expect(new Set(bare)).toEqual(new Set(SERVERS))
    const said = world.events.map(({ fields }) => String(fields['problem'] ?? ''))
    expect(said.filter((text) => text.includes('goes on without'))).toHaveLength(3)
    await world.clock.run(600_000)
    expect(authority.orders.map(({ host }) => host)).toEqual([WWW])
  })

  it('while its server is away is asked when that is back, before anything else', async () => {
    world.balancer.reads.length = 0
    await startAnew(() => {
      for (const server of SERVERS) world.driver.down.add(server)
    }, 240_000)
    expect(world.balancer.reads).toEqual([])
    world.driver.down.clear()
    await world.clock.run(120_000)
    expect(bare).toEqual([])
    expect(authority.orders).toEqual([])
    expect(store.kept.certificates.map(({ pem }) => pem)).toEqual([first])
  })
})

describe('what a server says that it holds', () => {
  const held = (pem: string): readonly HeldCertificate[] => [{ hosts: [WWW], pem }]
  const at = (ageMs: number, more = ''): string => `${WWW} ${world.clock.nowMs() - ageMs}${more}`

  it.each([
    ['of another host', () => 'evil.example.com 1'],
    ['that has run out', () => at(LIFE_MS + 1)],
    ['that nobody vouches for, however long it lives', () => at(-HOUR_MS, ' forged')],
    ['that ends sooner', () => at(HOUR_MS)],
  ])('a certificate %s, is never given to others who hold a good one', async (_, pem) => {
    await startAnew(() => says('lon-1', held(pem())))
    expect(Object.values(served())).toEqual([[first], [first], [first]])
    expect(authority.orders).toEqual([])
  })

  it('that runs out while others are waited for is not used any more', async () => {
    await startAnew(() => {
      says('lon-1', held(at(LIFE_MS - 3_000)))
      says('lon-2', [])
      world.balancer.unreadable.set('par-1', { code: 'ENGINE_ERROR', message: 'no' })
    }, 20_000)
    expect(world.journal.history({ limit: 100 }).map(({ kind }) => kind)).not.toContain('certificates-restored')
    expect(served()['lon-1']).toEqual([])
  })

  it('of those that nobody vouches for, that of most servers is used until a new one has come, at once', async () => {
    const [lone, common] = [at(0, ' forged'), at(HOUR_MS, ' forged')]
    authority.mood = () => 'cannot be reached'
    await startAnew(() => {
      says('lon-1', held(lone))
      says('lon-2', held(common))
      says('par-1', held(common))
    })
    expect(Object.values(served())).toEqual([[common], [common], [common]])
    authority.mood = () => 'gives'
    await world.clock.run(3_600_000)
    expect(authority.orders.map(({ host }) => host)).toEqual([WWW])
    const [came] = store.kept.certificates
    expect(came?.pem).not.toBe(common)
    expect(Object.values(served())).toEqual([[came?.pem], [came?.pem], [came?.pem]])
  })

  it('gives way to a good one that a server holds which was away', async () => {
    await startAnew(() => {
      says('lon-1', held(at(0, ' forged')))
      says('lon-2', [])
      authority.mood = () => 'cannot be reached'
      world.driver.down.add('par-1')
    })
    expect(Object.values(served()).filter(([pem]) => pem?.endsWith('forged'))).toHaveLength(2)
    world.driver.down.clear()
    await world.clock.run(120_000)
    expect(Object.values(served())).toEqual([[first], [first], [first]])
  })
})
