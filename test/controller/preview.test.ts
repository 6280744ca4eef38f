import { expect, it } from 'vitest'
import { previewOn } from '../../src/controller/index.js'
import type { Clock } from '../../src/controller/index.js'
import { FLEET, FakeSource, compose, createWorld } from './world.js'

const clock: Clock = {
  nowMs: () => 1_700_000_000_000 + Math.round(performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}
const { signal } = new AbortController()
const shop = (image: string): string => compose({ web: { image, replicas: 2 } })

it('shows what another commit would change, on what was seen, asking nobody and writing nothing', async () => {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:1') }, 'first')
  const controller = world.boot()
  await world.clock.run(60_000)
  const before = {
    looks: world.driver.looks,
    calls: world.driver.calls.length,
    facts: world.journal.load().facts.length,
  }
  const proposed = new FakeSource()
  proposed.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:2') }, 'proposed')
  const { plans } = await previewOn(controller.snapshot(), proposed, clock, 'main', signal)
  expect(plans.flatMap(({ changes }) => changes.map(({ kind }) => kind))).toEqual(['replace', 'replace'])
  expect({
    looks: world.driver.looks,
    calls: world.driver.calls.length,
    facts: world.journal.load().facts.length,
  }).toEqual(before)
  expect(controller.plans().flatMap(({ changes }) => changes.map(({ kind }) => kind))).toEqual([
    'unchanged',
    'unchanged',
  ])
})

it('does not look at a server that a proposal brings along', async () => {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:1') }, 'first')
  const controller = world.boot()
  await world.clock.run(60_000)
  const { looks } = world.driver
  const proposed = new FakeSource()
  const server = `  evil: { address: 203.0.113.9, host_key: 'SHA256:ddddddddddddddddddddddddddddddddddddddddddd' }\n`
  proposed.commit({ 'slipway.yaml': FLEET + server, 'stacks/shop/compose.yaml': shop('web:1') }, 'proposed')
  const { status } = await previewOn(controller.snapshot(), proposed, clock, 'main', signal)
  expect(status.servers.find(({ name }) => name === 'evil')?.problem?.message).toContain('is new here')
  expect(world.driver.looks).toBe(looks)
})
