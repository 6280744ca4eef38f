import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ProbeSpec, Replica } from '../../src/model/index.js'
import { startFakeEngine } from './fake-engine.js'
import type { FakeEngine, FakeHandler } from './fake-engine.js'
import { FLEET, localServer, must, never, newDriver, runAction } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

const ADDRESS = '127.0.0.1'

let engine: FakeEngine
let driver: TestDriver
let service: Server
/** Ends the body that a test keeps back. */
let endBody: () => void

beforeEach(async () => {
  engine = await startFakeEngine()
  driver = newDriver()
  driver.use(FLEET, [localServer('box', engine.socketPath)])
  endBody = () => undefined
  engine.on('GET /containers/it/json', ((_request, response) => {
    const networks = { shop_default: { IPAddress: ADDRESS } }
    response.end(JSON.stringify({ State: { Status: 'running' }, NetworkSettings: { Networks: networks } }))
    endBody()
  }) satisfies FakeHandler)
})

afterEach(async () => {
  await driver.close()
  await engine.close()
  service.closeAllConnections()
  await new Promise((resolve) => service.close(resolve))
})

async function ask(answer: RequestListener, timeoutMs: number) {
  service = createServer(answer)
  await new Promise<void>((resolve) => service.listen(0, ADDRESS, resolve))
  const { port } = service.address() as AddressInfo
  const { identity, image } = runAction('box')
  const replica: Replica = {
    ...identity,
    containerId: 'it',
    containerName: 'it',
    server: 'box',
    image: 'busybox:1.36',
    imageId: image.id,
    limits: '',
    createdAtMs: 0,
    state: 'running',
    health: 'none',
    exitCode: null,
    ports: [],
    addresses: { shop_default: ADDRESS },
  }
  const http = { kind: 'http', port, path: '/', scheme: 'http', host: null, expectMin: 200, expectMax: 399 } as const
  const probe: ProbeSpec = { ...http, timeoutMs }
  return must(await driver.ask('box', { replica, probe, healthcheck: false }, never))
}

const checks = (): number => engine.requests.filter(({ path }) => path === '/containers/it/json').length

it('asks whose the address is as soon as a good answer begins', async () => {
  const answer: RequestListener = (_request, response) => {
    response.write('all ')
    endBody = () => void response.end('well')
  }
  const { verdict, output } = await ask(answer, 10_000)
  expect(`${verdict}: ${output}`).toMatch(/^ready: HTTP 200 .*\nall well$/)
  expect(checks()).toBe(1)
})

it('does not take the beginning of an answer for one', async () => {
  const answer: RequestListener = (_request, response) => void response.write('all ')
  expect(await ask(answer, 200)).toEqual({ verdict: 'not-ready', output: 'no answer within 200 ms' })
})

it('does not ask the engine about an answer that is no good', async () => {
  const answer: RequestListener = (_request, response) => void response.writeHead(503).end()
  expect(await ask(answer, 10_000)).toMatchObject({ verdict: 'not-ready' })
  expect(checks()).toBe(0)
})
