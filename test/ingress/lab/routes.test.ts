import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ProxyTable, ProxyTarget, RouteManner, RouteSpec } from '../../../src/model/index.js'
import { until } from '../../driver/fixtures.js'
import { testAuthority } from '../papers.js'
import type { TestAuthority, TestPapers } from '../papers.js'
import { frontOf, routeOf, serviceOf, tableOf } from '../tables.js'
import { ask, askHttp2, shakeHands } from './client.js'
import type { Answer, Question } from './client.js'
import { freePort, startRealProxy } from './real-proxy.js'
import type { RealProxy } from './real-proxy.js'

let authority: TestAuthority
let papers: TestPapers
let ports: { readonly http: number; readonly https: number }
const open: (() => unknown)[] = []

beforeAll(async () => {
  authority = await testAuthority()
  papers = await authority.issue(['shop.example.com', '*.shop.example.com'])
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** Says what it was sent; with `?wait` after a while. */
async function replica(name: string): Promise<ProxyTarget> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume()
    request.once('end', () => {
      response.setHeader('server', 'replica')
      response.end(JSON.stringify({ name, method: request.method, url: request.url, headers: request.headers }))
    })
  }
  const server = createServer(answer)
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.on('error', () => undefined).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { containerId: name, address: '127.0.0.1', port, state: 'ready' }
}

interface Told {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

function told({ body }: Answer): Told {
  return JSON.parse(body) as Told
}

async function proxyWith(table: ProxyTable): Promise<RealProxy> {
  const proxy = await startRealProxy(table)
  open.push(() => proxy.stop())
  return proxy
}

async function newPorts(): Promise<void> {
  ports = { http: await freePort(), https: await freePort() }
}

function front(changes: Parameters<typeof frontOf>[0] = {}) {
  return frontOf({ httpPort: ports.http, httpsPort: ports.https, ...changes })
}

/** One service, with all of the routes. */
function shop(
  local: readonly ProxyTarget[],
  routes: readonly RouteSpec[],
  changes: Parameters<typeof frontOf>[0] = {},
) {
  return tableOf([serviceOf({ local, routes })], { front: front(changes) })
}

const plain = (question: Partial<Question>): Promise<Answer> =>
  ask({ host: 'shop.example.com', port: ports.http, ...question })
const secure = (question: Partial<Question>): Promise<Answer> =>
  ask({ host: 'shop.example.com', port: ports.https, ca: authority.certificate, ...question })
const own = { kind: 'own' as const, name: 'a', pem: '' }

describe('routes of a real proxy', () => {
  it('go by host and path: whole paths first, then the longest prefix; a host before a zone before any', async () => {
    await newPorts()
    const services = await Promise.all(
      (
        [
          ['root', { path: '/' }],
          ['api', { path: '/api' }],
          ['v2', { path: '/api/v2' }],
          ['exact', { path: '/api/v2/health', isExact: true }],
          ['zone', { hosts: ['*.example.com'] }],
          ['any', { hosts: [], path: '/any' }],
        ] as const
      ).map(async ([key, route]) => serviceOf({ key, local: [await replica(key)], routes: [routeOf(route)] })),
    )
    await proxyWith(tableOf(services, { front: front() }))
    const whose = async (path: string, host = 'shop.example.com'): Promise<string> => {
      const answer = await plain({ path, host })
      return answer.status === 200 ? told(answer).name : String(answer.status)
    }
    await until('it is up', async () => (await whose('/')) === 'root')
    const cases = [
      ['/', 'root'],
      ['/apiary', 'root'],
      ['/api', 'api'],
      ['/api/', 'api'],
      ['/api?x=/api/v2', 'api'],
      ['/api/v2/x', 'v2'],
      ['/api/v2/health', 'exact'],
      ['/api/v2/health/', 'v2'],
      // As the replica may read it.
      ['//api//v2', 'v2'],
      ['/%61pi', 'api'],
      ['/x/../api', '400'],
      ['/x/%2e%2e/api', '400'],
      ['/x%2f..%2fapi', '400'],
      ['/./api', '400'],
      ['/a%00', '400'],
      ['/.well-known/x', 'root'],
      ['/..hidden', 'root'],
    ] as const
    for (const [path, name] of cases) expect([path, await whose(path)]).toEqual([path, name])
    expect(await whose('/', 'SHOP.example.com.:8080')).toBe('root')
    expect(await whose('/', 'other.example.com')).toBe('zone')
    expect(await whose('/', 'a.other.example.com')).toBe('404')
    expect(await whose('/any/x', 'nobody.test')).toBe('any')
    expect(await whose('/', 'nobody.test')).toBe('404')
  })

  it('are served by TLS, and who asks in plain is sent there once there is a certificate, without a reload', async () => {
    await newPorts()
    const one = await replica('one')
    const routes = [routeOf({ tls: { kind: 'acme' }, redirect: { kind: 'https' } })]
    const challenges = [{ token: 'tok', answer: 'tok.key' }]
    const proxy = await proxyWith(shop([one], routes))
    await until('it is up', async () => (await plain({})).status === 200)
    expect((await secure({})).body).toMatch(/unrecognized name/)
    expect(await proxy.bring(shop([one], routes, { challenges }))).toBe('live')
    expect(await plain({ host: 'any.test', path: '/.well-known/acme-challenge/tok' })).toMatchObject({
      status: 200,
      body: 'tok.key',
    })
    const certificates = [{ name: 'acme', hosts: ['shop.example.com'], pem: papers.pem }]
    expect(await proxy.bring(shop([one], routes, { challenges, certificates }))).toBe('live')
    const sent = await plain({ path: '/a?b=c' })
    expect([sent.status, sent.headers.location]).toEqual([308, `https://shop.example.com:${ports.https}/a?b=c`])
    expect((await plain({ path: '/.well-known/acme-challenge/tok' })).body).toBe('tok.key')
    expect(told(await secure({ path: '/a?b=c' }))).toMatchObject({
      url: '/a?b=c',
      headers: { 'x-forwarded-proto': 'https' },
    })
    expect(await proxy.bring(shop([one], routes, { certificates }))).toBe('live')
    expect((await plain({ path: '/.well-known/acme-challenge/tok' })).status).toBe(308)
    // Another name that the certificate has, and nobody routes.
    expect((await secure({ host: 'a.shop.example.com' })).body).toMatch(/unrecognized name/)
  })

  it('change their certificate without a reload or a cut connection, however long it is', async () => {
    await newPorts()
    const one = await replica('one')
    const routes = [routeOf({ tls: own, redirect: { kind: 'https' } })]
    const hosts = ['shop.example.com']
    const proxy = await proxyWith(shop([one], routes, { certificates: [{ name: 'a', hosts, pem: papers.pem }] }))
    await until('it is up', async () => (await secure({})).status === 200)
    const socket = await webSocket(ports.https, authority.certificate)
    const next = await authority.issue(hosts)
    expect(await proxy.bring(shop([one], routes, { certificates: [{ name: 'a', hosts, pem: next.pem }] }))).toBe('live')
    expect(await shakeHands(ports.https, { servername: 'shop.example.com', ca: authority.certificate })).toBe(
      'TLSv1.3 h2 DNS:shop.example.com',
    )
    expect(await socket.echo('still here')).toBe('still here')
    // What one command can hold, and what it cannot.
    for (const [count, how] of [
      [6, 'live'],
      [12, 'reload'],
    ] as const) {
      const chain = `${next.certificate}${authority.certificate.trim()}\n`.repeat(count)
      const certificates = [{ name: 'a', hosts, pem: `${chain}${next.key}` }]
      expect(await proxy.bring(shop([one], routes, { certificates }))).toBe(how)
      expect(await socket.echo('and here')).toBe('and here')
      expect((await secure({})).status).toBe(200)
    }
  })

  it('take TLS 1.2 and 1.3 with forward secrecy, and HTTP/2', async () => {
    await newPorts()
    const one = await replica('one')
    const certificates = [{ name: 'a', hosts: ['shop.example.com'], pem: papers.pem }]
    await proxyWith(shop([one], [routeOf({ tls: own })], { certificates }))
    await until('it is up', async () => (await secure({})).status === 200)
    const shake = (more: Partial<Parameters<typeof shakeHands>[1]>) =>
      shakeHands(ports.https, { servername: 'shop.example.com', ca: authority.certificate, ...more })
    const old = { ciphers: 'ALL:@SECLEVEL=0' }
    expect(await shake({})).toMatch(/^TLSv1\.3 h2 /)
    expect(await shake({ maxVersion: 'TLSv1.2' })).toMatch(/^TLSv1\.2 h2 /)
    expect(await shake({ maxVersion: 'TLSv1.1', ...old })).toMatch(/PROTOCOL|alert/i)
    expect(await shake({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0' })).toMatch(
      /HANDSHAKE_FAILURE/,
    )
    expect(await shakeHands(ports.https, { ca: authority.certificate })).toMatch(/UNRECOGNIZED_NAME/i)
    const answer = await askHttp2({
      host: 'shop.example.com',
      port: ports.https,
      ca: authority.certificate,
      method: 'POST',
      body: 'x',
    })
    expect(answer.status).toBe(200)
  })
})

describe('the manner of a route', () => {
  async function with_(manner: RouteManner, changes: Partial<RouteSpec> = {}): Promise<void> {
    await newPorts()
    const routes = [routeOf({ path: '/api', tls: own, manner, ...changes }), routeOf({ path: '/up' })]
    const certificates = [{ name: 'a', hosts: ['shop.example.com'], pem: papers.pem }]
    await proxyWith(shop([await replica('one')], routes, { certificates }))
    await until('it is up', async () => (await plain({ path: '/up' })).status === 200)
  }

  it('lets in who knows a password', async () => {
    const hash = '$6$abcdefgh$yVfUwsw5T.JApa8POvClA1pQ5peiq97DUNyXCZN5IrF.BMSkiaLQ5kvpuEm/VQ1Tvh/KV2TcaWh8qinoW5dhA1'
    await with_({ users: [{ name: 'bob', hash }] })
    const as = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    const answer = await plain({ path: '/api' })
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Basic realm="restricted"'])
    expect((await plain({ path: '/api', headers: as('bob:wrong') })).status).toBe(401)
    expect((await plain({ path: '/api', headers: as('bob:password') })).status).toBe(200)
  })

  it('lets in who asks from somewhere', async () => {
    await with_({ allow: ['10.0.0.0/8'] })
    expect((await plain({ path: '/api' })).status).toBe(403)
    await with_({ allow: ['10.0.0.0/8', '127.0.0.0/8'] })
    expect((await plain({ path: '/api' })).status).toBe(200)
  })

  it('bounds bodies, and asks for their length', async () => {
    await with_({ bodyBytes: 4 })
    const post = (body: string, headers: Readonly<Record<string, string>>) =>
      plain({ path: '/api', method: 'POST', body, headers })
    expect((await post('1234', { 'content-length': '4' })).status).toBe(200)
    expect((await post('12345', { 'content-length': '5' })).status).toBe(413)
    expect((await post('1234', { 'transfer-encoding': 'chunked' })).status).toBe(411)
    const answer = await askHttp2({
      host: 'shop.example.com',
      port: ports.https,
      path: '/api',
      ca: authority.certificate,
      method: 'POST',
      body: '12345',
    })
    expect(answer.status).toBe(411)
    expect((await plain({ path: '/api' })).status).toBe(200)
  })

  it('changes headers and paths, whatever is in them', async () => {
    const value = `default-src 'self' "%[src]" $HOME \\ #{}`
    await with_({
      requestHeaders: { set: [{ name: 'X-In', value }], remove: ['Cookie'] },
      responseHeaders: { set: [{ name: 'X-Out', value }], remove: ['Server'] },
      hsts: 'max-age=31536000; includeSubDomains',
      rewrite: { from: '/api', to: '/v1' },
    })
    const headers = {
      cookie: 'a=b',
      'x-forwarded-for': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      'x-forwarded-host': 'evil',
    }
    const answer = await secure({ path: '/api/x?y=1', headers })
    expect(answer.headers).toMatchObject({
      'x-out': value,
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    })
    expect(answer.headers).not.toHaveProperty('server')
    const { url, headers: seen } = told(answer)
    expect(url).toBe('/v1/x?y=1')
    expect(seen).toMatchObject({
      'x-in': value,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.example.com',
    })
    expect([seen['cookie'], seen['forwarded']]).toEqual([undefined, undefined])
    expect(told(await plain({ path: '/api' })).url).toBe('/v1')
    expect((await plain({ path: '/api' })).headers).not.toHaveProperty('strict-transport-security')
  })

  it('sends everybody elsewhere', async () => {
    await with_({}, { redirect: { kind: 'to', url: 'https://new.example.com', keepsPath: true, status: 301 } })
    const answer = await plain({ path: '/api/x?y=1' })
    expect([answer.status, answer.headers.location]).toEqual([301, 'https://new.example.com/api/x?y=1'])
    await with_({}, { redirect: { kind: 'to', url: 'https://new.example.com/there', keepsPath: false, status: 302 } })
    const other = await secure({ path: '/api/x?y=1' })
    expect([other.status, other.headers.location]).toEqual([302, 'https://new.example.com/there'])
  })

  it('ends what takes too long', async () => {
    await with_({ timeouts: { idleMs: 200, readMs: 5_000 } })
    const socket = await webSocket(ports.https, authority.certificate, '/api')
    expect(await socket.echo('hello')).toBe('hello')
    await socket.ended
  })
})

describe('clients that stay with a replica', () => {
  it('do so over two servers, and go elsewhere when it drains', async () => {
    await newPorts()
    const replicas = [await replica('one'), await replica('two'), await replica('three')]
    const routes = [routeOf({ manner: { sticky: 'shop' } })]
    const proxy = await proxyWith(shop(replicas, routes))
    await until('all are up', async () => {
      const names = await Promise.all(replicas.map(async () => (await plain({})).body))
      return names.every((name) => name !== '')
    })
    const first = await plain({})
    const cookie = first.headers['set-cookie']?.[0] ?? ''
    expect(cookie).toMatch(/^shop=[0-9a-f]{8}-[0-9a-f]{12}; Path=\/; HttpOnly; SameSite=Lax$/)
    const { name } = told(first)
    const headers = { cookie: cookie.split(';')[0] ?? '' }
    for (let n = 0; n < 6; n += 1) {
      const again = await plain({ headers })
      expect([told(again).name, again.headers['set-cookie']]).toEqual([name, undefined])
    }
    const draining = replicas.map((one) => (one.containerId === name ? { ...one, state: 'drain' as const } : one))
    expect(await proxy.bring(shop(draining, routes))).toBe('live')
    const moved = await plain({ headers })
    expect(told(moved).name).not.toBe(name)
    expect(moved.headers['set-cookie']?.[0]).toMatch(/^shop=/)
    expect(moved.headers).not.toHaveProperty('x-slipway-replica')
  })
})

interface Socket {
  echo(text: string): Promise<string>
  readonly ended: Promise<void>
}

function webSocket(port: number, ca: string, path = '/'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'shop.example.com', connection: 'Upgrade', upgrade: 'echo' }
    const call = requestHttps({
      host: '127.0.0.1',
      port,
      path,
      ca,
      servername: 'shop.example.com',
      headers,
      agent: false,
    })
    call.on('error', reject)
    call.on('upgrade', (_, socket) => {
      open.push(() => socket.destroy())
      const ended = new Promise<void>((end) => socket.once('close', () => end()))
      const echo = (text: string): Promise<string> =>
        new Promise((answer) => {
          socket.once('data', (chunk: Buffer) => answer(chunk.toString()))
          socket.write(text)
        })
      resolve({ echo, ended })
    })
    call.end()
  })
}
