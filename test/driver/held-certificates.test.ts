import { pack } from 'tar-stream'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { FakeEngine, FakeHandler } from './fake-engine.js'
import { json, startFakeEngine } from './fake-engine.js'
import { FLEET, localServer, must, never, newDriver, problemOf } from './fixtures.js'
import type { TestDriver } from './fixtures.js'
import { finished } from '../../src/driver/file-archive.js'
import { planProxy } from '../../src/ingress/index.js'
import { testAuthority } from '../ingress/papers.js'
import { frontOf, routeOf, serviceOf, tableOf } from '../ingress/tables.js'

const DIGEST = '0123456789abcdef0123'
const BOX = `/containers/${'c'.repeat(12)}/archive`

let engine: FakeEngine
let driver: TestDriver
let pem: string

beforeAll(async () => {
  pem = (await (await testAuthority()).issue(['a.test'])).pem
})

beforeEach(async () => {
  engine = await startFakeEngine()
  driver = newDriver()
  driver.use(FLEET, [localServer('lon-1', engine.socketPath)])
  links(`/etc/slipway/tables/${DIGEST}`)
})
afterEach(async () => {
  await driver.close()
  await engine.close()
})

function links(linkTarget: string): void {
  const stat = Buffer.from(JSON.stringify({ linkTarget })).toString('base64')
  const head: FakeHandler = (_request, response) =>
    void response.writeHead(200, { 'X-Docker-Container-Path-Stat': stat }).end()
  engine.on(`HEAD ${BOX}`, head)
}

function answers(body: Buffer): void {
  const send: FakeHandler = (_request, response) => void response.writeHead(200).end(body)
  engine.on(`GET ${BOX}`, send)
}

async function archive(files: Readonly<Record<string, string>>, type: 'file' | 'symlink' = 'file'): Promise<Buffer> {
  const made = pack()
  for (const [name, content] of Object.entries(files))
    if (type === 'file') made.entry({ name: `${DIGEST}/${name}` }, content)
    else made.entry({ name: `${DIGEST}/${name}`, type, linkname: '/etc/passwd' })
  return finished(made)
}

const read = () => driver.certificates('lon-1', 'c'.repeat(12), never)

describe('the certificates of a proxy', () => {
  it('are those of the table that it starts with, as it was given them', async () => {
    const services = [serviceOf({ routes: [routeOf({ hosts: ['a.test', '*.b.test'], tls: { kind: 'acme' } })] })]
    const front = frontOf({
      certificates: [
        { name: 'one', hosts: ['a.test'], pem },
        { name: 'two', hosts: ['*.b.test', 'c.test'], pem },
        { name: 'for all', hosts: [], pem },
      ],
    })
    const { files } = planProxy(tableOf(services, { front }), null)
    answers(await archive(Object.fromEntries(files.map(({ name, content }) => [name, content]))))
    const held = must(await read())
    expect(held.map(({ hosts }) => hosts.join(' ')).sort()).toEqual(['*.b.test c.test', 'a.test'])
    expect(new Set(held.map((one) => one.pem))).toEqual(new Set([pem]))
    const [{ query } = { query: new URLSearchParams() }] = engine.requests
      .filter(({ method }) => method === 'GET')
      .slice(-1)
    expect(query.get('path')).toBe(`/etc/slipway/tables/${DIGEST}`)
  })

  it.each(['bootstrap', '/etc/slipway/tables/../../../etc', '/etc/slipway/tables/0123'])(
    'are none where it starts with %s, and no file is asked for',
    async (target) => {
      links(target)
      expect(must(await read())).toEqual([])
      expect(engine.requests.map(({ method, path }) => `${method} ${path}`)).not.toContain(`GET ${BOX}`)
    },
  )

  it('are none where the container, or its table, is gone', async () => {
    engine.on(`GET ${BOX}`, json(404, { message: 'no such file' }))
    expect(must(await read())).toEqual([])
  })

  it.each<[string, Readonly<Record<string, string>>]>([
    ['a file that is not named as ours are', { 'certificates.list': '../key.pem a.test\n', '../key.pem': 'x' }],
    ['a host that is none', { 'certificates.list': 'tls_00.pem a.test;x [b]\n' }],
    ['a file that is not there', { 'certificates.list': 'tls_01.pem a.test\n' }],
    ['no PEM text', { 'certificates.list': 'tls_02.pem a.test\n', 'tls_02.pem': 'root:x:0' }],
    ['a list that is too long', { 'certificates.list': `${'\n'.repeat(1024 * 1024)}tls_00.pem a.test\n` }],
    ['no list', {}],
  ])('are none where it has %s', async (_, files) => {
    answers(await archive({ ...files, 'tls_00.pem': pem }))
    expect(must(await read())).toEqual([])
  })

  it('are none behind links, and none of a file that is too long', async () => {
    answers(await archive({ 'certificates.list': '', 'tls_00.pem': '' }, 'symlink'))
    expect(must(await read())).toEqual([])
    answers(await archive({ 'certificates.list': 'tls_00.pem a.test\n', 'tls_00.pem': pem + '\n'.repeat(64 * 1024) }))
    expect(must(await read())).toEqual([])
  })

  it('are a problem, and not none, where an archive is cut, or an engine refuses', async () => {
    const whole = await archive({ 'certificates.list': 'tls_00.pem a.test\n', 'tls_00.pem': pem })
    answers(whole.subarray(0, 700))
    expect(problemOf(await read()).code).toBe('ENGINE_ANSWER')
    engine.on(`GET ${BOX}`, json(500, { message: 'disk' }))
    expect(problemOf(await read()).code).toBe('ENGINE_ERROR')
  })

  it('are a problem where they are more than anybody has', async () => {
    await driver.close()
    driver = newDriver({ proxyBytes: 10_000 })
    driver.use(FLEET, [localServer('lon-1', engine.socketPath)])
    answers(Buffer.alloc(10_240))
    expect(problemOf(await read()).code).toBe('ENGINE_ANSWER')
  })
})
