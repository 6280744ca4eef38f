import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planProxy, route, seenBy, tableOf } from '../../src/ingress/index.js'
import { haproxyWeights, moved } from '../../src/ingress/weights.js'
import type { Endpoint, ServiceEndpoints, TableInput } from '../../src/ingress/index.js'
import { compareText, dnsLabel } from '../../src/model/index.js'
import type { ProxyTable, ProxyTarget } from '../../src/model/index.js'
import { haproxyWith } from './made-proxy.js'
import { frontOf, routeOf, serviceOf, tableOf as inTable, targetOf } from './tables.js'

const KEY = 'shop/web:8080'
const ID = dnsLabel(KEY)
const AROUND = {
  isListening: true,
  taken: [],
  peers: [],
  mesh: null,
  front: null,
  shut: new Set<string>(),
  names: null,
  letGo: new Set<string>(),
}

/** How many old and new replicas a server has. */
interface Spread {
  readonly old: number
  readonly fresh: number
}

function endpointsOf(spreads: readonly Spread[], changes: Partial<Endpoint> = {}): readonly Endpoint[] {
  return spreads.flatMap(({ old, fresh }, server) =>
    Array.from({ length: old + fresh }, (_, at) => ({
      containerId: `${server}-${at}`,
      server: `s${server}`,
      address: `10.${server}.0.${at}`,
      port: 8080,
      isLeaving: false,
      isFresh: at >= old,
      ...changes,
    })),
  )
}

function tablesOf(spreads: readonly Spread[], percent: number, replicas = endpointsOf(spreads)): readonly ProxyTable[] {
  const web: ServiceEndpoints = {
    key: KEY,
    protocol: 'http',
    claims: [{ hostIp: '', port: 80, isWanted: true }],
    replicas: [...replicas].sort((a, b) => compareText(a.containerId, b.containerId)),
    share: { specHash: 'new', percent },
  }
  const routing = route([[web]])
  const peers = spreads.map((_, server) => ({ server: `s${server}`, host: `10.0.0.${server}`, port: 8444 }))
  return spreads.map((_, server) => {
    const input = {
      ...AROUND,
      server: `s${server}`,
      routing,
      peers: peers.filter((peer) => peer.server !== `s${server}`),
      mesh: { port: 8444, authority: 'CA', certificate: 'PEM' },
      counted: new Set(replicas.map(({ containerId }) => `${KEY} ${containerId}`)),
    }
    return tableOf(input).table
  })
}

/** Of what each proxy is asked, the share that new replicas get in the end, here and by the proxies of others. */
function sharesOf(tables: readonly ProxyTable[]): readonly number[] {
  const within = tables.map((table) => {
    const proxy = haproxyWith()
    proxy.bring(table)
    const fresh = new Set(
      (table.services[0]?.local ?? [])
        .filter(({ isFresh }) => isFresh)
        .map(({ address, port }) => `${address}:${port}`),
    )
    const entries = (backend: string) =>
      [...(proxy.state().servers.get(`${backend}_${ID}`) ?? [])].filter(
        ([name, { isFree }]) => !isFree && !name.startsWith('x_'),
      )
    return { fresh, own: entries('http'), whole: entries('all') }
  })
  const ratio = (entries: (typeof within)[number]['own'], of: (name: string, address: string) => number): number => {
    const all = entries.reduce((sum, [, { weight }]) => sum + weight, 0)
    return entries.reduce((sum, [name, { weight, address }]) => sum + (weight / all) * of(name, address), 0)
  }
  const inside = within.map(({ fresh, own }) => ratio(own, (_, address) => (fresh.has(address) ? 1 : 0)))
  return within.map(({ fresh, whole }) =>
    ratio(whole, (name, address) =>
      name.startsWith('r_') ? (inside[Number(name.slice('r_s'.length))] ?? NaN) : fresh.has(address) ? 1 : 0,
    ),
  )
}

const spread = fc.array(fc.record({ old: fc.nat(6), fresh: fc.nat(3) }), { minLength: 1, maxLength: 6 })
const bothThere = (spreads: readonly Spread[]): boolean =>
  spreads.some(({ old }) => old > 0) && spreads.some(({ fresh }) => fresh > 0)

describe('the share of new replicas', () => {
  it.each([
    ['1 of 20 requests, one beside one', [{ old: 1, fresh: 1 }], 5],
    [
      'one server has the new one, another the old',
      [
        { old: 1, fresh: 0 },
        { old: 0, fresh: 1 },
      ],
      5,
    ],
    [
      'a third has none',
      [
        { old: 2, fresh: 0 },
        { old: 1, fresh: 1 },
        { old: 0, fresh: 0 },
      ],
      10,
    ],
  ])('is exact where %s', (_, spreads, percent) => {
    for (const share of sharesOf(tablesOf(spreads, percent))) expect(share).toBeCloseTo(percent / 100, 10)
  })

  it('is what it is to be at each proxy, to within a tenth of it and a two-hundredth of all, wherever the replicas of a step are', () => {
    const servers = fc.nat(7)
    const step = fc.record({
      old: fc.array(servers, { minLength: 1, maxLength: 40 }),
      fresh: fc.array(servers, { minLength: 40, maxLength: 40 }),
      percent: fc.integer({ min: 1, max: 99 }),
    })
    fc.assert(
      fc.property(step, ({ old, fresh, percent }) => {
        // As many slots as the step's share of them have a new one, beside the old one.
        const begun = fresh.slice(0, Math.ceil((old.length * percent) / 100))
        const count = (all: readonly number[], server: number): number => all.filter((one) => one === server).length
        const spreads = Array.from({ length: 8 }, (_, server) => ({
          old: count(old, server),
          fresh: count(begun, server),
        }))
        for (const share of sharesOf(tablesOf(spreads, percent)))
          expect(Math.abs(share - percent / 100)).toBeLessThan(0.005 + (0.1 * Math.min(percent, 100 - percent)) / 100)
      }),
      { numRuns: 100 },
    )
  })

  it('of nothing is nothing at all, of all is all, and of a little is more than nothing', () => {
    fc.assert(
      fc.property(spread.filter(bothThere), fc.double({ min: 0.001, max: 99.999, noNaN: true }), (spreads, some) => {
        expect(new Set(sharesOf(tablesOf(spreads, 0)))).toEqual(new Set([0]))
        for (const share of sharesOf(tablesOf(spreads, 100))) expect(share).toBeCloseTo(1, 10)
        for (const share of sharesOf(tablesOf(spreads, some))) expect(share > 0 && share < 1).toBe(true)
      }),
    )
  })
})

describe('HAProxy’s weights', () => {
  it('are whole, up to 256, 0 for nothing alone, and move few requests elsewhere', () => {
    const any = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true })), { maxLength: 30 })
    fc.assert(
      fc.property(
        any.filter((weights) => weights.some((weight) => weight > 0)),
        (wanted) => {
          const told = haproxyWeights(wanted)
          expect(told.every((weight) => Number.isInteger(weight) && weight >= 0 && weight <= 256)).toBe(true)
          expect(told.map((weight) => weight > 0)).toEqual(wanted.map((weight) => weight > 0))
          const least = Math.min(...wanted.filter((weight) => weight > 0))
          // Each is rounded by a half at most, where none is so small that 1 is more than it should have.
          if (least * 256 >= Math.max(...wanted))
            expect(moved(wanted, told)).toBeLessThanOrEqual((0.5 * wanted.length) / 256)
        },
      ),
    )
  })

  it.each([
    [
      [1, 1, 3],
      [1, 1, 3],
    ],
    [
      [0.5, 0.5],
      [256, 256],
    ],
    [[19, 1].map((weight) => weight / 19), [247, 13]],
    [
      [0, 0],
      [0, 0],
    ],
    [
      [NaN, -1, Infinity, 2],
      [0, 0, 0, 2],
    ],
    [
      [512, 256],
      [256, 128],
    ],
    [
      [1e6, 1],
      [256, 1],
    ],
  ])('of %j are %j', (wanted, told) => {
    expect(haproxyWeights(wanted)).toEqual(told)
  })
})

describe('a table with a share', () => {
  const at = (server: string, containerId: string, patch: Partial<Endpoint> = {}): Endpoint => {
    return { containerId, server, address: `10.0.0.${containerId.length}`, port: 8080, isLeaving: false, ...patch }
  }
  const NEW = { isFresh: true }
  const GOES = { isLeaving: true }
  const service = (percent: number, replicas: readonly Endpoint[]): ServiceEndpoints => ({
    key: KEY,
    protocol: 'http',
    claims: [],
    replicas,
    share: { specHash: 'new', percent },
  })

  /** `o1=0.5 n1=0! b:1(0.5)`: what replicas here weigh (`!` drains), what servers do, and of that the new ones. */
  function linesOf(services: readonly ServiceEndpoints[], patch: Partial<TableInput> = {}): readonly string[] {
    const all = services.flatMap(({ key, replicas }) => replicas.map(({ containerId }) => `${key} ${containerId}`))
    const input = { ...AROUND, server: 'a', routing: route([services]), counted: new Set(all), ...patch }
    return tableOf(input).table.services.map(({ listen, local, remote }) =>
      [
        ...listen.map(({ port }) => String(port)),
        ...local.map(({ containerId, weight, state }) => `${containerId}=${weight}${state === 'drain' ? '!' : ''}`),
        ...remote.map((one) => `${one.server}:${one.weight}${one.fresh === undefined ? '' : `(${one.fresh})`}`),
      ].join(' '),
    )
  }

  it.each<[string, number, readonly Endpoint[], string]>([
    ['weighs each replica by its group', 20, [at('a', 'n', NEW), at('a', 'o'), at('b', 'o1')], 'n=0.5 o=1 b:1'],
    ['sums what others weigh', 50, [at('a', 'o'), at('b', 'n', NEW), at('b', 'o1')], 'o=0.5 b:1.5(1)'],
    ['has no server that gets nothing', 0, [at('a', 'o'), at('b', 'n', NEW)], 'o=1'],
    ['gives all to old ones while no new one is there', 100, [at('a', 'o'), at('b', 'o1')], 'o=1 b:1'],
    ['gives all to new ones when no old one is left', 5, [at('a', 'n', NEW), at('b', 'n1', NEW)], 'n=1 b:1(1)'],
    ['gives nothing to new ones at 0, even then', 0, [at('a', 'n', NEW)], 'n=0'],
    // Whoever leaves does not come back for the moment in which others are told.
    ['keeps new ones at nothing when they leave', 0, [at('a', 'n', { ...NEW, ...GOES }), at('b', 'o1')], 'n=0 b:1'],
    ['keeps old ones at nothing when they leave', 100, [at('a', 'o', GOES), at('b', 'n', NEW)], 'o=0 b:1(1)'],
    ['drains an old one beside one that serves', 50, [at('a', 'o', GOES), at('a', 'n', NEW)], 'o=0! n=1'],
    ['does not take one that is held for one that serves', 0, [at('a', 'o', GOES), at('a', 'n', NEW)], 'o=1 n=0'],
  ])('%s', (_, percent, replicas, line) => {
    expect(linesOf([service(percent, replicas)])).toEqual([line])
  })

  it('does not count whom its own proxy does not reach yet', () => {
    const replicas = [at('a', 'o'), at('b', 'n', NEW), at('b', 'n1', NEW)]
    expect(linesOf([service(50, replicas)], { counted: new Set([`${KEY} n`]) })).toEqual(['o=1 b:1(1)'])
  })

  it('leaves a port with those who had it, until new ones have all', () => {
    const claim = (isWanted: boolean) => [{ hostIp: '', port: 80, isWanted }]
    const moved = (percent: number): readonly ServiceEndpoints[] => [
      { ...service(percent, [at('a', 'o')]), key: 'shop/web:8080', claims: claim(false) },
      { ...service(percent, [at('a', 'n', NEW)]), key: 'shop/web:9090', claims: claim(true) },
    ]
    expect([5, 99.9, 100].map((percent) => linesOf(moved(percent)).map((line) => line.startsWith('80 ')))).toEqual([
      [true, false],
      [true, false],
      [false, true],
    ])
  })

  it('leaves a route with those who had it, too', () => {
    const shop = routeOf()
    const of = (percent: number, one: Endpoint, port: number, isWanted: boolean): ServiceEndpoints => ({
      ...service(percent, [one]),
      key: `shop/web:${port}/http`,
      routes: [{ route: { ...shop, target: port }, isWanted }],
    })
    const targets = [5, 100].map((percent) => {
      const routed = route([[of(percent, at('a', 'o'), 80, false), of(percent, at('a', 'n', NEW), 90, true)]])
      return routed.services.flatMap(({ routes }) => routes.map(({ target }) => target))
    })
    expect(targets).toEqual([[80], [90]])
  })
})

describe('a proxy with a share', () => {
  const replica = (host: number, weight: number): ProxyTarget => ({ ...targetOf(host), weight, isFresh: host > 5 })
  const shared = (...local: readonly ProxyTarget[]): ProxyTable =>
    inTable([serviceOf({ local, listen: [{ hostIp: '', port: 80 }], share: { specHash: 'new', percent: 5 } })])
  const weightsOf = (proxy: ReturnType<typeof haproxyWith>, backend: string): readonly number[] =>
    [...(proxy.state().servers.get(`${backend}_${ID}`)?.values() ?? [])].flatMap(({ isFree, weight }) =>
      isFree ? [] : [weight],
    )

  it('lets a new one in when all weigh what they are to, and takes from those that get nothing last', () => {
    const proxy = haproxyWith()
    proxy.bring(shared(replica(2, 1)))
    const commandsOf = (table: ProxyTable) =>
      planProxy(table, proxy.state()).commands?.filter((command) => command.startsWith(`set server all_`)) ?? []
    const words = (table: ProxyTable) => commandsOf(table).map((line) => line.split(' ').slice(2, 6).join(' '))
    const all = `all_${ID}`
    expect(words(shared(replica(2, 1), replica(6, 1 / 19)))).toEqual([
      `${all}/s1 weight 247`,
      `${all}/s2 addr 172.18.0.6 port`,
      `${all}/s2 weight 13`,
      `${all}/s2 state ready`,
    ])
    proxy.bring(shared(replica(2, 1), replica(6, 1 / 19)))
    expect(words(shared(replica(2, 0), replica(6, 1)))).toEqual([`${all}/s2 weight 256`, `${all}/s1 weight 0`])
  })

  it('answers what others still send where all of its own get nothing', () => {
    const proxy = haproxyWith()
    proxy.bring(shared(replica(2, 0)))
    expect([weightsOf(proxy, 'http'), weightsOf(proxy, 'all')]).toEqual([[1], [0]])
    proxy.bring(shared(replica(2, 0), replica(6, 1)))
    expect([weightsOf(proxy, 'http'), weightsOf(proxy, 'all')]).toEqual([
      [0, 256],
      [0, 256],
    ])
    proxy.bring(shared({ ...replica(2, 0), state: 'drain' }))
    expect(weightsOf(proxy, 'http')).toEqual([0])
  })

  it('has one that is held as up, and one that drains as draining', () => {
    const proxy = haproxyWith()
    const table = shared(replica(2, 1), replica(6, 0))
    proxy.bring(table)
    expect(seenBy(table, proxy.state(), []).targets.map(({ state }) => state)).toEqual(['up', 'up'])
    const leaving = shared(replica(2, 1), { ...replica(6, 0), state: 'drain' })
    proxy.bring(leaving)
    expect(seenBy(leaving, proxy.state(), []).targets.map(({ state }) => state)).toEqual(['up', 'drain'])
  })

  it('keeps no client with one that gets nothing', () => {
    const routes = [routeOf({ manner: { sticky: 'shop' } })]
    const cookies = (...local: readonly ProxyTarget[]): number => {
      const service = serviceOf({ local, routes, share: { specHash: 'new', percent: 5 } })
      const { files } = planProxy(inTable([service], { front: frontOf() }), null)
      const map = files.find(({ name }) => name === 'replicas.map')?.content ?? ''
      return map.split('\n').filter((line) => line.includes(' s')).length
    }
    expect([cookies(replica(2, 1), replica(6, 0.1)), cookies(replica(2, 1), replica(6, 0))]).toEqual([2, 1])
  })

  it('sends whom a canary is for to new ones alone, spread over them by what they weigh', () => {
    const match = { kind: 'header', name: 'X-Canary', value: null } as const
    const picks = (local: readonly ProxyTarget[], fresh: number): Readonly<Record<string, number>> => {
      const service = serviceOf({
        local,
        listen: [{ hostIp: '', port: 80 }],
        remote: [{ server: 'lon-2', weight: 1 + fresh, fresh }],
        canary: { match },
      })
      const peers = [{ server: 'lon-2', host: '10.0.0.2', port: 8444 }]
      const mesh = { port: 8444, authority: 'CA', certificate: 'PEM' }
      const { files } = planProxy(inTable([service], { peers, mesh }), null)
      const map = files.find(({ name }) => name === 'fresh.map')?.content ?? ''
      const counts: Record<string, number> = {}
      for (const line of map.trimEnd().split('\n').slice(1)) {
        const [key = '', name = ''] = line.split(' ')
        const entry = `${key.includes('/own/') ? 'own ' : ''}${name}`
        counts[entry] = (counts[entry] ?? 0) + 1
      }
      return counts
    }
    expect(picks([replica(2, 1), replica(6, 0.5)], 1.5)).toEqual({ s2: 16, 'r_lon-2': 48, 'own s2': 64 })
    expect(picks([replica(2, 1), replica(6, 0)], 0)).toEqual({})
  })
})
