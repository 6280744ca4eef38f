import type { Spot } from './report.js'

/** A YAML value with its place. Aliases and merge keys are resolved, keys are text. */
export type Node = ScalarNode | ListNode | MapNode

interface Value extends Spot {
  /** `!reset` takes away what stands there so far, `!override` replaces it instead of being merged into it. */
  readonly tag?: Tag
}

export type Tag = 'reset' | 'override'

export interface ScalarNode extends Value {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  /** As written: `1.10`, `0440`. */
  readonly source: string
  /** Found wrong and reported; stands for nothing from then on. */
  readonly broken?: true
}

export interface ListNode extends Value {
  readonly kind: 'list'
  readonly items: readonly Node[]
}

export interface MapNode extends Value {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Entry>
}

export interface Entry {
  readonly key: Spot
  readonly value: Node
}

/** The same value at another path. */
export function repath(node: Node, path: Spot['path']): Node {
  if (node.kind === 'list') return { ...node, path, items: node.items.map((item, at) => repath(item, [...path, at])) }
  if (node.kind === 'scalar') return { ...node, path }
  const entries = [...node.entries].map(([name, { key, value }]): [string, Entry] => {
    const inner = [...path, name]
    return [name, { key: { ...key, path: inner }, value: repath(value, inner) }]
  })
  return { ...node, path, entries: new Map(entries) }
}

/** The value under a key. A key without a value is like an absent one. */
export function get(node: Node | undefined, key: string): Node | undefined {
  if (node?.kind !== 'map') return undefined
  const value = node.entries.get(key)?.value
  return value === undefined || isEmpty(value) ? undefined : value
}

/** The key itself, also without a value. */
export function keyOf(node: Node | undefined, key: string): Spot | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.key : undefined
}

/** Whether the value under a key was found wrong and taken out: it has been reported, and is not missing. */
export function isBroken(node: Node | undefined, key: string): boolean {
  const value = node?.kind === 'map' ? node.entries.get(key)?.value : undefined
  return value?.kind === 'scalar' && value.broken === true
}

export function items(node: Node | undefined): readonly Node[] {
  return node?.kind === 'list' ? node.items.filter((item) => !isEmpty(item)) : []
}

export function entries(node: Node | undefined): readonly (readonly [string, Entry])[] {
  return node?.kind === 'map' ? [...node.entries] : []
}

export function isEmpty(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null
}

/** Text of a scalar as Compose prints it: `1.10` is 1.1 and `1e3` is 1000 for YAML; whole numbers keep every digit. */
export function textOf(node: Node | undefined): string {
  if (node?.kind !== 'scalar' || node.value === null) return ''
  if (typeof node.value !== 'number') return String(node.value)
  if (/^[-+]?(0|[1-9][0-9]*)$/.test(node.source)) return integerText(node.source)
  return /[.eE]/.test(node.source) && !/^0x/i.test(node.source) ? floatText(node.value) : String(node.value)
}

/** Go keeps what fits into 64 bits, and takes anything longer for a float64. */
function integerText(source: string): string {
  const value = BigInt(source.replace(/^\+/, ''))
  return value > 18_446_744_073_709_551_615n || value < -9_223_372_036_854_775_808n
    ? floatText(Number(value))
    : String(value)
}

/** Go's `%v` of a float64, which is what Compose hands to a container. */
function floatText(value: number): string {
  const [mantissa = '0', exponent = '+0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** `the number 5`, `a list`, `nothing`: what was found, for messages. */
export function describe(node: Node): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'map') return 'a mapping'
  if (node.value === null) return 'nothing'
  if (typeof node.value === 'string') return quoted(node.value)
  return typeof node.value === 'number' ? `the number ${node.source}` : String(node.value)
}

export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}

/** Where a node stands, without what it is. */
export function bareSpot({ path, line, column, file }: Spot): Spot {
  return { path, line, column, ...(file === undefined ? {} : { file }) }
}

/** A text that stands for what was written at a spot. */
export function textNode(at: Spot, value: string | null): ScalarNode {
  return { ...bareSpot(at), kind: 'scalar', value, source: value ?? '' }
}

/** The mapping with another value under a key, which may be new. */
export function withEntry(map: MapNode, name: string, value: Node): MapNode {
  return { ...map, entries: new Map([...map.entries, [name, { key: keyOf(map, name) ?? value, value }]]) }
}

/** The value as JSON would have it, without places. */
export function plainValue(node: Node): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(plainValue)
  // An object without a prototype is a slow one; `__proto__` was refused when the file was parsed.
  const object: Record<string, unknown> = {}
  for (const [key, { value }] of node.entries) object[key] = plainValue(value)
  return object
}
