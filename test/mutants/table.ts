import { CONTROLLER_MUTANTS } from './controller-mutants.js'
import { EDGE_MUTANTS } from './edge-mutants.js'
import type { Mutant } from './mutant.js'
import { PLANNER_MUTANTS } from './planner-mutants.js'
import { ROLLOUT_MUTANTS } from './rollout-mutants.js'

/** Every listed way to break what keeps production safe. Each must be killed by the quick tests. */
export const MUTANTS: readonly Mutant[] = [
  ...ROLLOUT_MUTANTS,
  ...PLANNER_MUTANTS,
  ...CONTROLLER_MUTANTS,
  ...EDGE_MUTANTS,
]

/** From the quickest to the slowest: nearly every mutant dies in the first two. */
const CONTROLLER = [
  'test/controller',
  'test/sim/found.test.ts test/sim/kept.test.ts test/rehearse',
  'test/sim/crash-points.test.ts',
  'test/sim/worlds',
]

/** The tests that run against a mutant of a room, those that know it best first. */
export const TESTS: Readonly<Record<string, readonly string[]>> = {
  rollout: ['test/rollout', ...CONTROLLER],
  planner: ['test/planner', ...CONTROLLER],
  controller: [...CONTROLLER, 'test/cli'],
  driver: ['test/driver'],
  ssh: ['test/ssh', 'test/driver/ssh-connect.test.ts'],
  store: ['test/store', ...CONTROLLER],
  source: ['test/source'],
}
