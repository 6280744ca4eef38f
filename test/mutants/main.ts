import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openCourt } from './court.js'
import type { Court } from './court.js'
import type { Mutant } from './mutant.js'
import { MUTANTS, testFiles } from './table.js'
import { HOUSE, breakTree, copyTree } from './tree.js'
import type { Tree } from './tree.js'

const USAGE = `npm run mutants -- [--only TEXT] [--jobs 1] [--tests PATH]…

Breaks a copy of the source in every listed way and runs the quick tests against it, file by file, until one fails; one must. What killed a
mutant last time is tried first, and results are kept by the hash of the sources, so that a run that was stopped goes on where it was.
--tests: run these instead, to see what they alone find. Exit code 1: a mutant survived, which is a missing check.`

const CACHE = join(HOUSE, 'coverage', 'mutants')

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
    tests: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
})
process.exitCode = await main()

/** The test file, and the test in it, that failed first; null: none did. */
type Killer = { readonly file: string; readonly test: string } | null

interface Kept {
  readonly sources: string
  readonly killer: Killer
}

interface Bench {
  readonly tree: Tree
  readonly court: Court
  /** Files that pass where nothing is broken: only those can kill. */
  readonly sound: Set<string>
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  mkdirSync(CACHE, { recursive: true })
  const sources = hashOfSources()
  const chosen = MUTANTS.filter(({ breaks, file }) => `${file} ${breaks}`.includes(values.only))
  const waiting = [...chosen]
  const killers = new Map<Mutant, Killer>()
  const sound = new Set<string>()
  const work = async (): Promise<void> => {
    const tree = copyTree()
    const bench = { tree, court: openCourt(tree), sound }
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const killer = await remembered(sources, bench, mutant)
        killers.set(mutant, killer)
        console.log(line(mutant, killer))
      }
    } finally {
      bench.court.close()
      tree.remove()
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work))
  return report(chosen, killers)
}

function report(chosen: readonly Mutant[], killers: ReadonlyMap<Mutant, Killer>): number {
  const survivors = chosen.filter((mutant) => killers.get(mutant) === null)
  const rooms = [...new Set(chosen.map(roomOf))].sort()
  console.log('')
  for (const room of rooms) {
    const all = chosen.filter((mutant) => roomOf(mutant) === room)
    const left = all.filter((mutant) => survivors.includes(mutant))
    console.log(`${room.padEnd(12)} ${all.length - left.length} of ${all.length} killed`)
  }
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} mutants killed`)
  for (const { file, breaks } of survivors) console.log(`SURVIVED ${file}: ${breaks}`)
  return survivors.length > 0 ? 1 : 0
}

function roomOf({ file }: Mutant): string {
  return file.split('/')[1] ?? ''
}

function line({ file, breaks }: Mutant, killer: Killer): string {
  const by = killer === null ? '' : `\n${' '.repeat(9)}${killer.file}: ${killer.test}`
  return `${killer === null ? 'SURVIVED' : 'killed  '} ${file.padEnd(34)} ${breaks}${by}`
}

async function remembered(sources: string, bench: Bench, mutant: Mutant): Promise<Killer> {
  const key = createHash('sha1')
    .update(JSON.stringify([mutant, values.tests]))
    .digest('hex')
  const path = join(CACHE, `${key}.json`)
  const before = readKept(path)
  if (before?.sources === sources) return before.killer
  const killer = await tryMutant(bench, mutant, before?.killer?.file)
  writeFileSync(path, JSON.stringify({ sources, killer } satisfies Kept))
  return killer
}

function readKept(path: string): Kept | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Kept
  } catch {
    return null
  }
}

async function tryMutant(bench: Bench, mutant: Mutant, first: string | undefined): Promise<Killer> {
  const { dir } = bench.tree
  const all =
    values.tests.length > 0 ? values.tests.flatMap((path) => testFiles(dir, path)) : testFiles(dir, roomOf(mutant))
  const files = first === undefined ? all : [...new Set([first, ...all])]
  const restore = breakTree(bench.tree, [mutant])
  let killer: Killer = null
  try {
    for (const file of files) {
      const { failed } = await bench.court.ask({ changed: mutant.file, test: file })
      if (failed === null) continue
      killer = { file, test: failed }
      break
    }
  } finally {
    restore()
  }
  if (killer !== null) await assertSound(bench, mutant, killer.file)
  return killer
}

/** A test that fails anyway would seem to kill everything. */
async function assertSound({ court, sound }: Bench, { file }: Mutant, test: string): Promise<void> {
  const { failed } = sound.has(test) ? { failed: null } : await court.ask({ changed: file, test })
  if (failed !== null) throw new Error(`${test} fails where nothing is broken: ${failed}`)
  sound.add(test)
}

/** Of everything that a mutant's fate hangs on. */
function hashOfSources(): string {
  const hash = createHash('sha1')
  for (const folder of ['src', 'test', 'schema', 'sample-repo'])
    for (const entry of readdirSync(join(HOUSE, folder), { recursive: true, withFileTypes: true }).sort(byPath)) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && !path.includes('/test/mutants/'))
        hash.update(path.slice(HOUSE.length)).update(readFileSync(path))
    }
  return hash.digest('hex')
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1
}
