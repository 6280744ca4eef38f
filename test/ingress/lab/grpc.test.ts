import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { ClientHttp2Session, Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../src/mesh/index.js'
import type { MeshIdentity, ProxyTable, ProxyTarget } from '../../../src/model/index.js'
import { must, until } from '../../driver/fixtures.js'
import { testAuthority } from '../papers.js'
import { frontOf, routeOf, serviceOf, tableOf } from '../tables.js'
import { freePort, startRealProxy } from './real-proxy.js'
import type { RealProxy } from './real-proxy.js'

/** What gRPC puts on HTTP/2, by hand: five bytes before each message, how it ended in the trailers. */
const TYPE = { 'content-type': 'application/grpc' }
const HOST = 'api.example.com'
const open: (() => unknown)[] = []
let ca: string
let pem: string
let identities: ReadonlyMap<string, Omit<MeshIdentity, 'port'> | null>

beforeAll(async () => {
  const authority = await testAuthority()
  ca = authority.certificate
  pem = (await authority.issue([HOST])).pem
  const dir = mkdtempSync(join(tmpdir(), 'slipway-grpc-'))
  const mesh = openAuthority({ dir, clock: { nowMs: () => Date.now() } })
  must(await mesh.renew('acme', ['lon-1', 'lon-2']))
  rmSync(dir, { recursive: true })
  identities = new Map(['lon-1', 'lon-2'].map((server) => [server, mesh.identity(server)]))
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

function framed(text: string): Buffer {
  const frame = Buffer.alloc(5 + Buffer.byteLength(text))
  frame.writeUInt32BE(Buffer.byteLength(text), 1)
  frame.write(text, 5)
  return frame
}

interface Replica {
  readonly target: ProxyTarget
  /** Sends one more message to each stream that is open. */
  say(text: string): void
  /** Ends each stream that is open, well. */
  finish(): void
  /** Messages that came by streams. */
  readonly heard: string[]
}

/** `/One` answers once, `/Many` as often as it is told to, `/Echo` whatever comes, `/None` that there is none, by trailers alone. */
async function replica(name: string): Promise<Replica> {
  const streams = new Set<ServerHttp2Stream>()
  const heard: string[] = []
  const server: Http2Server = createServer()
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    const path = String(headers[':path'])
    if (path === '/None') return stream.respond({ ':status': 200, ...TYPE, 'grpc-status': '5' }, { endStream: true })
    stream.respond({ ':status': 200, ...TYPE }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': `by ${name}` }))
    stream.on('data', (chunk: Buffer) => {
      heard.push(chunk.subarray(5).toString())
      if (path === '/Echo') stream.write(chunk)
    })
    if (path === '/One') stream.end(framed(`one of ${name}`))
    else streams.add(stream)
    if (path === '/Echo') stream.on('end', () => stream.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    target: { containerId: name, address: '127.0.0.1', port, state: 'ready' },
    heard,
    say: (text) => streams.forEach((stream) => stream.write(framed(text))),
    finish: () => streams.forEach((stream) => stream.end()),
  }
}

interface Call {
  send(text: string): void
  end(): void
  readonly messages: string[]
  /** Status of the call, and who says so, once it has ended. */
  readonly ended: Promise<string>
}

function call(session: ClientHttp2Session, path: string): Call {
  const stream = session.request({ ':method': 'POST', ':path': path, ':authority': HOST, te: 'trailers', ...TYPE })
  const messages: string[] = []
  let status = 'no status'
  const read = (headers: IncomingHttpHeaders): void => {
    const said = headers['grpc-status']
    if (said !== undefined) status = `${String(said)} ${String(headers['grpc-message'] ?? '')}`.trim()
  }
  let rest = Buffer.alloc(0)
  stream.on('response', read).on('trailers', read)
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (let end = 5; rest.length >= 5 && rest.length >= (end = 5 + rest.readUInt32BE(1)); rest = rest.subarray(end))
      messages.push(rest.subarray(5, end).toString())
  })
  const ended = new Promise<string>((resolve) => {
    stream.on('error', (error: Error) => resolve(error.message))
    stream.on('close', () => resolve(status))
  })
  return { messages, ended, send: (text) => void stream.write(framed(text)), end: () => void stream.end() }
}

/** `isToldToGo`: the other side has said that it takes no more streams. */
async function client(
  url: string,
): Promise<{ readonly session: ClientHttp2Session; readonly isToldToGo: () => boolean }> {
  const session = connect(url, { ca, servername: HOST })
  session.on('error', () => undefined)
  let isTold = false
  session.on('goaway', () => (isTold = true))
  open.push(() => session.destroy())
  await once(session, 'connect')
  return { session, isToldToGo: () => isTold }
}

async function oneCall(session: ClientHttp2Session): Promise<string> {
  const asked = call(session, '/One')
  asked.send('please')
  asked.end()
  return `${await asked.ended}: ${asked.messages.join()}`
}

const ports = async (): Promise<readonly [number, number]> => [await freePort(), await freePort()]

function grpcTable([httpPort, httpsPort]: readonly [number, number], local: readonly ProxyTarget[]): ProxyTable {
  const routes = [routeOf({ hosts: [HOST], protocol: 'h2', tls: { kind: 'own', name: 'api', pem } })]
  const service = serviceOf({ key: 'shop/api:50051/http', protocol: 'h2', routes, local })
  return tableOf([service], {
    front: frontOf({ httpPort, httpsPort, certificates: [{ name: 'api', hosts: [HOST], pem }] }),
  })
}

async function proxyWith(table: ProxyTable): Promise<RealProxy> {
  const proxy = await startRealProxy(table)
  open.push(() => proxy.stop())
  return proxy
}

describe.each([
  ['over TLS', 'https', 1],
  ['without', 'http', 0],
])('a gRPC call %s', (_, scheme, at) => {
  it('comes with its messages one by one, and with the trailers that say how it ended', async () => {
    const there = await replica('a')
    const both = await ports()
    await proxyWith(grpcTable(both, [there.target]))
    const { session } = await client(`${scheme}://127.0.0.1:${both[at]}`)
    expect(await oneCall(session)).toBe('0 by a: one of a')
    expect(await call(session, '/None').ended).toBe('5')
    const many = call(session, '/Many')
    many.end()
    for (const text of ['first', 'second', 'third']) {
      await until('it is asked', () => {
        if (many.messages.at(-1) !== text) there.say(text)
        return many.messages.at(-1) === text
      })
    }
    there.finish()
    expect(await many.ended).toBe('0 by a')
    const echo = call(session, '/Echo')
    for (const text of ['ping', 'pong']) {
      echo.send(text)
      await until(text, () => echo.messages.at(-1) === text)
    }
    echo.end()
    expect(await echo.ended).toBe('0 by a')
  })
})

describe('a stream that is open', () => {
  it('goes on while its replica drains and the proxy is reloaded; new calls go elsewhere', async () => {
    const [a, b] = [await replica('a'), await replica('b')]
    const both = await ports()
    const proxy = await proxyWith(grpcTable(both, [a.target]))
    const { session, isToldToGo } = await client(`https://127.0.0.1:${both[1]}`)
    const echo = call(session, '/Echo')
    const said = async (text: string): Promise<void> => {
      echo.send(text)
      await until(text, () => echo.messages.at(-1) === text)
    }
    await said('one')
    const draining = [{ ...a.target, state: 'drain' as const }, b.target]
    expect(await proxy.bring(grpcTable(both, draining))).toBe('live')
    await said('two')
    expect(await oneCall(session)).toBe('0 by b: one of b')
    const { services, ...others } = grpcTable(both, draining)
    const more = { ...others, services: [...services, serviceOf({ key: 'shop/other:80' })] }
    expect(await proxy.bring(more)).toBe('reload')
    await said('three')
    expect((await proxy.seen(more)).targets[0]).toMatchObject({ containerId: 'a', state: 'drain', sessions: 1 })
    // Its client opens another connection for what it asks next.
    await until('it is told to go', isToldToGo)
    await said('four')
    echo.end()
    expect(await echo.ended).toBe('0 by a')
    expect(a.heard).toEqual(['one', 'two', 'three', 'four'])
    expect(await oneCall((await client(`https://127.0.0.1:${both[1]}`)).session)).toBe('0 by b: one of b')
  })
})

describe('a replica on another server', () => {
  it('is called through the mesh, trailers and all', async () => {
    const there = await replica('there')
    const [first, second] = [await ports(), await ports()]
    const [mesh1, mesh2] = await ports()
    const meshOf = (server: string, port: number): MeshIdentity => {
      const identity = identities.get(server)
      if (identity === null || identity === undefined) throw new Error(`no identity for ${server}`)
      return { port, ...identity }
    }
    const behind = grpcTable(second, [there.target])
    await proxyWith({
      ...behind,
      server: 'lon-2',
      peers: [{ server: 'lon-1', host: '127.0.0.1', port: mesh1 }],
      mesh: meshOf('lon-2', mesh2),
    })
    const before = grpcTable(first, [])
    await proxyWith({
      ...before,
      services: before.services.map((service) => ({ ...service, remote: [{ server: 'lon-2', weight: 1 }] })),
      peers: [{ server: 'lon-2', host: '127.0.0.1', port: mesh2 }],
      mesh: meshOf('lon-1', mesh1),
    })
    const { session } = await client(`https://127.0.0.1:${first[1]}`)
    await until('it is reached', async () => (await oneCall(session)) === '0 by there: one of there')
    const echo = call(session, '/Echo')
    echo.send('far')
    await until('it comes back', () => echo.messages.at(-1) === 'far')
    echo.end()
    expect(await echo.ended).toBe('0 by there')
  })
})
