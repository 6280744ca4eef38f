import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerCompose } from './docker-compose.js'
import type { DockerCompose } from './docker-compose.js'
import { specificationExamples } from './examples.js'
import { compareAll, describeDifference, generatedCases } from './run-cases.js'
import type { Case } from './run-cases.js'

/** `npm run oracle` runs thousands; these are others than its first ones. */
const CASES = 300
const SEED = 20_261_128

/** Of Debian 13's Compose, which most servers have: it differs by its age, and seldom. */
const STABLE_CASES = 40

let oracle: DockerCompose
let stable: DockerCompose
beforeAll(async () => {
  oracle = await dockerCompose()
  stable = await dockerCompose('compose-stable')
})
afterAll(() => [oracle, stable].forEach((one) => one.close()))

/** How many are equal; none may differ. */
async function equalOf(cases: readonly Case[], asked = oracle): Promise<number> {
  const { counts, differences } = await compareAll(cases, asked)
  const told = differences.map((one) => describeDifference(one, true)).join('\n\n')
  expect(told, `Docker Compose ${asked.version}`).toBe('')
  return counts.equal
}

// Cases that either side refuses compare nothing: most must not be of that kind.
describe('our loader and Docker Compose', () => {
  it('make the same of generated repositories, value by value', async () => {
    expect(await equalOf(generatedCases(CASES, SEED))).toBeGreaterThan(CASES / 2)
  })

  it('make the same of them as an older Docker Compose does', async () => {
    expect(stable.version).not.toBe(oracle.version)
    expect(await equalOf(generatedCases(STABLE_CASES, SEED), stable)).toBeGreaterThan(STABLE_CASES / 2)
  })

  it('make the same of every example of the specification', async () => {
    const examples = specificationExamples()
    // The others are refused, by Compose or by us: external secrets, models, made-up keys, mistakes of a page.
    expect(await equalOf(examples)).toBeGreaterThan(examples.length * 0.8)
  })
})
