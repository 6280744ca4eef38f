import { describe, expect, it } from 'vitest'
import { bootMortal, never } from './mortal.js'
import type { Life } from './mortal.js'
import { FLEET, compose, createWorld } from './world.js'
import type { World } from './world.js'

const PATH = 'stacks/shop/compose.yaml'

interface Crash {
  readonly at: number
  readonly when: 'before' | 'after'
}

function bootCrashing(world: World, crash: Crash): Life {
  const life = { alive: true }
  let calls = 0
  bootMortal(world, life, async (action) => {
    calls += 1
    if (calls === crash.at && crash.when === 'before') return die(life)
    const result = await world.driver.perform(action)
    return calls >= crash.at && crash.when === 'after' && life.alive ? die(life) : result
  })
  return life
}

function die(life: Life): Promise<never> {
  Object.assign(life, { alive: false })
  return never()
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
  crash: Crash,
): Promise<{ world: World; calls: number; crashed: boolean }> {
  const world = prepared()
  if (!first) {
    const controller = world.boot()
    await world.clock.run(60_000)
    await Promise.all([controller.stop(), world.clock.run(1_000)])
  }
  const before = world.driver.calls.length
  workflow(world)
  const life = bootCrashing(world, crash)
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
