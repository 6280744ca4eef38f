import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { p95Of } from '../../../src/ingress/index.js'
import { groupWeights } from '../../../src/ingress/shares.js'
import { openAuthority } from '../../../src/mesh/index.js'
import type { BalancedService, MeshIdentity, ProxyTable, ProxyTarget } from '../../../src/model/index.js'
import { must, until } from '../../driver/fixtures.js'
import { frontOf, routeOf, serviceOf, tableOf } from '../tables.js'
import { answersOf, ask, startLoad } from './load.js'
import { freePort, startBackend, startRealProxy } from './real-proxy.js'
import type { Backend, RealProxy } from './real-proxy.js'

const open: (() => unknown)[] = []
const HEADER = { kind: 'header', name: 'X-Canary', value: 'yes, "please" %[src]' } as const

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function proxyWith(table: ProxyTable): Promise<RealProxy> {
  const proxy = await startRealProxy(table)
  open.push(() => proxy.stop())
  return proxy
}

async function backends(...names: readonly string[]): Promise<readonly Backend[]> {
  const started = await Promise.all(names.map((name) => startBackend(name)))
  for (const one of started) open.push(() => one.kill())
  return started
}

interface Group {
  readonly old: readonly Backend[]
  readonly fresh: readonly Backend[]
}

/** As the table of a server has it that runs all of them. */
function shared({ old, fresh }: Group, percent: number, changes: Partial<BalancedService> = {}): BalancedService {
  const weights = groupWeights(percent, fresh.length, old.length)
  const target = ({ name, port }: Pick<Backend, 'name' | 'port'>, isFresh: boolean): ProxyTarget => {
    const place = { containerId: name, address: '127.0.0.1', port, state: 'ready' } as const
    return { ...place, isFresh, weight: isFresh ? weights.fresh : weights.old }
  }
  const local = [...old.map((one) => target(one, false)), ...fresh.map((one) => target(one, true))]
  return serviceOf({ local, share: { specHash: 'new', percent }, canary: { match: null }, ...changes })
}

const listening = (port: number) => ({ listen: [{ hostIp: '127.0.0.1', port }] })

describe('a share of requests', () => {
  it('is what the table says, from one to the next, and nothing at all at 0', async () => {
    const port = await freePort()
    const [a, b, fresh] = await backends('a', 'b', 'new')
    const group = { old: [a, b] as Backend[], fresh: [fresh] as Backend[] }
    const at = (percent: number) => tableOf([shared(group, percent, listening(port))])
    const asked = () => answersOf(200, () => ask({ host: '127.0.0.1', port }))
    const proxy = await proxyWith(at(0))
    await until('all are up', async () => (await proxy.seen(at(0))).targets.every(({ state }) => state === 'up'))
    expect(await asked()).toEqual({ '200 a': 100, '200 b': 100 })
    for (const [percent, share] of [
      [5, 10],
      [25, 50],
      [1, 2],
    ] as const) {
      expect(await proxy.bring(at(percent))).toBe('live')
      // Where the turn is when the weights come makes a difference of one.
      expect(Math.abs(((await asked())['200 new'] ?? 0) - share)).toBeLessThanOrEqual(1)
    }
    expect(await proxy.bring(at(100))).toBe('live')
    expect(await asked()).toEqual({ '200 new': 200 })
    expect((await proxy.seen(at(100))).targets.map(({ state }) => state)).toEqual(['up', 'up', 'up'])
    expect(await proxy.bring(at(0))).toBe('live')
    expect((await asked())['200 new']).toBeUndefined()
    expect(proxy.log()).not.toMatch(/ALERT|ERROR/)
  })

  it('is never more than that under load, from the moment in which the new one comes, and no request is lost', async () => {
    const port = await freePort()
    const [old, fresh] = await backends('old', 'new')
    const [olds, news] = [[old], [fresh]] as [Backend[], Backend[]]
    const proxy = await proxyWith(tableOf([shared({ old: olds, fresh: [] }, 5, listening(port))]))
    const load = startLoad(port)
    await until('it is asked', () => (load.answers.get('200 old') ?? 0) > 50)
    for (const percent of [5, 20, 5, 0]) {
      expect(await proxy.bring(tableOf([shared({ old: olds, fresh: news }, percent, listening(port))]))).toBe('live')
      const before = [load.answers.get('200 old') ?? 0, load.answers.get('200 new') ?? 0] as const
      await until('more are asked', () => (load.answers.get('200 old') ?? 0) - before[0] > 200)
      const more = [(load.answers.get('200 old') ?? 0) - before[0], (load.answers.get('200 new') ?? 0) - before[1]]
      // What was under way when the weights came is not counted exactly: nine clients.
      expect((more[1] ?? 0) - 9).toBeLessThanOrEqual(((more[0] ?? 0) * percent) / (100 - percent))
    }
    await load.stop()
    expect(load.failures).toEqual([])
  })

  it('holds for connections too, one after the other', async () => {
    const port = await freePort()
    const named = async (name: string): Promise<Backend> => {
      const server = createServer((stream) => stream.end(name))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      open.push(() => server.close())
      return { name, port: (server.address() as AddressInfo).port } as Backend
    }
    const group = { old: [await named('old')], fresh: [await named('new')] }
    const table = tableOf([shared(group, 5, { ...listening(port), key: 'shop/db:1', protocol: 'tcp' })])
    const proxy = await proxyWith(table)
    await until('all are up', async () => (await proxy.seen(table)).targets.every(({ state }) => state === 'up'))
    const before = (await proxy.seen(table)).figures
    const answers = await answersOf(
      100,
      () =>
        new Promise((resolve) => {
          let said = ''
          const stream = connect(port, '127.0.0.1')
          stream.on('data', (chunk) => (said += chunk.toString()))
          stream.on('error', () => resolve('error'))
          stream.on('end', () => resolve(said))
        }),
    )
    expect(answers).toEqual({ old: 95, new: 5 })
    const after = (await proxy.seen(table)).figures
    expect(before?.replicas.map(({ requests }) => requests)).toEqual([0, 0])
    expect(after?.replicas).toEqual([
      { containerId: 'old', requests: 95, errors: 0, times: [] },
      { containerId: 'new', requests: 5, errors: 0, times: [] },
    ])
  })

  it('is counted: who was asked how often, what failed, and how long it took', async () => {
    const port = await freePort()
    const [old, fresh] = await backends('old', 'new')
    const group = { old: [old], fresh: [fresh] } as Group
    // A route and a published port of one container are counted together.
    const routes = { key: 'shop/web:8080/http', routes: [routeOf({ hosts: ['a.test'] })] }
    const table = tableOf([shared(group, 50, listening(port)), shared(group, 50, routes)], {
      front: frontOf({ httpPort: await freePort(), httpsPort: null }),
    })
    const proxy = await proxyWith(table)
    const byRoute = table.front?.httpPort ?? 0
    await until('all are up', async () => (await proxy.seen(table)).targets.every(({ state }) => state === 'up'))
    await answersOf(20, () => ask({ host: '127.0.0.1', port }))
    await answersOf(20, () => ask({ host: '127.0.0.1', port: byRoute, headers: { host: 'a.test' } }))
    await answersOf(4, () => ask({ host: '127.0.0.1', port, path: '/bad' }))
    await answersOf(2, () => ask({ host: '127.0.0.1', port, path: '/cut', method: 'POST' }))
    await answersOf(4, () => ask({ host: '127.0.0.1', port, path: '/slow' }))
    const { worker, replicas = [] } = (await proxy.seen(table)).figures ?? {}
    expect(replicas).toHaveLength(2)
    // An answer that breaks off counts once for HAProxy 2.6, and twice for later ones.
    for (const { requests, errors } of replicas) expect(['25 3', '26 4']).toContain(`${requests} ${errors}`)
    // 2 of 24 took 300 ms and more; the others next to nothing.
    for (const { times } of replicas) {
      expect(times.reduce((sum, count) => sum + count, 0)).toBe(24)
      expect(p95Of(times)).toBeGreaterThan(250)
    }
    // Another process has its own counts, and says that it is another.
    expect(await proxy.bring({ ...table, services: [...table.services, serviceOf({ key: 'other/x' })] })).toBe('reload')
    const later = (await proxy.seen(table)).figures
    expect(later?.worker).not.toBe(worker)
    expect(later?.replicas.map(({ requests }) => requests)).toEqual([0, 0])
  })
})

describe('requests that are for new replicas', () => {
  let papers: (server: string) => Omit<MeshIdentity, 'port'>

  beforeAll(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'slipway-mesh-'))
    const authority = openAuthority({ dir, clock: { nowMs: () => Date.now() } })
    must(await authority.renew('acme', ['lon-1', 'lon-2']))
    papers = (server) => authority.identity(server) ?? { authority: '', certificate: '' }
    afterAll(() => rmSync(dir, { recursive: true }))
  })

  /** `lon-1` is asked, `lon-2` has another new one and the old one. */
  async function twoServers(match: NonNullable<BalancedService['canary']>['match']) {
    const [here, there, old] = (await backends('here', 'there', 'old')) as [Backend, Backend, Backend]
    const ports = { in: await freePort(), route: await freePort(), mesh1: await freePort(), mesh2: await freePort() }
    const weights = groupWeights(2, 2, 1)
    const peer = (server: string, port: number) => ({ peers: [{ server, host: '127.0.0.1', port }] })
    const about = (percent: number) => ({ share: { specHash: 'new', percent }, canary: { match } })
    const first = (key: string, more: Partial<BalancedService>, percent = 2): BalancedService => ({
      ...shared({ old: [], fresh: percent === 0 ? [] : [here] }, percent, { key, ...more, ...about(percent) }),
      remote: [
        percent === 0
          ? { server: 'lon-2', weight: 1 }
          : { server: 'lon-2', weight: weights.fresh + weights.old, fresh: weights.fresh },
      ],
    })
    const tableOfFirst = (percent = 2): ProxyTable =>
      tableOf(
        [
          withWeight(first('shop/web:8080', listening(ports.in), percent), weights.fresh),
          withWeight(
            first('shop/web:8080/http', { routes: [routeOf({ hosts: ['a.test'], manner: REMOVES })] }, percent),
            weights.fresh,
          ),
        ],
        {
          ...peer('lon-2', ports.mesh2),
          mesh: { port: ports.mesh1, ...papers('lon-1') },
          front: frontOf({ httpPort: ports.route, httpsPort: null }),
        },
      )
    const tableOfSecond = (percent = 2): ProxyTable => {
      const own = ['shop/web:8080', 'shop/web:8080/http'].map((key) =>
        shared({ old: [old], fresh: percent === 0 ? [] : [there] }, percent, { key, ...about(percent) }),
      )
      const mesh = { port: ports.mesh2, ...papers('lon-2') }
      return { ...tableOf(own, { ...peer('lon-1', ports.mesh1), mesh }), server: 'lon-2' }
    }
    const second = await proxyWith(tableOfSecond())
    const proxy = await proxyWith(tableOfFirst())
    await until('all are up', async () => (await ask({ host: '127.0.0.1', port: ports.in })) === '200 old')
    const withoutNew = async () => [await proxy.bring(tableOfFirst(0)), await second.bring(tableOfSecond(0))]
    return { ports, withoutNew, here, there }
  }

  const REMOVES = { requestHeaders: { set: [], remove: ['X-Canary'] } }
  const withWeight = (service: BalancedService, weight: number): BalancedService => ({
    ...service,
    local: service.local.map((target) => ({ ...target, weight })),
  })

  it('reach them by their header, on other servers too, and nobody else does', async () => {
    const { ports, withoutNew } = await twoServers(HEADER)
    const by = (port: number, headers: Readonly<Record<string, string>>) =>
      answersOf(60, () => ask({ host: '127.0.0.1', port, headers: { host: 'a.test', ...headers } }))
    for (const port of [ports.in, ports.route]) {
      const matched = await by(port, { 'x-canary': HEADER.value })
      expect(Object.keys(matched).sort()).toEqual(['200 here', '200 there'])
      expect(Math.min(...Object.values(matched))).toBeGreaterThan(10)
      for (const headers of [{ 'x-canary': 'yes' }, { 'x-slipway-group': 'new' }, {}])
        expect((await by(port, headers))['200 old']).toBeGreaterThanOrEqual(57)
    }
    // While there are none, all go where all others do.
    expect(await withoutNew()).toEqual(['live', 'live'])
    expect(await by(ports.in, { 'x-canary': HEADER.value })).toEqual({ '200 old': 60 })
  })

  it('reach them by their cookie, and others where those are down', async () => {
    const { ports, here, there } = await twoServers({ kind: 'cookie', name: 'canary', value: null })
    const by = (cookie: string) =>
      answersOf(40, () => ask({ host: '127.0.0.1', port: ports.in, headers: { cookie: `a=b; ${cookie}` } }))
    expect(Object.keys(await by('canary=1')).sort()).toEqual(['200 here', '200 there'])
    expect((await by('canar=1'))['200 old']).toBeGreaterThanOrEqual(38)
    here.kill()
    there.kill()
    expect(await by('canary=1')).toEqual({ '200 old': 40 })
  })
})
