import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Mutant } from './mutant.js'
import { MUTANTS, TESTS } from './table.js'
import { HOUSE, breakTree, copyTree } from './tree.js'
import type { Tree } from './tree.js'

const USAGE = `npm run mutants -- [--only TEXT] [--jobs 2] [--tests PATH]…

Breaks a copy of the source in every listed way and runs the quick tests against it; each must fail. Results are kept by the hash of
the sources, so that a run that was stopped goes on where it was. --tests: run these instead, to see what they alone find.
Exit code 1: a mutant survived, which is a missing check.`

const CACHE = join(HOUSE, 'coverage', 'mutants')
/** Longer than any healthy run: a mutant that never ends is killed too. */
const TIMEOUT_MS = 10 * 60_000

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    tests: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
})
process.exitCode = await main()

interface Outcome {
  /** The test that failed first; null: none did. */
  readonly killer: string | null
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
  const outcomes = new Map<Mutant, Outcome>()
  const work = async (): Promise<void> => {
    const tree = copyTree()
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const outcome = await remembered(sources, mutant, () => tryMutant(tree, mutant))
        outcomes.set(mutant, outcome)
        console.log(line(mutant, outcome))
      }
    } finally {
      tree.remove()
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work))
  const survivors = chosen.filter((mutant) => outcomes.get(mutant)?.killer === null)
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} mutants killed`)
  for (const { file, breaks } of survivors) console.log(`SURVIVED ${file}: ${breaks}`)
  return survivors.length > 0 ? 1 : 0
}

function line({ file, breaks }: Mutant, { killer }: Outcome): string {
  return `${killer === null ? 'SURVIVED' : 'killed  '} ${file.padEnd(34)} ${breaks}\n${' '.repeat(9)}${killer ?? ''}`
}

async function remembered(sources: string, mutant: Mutant, run: () => Promise<Outcome>): Promise<Outcome> {
  const key = createHash('sha1')
    .update(JSON.stringify([sources, mutant, values.tests]))
    .digest('hex')
  const path = join(CACHE, `${key}.json`)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Outcome
  } catch {
    const outcome = await run()
    writeFileSync(path, JSON.stringify(outcome))
    return outcome
  }
}

async function tryMutant(tree: Tree, mutant: Mutant): Promise<Outcome> {
  const restore = breakTree(tree, [mutant])
  try {
    const own = TESTS[mutant.file.split('/')[1] ?? ''] ?? []
    // One after the other: most die in the first, which is the cheapest.
    for (const path of values.tests.length > 0 ? values.tests : own) {
      const killer = await failing(tree, path)
      if (killer !== null) return { killer }
    }
    return { killer: null }
  } finally {
    restore()
  }
}

/** The first test of a folder that fails; null when all pass. */
async function failing(tree: Tree, path: string): Promise<string | null> {
  const report = join(tree.dir, 'coverage', 'report.json')
  rmSync(report, { force: true })
  const args = [
    'run',
    '--project',
    'unit',
    ...path.split(' '),
    '--bail',
    '1',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]
  const status = await run(join(HOUSE, 'node_modules', '.bin', 'vitest'), args, tree.dir)
  if (status === 0) return null
  return firstFailure(report) ?? `${path} (ended with ${status ?? 'a timeout'})`
}

function firstFailure(report: string): string | null {
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      readonly testResults: readonly {
        readonly name: string
        readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
      }[]
    }
    for (const { name, assertionResults } of testResults) {
      const failed = assertionResults.find(({ status }) => status === 'failed')
      if (failed !== undefined) return `${name.slice(name.lastIndexOf('/test/') + 1)}: ${failed.fullName}`
    }
  } catch {
    // It ended before it could report, which is an end as well.
  }
  return null
}

function run(program: string, args: readonly string[], cwd: string): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: 'ignore', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' })
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code))
  })
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
