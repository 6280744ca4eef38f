import type { Lookup } from '../interpolate.js'
import type { Node } from '../node.js'
import { entries, items, quoted, textOf } from '../node.js'
import type { Report } from '../report.js'

/**
 * A mapping, or a list of `KEY=value`, sorted by key. A key without a value is taken from `inherit`, or left out; without `inherit` it is empty.
 */
export function readKeyValues(
  node: Node | undefined,
  report: Report,
  inherit?: Lookup,
): Readonly<Record<string, string>> {
  const values = new Map<string, string>()
  const set = (key: string, value: string | undefined): void => {
    const given = value ?? (inherit === undefined ? '' : inherit(key))
    if (given === undefined) values.delete(key)
    else values.set(key, given)
  }
  for (const item of items(node)) {
    const [key = '', ...rest] = textOf(item).split('=')
    if (key === '' || key === '__proto__')
      report.error('FIELD_INVALID', item, `${quoted(textOf(item))} has no name; write KEY=value`)
    else set(key, rest.length === 0 ? undefined : rest.join('='))
  }
  for (const [key, { value }] of entries(node)) {
    if (value.kind === 'scalar') set(key, value.value === null ? undefined : textOf(value))
  }
  return sortedRecord(values)
}

export function sortedRecord<T>(values: Iterable<readonly [string, T]>): Readonly<Record<string, T>> {
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const RESERVED = /^(com\.docker\.compose|slipway)\./

export function reservedLabel(key: string): boolean {
  return RESERVED.test(key)
}

/** Labels; those that carry a container's identity are ours. */
export function readLabels(node: Node | undefined, report: Report): Readonly<Record<string, string>> {
  const labels = readKeyValues(node, report)
  for (const key of Object.keys(labels)) {
    if (node !== undefined && reservedLabel(key))
      report.error('NAME_INVALID', node, `the label ${quoted(key)} is reserved; Slipway sets it`)
  }
  return labels
}
