import { beforeEach, expect, it } from 'vitest'
import { FirstLooks } from '../../src/controller/first-looks.js'
import { VirtualClock } from './world.js'

let clock: VirtualClock
let givenUp: string[]
let looks: FirstLooks

beforeEach(() => {
  clock = new VirtualClock()
  givenUp = []
  looks = new FirstLooks(clock, 3_000, (server) => void givenUp.push(server))
})

it('gives up those that are missing after the silence, once', async () => {
  for (const server of ['lon-2', 'lon-1', 'par-1']) looks.await(server)
  looks.end('par-1')
  await clock.run(2_999)
  expect(givenUp).toEqual([])
  await clock.run(60_000)
  expect(givenUp).toEqual(['lon-1', 'lon-2'])
})

it('waits on while others are answered', async () => {
  for (const server of ['a', 'b', 'c']) looks.await(server)
  await clock.run(2_000)
  looks.end('a')
  await clock.run(2_000)
  looks.end('b')
  await clock.run(2_900)
  expect(givenUp).toEqual([])
  looks.end('c')
  await clock.run(60_000)
  expect(givenUp).toEqual([])
})

it('does not take a process that stood still for silence', () => {
  const due: (() => void)[] = []
  const standing = { nowMs: () => 0, after: (_delayMs: number, fn: () => void) => (due.push(fn), () => undefined) }
  const late = new FirstLooks(standing, 3_000, (server) => void givenUp.push(server))
  late.await('lon-1')
  // All timers are due at once, however long it stood: one piece of silence, and then answers are read.
  due.splice(0).forEach((fn) => fn())
  late.end('lon-1')
  due.splice(0).forEach((fn) => fn())
  expect(givenUp).toEqual([])
})

it('waits anew for a server that comes later, and not after its end', async () => {
  looks.await('a')
  await clock.run(60_000)
  looks.await('b')
  await clock.run(2_900)
  expect(givenUp).toEqual(['a'])
  looks.close()
  await clock.run(60_000)
  expect(givenUp).toEqual(['a'])
})
