import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adoptedName, readAdoptedName } from '../../src/model/index.js'
import type { AdoptedIdentity } from '../../src/model/index.js'

const word = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,20}$/)
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const identities: fc.Arbitrary<AdoptedIdentity> = fc.record({
  fleet: word,
  slot: fc.record({ stack: word, service: word, key: fc.oneof(word, fc.integer({ min: 1, max: 99 }).map(String)) }),
  specHash: hex(20),
  revision: hex(40),
  limits: fc.constantFrom('', 'cpus=0.5', 'cpus=0.25 memory=268435456 pids=100', 'memory=1 memswap=-1 reserved=8'),
  containerId: hex(64),
})

describe('the name of a container that was taken over', () => {
  it('says everything that was put into it, in letters that an engine takes', () => {
    fc.assert(
      fc.property(identities, (identity) => {
        const name = adoptedName(identity)
        expect(name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/)
        expect(readAdoptedName(name, identity)).toEqual(identity)
      }),
    )
  })

  it('says nothing in another fleet and of another container, nor when a letter of it is changed', () => {
    fc.assert(
      fc.property(identities, fc.nat(), word, (identity, at, other) => {
        const name = adoptedName(identity)
        const letter = at % name.length
        const changed = `${name.slice(0, letter)}${name[letter] === 'a' ? 'b' : 'a'}${name.slice(letter + 1)}`
        expect(readAdoptedName(changed, identity)).toBeNull()
        for (const key of ['fleet', 'containerId'] as const)
          if (other !== identity[key]) expect(readAdoptedName(name, { ...identity, [key]: other })).toBeNull()
      }),
    )
  })
})
