import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFiles } from '../../src/manifest/files.js'

const REVISION = { ref: 'main', sha: 'a'.repeat(40), author: 'Ann', committedAtMs: 0, subject: 'All of it' }

it('lists all that is below a directory, and nothing beside it', () => {
  // Names with characters just before and after the slash, one of them the beginning of another.
  const name = fc.constantFrom('a', 'a.b', 'a-b', 'a0', 'ab', 'b', 'é')
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 40 }), fc.oneof(path, fc.constant('')), (paths, directory) => {
      const entries = new Map(paths.map((one) => [one, { kind: 'file' as const, oid: one }]))
      const reader = createFiles({ revision: REVISION, entries }, () => undefined, new Map()).reader()
      const expected = paths.filter((one) => directory === '' || one.startsWith(`${directory}/`))
      expect(reader.list(directory)).toEqual(expected.sort())
    }),
    { numRuns: 500 },
  )
})
