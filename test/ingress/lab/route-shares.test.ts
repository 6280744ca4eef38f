import { afterEach, describe, expect, it } from 'vitest'
import type { BalancedService, ProxyTable, RouteSpec } from '../../../src/model/index.js'
import { until } from '../../driver/fixtures.js'
import { frontOf, routeOf, serviceOf, tableOf } from '../tables.js'
import { ask as askFully } from './client.js'
import { answersOf, ask, startLoad } from './load.js'
import { freePort, startBackend, startRealProxy } from './real-proxy.js'
import type { Backend, RealProxy } from './real-proxy.js'

const open: (() => unknown)[] = []

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

interface Shop {
  readonly proxy: RealProxy
  readonly port: number
  readonly backends: Readonly<Record<string, Backend>>
  /** In which services have these weights, and each a replica but those without. */
  readonly tableOf: (weights: Readonly<Record<string, number>>, without?: readonly string[]) => ProxyTable
  /** Until the proxy, brought to it, has everybody up. */
  readonly up: (table: ProxyTable) => Promise<void>
}

async function openShop(weights: Readonly<Record<string, number>>, changes: Partial<RouteSpec> = {}): Promise<Shop> {
  const port = await freePort()
  const names = Object.keys(weights)
  const started = await Promise.all(names.map((name) => startBackend(name)))
  for (const one of started) open.push(() => one.kill())
  const backends = Object.fromEntries(started.map((one) => [one.name, one]))
  const made: Shop['tableOf'] = (now, without = []) => {
    const services = Object.entries(now).map(([name, weight]): BalancedService => {
      const place = {
        containerId: name,
        address: '127.0.0.1',
        port: backends[name]?.port ?? 0,
        state: 'ready',
      } as const
      const routes = [routeOf({ hosts: [], ...changes, weight })]
      return serviceOf({ key: `shop/${name}:80/http`, routes, local: without.includes(name) ? [] : [place] })
    })
    return tableOf(services, { front: frontOf({ httpPort: port, httpsPort: null }) })
  }
  const proxy = await startRealProxy(made(weights))
  open.push(() => proxy.stop())
  const up = (table: ProxyTable): Promise<void> =>
    until('all are up', async () => (await proxy.seen(table)).targets.every(({ state }) => state === 'up'))
  await up(made(weights))
  return { proxy, port, backends, tableOf: made, up }
}

describe('a path that services share', () => {
  it('is asked of each by its weight, which changes live and costs no request, and of nobody who weighs nothing', async () => {
    const { proxy, port, tableOf: made } = await openShop({ old: 90, new: 10, off: 0 })
    const asked = (count: number) => answersOf(count, () => ask({ host: '127.0.0.1', port }))
    const first = await asked(1_000)
    expect(Object.keys(first).sort()).toEqual(['200 new', '200 old'])
    // Six times as far from 100 as a draw is on average: once in half a billion.
    expect(Math.abs((first['200 new'] ?? 0) - 100)).toBeLessThan(57)
    const load = startLoad(port)
    await until('it is asked', () => (load.answers.get('200 old') ?? 0) > 50)
    for (const weights of [
      { old: 50, new: 50, off: 0 },
      { old: 1, new: 1, off: 1 },
      { old: 0, new: 7, off: 0 },
    ])
      expect(await proxy.bring(made(weights))).toBe('live')
    expect(await asked(200)).toEqual({ '200 new': 200 })
    expect(await proxy.bring(made({ old: 3, new: 0, off: 0 }))).toBe('live')
    expect(await asked(200)).toEqual({ '200 old': 200 })
    await load.stop()
    expect(load.failures).toEqual([])
    expect(proxy.log()).not.toMatch(/ALERT|ERROR/)
  })

  it('is asked of the others where one has nobody left, whether the controller saw it or not', async () => {
    const { proxy, port, backends, tableOf: made, up } = await openShop({ old: 50, new: 50, off: 0 })
    const asked = (count: number) => answersOf(count, () => ask({ host: '127.0.0.1', port }))
    backends['new']?.kill()
    const table = made({ old: 50, new: 50, off: 0 })
    await until('it is seen', async () => (await proxy.seen(table)).targets.some(({ state }) => state === 'down'))
    expect(await asked(100)).toEqual({ '200 old': 100 })
    const without = made({ old: 50, new: 50, off: 0 }, ['new'])
    expect(await proxy.bring(without)).toBe('live')
    await up(without)
    expect(await asked(100)).toEqual({ '200 old': 100 })
    // Nothing is nothing, even then.
    expect(await proxy.bring(made({ old: 0, new: 50, off: 0 }, ['new']))).toBe('live')
    expect(Object.keys(await asked(20)).map((answer) => answer.slice(0, 3))).toEqual(['503'])
  })

  it('keeps a client with the service that it was given, until that weighs nothing', async () => {
    const sticky = { path: '/api', manner: { sticky: 'who' } }
    const { proxy, port, tableOf: made } = await openShop({ old: 50, new: 50 }, sticky)
    const from = (cookie: string) => askFully({ port, host: 'a.test', path: '/api/x', headers: { cookie } })
    for (let round = 0; round < 10; round += 1) {
      const first = await from('x=y')
      const said = (first.headers['set-cookie'] ?? []).find((line) => line.startsWith('slipway-service='))
      expect(said).toMatch(/^slipway-service=[0-9a-f]{16}; Path=\/api; HttpOnly; SameSite=Lax$/)
      const cookie = said?.split(';')[0] ?? ''
      for (let again = 0; again < 5; again += 1) {
        const next = await from(`x=y; ${cookie}`)
        expect(next.body).toBe(first.body)
        expect((next.headers['set-cookie'] ?? []).join()).not.toContain('slipway-service')
      }
      expect(await proxy.bring(made(first.body === 'old' ? { old: 0, new: 1 } : { old: 1, new: 0 }))).toBe('live')
      const moved = await from(cookie)
      expect([moved.status, moved.body]).toEqual([200, first.body === 'old' ? 'new' : 'old'])
      expect((moved.headers['set-cookie'] ?? []).join()).toContain('slipway-service')
      await proxy.bring(made({ old: 50, new: 50 }))
    }
  })
})
