import { describe, expect, it } from 'vitest'
import { Controller } from '../../src/controller/index.js'
import type { Clock, Driver, Journal } from '../../src/controller/index.js'
import type { Action, ActionResult, Result } from '../../src/model/index.js'
import { FLEET, compose, createWorld } from './world.js'
import type { World } from './world.js'

const PATH = 'stacks/shop/compose.yaml'

interface Life {
  alive: boolean
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/** A clock, a driver and a journal that end with their controller, as a killed process does. */
function mortalClock(clock: Clock, life: Life): Clock {
  return { nowMs: () => clock.nowMs(), after: (ms, fn) => clock.after(ms, () => (life.alive ? fn() : undefined)) }
}

function mortalJournal(journal: Journal, life: Life): Journal {
  return {
    ...journal,
    append: (facts) => (life.alive ? journal.append(facts) : undefined),
    intend: (intents) => (life.alive ? journal.intend(intents) : undefined),
    settle: (outcomes) => (life.alive ? journal.settle(outcomes) : undefined),
    snapshot: (state, hashes) => (life.alive ? journal.snapshot(state, hashes) : undefined),
  }
}

function mortalDriver(
  world: World,
  life: Life,
  crash: { readonly at: number; readonly when: 'before' | 'after' },
): Driver {
  let calls = 0
  const { driver } = world
  return {
    use: (fleet, servers) => driver.use(fleet, servers),
    onHint: (listener) => driver.onHint((server) => (life.alive ? listener(server) : undefined)),
    observe: (server, closer) => (life.alive ? driver.observe(server, closer) : never()),
    ask: (server, question) => (life.alive ? driver.ask(server, question) : never()),
    diagnose: () => (life.alive ? driver.diagnose() : never()),
    logs: () => driver.logs(),
    close: () => driver.close(),
    perform: async (action: Action): Promise<Result<ActionResult>> => {
      if (!life.alive) return never()
      calls += 1
      if (calls === crash.at && crash.when === 'before') return die(life)
      const result = await driver.perform(action)
      return calls >= crash.at && crash.when === 'after' && life.alive ? die(life) : result
    },
  }
}

function die(life: Life): Promise<never> {
  life.alive = false
  return never()
}

function bootMortal(world: World, crash: { readonly at: number; readonly when: 'before' | 'after' }): Life {
  const life = { alive: true }
  const ports = {
    clock: mortalClock(world.clock, life),
    driver: mortalDriver(world, life, crash),
    source: world.source,
    journal: mortalJournal(world.journal, life),
    log: () => undefined,
  }
  new Controller(ports, {}).start()
  return life
}

type Workflow = (world: World) => void

const good = (web: string, replicas: number): string =>
  compose({ web: { image: web, replicas }, api: { image: 'api:1', replicas: 2 } })

const WORKFLOWS: Readonly<Record<string, Workflow>> = {
  'a first deployment': () => undefined,
  'an update': (world) => void world.source.commit({ [PATH]: good('web:2', 3) }, 'update'),
  'an update that stops first': (world) =>
    void world.source.commit(
      {
        [PATH]:
          compose({
            web: { image: 'web:2', replicas: 3, more: '    volumes: [data:/data]' },
            api: { image: 'api:1', replicas: 2 },
          }) + 'volumes:\n  data:\n',
      },
      'update',
    ),
  'a scale up': (world) => void world.source.commit({ [PATH]: good('web:1', 6) }, 'more'),
  'a scale down': (world) => void world.source.commit({ [PATH]: good('web:1', 1) }, 'fewer'),
  'a rollback': (world) => {
    world.driver.behaviours.set('web:bad', { never: true })
    world.source.commit({ [PATH]: good('web:bad', 3) }, 'bad')
  },
  'a removal': (world) =>
    void world.source.commit(
      {
        [PATH]: compose({ web: { image: 'web:1', replicas: 3 } }) + '\nx-note: one service less\n',
        'slipway.yaml': `${FLEET}guards: { prune: 60% }\n`,
      },
      'remove',
    ),
}

/** What exists in the end, and what it cost to get there. */
function outcome(world: World): unknown {
  const count = (kind: string): number => world.driver.calls.filter((call) => call.startsWith(`${kind} `)).length
  const containers = [...world.driver.containers.values()]
    .map(
      ({ replica, image }) => `${replica.slot.service}#${replica.slot.key} ${image} ${replica.state} ${replica.server}`,
    )
    .sort()
  return { containers, runs: count('run'), removes: count('remove') }
}

function prepared(): World {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': `${FLEET}guards: { prune: 60% }\n`, [PATH]: good('web:1', 3) }, 'first')
  return world
}

async function play(
  workflow: Workflow,
  first: boolean,
  crash: { readonly at: number; readonly when: 'before' | 'after' },
): Promise<{ world: World; calls: number; crashed: boolean }> {
  const world = prepared()
  if (!first) {
    const controller = world.boot()
    await world.clock.run(60_000)
    await Promise.all([controller.stop(), world.clock.run(1_000)])
  }
  const before = world.driver.calls.length
  workflow(world)
  const life = bootMortal(world, crash)
  await world.clock.run(120_000)
  const crashed = !life.alive
  life.alive = false
  const controller = world.boot()
  await world.clock.run(1_200_000)
  await Promise.all([controller.stop(), world.clock.run(1_000)])
  return { world, calls: world.driver.calls.length - before, crashed }
}

describe('a controller killed at any call and started again', () => {
  it.each(Object.entries(WORKFLOWS))(
    'ends %s as if it had not been killed',
    { timeout: 120_000 },
    async (name, workflow) => {
      const first = name === 'a first deployment'
      const reference = await play(workflow, first, { at: Infinity, when: 'before' })
      expect(reference.calls).toBeGreaterThan(0)
      for (const when of ['before', 'after'] as const) {
        for (let at = 1; at <= reference.calls; at += 1) {
          const { world, crashed } = await play(workflow, first, { at, when })
          if (!crashed) break
          expect(outcome(world), `killed ${when} call ${at}`).toEqual(outcome(reference.world))
        }
      }
    },
  )
})
