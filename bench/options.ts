import { parseArgs } from 'node:util'
import { GROUPS } from './figures.js'
import type { Group } from './figures.js'

export interface BenchOptions {
  readonly groups: ReadonlySet<Group>
  readonly runs: number
  /** Where the results go, as JSON. */
  readonly out: string
  /** Whether the README gets the table. */
  readonly writeReadme: boolean
}

export const USAGE = `npm run bench -- [--quick] [--only ${GROUPS.join(',')}] [--out bench/results.json] [--readme]

  --quick    two runs of each instead of five
  --only     some groups, separated by commas; results of the others stay in the file
  --out      where the results go
  --readme   put the table into README.md as well`

export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: GROUPS.join(',') },
      out: { type: 'string', default: 'bench/results.json' },
      readme: { type: 'boolean', default: false },
    },
  })
  const names = values.only.split(',').filter((name) => name !== '')
  const unknown = names.filter((name) => !isGroup(name))
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${GROUPS.join(', ')}`)
  const runs = values.quick ? 2 : 5
  return { groups: new Set(names.filter(isGroup)), runs, out: values.out, writeReadme: values.readme }
}

function isGroup(name: string): name is Group {
  return (GROUPS as readonly string[]).includes(name)
}
