import { COMPOSE_KEYS } from '../src/manifest/compose-keys.js'
import type { KeyRow } from '../src/manifest/compose-keys.js'

const SECTIONS: readonly (readonly [prefix: string, title: string])[] = [
  ['', 'The file'],
  ['services', 'Services'],
  ['networks', 'Networks'],
  ['volumes', 'Volumes'],
  ['configs', 'Configs'],
  ['secrets', 'Secrets'],
  ['models', 'Models'],
]

const INTRODUCTION = `# Keys of the Compose Specification

A manifest is a Compose file. This page says what becomes of each key; no key is ignored silently. It is made from
\`src/manifest/compose-keys.ts\` by \`npm run docs\`: change the table, not this page.

- **honoured**: it works as the specification says, or as the remark says.
- **warned**: it is accepted and has no effect here; \`slipway validate\` says so once for each place.
- **refused**: the stack is not applied; the remark says what to do instead.

\`*\` stands for a name that you give, \`[]\` for an item of a list. A warned or refused key stands for all that is below it.
What Compose has no word for is under \`x-slipway\`; other \`x-…\` keys are yours.
`

/** docs/compose.md, from the table of keys. One row a line, unpadded: a changed row is a changed line. */
export function composePage(): string {
  const tables = SECTIONS.map(([prefix, title]) => `## ${title}\n\n${table(rowsOf(prefix))}`)
  return [INTRODUCTION, ...tables].join('\n')
}

function rowsOf(prefix: string): readonly KeyRow[] {
  const named = SECTIONS.map(([name]) => name)
  return COMPOSE_KEYS.filter(([path]) => {
    const [first = ''] = path.split(/[.[]/)
    return (named.includes(first) ? first : '') === prefix
  })
}

function table(rows: readonly KeyRow[]): string {
  const lines = rows.map(([path, kind, remark = '']) => `| \`${path}\` | ${kind} | ${remark.replaceAll('|', '\\|')} |`)
  return ['| key | class | remark |', '| --- | --- | --- |', ...lines, ''].join('\n')
}
