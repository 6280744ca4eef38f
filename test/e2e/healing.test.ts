import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type Docker from 'dockerode'
import { pushApps } from './app-image.js'
import { Engines } from './engines.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import { lives, places, runsOf } from './runs.js'
import type { Run } from './runs.js'

let fleet: TestFleet
let healthy: readonly Run[]

beforeAll(async () => {
  // From a registry, so that an engine that lost everything can have its images again.
  fleet = await startFleet({ name: 'e2e-healing', registry: true })
  const image = (await pushApps(fleet.lab, { 'shop/web:1': 'healthy' })).get('shop/web:1') ?? ''
  const services = {
    web: { image, deploy: { replicas: 6 } },
    store: { image, volumes: ['data:/data'] },
  }
  const sha = await fleet.commit(
    { 'slipway.yaml': fleetFile(fleet.lab), [STACK]: compose(services, { volumes: { data: {} } }) },
    'The shop opens',
  )
  fleet.boot()
  await fleet.settle(sha)
  healthy = await allHealthy()
})

afterAll(() => fleet?.down())

/** Waits for the end of healing, by the engines and by the status. */
async function allHealthy(): Promise<readonly Run[]> {
  let runs: readonly Run[] = []
  await fleet.until('all seven replicas are healthy', async () => {
    runs = await runsOf(fleet.engines)
    const isWell = runs.length === 7 && runs.every(({ state, health }) => state === 'running' && health === 'healthy')
    return isWell && fleet.stack().phase === 'synced'
  })
  return runs
}

describe('a replica', () => {
  interface Harm {
    readonly slot: string
    readonly harm: string
    readonly does: (container: Docker.Container, run: Run) => Promise<unknown>
    readonly container: 'the same' | 'another'
  }

  const HARMS: readonly Harm[] = [
    { slot: 'web#1', harm: 'killed by hand', does: (container) => container.kill(), container: 'the same' },
    { slot: 'web#2', harm: 'stopped by hand', does: (container) => container.stop(), container: 'the same' },
    {
      slot: 'web#3',
      harm: 'removed by hand',
      does: (container) => container.remove({ force: true }),
      container: 'another',
    },
    { slot: 'web#4', harm: 'made unhealthy', does: breakHealth, container: 'the same' },
    { slot: 'web#5', harm: 'paused by hand', does: (container) => container.pause(), container: 'the same' },
    {
      slot: 'web#6',
      harm: 'crashed by a signal to its process',
      does: async (container, { server }) => {
        const { State } = await container.inspect()
        return fleet.lab.server(server).run('kill', '-9', String(State.Pid))
      },
      container: 'the same',
    },
    {
      slot: 'store#1',
      harm: 'removed by hand with its volume in use',
      does: (container) => container.remove({ force: true }),
      container: 'another',
    },
  ]

  it.each(HARMS.map((example) => [example.harm, example] as const))(
    'that is %s runs again where it ran, and no other is touched',
    async (_harm, { slot, does, container }) => {
      const before = await allHealthy()
      const harmed = before.find((run) => run.slot === slot)
      if (harmed === undefined) throw new Error(`no ${slot}`)
      await does(fleet.engines.client(harmed.server).getContainer(harmed.id), harmed)
      await fleet.until(`${slot} is another run`, async () => {
        const [now] = (await runsOf(fleet.engines)).filter((run) => run.slot === slot)
        return now !== undefined && (now.id !== harmed.id || now.startedAt !== harmed.startedAt)
      })
      const after = await allHealthy()

      expect(places(after)).toEqual(places(healthy))
      expect(lives(after.filter((run) => run.slot !== slot))).toEqual(lives(before.filter((run) => run.slot !== slot)))
      expect(after.find((run) => run.slot === slot)?.id === harmed.id).toBe(container === 'the same')
    },
  )

  async function breakHealth(_container: Docker.Container, { server, id }: Run): Promise<void> {
    const [container] = (await fleet.containers()).filter((other) => other.server === server && other.id === id)
    if (container !== undefined) await fleet.engines.exec(container, 'rm', '/www/healthz')
  }
})

describe('an engine', () => {
  /** Nothing is made elsewhere for what may still run. */
  async function nothingMoves(server: string, before: readonly Run[]): Promise<void> {
    await fleet.until(`${server} is unknown`, () =>
      fleet.status().servers.some(({ name, phase }) => name === server && phase === 'unknown'),
    )
    const others = fleet.lab.servers.filter(({ name }) => name !== server)
    const elsewhere = await runsOf(new Engines(others, fleet.lab.name))
    expect(lives(elsewhere)).toEqual(lives(before.filter((run) => run.server !== server)))
  }

  it('that is killed and started again keeps its containers; nothing is made elsewhere meanwhile', async () => {
    const before = await allHealthy()
    await fleet.lab.server('lon-1').killEngine()
    await nothingMoves('lon-1', before)
    await fleet.lab.server('lon-1').startEngine()
    const after = await allHealthy()
    expect(after.map(({ slot, id }) => `${slot} ${id}`)).toEqual(before.map(({ slot, id }) => `${slot} ${id}`))
    expect(places(after)).toEqual(places(healthy))
  })

  it('that goes down with all of its containers, as in a power cut, has the same containers again', async () => {
    const before = await allHealthy()
    await fleet.lab.server('lon-2').killEngine({ containers: true })
    await nothingMoves('lon-2', before)
    await fleet.lab.server('lon-2').startEngine()
    const after = await allHealthy()
    expect(after.map(({ slot, id }) => `${slot} ${id}`)).toEqual(before.map(({ slot, id }) => `${slot} ${id}`))
    const elsewhere = (run: Run): boolean => run.server !== 'lon-2'
    expect(lives(after.filter(elsewhere))).toEqual(lives(before.filter(elsewhere)))
  })

  it('that lost all it had gets images, networks and replicas anew, and the other servers keep theirs', async () => {
    const before = await allHealthy()
    const lost = before.find((run) => run.slot === 'store#1')?.server ?? ''
    await fleet.lab.server(lost).loseContainers()
    const after = await allHealthy()
    expect(places(after)).toEqual(places(healthy))
    const elsewhere = (run: Run): boolean => run.server !== lost
    expect(lives(after.filter(elsewhere))).toEqual(lives(before.filter(elsewhere)))
    const ids = new Set(before.map(({ id }) => id))
    expect(after.filter((run) => run.server === lost).some(({ id }) => ids.has(id))).toBe(false)
    expect(await fleet.engines.volumes(lost)).toContain('shop_data')
  })
})
