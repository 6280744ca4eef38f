import { compareText } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, get, items, quoted, textOf } from '../node.js'
import { parseBoolean, parseBytes, parseDuration, parseInteger } from '../quantities.js'
import { integerOf } from '../read.js'
import type { StackContext } from './context.js'

/** What the value of a key means; undefined when it says what holds anyway, or is wrong, which is reported. */
export type Read<T> = (node: Node, context: StackContext) => T | undefined

/** One reader a field. A new field does not compile until it has one. */
export type Readers<T> = { readonly [Field in keyof T]-?: Read<NonNullable<T[Field]>> }

/** A group of engine settings; undefined where the service says none of them. */
export function readSettings<T extends object>(
  service: Node,
  readers: Readers<T>,
  context: StackContext,
): T | undefined {
  const said: Record<string, unknown> = {}
  for (const [field, key, read] of keyed(readers)) {
    const node = get(service, key)
    const value = node === undefined ? undefined : read(node, context)
    if (value !== undefined) said[field] = value
  }
  return groupOf(said as T)
}

type Keyed = readonly (readonly [field: string, key: string, read: Read<unknown>])[]

/** The tables are few and never change: their keys are worked out once. */
const keyedReaders = new WeakMap<object, Keyed>()

function keyed(readers: object): Keyed {
  const known = keyedReaders.get(readers)
  if (known !== undefined) return known
  const found = (Object.entries(readers) as readonly [string, Read<unknown>][]).map(
    ([field, read]) => [field, composeKey(field), read] as const,
  )
  keyedReaders.set(readers, found)
  return found
}

/** Undefined when nothing is in it. */
export function groupOf<T extends object>(group: T): T | undefined {
  return Object.values(group).some((value) => value !== undefined) ? group : undefined
}

/** `cpuRtPeriod` is Compose's `cpu_rt_period`. */
function composeKey(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export function integer(min: number, max: number): Read<number> {
  return (node, { report }) => integerOf(node, { min, max }, report) ?? undefined
}

/** Zero is the engine's way to say nothing. */
export function count(max: number): Read<number> {
  return (node, { report }) => integerOf(node, { min: 0, max }, report) || undefined
}

export const bytes: Read<number> = (node, { report }) => {
  const size = parseBytes(textOf(node))
  if (size === null) report.error('FIELD_INVALID', node, `found ${describe(node)}, expected a size such as 512m or 2g`)
  return size === null || size === 0 ? undefined : size
}

/** Whole microseconds, or a duration. */
export const microseconds: Read<number> = (node, { report }) => {
  const text = textOf(node)
  const ms = parseDuration(text)
  const us = parseInteger(text) ?? (ms === null ? null : Math.round(ms * 1000))
  if (us !== null && Math.abs(us) <= 1e9) return us === 0 ? undefined : us
  report.error('FIELD_INVALID', node, `found ${describe(node)}, expected microseconds such as 25000, or 25ms`)
  return undefined
}

export const flag: Read<boolean> = (node, { report }) => {
  const value = parseBoolean(textOf(node))
  if (value === null) report.error('FIELD_INVALID', node, `found ${describe(node)}, expected true or false`)
  return value === true ? true : undefined
}

export const text: Read<string> = (node) => (textOf(node) === '' ? undefined : textOf(node))

/** A text in one of the given forms; `expected` says which, in words. */
export function textLike(pattern: RegExp, expected: string): Read<string> {
  return (node, { report }) => {
    const value = textOf(node)
    if (pattern.test(value)) return value
    if (value !== '') report.error('FIELD_INVALID', node, `found ${quoted(value)}, expected ${expected}`)
    return undefined
  }
}

/** One text or a list of them, each once, in the order written. */
export const texts: Read<readonly string[]> = (node) => {
  const values = node.kind === 'scalar' ? [textOf(node)] : items(node).map(textOf)
  return values.length > 0 ? [...new Set(values)] : undefined
}

/** Of a list whose order means nothing. */
export function sorted(read: Read<readonly string[]>): Read<readonly string[]> {
  return (node, context) => {
    const values = read(node, context)
    return values && [...values].sort(compareText)
  }
}
