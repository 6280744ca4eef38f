import type { Cause, ServiceSpec } from '../model/index.js'
import { entryCauses, itemCauses } from './differ.js'
import type { Differ } from './differ.js'

/** A value of a group: plain, a list, or names with values. */
type Setting = string | number | boolean | readonly unknown[] | Readonly<Record<string, unknown>>
type Settings = Readonly<Record<string, Setting | undefined>>

/** A group of engine settings, whose fields are named like Compose's keys and absent where nothing is said. */
export function settings(pick: (spec: ServiceSpec) => object | undefined): Differ {
  return (before, after) => fieldCauses('', (pick(before) ?? {}) as Settings, (pick(after) ?? {}) as Settings)
}

/** Of ours, whose names are Compose's in camel case. */
function fieldCauses(path: string, before: Settings, after: Settings): readonly Cause[] {
  return namesOf(before, after).flatMap((name) =>
    name === 'blkioConfig'
      ? fieldCauses('blkio_config.', (before[name] ?? {}) as Settings, (after[name] ?? {}) as Settings)
      : oneSetting(`${path}${snakeCase(name)}`, name, before[name], after[name]),
  )
}

/** Of names that people chose. */
function entriesCauses(path: string, before: Settings, after: Settings): readonly Cause[] {
  return namesOf(before, after).flatMap((name) => oneSetting(`${path}.${name}`, name, before[name], after[name]))
}

function namesOf(before: Settings, after: Settings): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
}

function oneSetting(
  field: string,
  name: string,
  before: Setting | undefined,
  after: Setting | undefined,
): readonly Cause[] {
  const some = before ?? after
  if (Array.isArray(some)) return itemCauses(field, listed(before), listed(after))
  if (typeof some === 'object') return entriesCauses(field, (before ?? {}) as Settings, (after ?? {}) as Settings)
  return entryCauses(
    field,
    name,
    before === undefined ? null : itemText(before),
    after === undefined ? null : itemText(after),
  )
}

function listed(value: Setting | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(itemText) : []
}

/** `/dev/fuse:/dev/fuse:rwm`: the parts of an item that say something, in their order. */
function itemText(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value)
  return Object.values(value)
    .map(itemText)
    .filter((text) => text !== '')
    .join(':')
}

/** `cpuRtPeriod` is Compose's `cpu_rt_period`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
