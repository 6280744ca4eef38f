import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mutant } from './mutant.js'

export const HOUSE = join(import.meta.dirname, '..', '..')
const COPIED = [
  'src',
  'test',
  'schema',
  'sample-repo',
  'demo',
  'bench',
  'scripts',
  'docs',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
  'eslint.config.js',
  'CHANGELOG.md',
  'README.md',
]

/** A copy of the house to break: the working tree is never touched. */
export interface Tree {
  readonly dir: string
  remove(): void
}

export function copyTree(): Tree {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-mutants-'))
  for (const path of COPIED) cpSync(join(HOUSE, path), join(dir, path), { recursive: true, force: true })
  symlinkSync(join(HOUSE, 'node_modules'), join(dir, 'node_modules'))
  mkdirSync(join(dir, 'coverage'), { recursive: true })
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** The file with the mutant in it, or why there is none. */
export function mutated(mutant: Mutant, text: string): string {
  const at = text.indexOf(mutant.find)
  const count = text.split(mutant.find).length - 1
  if (count !== 1) throw new Error(`the text of the mutant "${mutant.breaks}" stands ${count} times in ${mutant.file}`)
  return text.slice(0, at) + mutant.put + text.slice(at + mutant.find.length)
}

export function sourceOf(file: string): string {
  return readFileSync(join(HOUSE, file), 'utf8')
}

/** Mutants that can be there together, for checks that need no tests: none of them touches the text of another. */
export function groupsOf(mutants: readonly Mutant[]): readonly (readonly Mutant[])[] {
  const groups: Mutant[][] = []
  for (const mutant of mutants) {
    const group = groups.find((others) => others.every((other) => !overlaps(mutant, other)))
    if (group === undefined) groups.push([mutant])
    else group.push(mutant)
  }
  return groups
}

function overlaps(a: Mutant, b: Mutant): boolean {
  if (a.file !== b.file) return false
  const text = sourceOf(a.file)
  const [x, y] = [text.indexOf(a.find), text.indexOf(b.find)]
  return x < y + b.find.length && y < x + a.find.length
}

/** Puts mutants into a tree. Returns what takes them out again. */
export function breakTree(tree: Tree, mutants: readonly Mutant[]): () => void {
  const [whole, broken] = [new Map<string, string>(), new Map<string, string>()]
  for (const mutant of mutants) {
    const text = whole.get(mutant.file) ?? readFileSync(join(tree.dir, mutant.file), 'utf8')
    whole.set(mutant.file, text)
    broken.set(mutant.file, mutated(mutant, broken.get(mutant.file) ?? text))
  }
  for (const [file, text] of broken) writeFileSync(join(tree.dir, file), text)
  return () => {
    for (const [file, text] of whole) writeFileSync(join(tree.dir, file), text)
  }
}
