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

/** An external thing exists already: nothing but its name can be said of it. */
export function checkExternal(declared: ReadonlyMap<string, Node>, report: Report): void {
  for (const node of declared.values()) {
    const name = nameOfExternal(node) ?? readText(node, 'name')
    if (name !== null && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
      report.error(
        'NAME_INVALID',
        get(node, 'name') ?? node,
        `${quoted(name)} has characters that Docker does not allow; use letters, digits, _ . and -`,
      )
    if (!isExternal(node)) continue
    for (const [key, { key: spot }] of entries(node)) {
      if (key !== 'external' && key !== 'name')
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
