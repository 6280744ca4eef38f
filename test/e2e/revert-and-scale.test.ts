import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LABELS } from '../../src/model/index.js'
import type { SeenContainer } from './engines.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { ServiceText } from './manifests.js'

let fleet: TestFleet

interface Shop {
  readonly image: string
  readonly replicas: number
  readonly tier: string
  readonly hasStore: boolean
}

let current: Shop = { image: 'shop/web:1', replicas: 6, tier: 'any', hasStore: true }

const STORE: ServiceText = {
  image: 'shop/web:1',
  volumes: ['stock:/data'],
  deploy: { placement: { constraints: ['node.labels.tier == back'] } },
}

/** The shop as it was, but for these changes. */
function shop(changes: Partial<Shop>): Readonly<Record<string, string>> {
  current = { ...current, ...changes }
  const { image, replicas, tier, hasStore } = current
  const constraints = tier === 'any' ? [] : [`node.labels.tier == ${tier}`]
  const web: ServiceText = {
    image,
    healthcheck: { interval: '1s' },
    deploy: { replicas, placement: { constraints }, update_config: { parallelism: 3 } },
  }
  const services = { web, idle: { image: 'shop/web:1' } }
  const text = hasStore ? compose({ ...services, store: STORE }, { volumes: { stock: {} } }) : compose(services)
  return { [STACK]: text }
}

const slotsOf = (containers: readonly SeenContainer[]): readonly string[] => containers.map(({ slot }) => slot).sort()
const idsBySlot = (containers: readonly SeenContainer[]): ReadonlyMap<string, string> =>
  new Map(containers.map(({ slot, id }) => [slot, id]))
const slots = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `web#${index + 1}`).sort()

/** What containers are, but for the commit that they came with. */
async function specsWithoutRevision(): Promise<readonly string[]> {
  const specs = await fleet.engines.specs()
  return [...specs].map(([key, text]) => `${key} ${text.replace(new RegExp(`"${LABELS.revision}": ".*"`), '')}`)
}

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-revert',
    servers: [
      { name: 'lon-1', labels: { tier: 'front' } },
      { name: 'lon-2', labels: { tier: 'front' } },
      { name: 'par-1', labels: { tier: 'back' } },
    ],
    images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy' },
  })
  const guards = { prune: '50%' }
  const sha = await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab, { guards }), ...shop({}) }, 'A good beginning')
  fleet.boot()
  await fleet.settle(sha)
})

afterAll(() => fleet?.down())

describe('git revert', () => {
  it('of a good commit brings back the earlier specs, and touches nothing that the commit did not', async () => {
    const [first, before] = [await specsWithoutRevision(), await fleet.containers()]
    const sha = await fleet.deploy(shop({ image: 'shop/web:2' }), 'A good change')
    expect(await specsWithoutRevision()).not.toEqual(first)
    const reverted = await fleet.repository.revert(sha)
    current = { ...current, image: 'shop/web:1' }
    await fleet.settle(reverted)
    expect(await specsWithoutRevision()).toEqual(first)
    const untouched = (seen: readonly SeenContainer[]): readonly SeenContainer[] =>
      seen.filter(({ service }) => service !== 'web').map((container) => ({ ...container, health: 'healthy' }))
    expect(untouched(await fleet.containers())).toEqual(untouched(before))
  })
})

describe('the number of replicas', () => {
  it('grows from 6 to 12 and restarts none of the six', async () => {
    const before = idsBySlot(await fleet.containers('web'))
    await fleet.deploy(shop({ replicas: 12 }), 'More')
    const after = await fleet.containers('web')
    expect(slotsOf(after)).toEqual(slots(12))
    expect(after.map(({ state }) => state)).toEqual(Array(12).fill('running'))
    for (const [slot, id] of before) expect(idsBySlot(after).get(slot)).toBe(id)
  })

  it('shrinks from 12 to 3 and restarts none of the three', async () => {
    const before = idsBySlot(await fleet.containers('web'))
    await fleet.deploy(shop({ replicas: 3 }), 'Fewer')
    const after = await fleet.containers('web')
    expect(slotsOf(after)).toEqual(slots(3))
    for (const [slot, id] of idsBySlot(after)) expect(before.get(slot)).toBe(id)
  })
})

describe('a changed constraint', () => {
  it('moves replicas to where they may be, new ones first', async () => {
    await fleet.deploy(shop({ tier: 'front' }), 'To the front')
    expect(new Set((await fleet.containers('web')).map(({ server }) => server))).toEqual(new Set(['lon-1', 'lon-2']))
    const others = idsBySlot((await fleet.containers()).filter(({ service }) => service !== 'web'))
    const sampler = fleet.sample('web')
    await fleet.deploy(shop({ tier: 'back' }), 'To the back')
    const { minRunning, worst } = await sampler.stop()
    const after = await fleet.containers('web')
    expect(after.map(({ slot, server, state }) => `${slot} ${server} ${state}`)).toEqual(
      slots(3).map((slot) => `${slot} par-1 running`),
    )
    expect(minRunning, worst.running).toBe(3)
    expect(idsBySlot((await fleet.containers()).filter(({ service }) => service !== 'web'))).toEqual(others)
  })
})

describe('a service that a commit removes', () => {
  it('goes when everything else is done; its volume stays, and is there when it comes back', async () => {
    const store = (await fleet.containers('store'))[0]
    if (store === undefined) throw new Error('no store')
    await fleet.engines.exec(store, 'sh', '-c', 'echo tea >/data/stock')

    const sha = await fleet.commit(shop({ image: 'shop/web:2', hasStore: false }), 'No store, newer web')
    let lastWithStore: readonly SeenContainer[] = []
    await fleet.until('the store is gone', async () => {
      const seen = await fleet.containers()
      const isThere = seen.some(({ service, state }) => service === 'store' && state === 'running')
      if (isThere) lastWithStore = seen
      return !isThere
    })
    const web = lastWithStore.filter(({ service, state }) => service === 'web' && state === 'running')
    expect(web.map(({ slot, image }) => `${slot} ${image}`)).toEqual(slots(3).map((slot) => `${slot} shop/web:2`))
    await fleet.settle(sha)
    expect(await fleet.containers('store')).toEqual([])
    expect(await fleet.engines.volumes('par-1')).toContain('shop_stock')

    await fleet.deploy(shop({ hasStore: true }), 'The store again')
    const again = (await fleet.containers('store'))[0]
    if (again === undefined) throw new Error('no store')
    expect(again.id).not.toBe(store.id)
    expect(await fleet.engines.exec(again, 'cat', '/data/stock')).toBe('tea\n')
  })
})
