import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { newFuzzer } from './run-target.js'
import type { Failure } from './run-target.js'
import { TARGETS } from './targets.js'

const KEPT = join(import.meta.dirname, 'kept')
const SEED = 20_261_128
/** Only what never ends is killed: a busy machine is slow, not broken. */
const KILL_MS = 60_000
const TEST_MS = 10 * 60_000

const fuzzer = newFuzzer()
afterAll(() => fuzzer.end())

const shown = (failures: readonly Failure[]) =>
  failures.map(({ why, index, input }) => ({ why, index, input: input.subarray(0, 2_000).toString('latin1') }))

it.each(TARGETS)(
  '$name: no input throws, hangs, floods, touches a prototype or is read in two ways',
  async (target) => {
    const budget = { seed: SEED, from: 0, cases: target.quick, endsAtMs: Number.POSITIVE_INFINITY, killMs: KILL_MS }
    expect(shown((await fuzzer.run(target, budget)).failures)).toEqual([])
  },
  TEST_MS,
)

it.each(readdirSync(KEPT))(
  '%s: what failed once does not fail again',
  async (name) => {
    const target = TARGETS.find((one) => one.name === name)
    if (target === undefined) throw new Error(`inputs are kept for ${name}, which is no target`)
    const inputs = readdirSync(join(KEPT, name)).map((file) => readFileSync(join(KEPT, name, file)))
    expect(shown(await fuzzer.runKept(target, inputs, KILL_MS))).toEqual([])
  },
  TEST_MS,
)
