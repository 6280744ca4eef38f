import { describe, expect, it } from 'vitest'
import type { Controller } from '../../src/controller/index.js'
import type { Action, ActionResult, Result } from '../../src/model/index.js'
import { bootMortal } from './mortal.js'
import type { Life } from './mortal.js'
import { FLEET, compose, createWorld } from './world.js'
import type { ServiceText, World } from './world.js'

const PATH = 'stacks/shop/compose.yaml'
const SERVERS = ['lon-1', 'lon-2', 'par-1'] as const

/** Numbers from 0 to 1 out of a seed (mulberry32): the same seed, the same world. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

interface Run {
  readonly world: World
  readonly random: () => number
  readonly trace: string[]
  life: Life
  controller: Controller
  /** Share of replies that get lost after the effect. */
  lostReplies: number
  /** Something was done to replicas or servers, so that fewer or more of them are nobody's fault. */
  harmed: boolean
}

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T
}

function service(random: () => number, name: string): ServiceText {
  const image = `${name}:${pick(random, ['1', '2', '3', 'slow', 'bad'])}`
  const order = pick(random, ['start-first', 'start-first', 'stop-first'])
  const more = `    x-slipway: { rollout: { healthy_deadline: 40s, progress_deadline: 3m } }`
  const replicas = 1 + Math.floor(random() * 4)
  return { image, replicas, more: `${more}\n    labels: { order: ${order} }` }
}

function manifest(random: () => number): string {
  const names = ['web', 'api', ...(random() < 0.5 ? ['worker'] : [])]
  return compose(Object.fromEntries(names.map((name) => [name, service(random, name)])))
}

function boot(run: Run): void {
  const life = { alive: true }
  const perform = async (action: Action): Promise<Result<ActionResult>> => {
    const result = await run.world.driver.perform(action)
    return run.random() < run.lostReplies ? { ok: false, problem: { code: 'CALL_TIMEOUT', message: 'lost' } } : result
  }
  Object.assign(run, { life, controller: bootMortal(run.world, life, perform) })
}

const EVENTS: Readonly<Record<string, (run: Run) => void>> = {
  commit: (run) => void run.world.source.commit({ [PATH]: manifest(run.random) }, 'change'),
  crash: (run) => {
    run.life.alive = false
    boot(run)
  },
  kill: (run) => {
    const id = pick(run.random, [...run.world.driver.containers.keys()])
    if (id === undefined) return
    run.harmed = true
    const server = run.world.driver.containers.get(id)?.replica.server ?? ''
    if (run.random() < 0.5) run.world.driver.kill(id)
    else run.world.driver.containers.delete(id)
    run.world.driver.hint(server)
  },
  down: (run) => {
    run.harmed = true
    run.world.driver.down.add(pick(run.random, SERVERS))
  },
  up: (run) => run.world.driver.down.clear(),
  refuse: (run) => {
    const kind = pick(run.random, ['run', 'stop', 'remove', 'pull', 'start'])
    run.world.driver.failures.set(`${kind} ${pick(run.random, SERVERS)}`, { code: 'ENGINE_ERROR', message: 'refused' })
  },
  allow: (run) => run.world.driver.failures.clear(),
  lose: (run) => {
    run.lostReplies = run.random() < 0.5 ? 0 : 0.2
  },
}

/** Calm worlds only see commits, crashes of the controller and lost replies: there the floor and the ceiling must hold at every moment. */
const CALM = ['commit', 'crash', 'lose']

function check(run: Run, wanted: ReadonlyMap<string, readonly number[]>): void {
  if (run.harmed) return
  for (const [name, counts] of wanted) {
    const own = [...run.world.driver.containers.values()].filter(
      ({ replica }) => replica.slot.service === name && replica.state === 'running',
    )
    const slots = new Set(own.map(({ replica }) => replica.slot.key)).size
    const most = Math.max(...counts)
    expect(own.length, `${name} has at most one replica more than wanted: ${run.trace.join(' ')}`).toBeLessThanOrEqual(
      most + 1,
    )
    expect(
      own.length - slots,
      `${name} has at most one slot with two replicas: ${run.trace.join(' ')}`,
    ).toBeLessThanOrEqual(1)
  }
}

async function play(seed: number, calm: boolean): Promise<Run> {
  const world = createWorld()
  for (const name of ['web', 'api', 'worker']) {
    world.driver.behaviours.set(`${name}:bad`, { never: true })
    world.driver.behaviours.set(`${name}:slow`, { healthyAfterMs: 20_000 })
  }
  const random = randomOf(seed)
  world.source.commit({ 'slipway.yaml': `${FLEET}guards: { prune: 100% }\n`, [PATH]: manifest(random) }, 'first')
  const run = { world, random, trace: [], lostReplies: 0, harmed: false } as unknown as Run
  boot(run)
  const names = calm ? CALM : Object.keys(EVENTS)
  for (let turn = 0; turn < 25; turn += 1) {
    const name = pick(random, names)
    run.trace.push(name)
    EVENTS[name]?.(run)
    const seconds = 1 + Math.floor(random() * (random() < 0.3 ? 400 : 40))
    for (let second = 0; second < seconds; second += 5) {
      await world.clock.run(5_000)
      if (calm)
        check(
          run,
          new Map([
            ['web', [4]],
            ['api', [4]],
            ['worker', [4]],
          ]),
        )
    }
  }
  return run
}

/** Heals the world and says what it ends as. */
async function converge(run: Run): Promise<void> {
  const { world } = run
  world.driver.down.clear()
  world.driver.failures.clear()
  run.lostReplies = 0
  await world.clock.run(3 * 3_600_000)
  const calls = world.driver.calls.length
  await world.clock.run(1_800_000)
  const late = world.driver.calls.slice(calls)
  const [stack] = run.controller.status().stacks
  const about = `${run.trace.join(' ')} → ${stack?.phase}: ${stack?.sentence}`
  // A stack that failed with nothing to go back to, or that was accepted with replicas that never get well, keeps being healed with long pauses.
  if (stack?.phase === 'synced' || stack?.phase === 'rejected')
    expect(
      late.filter((call) => !call.startsWith('restart')),
      about,
    ).toEqual([])
  else expect(['failed', 'rollback-failed', 'healing', 'unhealthy'], about).toContain(stack?.phase)
  if (stack?.phase !== 'synced') return
  const slots = [...world.driver.containers.values()]
    .filter(({ replica }) => replica.state === 'running')
    .map(({ replica }) => `${replica.slot.service}#${replica.slot.key}`)
    .sort()
  const wanted = stack.services
    .flatMap((service) => Array.from({ length: service.wanted }, (_, index) => `${service.name}#${index + 1}`))
    .sort()
  expect(slots, about).toEqual(wanted)
  expect(world.driver.containers.size, about).toBe(wanted.length)
}

const SEEDS = Number(process.env.SLIPWAY_WORLDS ?? 20)
const FIRST = Number(process.env.SLIPWAY_SEED ?? 1)
const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST + index)

describe('any world', () => {
  it.each(seeds)(
    'comes to rest where Git or the last good revision says, once its faults stop (seed %i)',
    { timeout: 60_000 },
    async (seed) => {
      await converge(await play(seed, false))
    },
  )

  it.each(seeds)(
    'never has more than one slot in flight without faults on its replicas (seed %i)',
    { timeout: 60_000 },
    async (seed) => {
      await converge(await play(seed + 1_000_000, true))
    },
  )
})
