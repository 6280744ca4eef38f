import { describe, expect, it } from 'vitest'
import { playWorkflow } from './crash.js'
import { randomOf } from './random.js'
import { SMALLEST, WORKFLOWS } from './workflows.js'

/** Pairs of crashes for each small workflow; `npm run sim -- --pairs` plays every one there is. */
const PAIRS = 8
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

describe('a controller killed twice', () => {
  it.each(Object.entries(SMALLEST))(
    'ends %s of one replica as if it had not been killed',
    { timeout: TIMEOUT_MS },
    async (name, workflow) => {
      const reference = await playWorkflow(workflow, [])
      expect(reference.violations).toEqual([])
      const random = randomOf(name)
      for (let pairs = 0; pairs < PAIRS; pairs += 1) {
        const first = random.between(1, reference.points)
        const { points } = await playWorkflow(workflow, [first])
        const pair = [first, random.between(first, points)]
        const { outcome, violations, at } = await playWorkflow(workflow, pair)
        expect({ outcome, violations }, `killed at ${at.join(', ')}`).toEqual({
          outcome: reference.outcome,
          violations: [],
        })
      }
    },
  )
})
