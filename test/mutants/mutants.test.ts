import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MUTANTS, testFiles } from './table.js'
import { HOUSE, breakTree, copyTree, groupsOf, mutated, sourceOf } from './tree.js'

describe('the table of mutants', () => {
  it('has at least 60, each with a sentence of its own', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(60)
    expect(new Set(MUTANTS.map(({ breaks }) => breaks)).size).toBe(MUTANTS.length)
  })

  it.each(MUTANTS)('$file: $breaks', (mutant) => {
    expect(mutated(mutant, sourceOf(mutant.file))).not.toBe(sourceOf(mutant.file))
    const files = testFiles(HOUSE, mutant.file.split('/')[1] ?? '')
    expect(files.filter((file) => !existsSync(join(HOUSE, file)))).toEqual([])
    expect(files).not.toEqual([])
  })

  it('has none that the compiler would find', async () => {
    const tree = copyTree()
    try {
      for (const group of groupsOf(MUTANTS)) {
        const restore = breakTree(tree, group)
        expect(await compile(tree.dir)).toBe('')
        restore()
      }
    } finally {
      tree.remove()
    }
  })
})

/** What the compiler says; nothing when all is well. */
function compile(dir: string): Promise<string> {
  const tsc = join(HOUSE, 'node_modules', '.bin', 'tsc')
  return new Promise((resolve) => {
    execFile(tsc, ['-p', 'tsconfig.json'], { cwd: dir }, (_error, stdout) => resolve(stdout))
  })
}
