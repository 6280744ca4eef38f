import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ADMISSION_MUTANTS } from './admission-mutants.js'
import { CERTIFICATE_MUTANTS } from './certificate-mutants.js'
import { CONTROLLER_MUTANTS } from './controller-mutants.js'
import { EDGE_MUTANTS } from './edge-mutants.js'
import { INGRESS_MUTANTS } from './ingress-mutants.js'
import { MODEL_MUTANTS } from './model-mutants.js'
import type { Mutant } from './mutant.js'
import { PLANNER_MUTANTS } from './planner-mutants.js'
import { ROLLOUT_MUTANTS } from './rollout-mutants.js'
import { STRATEGY_MUTANTS } from './strategy-mutants.js'

/** Every listed way to break what keeps production safe. Each must be killed by the quick tests. */
export const MUTANTS: readonly Mutant[] = [
  ...ROLLOUT_MUTANTS,
  ...STRATEGY_MUTANTS,
  ...PLANNER_MUTANTS,
  ...CONTROLLER_MUTANTS,
  ...ADMISSION_MUTANTS,
  ...EDGE_MUTANTS,
  ...INGRESS_MUTANTS,
  ...MODEL_MUTANTS,
  ...CERTIFICATE_MUTANTS,
]

const CONTROLLER = [
  'test/controller/memory.test.ts',
  'test/controller/performer.test.ts',
  'test/controller/server-watch.test.ts',
  'test/controller',
  'test/sim/found.test.ts',
  'test/sim/kept.test.ts',
  'test/rehearse',
  'test/sim/worlds-1.test.ts',
  'test/sim/crash-points.test.ts',
]

/** The tests that run against a mutant of a room: those that know it best first, the slowest last. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  rollout: ['test/rollout', ...CONTROLLER],
  manifest: ['test/manifest/routes.test.ts', 'test/manifest'],
  names: ['test/names', 'test/controller/names.test.ts', ...CONTROLLER],
  ingress: ['test/ingress', 'test/controller/names.test.ts', ...CONTROLLER],
  planner: ['test/planner', ...CONTROLLER],
  model: ['test/model', 'test/upgrade', 'test/planner', 'test/ingress', ...CONTROLLER],
  controller: [...CONTROLLER, 'test/cli'],
  driver: ['test/driver'],
  ssh: ['test/ssh', 'test/driver/ssh-connect.test.ts'],
  acme: ['test/acme'],
  checks: ['test/checks'],
  store: ['test/store', ...CONTROLLER],
  source: ['test/source/pack-gate.test.ts', 'test/source/takes-changes-back.test.ts', 'test/source'],
  trust: ['test/trust'],
  forge: ['test/forge'],
  web: ['test/web'],
}

/** The test files of a room's mutants in their order, or those at a path, as they are in a copy of the house. */
export function testFiles(house: string, roomOrPath: string): readonly string[] {
  return [...new Set((TESTS[roomOrPath] ?? [roomOrPath]).flatMap((path) => filesAt(house, path)))]
}

function filesAt(house: string, path: string): readonly string[] {
  if (path.endsWith('.test.ts')) return [path]
  const files = readdirSync(join(house, path), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith('lab/'))
    .sort()
    .map((file) => `${path}/${file}`)
}
