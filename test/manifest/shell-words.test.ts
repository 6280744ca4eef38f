import { describe, expect, it } from 'vitest'
import { splitShellWords } from '../../src/manifest/shell-words.js'

describe('a command in one text is split as Compose splits it', () => {
  it.each<[string, readonly string[]]>([
    ['', []],
    ['  ', []],
    ['echo a', ['echo', 'a']],
    ['  a\t b\nc ', ['a', 'b', 'c']],
    ['echo a\\n "b c" \'d e\' ""', ['echo', 'an', 'b c', 'd e', '']],
    ['$(x y)', ['$(x y)']],
    ['`q r`', ['`q r`']],
    ['"x\\"y"', ['x"y']],
    ["'x\\y'", ['x\\y']],
    ['a"b"c', ['abc']],
    ['a\\ b', ['a b']],
    ['sh -c "a && b"', ['sh', '-c', 'a && b']],
    ['$HOME *', ['$HOME', '*']],
    ['a\\', ['a']],
  ])('%j gives %j', (text, words) => {
    expect(splitShellWords(text)).toEqual({ ok: true, value: words })
  })

  it.each(['a && b', 'a; b', 'a | b', 'a > b', 'a < b', '(a)', '"open', "'open", '$(open', '`open'])(
    '%j is refused instead of being cut short',
    (text) => {
      expect(splitShellWords(text).ok).toBe(false)
    },
  )
})
