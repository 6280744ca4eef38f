import { beforeAll, describe, expect, it } from 'vitest'
import { cruise, HOUSE } from './house.js'
import type { CruisedModule } from './house.js'

/** What takes long to load, or is built for one machine; only commands that reach Git, servers or the disk may need it. */
const HEAVY = [
  'ssh2',
  'dockerode',
  'better-sqlite3',
  'isomorphic-git',
  'node-cron',
  'openpgp',
  'ajv',
  'yaml',
  'acme-client',
]

let modules: ReadonlyMap<string, CruisedModule> = new Map()
beforeAll(async () => {
  const { modules: list } = await cruise(HOUSE)
  modules = new Map(list.map((module) => [module.source, module]))
})

/** Every library that is loaded at once with a module: edges that are neither types nor `import()`. */
function loadedWith(start: string): ReadonlySet<string> {
  const seen = new Set([start])
  for (const at of seen) {
    for (const { resolved, dynamic, dependencyTypes } of modules.get(at)?.dependencies ?? []) {
      if (!dynamic && !dependencyTypes.includes('type-only')) seen.add(resolved)
    }
  }
  const library = /node_modules\/(?:@types\/)?((?:@[^/]+\/)?[^/]+)\//
  return new Set([...seen].flatMap((path) => library.exec(path)?.[1] ?? []))
}

describe('starting the program', () => {
  it.each(HEAVY)('does not load %s', (library) => {
    expect(loadedWith('src/main.ts')).not.toContain(library)
  })

  it('loads the parser of the command line, so that this test sees something', () => {
    expect(loadedWith('src/main.ts')).toContain('commander')
  })
})

describe('validate', () => {
  it.each(['ssh2', 'dockerode', 'better-sqlite3', 'isomorphic-git', 'node-cron'])('does not load %s', (library) => {
    expect(loadedWith('src/cli/commands/validate.ts')).not.toContain(library)
  })

  it('loads what reads manifests, so that this test sees something', () => {
    expect([...loadedWith('src/cli/commands/validate.ts')]).toEqual(expect.arrayContaining(['yaml', 'ajv']))
  })
})
