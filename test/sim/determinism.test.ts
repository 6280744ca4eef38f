import { describe, expect, it } from 'vitest'
import { play } from './play.js'
import { scenarioOf } from './scenario.js'

describe('a seed', () => {
  it.each([3, 17, 91])('gives the same trace every time, byte for byte (seed %i)', async (seed) => {
    const [first, second] = [await play(scenarioOf(seed)), await play(scenarioOf(seed))]
    expect(first.trace.length).toBeGreaterThan(50)
    expect(second.trace.join('\n')).toBe(first.trace.join('\n'))
  })

  it('gives the same trace on the real store as on the one in memory', async () => {
    const scenario = scenarioOf(26)
    const [memory, sqlite] = [await play({ ...scenario, sqlite: false }), await play({ ...scenario, sqlite: true })]
    expect(sqlite.trace.join('\n')).toBe(memory.trace.join('\n'))
  })
})
