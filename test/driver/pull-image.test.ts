import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Action } from '../../src/model/index.js'
import type { DriverLimits } from '../../src/driver/index.js'
import { json, startFakeEngine } from './fake-engine.js'
import type { FakeEngine, FakeHandler } from './fake-engine.js'
import { FLEET, localServer, must, never, newDriver, problemOf } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

const hash = `sha256:${'a'.repeat(64)}`
const found = { Id: 'sha256:id', RepoDigests: [`r.example.com:5000/web@${hash}`] }
const registryAuths = { 'r.example.com:5000': { username: 'ann', password: 'böse?>' } }

let engine: FakeEngine
let driver: TestDriver

beforeEach(async () => {
  engine = await startFakeEngine()
  engine.on('GET /images/', json(404, { message: 'No such image: x' }))
})

afterEach(async () => {
  await driver?.close()
  await engine.close()
})

function start(limits: Partial<DriverLimits> = {}): void {
  driver = newDriver(limits, { registryAuths })
  driver.use(FLEET, [localServer('box', engine.socketPath)])
}

function pull(policy: 'always' | 'missing' | 'never', image = 'r.example.com:5000/web:2') {
  const action: Action = { kind: 'pull', server: 'box', stack: 'shop', image, policy }
  return driver.perform(action, never)
}

const pulls = () => engine.requests.filter((request) => request.path === '/images/create')

function progress(...lines: readonly unknown[]): FakeHandler {
  return (_request, response) => {
    for (const line of lines) response.write(`${JSON.stringify(line)}\r\n`)
    response.end()
    engine.on('GET /images/', found)
  }
}

describe('a pull', () => {
  it('asks no registry for an image that is there, unless told to always', async () => {
    engine.on('GET /images/', found)
    engine.on('POST /images/create', progress({ status: `Digest: ${hash}` }))
    start()
    const pin = { digest: `r.example.com:5000/web@${hash}`, id: 'sha256:id' }
    expect(must(await pull('missing')).image).toEqual(pin)
    expect(must(await pull('never')).image).toEqual(pin)
    expect(pulls()).toEqual([])
    expect(must(await pull('always')).image).toEqual(pin)
    expect(pulls()).toHaveLength(1)
  })

  it('sends the credentials of the registry and of no other', async () => {
    engine.on('POST /images/create', progress({ status: 'Downloading' }, { status: `Digest: ${hash}` }))
    start()
    must(await pull('missing'))
    must(await pull('always', 'busybox:1.36'))
    const [own, other] = pulls()
    expect(Object.fromEntries(own?.query ?? [])).toEqual({ fromImage: 'r.example.com:5000/web', tag: '2' })
    const sent = Buffer.from(String(own?.headers['x-registry-auth']), 'base64url').toString()
    expect(JSON.parse(sent)).toEqual({ ...registryAuths['r.example.com:5000'], serveraddress: 'r.example.com:5000' })
    expect(other?.headers['x-registry-auth']).toBeUndefined()
  })

  it('of a digest names the digest', async () => {
    engine.on('POST /images/create', progress({ status: `Digest: ${hash}` }))
    start()
    must(await pull('always', `r.example.com:5000/web:2@${hash}`))
    expect(pulls()[0]?.query.get('tag')).toBe(hash)
  })

  it('of what must be there says so with advice, and asks nobody', async () => {
    start()
    expect(problemOf(await pull('never'))).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      server: 'box',
      next: { kind: 'stalled' },
    })
    expect(pulls()).toEqual([])
  })

  it.each<[string, FakeHandler, string]>([
    [
      'an error in the stream',
      progress(
        { status: 'x' },
        { error: 'unauthorized', errorDetail: { message: 'unauthorized: authentication required' } },
      ),
      'REGISTRY_AUTH',
    ],
    [
      'a full disk in the stream',
      progress({ errorDetail: { message: 'write /x: no space left on device' } }),
      'DISK_FULL',
    ],
    ['an unknown tag', json(404, { message: 'manifest for web:2 not found: manifest unknown' }), 'IMAGE_NOT_FOUND'],
    [
      'a registry that is down',
      json(500, { message: 'dial tcp 10.0.0.1:5000: connect: connection refused' }),
      'REGISTRY_UNREACHABLE',
    ],
    [
      'a stream that is cut',
      (_request, response) => {
        response.write('{"status":"Downloading"}\r\n')
        setTimeout(() => response.socket?.destroy(), 10)
      },
      'CONNECTION_LOST',
    ],
    ['silence', (_request, response) => void response.write('{"status":"Waiting"}\r\n'), 'CALL_TIMEOUT'],
    [
      'an image that is gone again',
      (_request, response) => void response.end('{"status":"done"}\r\n'),
      'IMAGE_NOT_FOUND',
    ],
  ])('with %s is a problem that names server and image', async (_what, handler, code) => {
    engine.on('POST /images/create', handler)
    start(code === 'CALL_TIMEOUT' ? { pullIdleMs: 200 } : {})
    const problem = problemOf(await pull('missing'))
    expect(problem).toMatchObject({ code, server: 'box' })
    expect(problem.message).toContain('box')
    expect(problem.message).toContain('r.example.com:5000/web:2')
    expect(JSON.stringify(problem)).not.toContain('böse')
  })
})
