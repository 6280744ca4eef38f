import { parseDotenv } from '../dotenv.js'
import { readNamedFile } from '../named-file.js'
import type { Node } from '../node.js'
import { get, items, quoted, textOf } from '../node.js'
import { MOST_FILE_BYTES, decodeText } from '../text.js'
import type { StackContext } from './context.js'
import { readLabels, reservedLabel, sortedRecord } from './key-values.js'

/** Labels of a service: of its label files in order, later ones win, `labels` win over all. */
export function readServiceLabels(service: Node, context: StackContext): Readonly<Record<string, string>> {
  const node = get(service, 'label_file')
  const own = readLabels(get(service, 'labels'), context.report)
  if (node === undefined) return own
  let values: ReadonlyMap<string, string> = new Map()
  for (const file of node.kind === 'scalar' ? [node] : items(node)) values = readLabelFile(file, values, context)
  return sortedRecord(new Map([...values, ...Object.entries(own)]))
}

function readLabelFile(
  node: Node,
  earlier: ReadonlyMap<string, string>,
  context: StackContext,
): ReadonlyMap<string, string> {
  const found = readNamedFile(textOf(node), context.directory, node, context.reader, context.report)
  if (found === null) return earlier
  const report = context.report.in(found.path)
  const text = decodeText(found.bytes, MOST_FILE_BYTES, report)
  if (text === null) return earlier
  const labels = parseDotenv(text, earlier, context.variables, report)
  const reserved = [...labels.keys()].find(reservedLabel)
  if (reserved !== undefined)
    context.report.error('NAME_INVALID', node, `the label ${quoted(reserved)} is reserved; Slipway sets it`)
  return labels
}
