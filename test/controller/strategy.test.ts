import { describe, expect, it } from 'vitest'
import { PATH, deployed, running } from './deployed.js'
import type { Deployed } from './deployed.js'
import { FLEET, compose } from './world.js'
import type { ServiceText } from './world.js'

const INGRESS = `${FLEET}ingress: true\n`
const web = (image: string, rollout: string): ServiceText => ({
  image,
  replicas: 4,
  more: `    ports: ["80:8080"]\n    x-slipway: { rollout: { ${rollout} } }`,
})
const CANARY = 'strategy: canary, steps: [25% 2m, 50%], limits: { requests: 0 }'
const BLUE_GREEN = 'strategy: blue-green, keep: 1m'
const file = (service: ServiceText): Readonly<Record<string, string>> => ({ [PATH]: compose({ web: service }) })

async function begun(rollout: string): Promise<Deployed> {
  const all = await deployed({ web: web('web:1', rollout) }, INGRESS)
  all.world.source.commit(file(web('web:2', rollout)), 'second')
  await all.world.clock.run(60_000)
  return all
}

function images(all: Deployed): string {
  const counts = new Map<string, number>()
  for (const line of running(all.world)) {
    const image = line.split(' ')[1] ?? ''
    if (image.startsWith('web')) counts.set(image, (counts.get(image) ?? 0) + 1)
  }
  return [...counts]
    .sort()
    .map(([image, count]) => `${count} ${image}`)
    .join(', ')
}

/** What the new replicas get by the proxies' tables, in percent; null: nothing is said. */
function shareOf({ world }: Deployed): readonly (number | null)[] {
  return [...world.balancer.proxies.values()].map(
    ({ table }) => table.services.find(({ key }) => key === 'shop/web:8080')?.share?.percent ?? null,
  )
}

describe('a canary', () => {
  it('goes on from step to step, and by a word where a step has no time', async () => {
    const all = await begun(CANARY)
    const { world, controller } = all
    expect([images(all), shareOf(all)]).toEqual(['4 web:1, 1 web:2', [25, 25, 25]])
    await world.clock.run(120_000)
    expect([images(all), shareOf(all)]).toEqual(['4 web:1, 2 web:2', [50, 50, 50]])
    await world.clock.run(700_000)
    expect(controller.status().stacks[0]?.services[0]?.stage).toMatchObject({ step: 2, steps: 3, waitsFor: 'promote' })
    expect(controller.command({ kind: 'promote', scope: 'shop/web', to: 'end', by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(120_000)
    expect([images(all), shareOf(all)]).toEqual(['4 web:2', [null, null, null]])
    expect(controller.status().stacks[0]?.phase).toBe('synced')
  })

  it('goes on from where it is under another controller', async () => {
    const all = await begun(CANARY)
    await Promise.all([all.controller.stop(), all.world.clock.run(1_000)])
    const next = { ...all, controller: all.world.boot() }
    await all.world.clock.run(30_000)
    expect([images(next), shareOf(next)]).toEqual(['4 web:1, 1 web:2', [25, 25, 25]])
    await all.world.clock.run(120_000)
    expect([images(next), shareOf(next)]).toEqual(['4 web:1, 2 web:2', [50, 50, 50]])
  })

  it('keeps its share where a person suspends the stack', async () => {
    const all = await begun(CANARY)
    all.controller.command({ kind: 'suspend', scope: 'shop', reason: '', by: 'ada' })
    await all.world.clock.run(600_000)
    expect([images(all), shareOf(all)]).toEqual(['4 web:1, 1 web:2', [25, 25, 25]])
  })
})

describe('blue-green', () => {
  it('switches at once, and goes back at once by abort while the old ones are there', async () => {
    const all = await begun(BLUE_GREEN)
    expect([images(all), shareOf(all)]).toEqual(['4 web:1, 4 web:2', [100, 100, 100]])
    all.controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })
    await all.world.clock.run(100)
    const fresh = [...all.world.driver.containers.values()].filter(({ image }) => image === 'web:2')
    const sentTo = fresh.filter(({ replica }) => all.world.balancer.sendsTo(replica.containerId))
    expect([images(all).startsWith('4 web:1'), sentTo]).toEqual([true, []])
    await all.world.clock.run(120_000)
    expect([images(all), shareOf(all)]).toEqual(['4 web:1', [null, null, null]])
    expect(all.controller.status().stacks[0]?.phase).toBe('rejected')
  })

  it('lets the old ones go after its time', async () => {
    const all = await begun(BLUE_GREEN)
    await all.world.clock.run(120_000)
    expect([images(all), shareOf(all)]).toEqual(['4 web:2', [null, null, null]])
  })
})
