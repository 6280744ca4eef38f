import { describe, expect, it } from 'vitest'
import { COMPOSE_LABELS, LABELS } from '../../src/model/index.js'
import { bench, image } from '../rehearse/sim.js'
import { json, startFakeEngine } from './fake-engine.js'
import type { FakeHandler } from './fake-engine.js'
import { FLEET, localServer, must, never, newDriver, onContainer, problemOf, runAction, until } from './fixtures.js'

it('a container that runs is not removed: it is stopped first, or stays', async () => {
  const { driver, within } = bench()
  const server = 'lon-1'
  const { digest, id } = image('web:1')
  must(await within(driver.perform({ kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' }, never)))
  const run = runAction(server, { image: 'web:1' }, { digest, id })
  const { containerId = '' } = must(await within(driver.perform(run, never)))
  const states = async (): Promise<readonly string[]> =>
    must(await within(driver.observe(server, [], never))).replicas.map(({ state }) => state)
  const remove = onContainer('remove', server, containerId)
  expect((await within(driver.perform(remove, never))).ok).toBe(false)
  expect(await states()).toEqual(['running'])
  must(await within(driver.perform({ ...remove, kind: 'stop', graceMs: 0 }, never)))
  must(await within(driver.perform(remove, never)))
  expect(await states()).toEqual([])
})

it('another engine than at the last look is not acted on before it was looked at', async () => {
  const engine = await startFakeEngine()
  const driver = newDriver({ backoffFirstMs: 10 })
  try {
    let cut = (): void => undefined
    const events: FakeHandler = (_request, response) => {
      response.writeHead(200).write('\n')
      cut = () => void response.end()
    }
    engine.on('GET /events', events)
    engine.on('DELETE /containers/abc', json(204, {}))
    driver.use(FLEET, [localServer('box', engine.socketPath)])
    must(await driver.observe('box', [], never))
    const asked = (path: string): number => engine.requests.filter((request) => request.path === path).length
    await until('it listens', () => asked('/events') === 1)
    const info = { ServerVersion: '26', OSType: 'linux', Architecture: 'x86_64', Name: 'box', NCPU: 2, MemTotal: 1e9 }
    engine.on('GET /info', { ...info, ID: 'engine-2' })
    cut()
    await until('it meets the other engine', () => asked('/info') === 2)
    const remove = onContainer('remove', 'box', 'abc')
    expect(problemOf(await driver.perform(remove, never)).code).toBe('ENGINE_CHANGED')
    expect(asked('/containers/abc')).toBe(0)
    must(await driver.observe('box', [], never))
    must(await driver.perform(remove, never))
    expect(asked('/containers/abc')).toBe(1)
  } finally {
    await driver.close()
    await engine.close()
  }
})

it('a list whose connection breaks in the middle is no list, however whole it looks', async () => {
  const engine = await startFakeEngine()
  const driver = newDriver()
  try {
    const half: FakeHandler = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' })
      response.write('[]', () => setTimeout(() => response.destroy(), 50))
    }
    engine.on('GET /containers/json', half)
    driver.use(FLEET, [localServer('box', engine.socketPath)])
    expect(problemOf(await driver.observe('box', [], never)).code).toBe('CONNECTION_LOST')
  } finally {
    await driver.close()
    await engine.close()
  }
})

it.each<[string, Readonly<Record<string, string>>, string | null]>([
  ['of this fleet', { [LABELS.fleet]: FLEET }, null],
  ['that docker compose made for the same project', { [COMPOSE_LABELS.project]: 'shop' }, null],
  ['that docker compose made for another project', { [COMPOSE_LABELS.project]: 'blog' }, 'VOLUME_CONFLICT'],
  ['of another fleet', { [LABELS.fleet]: 'other' }, 'VOLUME_CONFLICT'],
  [
    'of another fleet, with a stack of the same name',
    { [LABELS.fleet]: 'other', [COMPOSE_LABELS.project]: 'shop' },
    'VOLUME_CONFLICT',
  ],
  ['that somebody made by hand', {}, 'VOLUME_CONFLICT'],
])('a volume %s is taken, or is not', async (_title, Labels, code) => {
  const stage = bench()
  const { driver, within } = stage
  await stage.call('POST', '/volumes/create', { body: { Name: 'shop_data', Labels } })
  const volume = { name: 'shop_data', external: false, driver: 'local', options: {}, labels: {} }
  const done = await within(driver.perform({ kind: 'ensure-volume', server: 'lon-1', stack: 'shop', volume }, never))
  expect(done.ok ? null : done.problem.code).toBe(code)
})

describe('a container is made from', () => {
  /** The name and the id of the image that a replica got, where its tag has come to mean another image since it was pinned. */
  async function made(pinned: 'by digest' | 'by id', hasMoved: boolean): Promise<readonly unknown[]> {
    const stage = bench()
    const { driver, engine, within } = stage
    const first = image('web:1')
    for (const tag of ['web:1', 'web:kept']) engine.load(tag, first)
    const server = 'lon-1'
    must(
      await within(driver.perform({ kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' }, never)),
    )
    if (hasMoved) engine.load('web:1', image('web:1, moved'))
    const pin = { digest: pinned === 'by digest' ? `web@${first.digest}` : null, id: first.id }
    const { containerId = '' } = must(await within(driver.perform(runAction(server, { image: 'web:1' }, pin), never)))
    const { body } = await stage.call('GET', `/containers/${containerId}/json`)
    const { Image, Config } = body as { readonly Image: string; readonly Config: { readonly Image: string } }
    return [Config.Image, Image === first.id]
  }

  it('the digest that was pinned', async () => {
    expect(await made('by digest', false)).toEqual([`web:1@${image('web:1').digest}`, true])
  })

  it('the id, where there is no digest and the tag has moved, else by its name', async () => {
    expect(await made('by id', false)).toEqual(['web:1', true])
    expect(await made('by id', true)).toEqual([image('web:1').id, true])
  })
})

it.each([
  [FLEET, 404],
  ['other', 200],
  ['', 200],
])('a network of the fleet "%s" is there after it was to be removed: %i', async (fleet, status) => {
  const stage = bench()
  const Labels = fleet === '' ? {} : { [LABELS.fleet]: fleet }
  await stage.call('POST', '/networks/create', { body: { Name: 'shop_default', Labels } })
  const action = { kind: 'remove-network', server: 'lon-1', stack: 'shop', network: 'shop_default' } as const
  await stage.within(stage.driver.perform(action, never))
  expect((await stage.call('GET', '/networks/shop_default')).status).toBe(status)
})
