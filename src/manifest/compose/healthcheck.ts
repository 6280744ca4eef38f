import type { HealthcheckSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, items, quoted, textOf } from '../node.js'
import { readBoolean, readDuration, readInteger } from '../read.js'
import type { Report } from '../report.js'

const OFF: HealthcheckSpec = {
  test: ['NONE'],
  intervalMs: null,
  timeoutMs: null,
  retries: null,
  startPeriodMs: null,
  startIntervalMs: null,
}

/** Null: the image's own, if it has one. What is left out keeps the image's value. */
export function readHealthcheck(node: Node | undefined, report: Report): HealthcheckSpec | null {
  if (node === undefined) return null
  const test = readTest(get(node, 'test'), report)
  // Whoever lays a file over another one switches a test off that stands in the first.
  const isDisabled = readBoolean(node, 'disable', report) ?? false
  if (isDisabled || test?.[0] === 'NONE') return OFF
  return {
    test,
    intervalMs: readDuration(node, 'interval', report),
    timeoutMs: readDuration(node, 'timeout', report),
    retries: readInteger(node, 'retries', { min: 0, max: 1_000 }, report),
    startPeriodMs: readDuration(node, 'start_period', report),
    startIntervalMs: readDuration(node, 'start_interval', report),
  }
}

function readTest(node: Node | undefined, report: Report): readonly string[] | null {
  if (node === undefined) return null
  if (node.kind === 'scalar') return ['CMD-SHELL', textOf(node)]
  const words = items(node).map(textOf)
  const [first = ''] = words
  if (first !== 'NONE' && first !== 'CMD' && first !== 'CMD-SHELL')
    report.error(
      'FIELD_INVALID',
      node,
      `the list begins with ${quoted(first)}; it must begin with "CMD", "CMD-SHELL" or "NONE"`,
    )
  else if (first !== 'NONE' && words.length === 1)
    report.error('FIELD_INVALID', node, `a command is missing after ${quoted(first)}`)
  else if (first === 'CMD-SHELL' && words.length > 2)
    report.error(
      'FIELD_INVALID',
      node,
      'CMD-SHELL takes one text; write ["CMD-SHELL", "the whole command"], or use CMD',
    )
  return words
}
