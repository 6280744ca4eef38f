import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerCompose } from './docker-compose.js'
import type { DockerCompose } from './docker-compose.js'
import { describeDifference, runCases } from './run-cases.js'

/** `npm run oracle` runs thousands; these are others than its first ones. */
const CASES = 300
const SEED = 20_261_128

let oracle: DockerCompose
beforeAll(async () => {
  oracle = await dockerCompose()
})
afterAll(() => oracle.close())

describe('our loader and Docker Compose', () => {
  it('make the same of generated repositories, value by value', async () => {
    const { counts, differences } = await runCases(oracle, { cases: CASES, seed: SEED })
    expect(
      differences.map((one) => describeDifference(one, true)).join('\n\n'),
      `Docker Compose ${oracle.version}`,
    ).toBe('')
    // Cases that either side refuses compare nothing: most must not be of that kind.
    expect(counts.equal).toBeGreaterThan(CASES / 2)
  })
})
