import { mkdtempSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../src/mesh/index.js'
import type { BalancedService, MeshIdentity, ProxyTable, ProxyTarget } from '../../../src/model/index.js'
import { must, until } from '../../driver/fixtures.js'
import { tryRun } from '../../lab/shell.js'
import { testAuthority } from '../papers.js'
import { anyTable, serviceOf, tableOf } from '../tables.js'
import { ask, startLoad } from './load.js'
import { freePort, haproxyProgram, startBackend, startRealProxy, writeTable } from './real-proxy.js'
import type { Backend, RealProxy } from './real-proxy.js'

let identity: Omit<MeshIdentity, 'port'>
const open: (() => unknown)[] = []

beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-mesh-'))
  const authority = openAuthority({ dir, clock: { nowMs: () => Date.now() } })
  must(await authority.renew('acme', ['lon-1']))
  rmSync(dir, { recursive: true })
  const found = authority.identity('lon-1')
  if (found === null) throw new Error('no identity')
  identity = found
})

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function proxyWith(table: ProxyTable): Promise<RealProxy> {
  const proxy = await startRealProxy(table)
  open.push(() => proxy.stop())
  return proxy
}

async function backend(name: string): Promise<Backend> {
  const started = await startBackend(name)
  open.push(() => started.kill())
  return started
}

function targetAt({ name, port }: Backend, state: ProxyTarget['state'] = 'ready'): ProxyTarget {
  return { containerId: name, address: '127.0.0.1', port, state }
}

function webOn(port: number, local: readonly ProxyTarget[], changes: Partial<BalancedService> = {}): BalancedService {
  return serviceOf({ listen: [{ hostIp: '127.0.0.1', port }], local, ...changes })
}

describe('HAProxy itself', () => {
  it('takes every configuration that a table can give', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'slipway-tables-'))
    const { pem } = await (await testAuthority()).issue(['shop.example.com'])
    await fc.assert(
      fc.asyncProperty(anyTable, async (table) => {
        const mesh = table.mesh === null ? null : { ...table.mesh, ...identity }
        // Its form says nothing of a certificate's sense.
        const certificates = (table.front?.certificates ?? []).map((one) => ({ ...one, pem }))
        const front = table.front === undefined ? {} : { front: { ...table.front, certificates } }
        writeTable(dir, { ...table, mesh, ...front }, null)
        const checked = await tryRun(haproxyProgram, ['-c', '-f', join(dir, 'haproxy.cfg')], {
          env: { SLIPWAY_IPV6: '1' },
        })
        expect(checked).toBeDefined()
      }),
      { numRuns: 60 },
    )
    rmSync(dir, { recursive: true })
  })

  it('loses no request while replicas are swapped under load, and needs no reload for it', async () => {
    const port = await freePort()
    let current = await backend('b0')
    const proxy = await proxyWith(tableOf([webOn(port, [targetAt(current)])]))
    const load = startLoad(port)
    for (let swap = 1; swap <= 20; swap += 1) {
      const next = await backend(`b${swap}`)
      const both = tableOf([webOn(port, [targetAt(current), targetAt(next)])])
      expect(await proxy.bring(both)).toBe('live')
      const draining = tableOf([webOn(port, [targetAt(current, 'drain'), targetAt(next)])])
      expect(await proxy.bring(draining)).toBe('live')
      expect((await proxy.seen(draining)).targets.map(({ state }) => state)).toEqual(['drain', 'up'])
      await until('the old one is idle', async () => (await proxy.seen(draining)).targets[0]?.sessions === 0)
      await current.stop()
      expect(await proxy.bring(tableOf([webOn(port, [targetAt(next)])]))).toBe('live')
      current = next
    }
    await load.stop()
    expect(load.failures).toEqual([])
    expect(load.answers.size).toBe(21)
  })

  it('loses no request by reloads under load, and counts what former processes still serve', async () => {
    const port = await freePort()
    const [a, b] = [await backend('a'), await backend('b')]
    const base = webOn(port, [targetAt(a), targetAt(b)])
    const proxy = await proxyWith(tableOf([base]))
    const load = startLoad(port)
    for (let round = 1; round <= 10; round += 1) {
      const more = Array.from({ length: round }, (_, i) => serviceOf({ key: `other/${i}` }))
      expect(await proxy.bring(tableOf([base, ...more]))).toBe('reload')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await load.stop()
    expect(load.failures).toEqual([])
    const slow = ask({ host: '127.0.0.1', port, path: '/held' })
    await until('it is asked', () => [...a.requests, ...b.requests].some((line) => line.startsWith('GET /held')))
    await proxy.bring(tableOf([base]))
    expect((await proxy.seen(tableOf([base]))).targets.map(({ sessions }) => sessions).sort()).toEqual([0, 1])
    for (const one of [a, b]) one.release()
    expect(await slow).toMatch(/^200 [ab]$/)
  })

  it('keeps the last that a former process knows while who kept a connection to it may ask once more', async () => {
    const port = await freePort()
    const [a, b] = [await backend('a'), await backend('b')]
    const withOther = (...local: readonly ProxyTarget[]) => tableOf([webOn(port, local), serviceOf({ key: 'other/1' })])
    const proxy = await proxyWith(tableOf([webOn(port, [targetAt(a)])]))
    const kept = new Agent({ keepAlive: true, maxSockets: 1 })
    open.push(() => kept.destroy())
    expect(await ask({ host: '127.0.0.1', port, agent: kept })).toBe('200 a')
    expect(await proxy.bring(withOther(targetAt(a)))).toBe('reload')
    await proxy.bring(withOther(targetAt(a), targetAt(b)))
    const leaving = withOther(targetAt(a, 'drain'), targetAt(b))
    expect(await proxy.bring(leaving)).toBe('live')
    expect((await proxy.seen(leaving)).targets).toMatchObject([{ state: 'drain', sessions: 1 }, { sessions: 0 }])
    // That is whom it asks, and then it is told to come anew.
    expect(await ask({ host: '127.0.0.1', port, agent: kept })).toBe('200 a')
    await until('nobody can', async () => (await proxy.seen(leaving)).targets[0]?.sessions === 0)
    expect(await ask({ host: '127.0.0.1', port, agent: kept })).toBe('200 b')
  })

  it('lets go of a replica that dies: what was not on it goes on', async () => {
    const port = await freePort()
    const [a, b] = [await backend('a'), await backend('b')]
    const table = tableOf([webOn(port, [targetAt(a), targetAt(b)])])
    const proxy = await proxyWith(table)
    const load = startLoad(port)
    await until('both are asked', () => load.answers.size === 2)
    a.kill()
    await until('it is down', async () => (await proxy.seen(table)).targets[0]?.state === 'down')
    // What it had begun, and must not be begun again.
    for (const failure of load.failures) expect(failure).toMatch(/^POST /)
    expect(load.failures.length).toBeLessThanOrEqual(5)
    const before = load.failures.length
    await new Promise((resolve) => setTimeout(resolve, 500))
    await load.stop()
    expect(load.failures).toHaveLength(before)
  })

  it('sends a request again only where that changes nothing', async () => {
    const port = await freePort()
    const [a, b] = [await backend('a'), await backend('b')]
    await proxyWith(tableOf([webOn(port, [targetAt(a), targetAt(b)])]))
    expect(await ask({ host: '127.0.0.1', port, path: '/cut' })).toMatch(/^502/)
    expect(a.requests.length + b.requests.length).toBe(4)
    expect(await ask({ host: '127.0.0.1', port, path: '/cut', method: 'POST' })).toMatch(/^502/)
    expect(a.requests.length + b.requests.length).toBe(5)
  })

  it('tells replicas who asks, and believes nobody about it', async () => {
    const port = await freePort()
    const a = await backend('a')
    await proxyWith(tableOf([webOn(port, [targetAt(a)])]))
    await ask({ host: '127.0.0.1', port, headers: { 'X-Forwarded-For': '6.6.6.6' } })
    expect(a.requests).toEqual(['GET / for=127.0.0.1'])
  })

  it('leaves a connection alone when its replica drains, and when it is reloaded', async () => {
    const port = await freePort()
    const echo = createServer((stream) => stream.on('error', () => undefined).pipe(stream))
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
    open.push(() => echo.close())
    const target = { name: 'echo', port: (echo.address() as AddressInfo).port } as Backend
    const service = (state: ProxyTarget['state']) =>
      webOn(port, [targetAt(target, state)], { key: 'shop/db:1', protocol: 'tcp' })
    const proxy = await proxyWith(tableOf([service('ready')]))
    const stream = connect(port, '127.0.0.1')
    open.push(() => stream.destroy())
    let echoed = ''
    stream.on('data', (chunk) => (echoed += chunk.toString()))
    const said = async (text: string): Promise<void> => {
      stream.write(text)
      await until(text, () => echoed.endsWith(text))
    }
    await said('one')
    expect(await proxy.bring(tableOf([service('drain')]))).toBe('live')
    await said('two')
    expect(await proxy.bring(tableOf([service('drain'), serviceOf()]))).toBe('reload')
    await said('three')
    expect((await proxy.seen(tableOf([service('drain')]))).targets).toMatchObject([{ state: 'drain', sessions: 1 }])
  })
})
