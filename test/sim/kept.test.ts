import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { play } from './play.js'
import type { Scenario } from './scenario.js'

/** A scenario that failed once, cut down, with what it broke. Kept for ever. */
interface Kept {
  readonly broke: string
  readonly commit: string
  readonly scenario: Scenario
}

const DIR = join(import.meta.dirname, 'kept')
const kept = readdirSync(DIR)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name, JSON.parse(readFileSync(join(DIR, name), 'utf8')) as Kept] as const)

describe('a world that failed once', () => {
  it.each(kept)('ends well: %s', async (_name, { scenario }) => {
    expect((await play(scenario)).violations).toEqual([])
  })
})
