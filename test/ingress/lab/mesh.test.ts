import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../src/mesh/index.js'
import { dnsLabel } from '../../../src/model/index.js'
import type { BalancedService, MeshIdentity, ProxyTable } from '../../../src/model/index.js'
import { must, until } from '../../driver/fixtures.js'
import { serviceOf, tableOf } from '../tables.js'
import { ask, startLoad } from './load.js'
import { freePort, startBackend, startRealProxy } from './real-proxy.js'
import type { Backend, RealProxy } from './real-proxy.js'

type Papers = Omit<MeshIdentity, 'port'>

const DAY_MS = 24 * 3_600_000
const name = `${dnsLabel('shop/web:8080')}.lon-2.mesh`
let ours: (server: string) => Papers
let expired: Papers
let theirs: Papers
let ports: { readonly in: number; readonly mesh1: number; readonly mesh2: number }
let backend: Backend
let first: RealProxy
let second: RealProxy

async function authorityIn(dir: string, fleet: string, atMs: number): Promise<(server: string) => Papers> {
  const authority = openAuthority({ dir, clock: { nowMs: () => atMs } })
  must(await authority.renew(fleet, ['lon-1', 'lon-2', 'left']))
  return (server) => {
    const identity = authority.identity(server)
    if (identity === null) throw new Error(`no identity for ${server}`)
    return identity
  }
}

beforeAll(async () => {
  const dirs = ['a', 'b'].map((which) => mkdtempSync(join(tmpdir(), `slipway-mesh-${which}`)))
  const [dir = '', other = ''] = dirs
  expired = (await authorityIn(dir, 'acme', Date.now() - 100 * DAY_MS))('lon-1')
  ours = await authorityIn(dir, 'acme', Date.now())
  theirs = (await authorityIn(other, 'acme', Date.now()))('lon-1')
  for (const one of dirs) rmSync(one, { recursive: true })
  ports = { in: await freePort(), mesh1: await freePort(), mesh2: await freePort() }
  backend = await startBackend('there')
  second = await startRealProxy(tableOfSecond())
  first = await startRealProxy(tableOfFirst())
})

afterAll(async () => {
  await Promise.all([first?.stop(), second?.stop()])
  backend?.kill()
})

/** The server that is asked: it has no replica. */
function tableOfFirst(papers: Papers = ours('lon-1')): ProxyTable {
  const listen = [{ hostIp: '127.0.0.1', port: ports.in }]
  return tableOf([web({ listen, remote: [{ server: 'lon-2', weight: 1 }] })], {
    peers: [{ server: 'lon-2', host: '127.0.0.1', port: ports.mesh2 }],
    mesh: { port: ports.mesh1, ...papers },
  })
}

/** The server that has one. */
function tableOfSecond(papers: Papers = ours('lon-2')): ProxyTable {
  const local = [{ containerId: 'c', address: '127.0.0.1', port: backend.port, state: 'ready' as const }]
  return {
    server: 'lon-2',
    services: [web({ local })],
    peers: [{ server: 'lon-1', host: '127.0.0.1', port: ports.mesh1 }],
    mesh: { port: ports.mesh2, ...papers },
  }
}

function web(changes: Partial<BalancedService>): BalancedService {
  return serviceOf(changes)
}

function throughFirst(): Promise<string> {
  return ask({ host: '127.0.0.1', port: ports.in })
}

/** What a client on the mesh port of the second server gets: the first line of an answer, or nothing. */
function asClient(servername: string, papers: Papers | null): Promise<string> {
  return new Promise((resolve) => {
    const own = papers === null ? {} : { cert: papers.certificate, key: papers.certificate }
    const stream = connectTls({ host: '127.0.0.1', port: ports.mesh2, servername, ca: ours('lon-1').authority, ...own })
    let answer = ''
    stream.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    stream.on('error', () => undefined)
    stream.on('close', () => resolve(answer.split('\r\n')[0] ?? ''))
    stream.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`)
  })
}

describe('proxies that reach each other', () => {
  it('serve through one server what runs on another', async () => {
    expect(await throughFirst()).toBe('200 there')
    expect(backend.requests.at(-1)).toBe('GET / for=127.0.0.1')
  })

  it('lose no request while the one that has the replicas is reloaded, not even those that cannot be sent again', async () => {
    const loads = Array.from({ length: 8 }, () => startLoad(ports.in))
    for (let round = 1; round <= 10; round += 1) {
      const more = Array.from({ length: round }, (_, i) => serviceOf({ key: `other/${i}` }))
      const table = tableOfSecond()
      expect(await second.bring({ ...table, services: [...table.services, ...more] })).toBe('reload')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await second.bring(tableOfSecond())
    await Promise.all(loads.map((load) => load.stop()))
    expect(loads.flatMap(({ failures }) => failures)).toEqual([])
  })

  it('are asked all the same where checks say that none of them is left', async () => {
    await first.tell('disable health peers/r_lon-2', 'set server peers/r_lon-2 health down')
    expect(await throughFirst()).toBe('200 there')
    await first.tell('set server peers/r_lon-2 health up', 'enable health peers/r_lon-2')
  })

  it('let in whom the fleet certifies, for what there is', async () => {
    expect(await asClient(name, ours('lon-1'))).toBe('HTTP/1.1 200 OK')
    expect(await asClient(name.replace(/-[0-9a-f]/, '-x'), ours('lon-1'))).toBe('')
    expect(await asClient(name.replace('lon-2', 'lon-1'), ours('lon-1'))).toBe('')
  })

  it.each<[string, () => Papers | null]>([
    ['nobody shows', () => null],
    ['is expired', () => expired],
    ['is that of another fleet', () => theirs],
    ['is of a server that left the fleet', () => ours('left')],
  ])('refuse a client whose certificate %s', async (_which, papers) => {
    const before = backend.requests.length
    expect(await asClient(name, papers())).toBe('')
    expect(backend.requests).toHaveLength(before)
  })

  it('refuse a client that does not encrypt', async () => {
    const answer = await new Promise<string>((resolve) => {
      const stream = connectTcp(ports.mesh2, '127.0.0.1')
      let said = ''
      stream.on('data', (chunk) => (said += chunk.toString('latin1')))
      stream.on('error', () => undefined)
      stream.on('close', () => resolve(said))
      stream.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    })
    expect(answer).not.toContain('HTTP')
  })

  it('do not give requests to a server with a certificate that is not its own', async () => {
    for (const papers of [expired, theirs, ours('left')]) {
      // It believes the right authority, and shows what it has.
      await second.bring(tableOfSecond({ ...papers, authority: ours('lon-2').authority }))
      await until('it is refused', async () => (await throughFirst()).startsWith('503'))
    }
    await second.bring(tableOfSecond())
    await until('it is back', async () => (await throughFirst()) === '200 there')
  })
})
