import { describe, expect, it } from 'vitest'
import type { BalancedService } from '../../src/model/index.js'
import { PATH, deployed } from './deployed.js'
import type { Deployed } from './deployed.js'
import { FLEET, compose } from './world.js'
import type { ServiceText, World } from './world.js'

const INGRESS = `${FLEET}ingress: true\n`
const KEY = 'shop/web:8080'

const web = (image: string, rollout: string): ServiceText => ({
  image,
  replicas: 3,
  more: `    ports: [{ target: 8080, published: 80, app_protocol: http }]\n    x-slipway: { rollout: ${rollout} }`,
})
const CANARY = '{ strategy: canary, steps: [10%, 50% 2m], drain: 1s }'

async function shopWith(rollout: string): Promise<Deployed> {
  const all = await deployed({ web: web('web:1', rollout) }, INGRESS)
  all.world.driver.calls.length = 0
  return all
}

function update({ source }: World, rollout: string): void {
  source.commit({ [PATH]: compose({ web: web('web:2', rollout) }) }, 'second')
}

/** What each proxy gives to containers of an image, of all that it sends to: here only, as every server has one of each. */
function sharesOf(world: World, service: BalancedService): readonly (readonly [fresh: number, all: number])[] {
  const isNew = (id: string): boolean => world.driver.containers.get(id)?.image === 'web:2'
  const here = service.local.map(({ containerId, weight = 1, state }) => ({
    weight: state === 'drain' ? 0 : weight,
    fresh: isNew(containerId) ? (state === 'drain' ? 0 : weight) : 0,
  }))
  const there = service.remote.map(({ weight, fresh = 0 }) => ({ weight, fresh }))
  const all = [...here, ...there]
  const sum = (of: 'weight' | 'fresh'): number => all.reduce((total, one) => total + one[of], 0)
  return sum('weight') === 0 ? [] : [[sum('fresh'), sum('weight')]]
}

/** The greatest part that new replicas had in any table so far, in percent. */
function watchShares(world: World): { readonly most: () => number; readonly reset: () => void } {
  let most = 0
  const { balancer } = world
  const balance = balancer.balance.bind(balancer)
  balancer.balance = async (server, id, table) => {
    for (const service of table.services.filter(({ key }) => key === KEY))
      for (const [fresh, all] of sharesOf(world, service)) most = Math.max(most, (100 * fresh) / all)
    return balance(server, id, table)
  }
  return { most: () => Math.round(most * 10) / 10, reset: () => (most = 0) }
}

function ids(world: World, image: string): readonly string[] {
  const all = [...world.driver.containers].filter(([, one]) => one.image === image && one.replica.state === 'running')
  return all.map(([id]) => id)
}

/** Each replica of an image is asked so much more. */
function ask({ balancer, ...world }: World, image: string, requests: number, errors: number): void {
  for (const id of ids({ balancer, ...world }, image)) {
    const before = balancer.figures.get(id) ?? { requests: 0, errors: 0, times: [] }
    balancer.figures.set(id, { ...before, requests: before.requests + requests, errors: before.errors + errors })
  }
}

const rejected = ({ controller }: Deployed): string => controller.status().stacks[0]?.phase ?? ''

describe('a canary', () => {
  it('never has more than its step, from the first table that has it', async () => {
    const all = await shopWith(CANARY)
    const { world, controller } = all
    const shares = watchShares(world)
    update(world, CANARY)
    await world.clock.run(90_000)
    expect([ids(world, 'web:2').length, shares.most()]).toEqual([1, 10])
    expect(controller.command({ kind: 'promote', scope: 'shop', to: 'step', by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(60_000)
    expect([ids(world, 'web:2').length, shares.most()]).toEqual([2, 50])
    ask(world, 'web:1', 100, 0)
    ask(world, 'web:2', 100, 0)
    await world.clock.run(200_000)
    expect([ids(world, 'web:1').length, ids(world, 'web:2').length, rejected(all)]).toEqual([0, 3, 'synced'])
  })

  it('is asked about every 2 s, and nobody is when it is over', async () => {
    const { world } = await shopWith('{ strategy: canary, steps: [10%], drain: 1s }')
    update(world, '{ strategy: canary, steps: [10%], drain: 1s }')
    await world.clock.run(60_000)
    const before = world.balancer.told
    await world.clock.run(60_000)
    expect(world.balancer.told - before).toBeGreaterThanOrEqual(3 * 29)
    expect(world.balancer.told - before).toBeLessThanOrEqual(3 * 34)
  })

  it('gets nothing more in the turn in which it is found worse', async () => {
    const all = await shopWith(CANARY)
    const { world } = all
    update(world, CANARY)
    await world.clock.run(60_000)
    ask(world, 'web:1', 1_000, 0)
    ask(world, 'web:2', 100, 30)
    const shares = watchShares(world)
    await world.clock.run(2_100)
    shares.reset()
    await world.clock.run(60_000)
    expect([shares.most(), rejected(all), ids(world, 'web:2')]).toEqual([0, 'rejected', []])
    expect(ids(world, 'web:1')).toHaveLength(3)
  })
})

describe('a blue-green update', () => {
  const BLUE = '{ strategy: blue-green, keep: 5m, drain: 1s }'

  it('gives nothing before all are there, then all, and all back when a person aborts it', async () => {
    const all = await shopWith(BLUE)
    const { world, controller } = all
    const parts: number[] = []
    const { balancer } = world
    const balance = balancer.balance.bind(balancer)
    balancer.balance = async (server, id, table) => {
      for (const service of table.services.filter(({ key }) => key === KEY))
        for (const [fresh, whole] of sharesOf(world, service)) parts.push(fresh / whole)
      return balance(server, id, table)
    }
    update(world, BLUE)
    await world.clock.run(120_000)
    expect([ids(world, 'web:1').length, ids(world, 'web:2').length]).toEqual([3, 3])
    expect(parts.every((part) => part === 0 || part === 1)).toBe(true)
    expect(parts.at(-1)).toBe(1)
    parts.length = 0
    controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })
    await world.clock.run(60_000)
    expect([...new Set(parts)]).toEqual([0])
    expect([ids(world, 'web:1').length, ids(world, 'web:2').length, rejected(all)]).toEqual([3, 0, 'rejected'])
  })
})
