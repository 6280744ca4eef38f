import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/model/spec-hash.js'

/** What hashes of running containers were made with. */
function bySorting(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

describe('canonical JSON', () => {
  it('has the same bytes whatever the order of keys, numbers among them included', () => {
    expect(canonicalJson({ b: 1, a: [{ d: 1, c: null }], 10: 'x', 9: 'y', '09': 'z' })).toBe(
      '{"9":"y","10":"x","09":"z","a":[{"c":null,"d":1}],"b":1}',
    )
  })

  it('leaves out what JSON has no word for', () => {
    expect(canonicalJson({ a: undefined, b: [undefined] })).toBe('{"b":[null]}')
  })

  it('is what sorting every object first gives, for any value', () => {
    // Some are made so that one set of keys could be taken for another.
    const key = fc.oneof(fc.string(), fc.nat(20).map(String), fc.constantFrom('a', 'b', 'c', 'a\nb', 'b\nc', '\n', ''))
    const value = fc.jsonValue().chain((json) => fc.dictionary(key, fc.constant(json)))
    fc.assert(
      fc.property(value, (one) => {
        expect(canonicalJson(one)).toBe(bySorting(one))
      }),
      { numRuns: 300 },
    )
  })
})
