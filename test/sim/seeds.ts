import { expect, it } from 'vitest'
import { Coverage } from './coverage.js'
import { failure } from './failure.js'
import { play } from './play.js'
import { scenarioOf } from './scenario.js'

/** Worlds in all of `npm test`, in as many files as the machine has hands for; more by SLIPWAY_WORLDS, others by SLIPWAY_SEED. */
const WORLDS = Number(process.env['SLIPWAY_WORLDS'] ?? 2_000)
const FIRST = Number(process.env['SLIPWAY_SEED'] ?? 1)
const FILES = 4
const AT_ONCE = 50

/** Every fourth seed, in examples of fifty worlds each. */
export function playSeeds(file: number): void {
  const coverage = new Coverage()
  const seeds = Array.from({ length: Math.ceil(WORLDS / FILES) }, (_, index) => FIRST + file + index * FILES)
  const groups = Array.from({ length: Math.ceil(seeds.length / AT_ONCE) }, (_, index) =>
    seeds.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  )
  it.each(groups.map((group) => [group[0], group] as const))(
    'keeps every invariant and comes to rest (seed %i and those after it)',
    { timeout: 600_000 },
    async (_first, group) => {
      for (const seed of group) {
        const world = await play(scenarioOf(seed))
        coverage.add(world)
        if (world.violations.length > 0) expect.fail(await failure(scenarioOf(seed), world))
      }
    },
  )

  it('has met every fault', () => {
    if (coverage.worlds >= 500) expect(coverage.rarerThan(0.01), coverage.table()).toEqual([])
  })
}
