import { describe, expect, it } from 'vitest'
import type { ProbeSpec, Replica } from '../../src/model/index.js'
import { SHOP_NETWORK, must, never, onContainer, problemOf, runAction } from '../driver/fixtures.js'
import { bench, image } from './sim.js'
import type { Bench } from './sim.js'

const server = 'lon-1'
const probe: ProbeSpec = {
  kind: 'http',
  port: 80,
  path: '/',
  scheme: 'http',
  host: null,
  expectMin: 200,
  expectMax: 299,
  timeoutMs: 1_000,
}
const healthcheck = {
  test: ['CMD', 'true'],
  intervalMs: 1_000,
  timeoutMs: null,
  retries: null,
  startPeriodMs: null,
  startIntervalMs: null,
}

async function run(world: Bench, changes: Parameters<typeof runAction>[1] = {}): Promise<string> {
  const { driver, within } = world
  const pull = { kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' } as const
  const pulled = must(await within(driver.perform(pull, never)))
  const action = runAction(server, { image: 'web:1', ...changes }, pulled.image)
  return String(must(await within(driver.perform(action, never))).containerId)
}

async function look(world: Bench, id: string): Promise<Replica> {
  const listing = must(await world.within(world.driver.observe(server, [id], never)))
  const found = listing.replicas.find(({ containerId }) => containerId === id)
  if (found === undefined) throw new Error('it is not listed')
  return found
}

describe('the real driver on a simulated engine', () => {
  it('runs a replica and reads it back, healthy once its check says so', async () => {
    const world = bench()
    const id = await run(world, { healthcheck })
    expect(await look(world, id)).toMatchObject({ state: 'running', health: 'starting' })
    await world.clock.run(1_500)
    expect(await look(world, id)).toMatchObject({ health: 'healthy', detail: { restartCount: 0 } })
  })

  it('asks its healthcheck and its port', async () => {
    const world = bench()
    world.behaviours.set('web:1', {
      readyAfterMs: 3_000,
    })
    const ensure = { kind: 'ensure-network', server, stack: 'shop', network: SHOP_NETWORK } as const
    must(await world.within(world.driver.perform(ensure, never)))
    const id = await run(world, { healthcheck, networks: [{ network: 'shop_default', aliases: [] }] })
    const ask = async () => {
      const question = { replica: await look(world, id), probe, healthcheck: true }
      return must(await world.within(world.driver.ask(server, question, never))).verdict
    }
    expect(await ask()).toBe('not-ready')
    await world.clock.run(3_000)
    expect(await ask()).toBe('ready')
  })

  it('sees what it made a network with, and that another one is not its own', async () => {
    const world = bench()
    const more = { driver: 'bridge', internal: false, options: {}, subnets: [], labels: {}, external: false }
    const ensure = {
      kind: 'ensure-network',
      server,
      stack: 'shop',
      network: { name: 'shop_default', ...more },
    } as const
    must(await world.within(world.driver.perform(ensure, never)))
    await world.call('POST', '/networks/create', { body: { Name: 'other' } })
    const { networks } = must(await world.within(world.driver.observe(server, [], never)))
    expect(networks.find(({ name }) => name === 'shop_default')).toMatchObject({
      fleet: 'acme',
      settings: expect.stringMatching(/^[0-9a-f]{20}$/) as string,
    })
    expect(networks.find(({ name }) => name === 'other')).toEqual({
      name: 'other',
      fleet: null,
      subnets: [expect.stringMatching(/^[0-9.]+\/[0-9]+$/)],
    })
  })

  it('is told of a second run of the same name, of a port in use, and of an image that is not there', async () => {
    const world = bench({
      registry: () => ({ kind: 'refused', status: 404, message: 'manifest for web:1 not found: manifest unknown' }),
    })
    const pull = { kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' } as const
    expect(problemOf(await world.within(world.driver.perform(pull, never))).code).toBe('IMAGE_NOT_FOUND')
    const other = bench()
    await run(other)
    const again = runAction(server, { image: 'web:1' }, { digest: null, id: image('web:1').id })
    expect(problemOf(await other.within(other.driver.perform(again, never))).code).toBe('NAME_TAKEN')
    const ports = [{ target: 80, published: 80, protocol: 'tcp', hostIp: '' }] as const
    other.engine.holdPort(80, true)
    await expect(
      run(other, { ports, networkMode: null, networks: [{ network: 'bridge', aliases: [] }] }),
    ).rejects.toThrow(/PORT_TAKEN/)
  })

  it('refuses to remove what runs, and removes what was stopped', async () => {
    const world = bench()
    const id = await run(world)
    const removal = onContainer('remove', server, id)
    expect(problemOf(await world.within(world.driver.perform(removal, never))).message).toMatch(/is running/)
    must(await world.within(world.driver.perform({ ...removal, kind: 'stop', graceMs: 0 }, never)))
    expect(await look(world, id)).toMatchObject({ state: 'exited' })
    must(await world.within(world.driver.perform(removal, never)))
    await expect(look(world, id)).rejects.toThrow('it is not listed')
  })

  it('says that an outcome is unknown when the daemon dies in the middle', async () => {
    const world = bench()
    const pull = { kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' } as const
    const pulled = must(await world.within(world.driver.perform(pull, never)))
    world.clock.after(150, () => world.engine.killDaemon())
    const running = world.driver.perform(runAction(server, { image: 'web:1' }, pulled.image), never)
    expect(problemOf(await world.within(running)).code).toBe('CONNECTION_LOST')
    await world.within(world.engine.startDaemon())
    await world.clock.run(60_000)
    const listing = must(await world.within(world.driver.observe(server, [], never)))
    expect(listing.replicas.map(({ state }) => state)).toEqual(['created'])
  })

  it('ends the same way twice: the same calls tell the same events at the same times', async () => {
    const trace = async (): Promise<string> => {
      const world = bench()
      const id = await run(world, { healthcheck })
      await world.clock.run(2_500)
      must(
        await world.within(
          world.driver.perform({ ...onContainer('remove', server, id), kind: 'stop', graceMs: 0 }, never),
        ),
      )
      return JSON.stringify(world.events)
    }
    expect(await trace()).toBe(await trace())
  })
})
