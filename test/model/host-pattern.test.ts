import fc from 'fast-check'
import { expect, it } from 'vitest'
import { matchesHostPattern } from '../../src/model/index.js'

/** What the stars and question marks mean, said by a regular expression, for texts so short that it ends. */
function expected(pattern: string, text: string): boolean {
  const source = [...pattern].map((char) => (char === '*' ? '.*' : char === '?' ? '.' : char === '.' ? '[.]' : char))
  return new RegExp(`^${source.join('')}$`).test(text)
}

it('matches host names like ssh', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 7 })
  fc.assert(
    fc.property(pattern, text, (wild, name) => {
      expect(matchesHostPattern(wild, name)).toBe(expected(wild, name))
    }),
    { numRuns: 3_000 },
  )
})

it('ends for a pattern of many stars and a long name that nearly fits', () => {
  expect(matchesHostPattern(`${'*a'.repeat(100)}b`, 'a'.repeat(2_000))).toBe(false)
  expect(matchesHostPattern('*a'.repeat(100), 'a'.repeat(2_000))).toBe(true)
})
