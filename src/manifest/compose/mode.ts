import type { Node } from '../node.js'
import { describe, textOf } from '../node.js'
import type { Report } from '../report.js'

/** A file mode. `0440` and `"0440"` are octal; a bare 440 is decimal for YAML, which nobody means. */
export function parseMode(node: Node, report: Report): number | null {
  const text = node.kind === 'scalar' && typeof node.value === 'number' ? node.source : textOf(node)
  if (/^(0o?)?[0-7]{1,4}$/.test(text) && (typeof valueOf(node) === 'string' || text.startsWith('0')))
    return Number.parseInt(text.replace('0o', ''), 8)
  const hint = /^[0-7]{3}$/.test(text) ? `; YAML reads ${text} as a decimal number: write 0${text}` : ''
  report.error('FIELD_INVALID', node, `found ${describe(node)}, expected an octal mode such as 0440${hint}`)
  return null
}

function valueOf(node: Node): unknown {
  return node.kind === 'scalar' ? node.value : null
}
