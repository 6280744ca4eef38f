import { SqliteDisk } from './disk.js'
import { SIGNED } from './git.js'
import { releaseOf } from './releases.js'
import { rest } from './rest.js'
import { memoryOf, serverNames, startDraft, take } from './scenario.js'
import type { Scenario } from './scenario.js'
import { upgrade } from './upgrade.js'
import { World } from './world.js'

/** Plays a scenario to its end, or to the first violation. */
export async function play(scenario: Scenario): Promise<World> {
  const disk = scenario.sqlite ? { disk: new SqliteDisk() } : {}
  const before = scenario.release === undefined ? {} : { release: await releaseOf(scenario.release) }
  const world = new World(
    {
      seed: scenario.seed,
      servers: serverNames(scenario.servers),
      memoryBytes: memoryOf(scenario),
      ...disk,
      ...before,
    },
    startDraft(scenario),
  )
  try {
    world.commit(world.draft, 'first', SIGNED)
    world.boot()
    await run(world, scenario)
    if (world.violations.length === 0) await rest(world)
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    world.say(`BUG ${what}`)
    world.violations.push({ id: 'BUG', atMs: world.clock.nowMs(), what })
  } finally {
    world.dispose()
  }
  return world
}

async function run(world: World, scenario: Scenario): Promise<void> {
  const isOver = (): boolean => world.violations.length > 0
  // Half of the worlds begin with everything in place.
  if (scenario.seed % 2 === 0) await world.clock.run(120_000, isOver)
  for (const step of scenario.steps) {
    await world.clock.run(step.afterMs, isOver)
    if (isOver()) return
    if (step.kind === 'upgrade') await upgrade(world, step.dice)
    const undo = take(world, step)
    if (undo !== null) world.clock.after(step.forMs, undo)
  }
  await world.clock.run(30_000, isOver)
}
