import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { route, tableOf } from '../../src/ingress/index.js'
import { haproxyWeights, moved } from '../../src/ingress/weights.js'
import type { Endpoint, ServiceEndpoints } from '../../src/ingress/index.js'
import { compareText, dnsLabel } from '../../src/model/index.js'
import type { ProxyTable } from '../../src/model/index.js'
import { haproxyWith } from './made-proxy.js'

const KEY = 'shop/web:8080'
const ID = dnsLabel(KEY)

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
      server: `s${server}`,
      routing,
      isListening: true,
      taken: [],
      peers: peers.filter((peer) => peer.server !== `s${server}`),
      mesh: { port: 8444, authority: 'CA', certificate: 'PEM' },
      counted: new Set(replicas.map(({ containerId }) => `${KEY} ${containerId}`)),
      front: null,
      shut: new Set<string>(),
      names: null,
      letGo: new Set<string>(),
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
