import type { Cause, ServiceSpec } from '../model/index.js'
import { looksSecret, showText } from './show-value.js'

/** What differs in one part of two specs. */
export type Differ = (before: ServiceSpec, after: ServiceSpec) => readonly Cause[]

/** A field with one value, already in Compose's words. */
export function value(field: string, pick: (spec: ServiceSpec) => string | null): Differ {
  return (before, after) => oneValue(field, pick(before), pick(after))
}

export function oneValue(field: string, from: string | null, to: string | null): readonly Cause[] {
  return from === to
    ? []
    : [{ field, from: from === null ? null : showText(from), to: to === null ? null : showText(to) }]
}

/** A mapping of names to texts, such as the environment. */
export function entries(field: string, pick: (spec: ServiceSpec) => Readonly<Record<string, string>>): Differ {
  return (before, after) => recordCauses(field, pick(before), pick(after))
}

export function recordCauses(
  field: string,
  had: Readonly<Record<string, string>>,
  has: Readonly<Record<string, string>>,
): readonly Cause[] {
  const names = new Set([...Object.keys(had), ...Object.keys(has)])
  return [...names].flatMap((name) => entryCauses(`${field}.${name}`, name, own(had, name), own(has, name)))
}

/** An environment may well have a variable named `constructor`. */
function own(record: Readonly<Record<string, string>>, name: string): string | null {
  return Object.hasOwn(record, name) ? (record[name] ?? null) : null
}

export function entryCauses(field: string, name: string, from: string | null, to: string | null): readonly Cause[] {
  if (from === to) return []
  const isHidden = looksSecret(name) || (from !== null && to !== null && showText(from) === showText(to))
  if (!isHidden) return oneValue(field, from, to)
  return [{ field, from: null, to: null, note: from === null ? 'added' : to === null ? 'removed' : 'changed' }]
}

/** A list without an order of its own. */
export function items(field: string, pick: (spec: ServiceSpec) => readonly string[]): Differ {
  return (before, after) => itemCauses(field, pick(before), pick(after))
}

export function itemCauses(field: string, before: readonly string[], after: readonly string[]): readonly Cause[] {
  const [had, has] = [new Set(before), new Set(after)]
  const removed = [...had].filter((item) => !has.has(item)).sort()
  const added = [...has].filter((item) => !had.has(item)).sort()
  const [from, to] = [removed[0], added[0]]
  if (removed.length === 1 && added.length === 1 && from !== undefined && to !== undefined)
    return oneValue(field, from, to)
  return [
    ...removed.flatMap((item) => oneValue(field, item, null)),
    ...added.flatMap((item) => oneValue(field, null, item)),
  ]
}

/** A list whose items have a key of their own: a mount's target, a network's name. */
export function keyed(field: string, pick: (spec: ServiceSpec) => readonly (readonly [string, string])[]): Differ {
  return (before, after) => {
    const [had, has] = [new Map(pick(before)), new Map(pick(after))]
    const keys = new Set([...had.keys(), ...has.keys()])
    return [...keys].flatMap((key) => oneValue(`${field}.${key}`, had.get(key) ?? null, has.get(key) ?? null))
  }
}
