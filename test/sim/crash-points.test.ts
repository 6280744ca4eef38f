import { describe, expect, it } from 'vitest'
import { playWorkflow } from './crash.js'
import { randomOf } from './random.js'
import { WORKFLOWS } from './workflows.js'

/** Pairs of crashes for each small workflow; `SLIPWAY_PAIRS=all` for every one there is. */
const PAIRS = process.env['SLIPWAY_PAIRS'] === 'all' ? Infinity : Number(process.env['SLIPWAY_PAIRS'] ?? 20)
const TIMEOUT_MS = 900_000

describe('a controller killed at any point of a workflow', () => {
  it.each(Object.entries(WORKFLOWS))(
    'ends %s as if it had not been killed',
    { timeout: TIMEOUT_MS },
    async (_name, workflow) => {
      const reference = await playWorkflow(workflow, [])
      expect(reference.violations).toEqual([])
      expect(reference.points).toBeGreaterThan(2)
      for (let point = 1; point <= reference.points; point += 1) {
        const { outcome, violations, at } = await playWorkflow(workflow, [point])
        expect({ outcome, violations }, `killed at ${at.join(', ')}`).toEqual({
          outcome: reference.outcome,
          violations: [],
        })
      }
    },
  )
})

const SMALL = { before: { web: {} }, servers: 1 } as const

describe('a controller killed twice', () => {
  it.each(['a first deployment', 'an update, start first', 'a rollback'])(
    'ends %s of one replica as if it had not been killed',
    { timeout: TIMEOUT_MS },
    async (name) => {
      const workflow = { ...WORKFLOWS[name], ...SMALL, act: WORKFLOWS[name]?.act ?? (() => undefined) }
      const reference = await playWorkflow(workflow, [])
      const all: (readonly [number, number])[] = []
      // The second life is about as long as the first.
      for (let first = 1; first <= reference.points; first += 1)
        for (let second = first + 1; second <= first + reference.points; second += 1) all.push([first, second])
      const random = randomOf(name)
      const pairs = all.length <= PAIRS ? all : Array.from({ length: PAIRS }, () => random.pick(all))
      for (const pair of pairs) {
        const { outcome, violations, at } = await playWorkflow(workflow, pair)
        expect({ outcome, violations }, `killed at ${at.join(', ')}`).toEqual({
          outcome: reference.outcome,
          violations: [],
        })
      }
    },
  )
})
