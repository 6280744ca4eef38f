import type { Node } from '../node.js'
import { entries, get, quoted, textOf } from '../node.js'
import { parseBoolean } from '../quantities.js'
import { readText } from '../read.js'
import type { Report } from '../report.js'
import { sortedRecord } from './key-values.js'

/** `external: true`, or Compose's old `external: {name: …}`. */
export function isExternal(node: Node): boolean {
  const external = get(node, 'external')
  return external?.kind === 'map' || (external !== undefined && parseBoolean(textOf(external)) === true)
}

export function nameOfExternal(node: Node): string | null {
  return readText(get(node, 'external'), 'name')
}

/** An external thing exists already: nothing but its name can be said of it. Of networks Compose lets it be said all the same. */
export function checkExternal(
  declared: ReadonlyMap<string, Node>,
  report: Report,
  { isTolerant = false }: { readonly isTolerant?: boolean } = {},
): void {
  for (const node of declared.values()) {
    const name = nameOfExternal(node) ?? readText(node, 'name')
    if (name !== null && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
      report.error(
        'NAME_INVALID',
        get(node, 'name') ?? node,
        `${quoted(name)} has characters that Docker does not allow; use letters, digits, _ . and -`,
      )
    const [given, old] = [readText(node, 'name'), nameOfExternal(node)]
    if (given !== null && old !== null && given !== old)
      report.error(
        'CONFLICT',
        get(get(node, 'external'), 'name') ?? node,
        `it is named ${quoted(given)} as well; keep \`name:\` and \`external: true\``,
      )
    if (!isExternal(node)) continue
    const said = entries(node).filter(([key]) => key !== 'external' && key !== 'name')
    for (const [, { key: spot }] of said) {
      if (isTolerant) report.warn('FIELD_IGNORED', spot, 'ignored: it is external and exists already; remove this')
      else
        report.error(
          'CONFLICT',
          spot,
          'it cannot be set on something external, which exists already; remove it or `external`',
        )
    }
  }
}

/** Driver options as text, sorted. */
export function readOptions(node: Node | undefined): Readonly<Record<string, string>> {
  return sortedRecord(entries(node).map(([key, { value }]) => [key, textOf(value)] as const))
}
