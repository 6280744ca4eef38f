import { describe, expect, it } from 'vitest'
import { failure } from './failure.js'
import { play } from './play.js'
import { releasesBefore } from './releases.js'
import { upgradeOf } from './scenario.js'

/** Others by SLIPWAY_SEED, more by SLIPWAY_UPGRADES. */
const WORLDS = Number(process.env['SLIPWAY_UPGRADES'] ?? 48)
const FIRST = Number(process.env['SLIPWAY_SEED'] ?? 1)

describe('a fleet whose controller is upgraded', () => {
  it('has releases to come from', () => expect(releasesBefore()).not.toEqual([]))

  it('keeps every invariant, and all that was up to date runs on', { timeout: 600_000 }, async () => {
    const upgraded: string[] = []
    for (let seed = FIRST; seed < FIRST + WORLDS; seed += 1) {
      const scenario = upgradeOf(seed)
      const world = await play(scenario)
      upgraded.push(world.upgraded ?? 'not at all')
      if (world.violations.length > 0) expect.fail(await failure(scenario, world))
    }
    expect(upgraded).not.toContain('not at all')
    for (const way of ['at rest', 'on the way'])
      expect(upgraded.filter((one) => one === way).length, way).toBeGreaterThan(WORLDS / 5)
  })
})
