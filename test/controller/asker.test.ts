import { expect, it } from 'vitest'
import { ok } from '../../src/model/index.js'
import type { Replica } from '../../src/model/index.js'
import type { Readiness } from '../../src/controller/index.js'
import { Asker } from '../../src/controller/asker.js'
import { FakeDriver, VirtualClock } from './world.js'

it('says that a replica was answered for once for each question, not for each time that it is still being asked', async () => {
  const clock = new VirtualClock()
  const driver = new FakeDriver(clock)
  let answer: (readiness: Readiness) => void = () => undefined
  driver.ask = async () => ok(await new Promise<Readiness>((resolve) => (answer = resolve)))
  const marked: string[] = []
  const asker = new Asker(driver, clock, new AbortController().signal, (stack) => void marked.push(stack))
  const slot = { stack: 'shop', service: 'web', key: '1' }
  const question = { server: 'lon-1', replica: { containerId: 'c1', slot } as Replica, probe: null, healthcheck: true }
  const asks = [asker.ask(question), asker.ask(question), asker.ask(question)]
  await clock.run(0)
  // Each mark is a turn of the loop, which asks again: one answered too early would keep it turning until the replica answers.
  expect(marked).toEqual([])
  answer({ verdict: 'ready', output: '' })
  await Promise.all(asks)
  expect(marked).toEqual(['shop'])
})

it('takes what is answered, and what a look shows, for as old as its beginning', async () => {
  const clock = new VirtualClock()
  const driver = new FakeDriver(clock)
  let answer: (readiness: Readiness) => void = () => undefined
  driver.ask = async () => ok(await new Promise<Readiness>((resolve) => (answer = resolve)))
  const asker = new Asker(driver, clock, new AbortController().signal, () => undefined)
  const replica = { containerId: 'c1', slot: {}, state: 'running', health: 'healthy' } as Replica
  asker.begin(replica, false, false)
  const beganAtMs = clock.nowMs()
  const asked = asker.ask({ server: 'lon-1', replica, probe: null, healthcheck: true })
  await clock.run(4_000)
  answer({ verdict: 'ready', output: '' })
  await asked
  expect(asker.tracks.get('c1')).toMatchObject({ askBegunAtMs: beganAtMs, confirmedAtMs: beganAtMs })
  asker.looked(replica, false, beganAtMs + 1_000)
  expect(asker.tracks.get('c1')).toMatchObject({ confirmedAtMs: beganAtMs + 1_000, lastSeenMs: beganAtMs + 4_000 })
})
