import type { Node } from '../node.js'
import { get, items, textOf } from '../node.js'
import type { Report } from '../report.js'
import { splitShellWords } from '../shell-words.js'

/** `command` or `entrypoint`: a list as it is, text split into words; null keeps the image's own, an empty one clears it. */
export function readCommand(service: Node, key: 'command' | 'entrypoint', report: Report): readonly string[] | null {
  const node = get(service, key)
  if (node === undefined) return null
  if (node.kind === 'list') return items(node).map(textOf)
  const words = splitShellWords(textOf(node))
  if (words.ok) return words.value
  report.error('FIELD_INVALID', node, words.problem)
  return null
}
