import { afterEach, beforeEach, expect, it } from 'vitest'
import { json, startFakeEngine } from './fake-engine.js'
import type { FakeEngine, FakeHandler } from './fake-engine.js'
import { FLEET, localServer, must, newDriver, never, until } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

let engine: FakeEngine
let driver: TestDriver
let tell: (action: string, id: string) => void = () => undefined

const listed = (id: string, state: string) => ({ Id: id, Names: [`/${id}`], State: state, Status: 'Up 2 hours' })
const looks = (): number => engine.requests.filter(({ path }) => path === '/containers/json').length

beforeEach(async () => {
  engine = await startFakeEngine()
  let isOpen = false
  engine.on('GET /events', ((_request, response) => {
    isOpen = true
    response.writeHead(200).write('\n')
    tell = (action, id) =>
      void response.write(`${JSON.stringify({ Type: 'container', Action: action, Actor: { ID: id } })}\n`)
  }) satisfies FakeHandler)
  driver = newDriver({ lagMs: 1 })
  driver.use(FLEET, [localServer('box', engine.socketPath)])
  await until('the driver listens', () => isOpen)
  driver.onHint((server) => void driver.observe(server, [], never))
})

/** A driver that is not satisfied looks every millisecond. */
async function isQuiet(): Promise<boolean> {
  const before = looks()
  await new Promise((resolve) => setTimeout(resolve, 100))
  return looks() === before
}

afterEach(async () => {
  await driver.close()
  await engine.close()
})

it('looks again until the list shows the death that the engine has told', async () => {
  engine.on('GET /containers/json', json(200, [listed('a', 'running')]))
  tell('die', 'a')
  await until('looks repeat', () => looks() > 5)
  engine.on('GET /containers/json', json(200, [listed('a', 'exited')]))
  await driver.observe('box', [], never)
  await until('it looks no more', isQuiet)
})

it.each(['start', 'destroy'])('is satisfied with what is listed after a %s', async (action) => {
  engine.on('GET /containers/json', json(200, [listed('a', 'running')]))
  tell('die', 'a')
  tell(action, 'a')
  tell('start', 'b')
  await until('it looked', () => driver.hints.length >= 4)
  await driver.observe('box', [], never)
  await until('it looks no more', isQuiet)
})

it('does not show as running what it has stopped itself, though the engine lists it so for a moment', async () => {
  engine.on('POST /containers/a/stop', json(204, null))
  let lists = 0
  engine.on('GET /containers/json', ((request, response) => {
    lists += 1
    json(200, [listed('a', lists < 3 ? 'running' : 'exited')])(request, response)
  }) satisfies FakeHandler)
  const slot = { stack: 'shop', service: 'web', key: '1' }
  must(await driver.perform({ kind: 'stop', server: 'box', stack: 'shop', slot, containerId: 'a', graceMs: 0 }, never))
  lists = 0
  expect(must(await driver.observe('box', [], never)).foreign).toMatchObject([{ containerId: 'a', running: false }])
  expect(lists).toBe(3)
})

it('believes a list that goes on showing what was stopped', async () => {
  engine.on('POST /containers/a/stop', json(204, null))
  engine.on('GET /containers/json', json(200, [listed('a', 'running')]))
  const slot = { stack: 'shop', service: 'web', key: '1' }
  must(await driver.perform({ kind: 'stop', server: 'box', stack: 'shop', slot, containerId: 'a', graceMs: 0 }, never))
  expect(must(await driver.observe('box', [], never)).foreign).toMatchObject([{ containerId: 'a', running: true }])
})

it('leaves it to the answer to say when a container that it is stopping is down', async () => {
  let answer: () => void = () => undefined
  engine.on('POST /containers/a/stop', ((_request, response) => {
    answer = () => void response.writeHead(500).end('{"message":"it does not die"}')
    tell('die', 'a')
  }) satisfies FakeHandler)
  engine.on('GET /containers/json', json(200, [listed('a', 'running')]))
  const slot = { stack: 'shop', service: 'web', key: '1' }
  const stop = { kind: 'stop', server: 'box', stack: 'shop', slot, containerId: 'a', graceMs: 0 } as const
  const stopped = driver.perform(stop, never)
  await until('the death is told', () => driver.hints.length >= 2)
  await driver.observe('box', [], never)
  await until('it looks no more', isQuiet)
  answer()
  expect((await stopped).ok).toBe(false)
  await driver.observe('box', [], never)
  const before = looks()
  await until('looks repeat', () => looks() > before + 5)
})
