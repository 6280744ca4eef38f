import { describe, expect, it } from 'vitest'
import { Coverage, OF_CERTIFICATES } from './coverage.js'
import { failure } from './failure.js'
import { play } from './play.js'
import { certifiedOf } from './scenario.js'

/** Worlds in `npm test`; more by `npm run sim -- --certificates`. */
const WORLDS = 8
const FIRST = 11

describe('a world whose routes have certificates of an authority', () => {
  it('keeps every invariant and comes to rest, whatever the authority does', { timeout: 600_000 }, async () => {
    const coverage = new Coverage()
    for (let seed = FIRST; seed < FIRST + WORLDS; seed += 1) {
      const world = await play(certifiedOf(seed))
      coverage.add(world)
      if (world.violations.length > 0) expect.fail(await failure(certifiedOf(seed), world))
    }
    expect(coverage.missed(OF_CERTIFICATES), coverage.table()).toEqual([])
  })
})
