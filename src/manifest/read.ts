import type { Node } from './node.js'
import { describe, get, isBroken, keyOf, textOf } from './node.js'
import { parseBoolean, parseBytes, parseDuration, parseInteger } from './quantities.js'
import type { Report } from './report.js'

/** Bounds, both included. */
export interface Range {
  readonly min: number
  readonly max: number
}

export const PORTS: Range = { min: 1, max: 65_535 }
const YEAR_MS = 366 * 86_400_000
export const DURATIONS: Range = { min: 0, max: YEAR_MS }

/** Text under a key; null when absent. */
export function readText(map: Node | undefined, key: string): string | null {
  const node = get(map, key)
  return node === undefined ? null : textOf(node)
}

/** Reports a required key that stands there without a value; the schema reports one that is absent. */
export function requireText(map: Node, key: string, report: Report): string | null {
  const text = readText(map, key)
  const spot = keyOf(map, key)
  if (text === null && spot !== undefined && !isBroken(map, key))
    report.error('FIELD_MISSING', spot, 'the key has no value; it is required')
  return text
}

export function readBoolean(map: Node | undefined, key: string, report: Report): boolean | null {
  const node = get(map, key)
  if (node === undefined) return null
  const value = parseBoolean(textOf(node))
  if (value === null) report.error('FIELD_INVALID', node, `found ${describe(node)}, expected true or false`)
  return value
}

export function readInteger(map: Node | undefined, key: string, range: Range, report: Report): number | null {
  const node = get(map, key)
  return node === undefined ? null : integerOf(node, range, report)
}

export function integerOf(node: Node, range: Range, report: Report): number | null {
  const value = node.kind === 'scalar' && typeof node.value === 'number' ? node.value : parseInteger(textOf(node))
  return inRange(value, node, 'a whole number', range, report)
}

export function readNumber(map: Node | undefined, key: string, range: Range, report: Report): number | null {
  const node = get(map, key)
  if (node === undefined) return null
  const text = textOf(node)
  return inRange(
    /^[-+]?[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?$/i.test(text) ? Number(text) : null,
    node,
    'a number',
    range,
    report,
  )
}

/** Whole milliseconds. */
export function readDuration(
  map: Node | undefined,
  key: string,
  report: Report,
  range: Range = DURATIONS,
): number | null {
  const node = get(map, key)
  if (node === undefined) return null
  const value = parseDuration(textOf(node))
  if (value !== null && value > 0 && value < 1) {
    report.error('VALUE_OUT_OF_RANGE', node, `${textOf(node)} is shorter than a millisecond`)
    return null
  }
  if (value !== null && (value < range.min || value > range.max)) {
    const bounds =
      range.min > 0
        ? `from ${durationText(range.min)} to ${durationText(range.max)}`
        : `at most ${durationText(range.max)}`
    report.error('VALUE_OUT_OF_RANGE', node, `${textOf(node)} is out of range; expected ${bounds}`)
    return null
  }
  if (value === null)
    report.error('FIELD_INVALID', node, `found ${describe(node)}, expected a duration such as 30s or 1m30s`)
  return value === null ? null : Math.round(value)
}

function durationText(ms: number): string {
  return ms >= 86_400_000 ? `${ms / 86_400_000}d` : ms >= 1_000 ? `${ms / 1_000}s` : `${ms}ms`
}

export function readBytes(map: Node | undefined, key: string, report: Report): number | null {
  const node = get(map, key)
  if (node === undefined) return null
  return inRange(parseBytes(textOf(node)), node, 'a size such as 512m or 2g', { min: 0, max: 2 ** 50 }, report)
}

function inRange(value: number | null, node: Node, wanted: string, range: Range, report: Report): number | null {
  if (value === null) report.error('FIELD_INVALID', node, `found ${describe(node)}, expected ${wanted}`)
  else if (value < range.min || value > range.max) {
    report.error('VALUE_OUT_OF_RANGE', node, `${textOf(node)} is out of range; expected ${range.min} to ${range.max}`)
    return null
  }
  return value
}
