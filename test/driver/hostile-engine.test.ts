import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DriverLimits } from '../../src/driver/index.js'
import { json, startBystander, startFakeEngine } from './fake-engine.js'
import type { FakeEngine, FakeHandler } from './fake-engine.js'
import { FLEET, localServer, must, never, newDriver, onContainer, problemOf, runAction, until } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

let engine: FakeEngine
let driver: TestDriver

beforeEach(async () => {
  engine = await startFakeEngine()
})

afterEach(async () => {
  await driver?.close()
  await engine.close()
})

function start(limits: Partial<DriverLimits> = {}): void {
  driver = newDriver(limits)
  driver.use(FLEET, [localServer('box', engine.socketPath)])
}

const look = () => driver.observe('box', [], never)
const raw =
  (text: string): FakeHandler =>
  (_request, response) =>
    void response.end(text)

describe('an answer that makes no sense is ENGINE_ANSWER', () => {
  it.each<[string, string, FakeHandler]>([
    ['HTML with 200', 'GET /containers/json', raw('<html><img onerror=alert(1)></html>')],
    ['nothing', 'GET /containers/json', raw('')],
    ['half of the JSON', 'GET /containers/json', raw('[{"Id":"a"')],
    ['an object for a list', 'GET /containers/json', raw('{}')],
    ['100,000 nested lists', 'GET /containers/json', raw('['.repeat(100_000))],
    ['a container without a state', 'GET /containers/json', json(200, [{ Id: 'a', Names: ['/a'] }])],
    ['volumes that are no list', 'GET /volumes', json(200, { Volumes: 7 })],
    ['networks without names', 'GET /networks', json(200, [{}])],
    ['a description without an id', 'GET /info', json(200, {})],
    ['no API version', 'GET /_ping', raw('OK')],
  ])('%s', async (_what, route, handler) => {
    engine.on(route, handler)
    start()
    expect(problemOf(await look()).code).toBe('ENGINE_ANSWER')
  })

  it('more bytes than allowed, announced or not', async () => {
    engine.on('GET /containers/json', ((_request, response) => {
      const timer = setInterval(() => response.write(' '.repeat(64 * 1024)), 1)
      response.on('close', () => clearInterval(timer))
    }) satisfies FakeHandler)
    start({ listBytes: 1024 * 1024 })
    const problem = problemOf(await look())
    expect(problem.code).toBe('ENGINE_ANSWER')
    expect(problem.message).toContain('1048576')
  })

  it('something that is not HTTP', async () => {
    engine.on('GET /containers/json', ((_request, response) => {
      response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n')
    }) satisfies FakeHandler)
    start()
    expect(problemOf(await look()).code).toBe('ENGINE_ANSWER')
  })
})

describe('a list that is cut', () => {
  it.each<[string, FakeHandler]>([
    [
      'in a body of known length',
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': '100' })
        response.write('[]')
        setTimeout(() => response.socket?.destroy(), 10)
      },
    ],
    [
      'in a chunked body',
      (_request, response) => {
        response.write('[]')
        setTimeout(() => response.socket?.destroy(), 10)
      },
    ],
    ['before the first byte', (_request, response) => void response.socket?.destroy()],
  ])('%s is an error, never a shorter list', async (_what, handler) => {
    engine.on('GET /containers/json', handler)
    start()
    expect(problemOf(await look()).code).toBe('CONNECTION_LOST')
  })

  it('is read once more, as a kept connection may have died unnoticed', async () => {
    let calls = 0
    engine.on('GET /containers/json', ((_request, response) => {
      calls += 1
      if (calls === 1) response.socket?.destroy()
      else response.end('[]')
    }) satisfies FakeHandler)
    start()
    must(await look())
    expect(calls).toBe(2)
  })
})

describe('a call without an answer', () => {
  it('ends at its deadline', async () => {
    engine.on('GET /containers/json', (() => undefined) satisfies FakeHandler)
    start({ listMs: 50 })
    expect(problemOf(await look()).code).toBe('CALL_TIMEOUT')
  })

  it('ends at its deadline when bytes only drip', async () => {
    engine.on('GET /containers/json', ((_request, response) => {
      const timer = setInterval(() => response.write(' '), 5)
      response.on('close', () => clearInterval(timer))
    }) satisfies FakeHandler)
    start({ listMs: 100 })
    expect(problemOf(await look()).code).toBe('CALL_TIMEOUT')
  })

  it('that changes something says that its outcome is unknown, and is sent once', async () => {
    engine.on('DELETE /containers/', ((_request, response) => void response.socket?.destroy()) satisfies FakeHandler)
    start()
    const problem = problemOf(await driver.perform(onContainer('remove', 'box', 'abc'), never))
    expect(problem.code).toBe('CONNECTION_LOST')
    expect(problem.message).toContain('unknown')
    expect(engine.requests.filter((request) => request.method === 'DELETE')).toHaveLength(1)
  })

  it('does not keep a look waiting behind slow changes', async () => {
    engine.on('POST /containers/', (() => undefined) satisfies FakeHandler)
    start({ lanes: { read: 2, change: 1, slow: 1 } })
    const caller = new AbortController()
    const stop = { ...onContainer('start', 'box', 'abc'), kind: 'stop', graceMs: 60_000 } as const
    const stops = Array.from({ length: 5 }, () => driver.perform(stop, caller.signal))
    await until('one is on its way', () => engine.requests.some((request) => request.path.endsWith('/stop')))
    must(await look())
    caller.abort()
    for (const result of await Promise.all(stops)) expect(problemOf(result).code).toBe('CALL_TIMEOUT')
    expect(engine.requests.filter((request) => request.path.endsWith('/stop'))).toHaveLength(1)
  })
})

describe('a redirect', () => {
  it('is never followed', async () => {
    const bystander = await startBystander()
    engine.on('GET /containers/json', ((_request, response) => {
      response.writeHead(302, { Location: bystander.url })
      response.end()
    }) satisfies FakeHandler)
    start()
    expect(problemOf(await look()).code).toBe('ENGINE_ERROR')
    expect(bystander.calls).toEqual([])
    await bystander.close()
  })

  it.each(['gopher://x/', '//', 'http://[', ''])('to %s does not end the process', async (location) => {
    engine.on('GET /containers/json', ((_request, response) => {
      response.writeHead(302, { Location: location })
      response.end()
    }) satisfies FakeHandler)
    start()
    expect(problemOf(await look()).code).toBe('ENGINE_ERROR')
  })
})

describe('what is done already is done', () => {
  it.each([
    ['start', 'POST /containers/abc/start', json(304, {})],
    ['remove', 'DELETE /containers/abc', json(404, { message: 'No such container: abc' })],
    ['remove', 'DELETE /containers/abc', json(409, { message: 'removal of container abc is already in progress' })],
  ] as const)('%s: %s', async (kind, route, handler) => {
    engine.on('GET /containers/abc/json', { State: { Status: 'running' } })
    engine.on(route, handler)
    start()
    must(await driver.perform(onContainer(kind, 'box', 'abc'), never))
  })

  it('but a container that is gone cannot be started', async () => {
    engine.on('POST /containers/abc/start', json(404, { message: 'No such container: abc' }))
    start()
    expect(problemOf(await driver.perform(onContainer('start', 'box', 'abc'), never)).code).toBe('CONTAINER_GONE')
  })

  it('and one that was never started is not brought up: its files may be missing', async () => {
    engine.on('GET /containers/abc/json', { State: { Status: 'created' } })
    engine.on('POST /containers/abc/start', json(204, {}))
    start()
    expect(problemOf(await driver.perform(onContainer('start', 'box', 'abc'), never)).code).toBe('CONFLICT')
    expect(engine.requests.some((request) => request.path.endsWith('/start'))).toBe(false)
  })
})

describe('a run that fails half way', () => {
  const id = 'c'.repeat(64)
  const file = {
    kind: 'config',
    name: 'c',
    source: 'x',
    target: '/c',
    contentBase64: '',
    mode: 0o444,
    uid: 0,
    gid: 0,
  } as const
  const run = () => driver.perform(runAction('box', { files: [file] }, { digest: 'busybox@sha256:1', id: 'x' }), never)

  beforeEach(() => {
    engine.on('POST /containers/create', json(201, { Id: id }))
    engine.on(`PUT /containers/${id}/archive`, json(200, {}))
    engine.on(`POST /containers/${id}/start`, json(204, {}))
    engine.on(`DELETE /containers/${id}`, json(204, {}))
    start()
  })

  const removals = () => engine.requests.filter((request) => request.method === 'DELETE')

  it.each([
    ['files', `PUT /containers/${id}/archive`, 'no space left on device', 'DISK_FULL'],
    ['start', `POST /containers/${id}/start`, 'Bind for 0.0.0.0:80 failed: port is already allocated', 'PORT_TAKEN'],
  ])('at its %s takes the container away again', async (_what, route, message, code) => {
    engine.on(route, json(500, { message }))
    expect(problemOf(await run())).toMatchObject({ code, server: 'box', stack: 'shop', service: 'web' })
    expect(removals()).toHaveLength(1)
    expect(removals()[0]?.query.get('v')).toBeNull()
  })

  it('without anybody knowing leaves it to be looked at', async () => {
    engine.on(
      `POST /containers/${id}/start`,
      ((_request, response) => void response.socket?.destroy()) satisfies FakeHandler,
    )
    expect(problemOf(await run()).code).toBe('CONNECTION_LOST')
    expect(removals()).toEqual([])
  })

  it('and cannot be taken away says that its outcome is unknown', async () => {
    engine.on(`POST /containers/${id}/start`, json(500, { message: 'boom' }))
    engine.on(
      `DELETE /containers/${id}`,
      ((_request, response) => void response.socket?.destroy()) satisfies FakeHandler,
    )
    expect(problemOf(await run()).code).toBe('CONNECTION_LOST')
  })

  it('puts the files in before it starts', async () => {
    must(await run())
    const order = engine.requests.map((request) => `${request.method} ${request.path.split('/').pop()}`)
    expect(order.filter((line) => !line.startsWith('GET'))).toEqual(['POST create', 'PUT archive', 'POST start'])
  })
})

describe('looks', () => {
  it('are one list call each once volumes and networks are known, until an event names them', async () => {
    let events: ((line: string) => void) | null = null
    engine.on('GET /events', ((_request, response) => {
      response.writeHead(200).write('\n')
      events = (line) => void response.write(`${line}\n`)
    }) satisfies FakeHandler)
    start()
    await until('events', () => driver.hints.length > 0)
    must(await look())
    const before = engine.requests.length
    must(await look())
    must(await look())
    expect(engine.requests.slice(before).map((request) => request.path)).toEqual([
      '/containers/json',
      '/containers/json',
    ])
    const hints = driver.hints.length
    ;(events as ((line: string) => void) | null)?.('{"Type":"volume","Action":"create"}')
    await until('a hint', () => driver.hints.length > hints)
    const later = engine.requests.length
    must(await look())
    expect(
      engine.requests
        .slice(later)
        .map((request) => request.path)
        .sort(),
    ).toEqual(['/containers/json', '/volumes'])
  })

  it('survive an event that is nonsense or endless', async () => {
    engine.on('GET /events', ((_request, response) => {
      response.write('not json\n{"Type":7}\n')
      response.write('x'.repeat(200_000))
    }) satisfies FakeHandler)
    start({ lineBytes: 100_000, backoffFirstMs: 10 })
    await until('it listens again', () => engine.requests.filter((request) => request.path === '/events').length > 1)
    must(await look())
  })

  it('speak the version both know', async () => {
    start()
    must(await look())
    const versions = new Set(
      engine.requests.map((request) => `${request.path === '/_ping' ? 'ping' : 'rest'} ${request.version}`),
    )
    expect([...versions].sort()).toEqual(['ping null', 'rest v1.45'])
  })
})

describe('a server that is not there', () => {
  it('is said with what to do', async () => {
    driver = newDriver()
    driver.use(FLEET, [localServer('box', '/no/such.sock')])
    expect(problemOf(await look())).toMatchObject({ code: 'ENGINE_UNREACHABLE', server: 'box' })
    expect(problemOf(await driver.observe('other', [], never)).code).toBe('SERVER_UNREACHABLE')
  })

  it('is left when the fleet drops it, and kept when only its labels change', async () => {
    start()
    must(await look())
    const pings = () => engine.requests.filter((request) => request.path === '/_ping').length
    driver.use(FLEET, [{ ...localServer('box', engine.socketPath), labels: { zone: 'a' } }])
    must(await look())
    expect(pings()).toBe(1)
    driver.use(FLEET, [])
    expect(problemOf(await look()).code).toBe('SERVER_UNREACHABLE')
  })
})
