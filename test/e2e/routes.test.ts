import { Agent } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../ingress/lab/client.js'
import type { Answer, Question } from '../ingress/lab/client.js'
import { testAuthority } from '../ingress/papers.js'
import type { TestAuthority, TestPapers } from '../ingress/papers.js'
import { PROXY_IMAGE, startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { Files } from './manifests.js'
import { Traffic, get } from './traffic.js'

let fleet: TestFleet
let authority: TestAuthority

const HOST = 'shop.example.com'
/** One that names of services have too. */
const HTTP = 8080
const PASSWORD = '$6$abcdefgh$yVfUwsw5T.JApa8POvClA1pQ5peiq97DUNyXCZN5IrF.BMSkiaLQ5kvpuEm/VQ1Tvh/KV2TcaWh8qinoW5dhA1'
const own = { certificate: './tls/shop.pem', key: './tls/shop.key' }

/** `web` at the root, `api` below /api in two ways. */
function shop(image: string, more: readonly unknown[] = [], moreOfApi: readonly unknown[] = []): string {
  const web = [{ host: HOST, port: 8080, tls: own, hsts: true }, ...more]
  const api = [
    { host: HOST, path: '/api', port: 8080, tls: own, rewrite: '/' },
    { host: HOST, path: '/private', port: 8080, tls: own, rewrite: '/', auth: { basic: 'users' }, body_limit: 10 },
    { host: HOST, path: '/inner', port: 8080, tls: own, allow: ['192.0.2.0/24'] },
    { host: HOST, path: '/sticky', port: 8080, tls: own, sticky: { cookie: 'who' }, rewrite: '/' },
    ...moreOfApi,
  ]
  return compose(
    {
      web: { image, expose: ['8080'], deploy: { replicas: 2 }, 'x-slipway': { routes: web } },
      api: { image: 'shop/api:1', deploy: { replicas: 3 }, 'x-slipway': { routes: api } },
    },
    { secrets: { users: { file: './users' } } },
  )
}

function papersIn({ certificate, key }: TestPapers): Files {
  return { 'stacks/shop/tls/shop.pem': certificate, 'stacks/shop/tls/shop.key': key }
}

const addresses = (): readonly string[] => fleet.lab.servers.map(({ address }) => address)

/** From each server. */
function everywhere(question: Partial<Question>): Promise<readonly Answer[]> {
  const about = { host: HOST, port: 443, ca: authority.certificate, ...question }
  return Promise.all(addresses().map((address) => ask({ ...about, address })))
}

beforeAll(async () => {
  authority = await testAuthority()
  fleet = await startFleet({
    name: 'e2e-routes',
    proxy: true,
    images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy', 'shop/web:bad': 'unhealthy', 'shop/api:1': 'healthy' },
  })
  const plain = { web: { image: 'shop/web:1', expose: ['8080'], deploy: { replicas: 2 } } }
  const first = await fleet.commit(
    {
      'slipway.yaml': fleetFile(fleet.lab, { ingress: { image: PROXY_IMAGE, http_port: HTTP } }),
      [STACK]: compose(plain),
      'stacks/shop/users': `bob:${PASSWORD}\n`,
      ...papersIn(await authority.issue([HOST])),
    },
    'The shop has a name',
  )
  fleet.boot()
  await fleet.settle(first)
  await fleet.deploy({ [STACK]: shop('shop/web:1') }, 'The shop opens')
  await fleet.until('each server answers', async () =>
    (await everywhere({})).every(({ status, body }) => status === 200 && body === 'shop/web:1'),
  )
})

afterAll(() => fleet?.down())

describe('routes of a fleet', () => {
  it('go to their services by path, from each server, and by TLS', async () => {
    for (const { status, body } of await everywhere({ path: '/api' }))
      expect([status, body]).toEqual([200, 'shop/api:1'])
    for (const { status } of await everywhere({ path: '/apiary' })) expect(status).toBe(404)
    for (const { headers } of await everywhere({}))
      expect(headers['strict-transport-security']).toBe('max-age=31536000')
    const plain = await Promise.all(
      addresses().map((address) => ask({ host: HOST, port: HTTP, address, path: '/a?b' })),
    )
    for (const { status, headers } of plain) expect([status, headers.location]).toEqual([308, `https://${HOST}/a?b`])
    const other = await Promise.all(addresses().map((address) => ask({ host: 'other.test', port: HTTP, address })))
    expect(other.map(({ status }) => status)).toEqual([404, 404, 404])
  })

  it('let in who may ask, and with what', async () => {
    const headers = { authorization: `Basic ${Buffer.from('bob:password').toString('base64')}` }
    const statuses = async (question: Partial<Question>) => (await everywhere(question)).map(({ status }) => status)
    expect(await statuses({ path: '/private' })).toEqual([401, 401, 401])
    expect(await statuses({ path: '/private', headers })).toEqual([200, 200, 200])
    const body = { method: 'POST', body: '12345678901', headers: { ...headers, 'content-length': '11' } }
    expect(await statuses({ path: '/private', ...body })).toEqual([413, 413, 413])
    expect(await statuses({ path: '/inner' })).toEqual([403, 403, 403])
  })

  it('keep a client with its replica, whichever server it asks', async () => {
    const [first] = await everywhere({ path: '/sticky' })
    const cookie = first?.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
    expect(cookie).toMatch(/^who=[0-9a-f]{8}-[0-9a-f]{12}$/)
    for (let round = 0; round < 5; round += 1)
      for (const { status, headers } of await everywhere({ path: '/sticky', headers: { cookie } }))
        expect([status, headers['set-cookie']]).toEqual([200, undefined])
  })
})

describe('a routed service', () => {
  it.each([
    ['an update', 'shop/web:2', 'applied', 'shop/web:2'],
    ['an update that fails', 'shop/web:bad', 'rolled-back', 'shop/web:2'],
  ] as const)('loses no request during %s', async (what, image, ends, body) => {
    const urls = addresses().map((address) => `https://${address}/`)
    const traffic = new Traffic(urls, { host: HOST, ca: authority.certificate })
    await fleet.deploy({ [STACK]: shop(image) }, what, ends)
    const { requests, failures, bodies } = await traffic.end()
    expect(failures.slice(0, 5)).toEqual([])
    expect(requests).toBeGreaterThan(50)
    expect([...bodies.keys()]).toContain(body)
  })
})

describe('a commit that touches no container', () => {
  it('brings a new certificate, and a connection that is open goes on', async () => {
    const before = await fleet.containers()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const [address = ''] = addresses()
    const asked = () => get(`https://${address}/`, agent, { host: HOST, ca: authority.certificate })
    expect((await asked()).status).toBe(200)
    const next = await authority.issue([HOST, 'new.example.com'])
    await fleet.deploy({ ...papersIn(next), [STACK]: shop('shop/web:2') }, 'A new certificate')
    const more = [{ host: 'new.example.com', port: 8080, tls: own }]
    await fleet.deploy({ [STACK]: shop('shop/web:2', more) }, 'One more name')
    await fleet.until('it is served', async () =>
      (await everywhere({ host: 'new.example.com' })).every(({ status }) => status === 200),
    )
    expect((await asked()).status).toBe(200)
    agent.destroy()
    const ids = (containers: typeof before) => containers.map(({ id }) => id).sort()
    expect(ids(await fleet.containers())).toEqual(ids(before))
  })
})

describe('a path that moves to another service', () => {
  const path = (weight: number) => ({ host: HOST, path: '/move', port: 8080, tls: own, rewrite: '/', weight })
  const moving = (from: number, to: number): Files => ({ [STACK]: shop('shop/web:2', [path(from)], [path(to)]) })
  const traffic = () => {
    const urls = addresses().map((address) => `https://${address}/move`)
    return new Traffic(urls, { host: HOST, ca: authority.certificate })
  }

  it('is asked of both by their weights, which a commit changes without a failed request', async () => {
    await fleet.deploy(moving(90, 10), 'One of ten goes to the new one')
    await fleet.until('each server has it', async () =>
      (await everywhere({ path: '/move' })).every(({ status }) => status === 200),
    )
    const asking = traffic()
    await fleet.until('many ask', () => Promise.resolve(asking.asked() > 1_200))
    const { requests, bodies, failures } = await asking.end()
    expect(failures).toEqual([])
    const share = (bodies.get('shop/api:1') ?? 0) / requests
    // Six times as far from it as a draw is on average.
    expect(Math.abs(share - 0.1)).toBeLessThan(6 * Math.sqrt((0.1 * 0.9) / requests))
    const through = traffic()
    await fleet.deploy(moving(0, 100), 'All of them go to it')
    await fleet.until('each server knows', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => everywhere({ path: '/move' })))
      return answers.flat().every(({ body }) => body === 'shop/api:1')
    })
    expect((await through.end()).failures).toEqual([])
    const after = traffic()
    await fleet.until('many ask', () => Promise.resolve(after.asked() > 300))
    expect([...(await after.end()).bodies.keys()]).toEqual(['shop/api:1'])
  })
})
