import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Action, Guards } from '../../src/model/index.js'
import { startFakeEngine } from './fake-engine.js'
import type { FakeEngine } from './fake-engine.js'
import { FLEET, localServer, must, never, newDriver, problemOf, runAction } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

let engine: FakeEngine
let driver: TestDriver

beforeEach(async () => {
  engine = await startFakeEngine()
  engine.on('GET /images/', { Id: 'sha256:1' })
  engine.on(
    'GET /volumes/',
    (_request: unknown, response: { writeHead(status: number): { end(text: string): void } }) =>
      response.writeHead(404).end('{}'),
  )
  engine.on('POST /containers/create', { Id: 'a'.repeat(64) })
  engine.on('POST /volumes/create', {})
  engine.on('POST /containers/', {})
  driver = newDriver()
})

afterEach(async () => {
  await driver.close()
  await engine.close()
})

const guards = (allow: Guards['allow']): Guards => ({ prune: 1, history: 'any', ...(allow && { allow }) })
const changes = (): readonly string[] =>
  engine.requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)

it('makes no container that the fleet does not allow, whoever asks for it', async () => {
  driver.use(FLEET, [localServer('one', engine.socketPath)])
  const action = runAction('one', { isolation: { privileged: true } })
  expect(problemOf(await driver.perform(action, never)).code).toBe('GUARD_REFUSED')
  expect(changes()).toEqual([])
  driver.use(FLEET, [localServer('one', engine.socketPath)], guards(['privileged']))
  must(await driver.perform(action, never))
  expect(changes()[0]).toBe('POST /containers/create')
  driver.use(FLEET, [localServer('one', engine.socketPath)], guards([]))
  expect(problemOf(await driver.perform(action, never)).code).toBe('GUARD_REFUSED')
})

it('nor a volume that is a folder of the system in disguise', async () => {
  driver.use(FLEET, [localServer('one', engine.socketPath)])
  const options = { type: 'none', o: 'bind', device: '/etc' }
  const volume = { name: 'shop_v', external: false, driver: 'local', options, labels: {} }
  const action: Action = { kind: 'ensure-volume', server: 'one', stack: 'shop', volume }
  expect(problemOf(await driver.perform(action, never)).code).toBe('GUARD_REFUSED')
  expect(changes()).toEqual([])
})
