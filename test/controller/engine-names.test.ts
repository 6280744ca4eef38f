import { describe, expect, it } from 'vitest'
import { refusedNames } from '../../src/controller/engine-names.js'
import type { NamedEngine } from '../../src/controller/engine-names.js'

/** `a: 1 → 2`: `a` was the engine 1 and leads to 2; `-` is nothing; `(a)` left the fleet. */
function namesOf(text: string): readonly NamedEngine[] {
  return text.split(', ').map((entry) => {
    const [, open, name = '', known, answered] = /^(\(?)(\w+)\)?: (\S+) → (\S+)$/.exec(entry) ?? []
    const engine = (id: string | undefined): string | null => (id === undefined || id === '-' ? null : id)
    return { name, isRetired: open === '(', known: engine(known), answered: engine(answered) }
  })
}

const CASES: readonly (readonly [why: string, names: string, refused: string])[] = [
  ['each leads to its own', 'a: 1 → 1, b: 2 → 2', ''],
  ['nothing is known yet', 'a: - → 1, b: - → 2', ''],
  ['a machine was installed anew', 'a: 1 → 9, b: 2 → 2', ''],
  ['one leads to the other', 'a: 1 → 2, b: 2 → 2', 'a is b'],
  ['one leads to the other, which nobody reaches', 'a: 1 → 2, b: 2 → -', 'a is b'],
  ['one leads to the other, which leads to a third', 'a: 1 → 2, b: 2 → 3, c: 3 → -', 'a is b, b is c'],
  ['one leads to the other, which was installed anew', 'a: 1 → 2, b: 2 → 9', ''],
  ['two are exchanged', 'a: 1 → 2, b: 2 → 1', ''],
  ['three change places', 'a: 1 → 2, b: 2 → 3, c: 3 → 1', ''],
  ['three change places, one of which nobody reaches', 'a: 1 → 2, b: 2 → 3, c: 3 → -', 'a is b, b is c'],
  ['two are exchanged while a new one claims one of them', 'a: 1 → 2, b: 2 → 1, c: - → 2', 'a is c, b is a, c is b'],
  ['two new ones are one engine', 'a: - → 1, b: - → 1', 'b is a'],
  ['a new one is an engine that has a name', 'a: - → 1, b: 1 → 1', 'a is b'],
  ['two that were others are one engine now', 'a: 1 → 9, b: 2 → 9', 'b is a'],
  ['one was renamed, and answers by both names', 'b: - → 1, (a): 1 → 1', 'a is b'],
  ['one was renamed, and its old name is nothing', 'b: - → 1, (a): 1 → -', ''],
  ['one leads to another that left the fleet', 'a: 1 → 2, (b): 2 → 2', 'a is b'],
  ['one leads to another that left the fleet, and nobody reaches', 'a: 1 → 2, (b): 2 → -', 'a is b'],
  ['two that left the fleet are one engine', '(a): 1 → 2, (b): 2 → 2', 'a is b'],
]

describe('an engine is another server’s', () => {
  it.each(CASES)('where %s: %s', (_why, names, refused) => {
    const entries = [...refusedNames(namesOf(names))].map(([name, holder]) => `${name} is ${holder}`)
    expect(entries.sort().join(', ')).toBe(refused)
  })

  it.each(CASES)('in whatever order they are given, where %s: %s', (_why, names) => {
    const backwards = [...namesOf(names)].reverse()
    expect(refusedNames(backwards)).toEqual(refusedNames(namesOf(names)))
  })

  it('or no name has it twice, and none is left without one, however they lead to each other', () => {
    const engines = [null, '1', '2', '3']
    for (let code = 0; code < 4 ** 4 * 2; code += 1) {
      const at = (place: number): string | null => engines[Math.floor(code / 4 ** place) % 4] ?? null
      const names = [
        { name: 'a', isRetired: false, known: '1', answered: at(0) },
        { name: 'b', isRetired: false, known: '2', answered: at(1) },
        { name: 'c', isRetired: code >= 4 ** 4, known: '3', answered: at(2) },
        { name: 'd', isRetired: false, known: null, answered: at(3) },
      ]
      const refused = refusedNames(names)
      const held = names
        .map(({ name, known, answered }) => (answered === null || refused.has(name) ? known : answered))
        .filter((engine) => engine !== null)
      const isRenamed = code >= 4 ** 4 && at(3) === '3' && !refused.has('d')
      expect(new Set(held).size, JSON.stringify(names)).toBe(held.length - (isRenamed ? 1 : 0))
      expect(new Set(held).has('1') && new Set(held).has('2') && new Set(held).has('3'), JSON.stringify(names)).toBe(
        true,
      )
    }
  })
})
