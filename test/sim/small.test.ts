import { describe, expect, it } from 'vitest'
import { randomOf } from './random.js'
import { SMALL_WORLDS, describeTurns, everyRun, furtherTurns, playTurns, smallWorkflow, wrongWith } from './small.js'
import type { Run } from './small.js'

/** Runs in which two things go otherwise, of each small world; `npm run sim -- --small` plays every one there is. */
const SECONDS = 60
const TIMEOUT_MS = 600_000

describe('a small world', () => {
  it.each(SMALL_WORLDS)(
    'ends %s as it should whatever message is held or lost, whatever crashes or is killed, once and twice',
    { timeout: TIMEOUT_MS },
    async (name) => {
      const workflow = smallWorkflow(name)
      const runs: Run[] = []
      const check = (run: Run): void => {
        runs.push(run)
        expect(wrongWith(run, runs[0] ?? run), describeTurns(run)).toEqual([])
      }
      for await (const run of everyRun(workflow, 1)) check(run)
      // Every message, answer and crash point of a rollout of three replicas.
      expect(runs.length).toBeGreaterThan(150)
      const random = randomOf(name)
      for (const first of Array.from({ length: SECONDS }, () => random.pick(runs))) {
        const further = furtherTurns(first)
        if (further.length > 0) check(await playTurns(workflow, random.pick(further)))
      }
    },
  )
})
