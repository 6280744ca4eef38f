import { describe, expect, it } from 'vitest'
import { playedSide, worldSide } from './engine-pair.js'
import { isContested, playStep, scriptOf, seenOn } from './engine-script.js'
import { randomOf } from './random.js'

/** Others by SLIPWAY_SEED, more by SLIPWAY_SCRIPTS. */
const SCRIPTS = Number(process.env['SLIPWAY_SCRIPTS'] ?? 300)
const FIRST = Number(process.env['SLIPWAY_SEED'] ?? 1)
const AT_ONCE = 50
const TIMEOUT_MS = 300_000

/** Plays a script on both sides; answers how many steps that were. */
async function compare(seed: number): Promise<number> {
  const script = scriptOf(randomOf(`script ${seed}`))
  const [world, played] = [worldSide(), playedSide()]
  for (const [at, step] of script.entries()) {
    if (await isContested(world, step, script)) return at
    const [here, there] = [await playStep(world, step), await playStep(played, step)]
    const said = `script ${seed}: ${script
      .slice(0, at + 1)
      .map((one) => JSON.stringify(one))
      .join('\n')}`
    expect({ answer: here, boxes: await seenOn(world) }, said).toEqual({ answer: there, boxes: await seenOn(played) })
  }
  return script.length
}

describe('the engine of the worlds, with its driver', () => {
  const seeds = Array.from({ length: SCRIPTS }, (_, index) => FIRST + index)
  const groups = Array.from({ length: Math.ceil(SCRIPTS / AT_ONCE) }, (_, index) =>
    seeds.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  )
  it.each(groups.map((group) => [group[0], group] as const))(
    'answers and shows what the real driver does on the engine that the lab compares with real ones (script %i and those after it)',
    { timeout: TIMEOUT_MS },
    async (_first, group) => {
      let steps = 0
      for (const seed of group) steps += await compare(seed)
      expect(steps).toBeGreaterThan(4 * group.length)
    },
  )
})
