import { bareSpot, describe, entries, get, isEmpty, textNode, textOf, withEntry } from './node.js'
import type { Entry, ListNode, MapNode, Node } from './node.js'
import type { Report } from './report.js'

/** What a rule works with. `at` is the path with `*` for names that the user gives. */
interface Place {
  readonly at: string
  readonly report: Report
}

type Rule = (base: Node, over: Node, place: Place) => Node

/**
 * Lays one file over another by the rules of the Compose Specification: mappings are merged, lists appended, the rest replaced; with the
 * exceptions of the table below. `!reset` and `!override` stay in the result: see `settle`.
 */
export function mergeNodes(base: Node, over: Node, at: string, report: Report): Node {
  if (over.tag !== undefined || base.tag === 'reset') return over
  const rule = RULES.get(at)
  if (rule !== undefined) return isEmpty(base) ? over : rule(base, over, { at, report })
  if (isEmpty(over) || isEmpty(base)) return isEmpty(over) ? base : over
  return byKind(base, over, { at, report })
}

const byKind: Rule = (base, over, place) => {
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, place)
  if (base.kind === 'list' && over.kind === 'list') return appended(base, over)
  if (base.kind !== 'scalar') {
    const where = `${base.file ?? ''}:${base.line}`
    place.report.error(
      'FIELD_INVALID',
      over,
      `found ${describe(over)}, but ${where} has ${describe(base)} that it is merged into`,
    )
    return base
  }
  return over
}

function mergeMaps(base: MapNode, over: MapNode, { at, report }: Place): MapNode {
  const merged = new Map(base.entries)
  for (const [name, entry] of over.entries) {
    const below = merged.get(name)
    const value = below === undefined ? entry.value : mergeNodes(below.value, entry.value, childOf(at, name), report)
    merged.set(name, { key: below === undefined || value === entry.value ? entry.key : below.key, value })
  }
  return { ...base, entries: merged }
}

function appended(base: ListNode, over: ListNode): ListNode {
  return { ...over, items: [...base.items, ...over.items] }
}

const replaced: Rule = (_base, over) => over

/** Lists of text, or one text: appended, each once by what `keyOf` says; a later twin takes the place of the earlier one. */
const listOf =
  (keyOf: (item: Node) => string): Rule =>
  (base, over, place) => {
    if (isEmpty(over)) return base
    const [first, second] = [base, over].map(toList)
    if (first === undefined || second === undefined) return byKind(base, over, place)
    return uniqueBy(appended(first, second), keyOf)
  }

function toList(node: Node): ListNode | undefined {
  if (node.kind === 'list') return node
  return node.kind === 'scalar' ? { ...bareSpot(node), kind: 'list', items: [node] } : undefined
}

/** A mapping, or a list of `KEY=value`. */
const keyValues: Rule = (base, over, place) => {
  if (isEmpty(over)) return base
  const [first, second] = [base, over].map((node) => toMap(node, splitKeyValue))
  if (first === undefined || second === undefined) return byKind(base, over, place)
  const merged = new Map(first.entries)
  for (const [name, entry] of second.entries) merged.set(name, entry)
  return { ...second, path: base.path, entries: merged }
}

function splitKeyValue(item: Node): readonly [string, Node] {
  const text = textOf(item)
  const equals = text.indexOf('=')
  return equals === -1 ? [text, textNode(item, null)] : [text.slice(0, equals), textNode(item, text.slice(equals + 1))]
}

/** Undefined when it is neither a mapping nor a list of texts: what is wrong with it is found later, by its shape. */
function toMap(node: Node, split: (item: Node) => readonly [string, Node]): MapNode | undefined {
  if (node.kind === 'map') return node
  if (node.kind !== 'list' || node.items.some((item) => item.kind !== 'scalar')) return undefined
  const inner = node.items.map((item): [string, Entry] => {
    const [name, value] = split(item)
    return [name, { key: item, value }]
  })
  return { ...bareSpot(node), kind: 'map', entries: new Map(inner) }
}

/** A mapping by name, or a list of names that each stand for `plain`. */
const named =
  (plain: (item: Node) => Node): Rule =>
  (base, over, place) => {
    if (isEmpty(over)) return base
    const [first, second] = [base, over].map((node) => toMap(node, (item) => [textOf(item), plain(item)]))
    return first === undefined || second === undefined ? byKind(base, over, place) : mergeMaps(first, second, place)
  }

const emptyValue = (item: Node): Node => textNode(item, null)

/** What the short form of `depends_on` means. Spelt out, so that it takes back an earlier condition. */
const plainDependency = (item: Node): Node => {
  const entry = (value: string | boolean): Entry => ({
    key: item,
    value: { ...textNode(item, String(value)), value },
  })
  const inner: readonly [string, Entry][] = [
    ['condition', entry('service_started')],
    ['required', entry(true)],
  ]
  return { ...bareSpot(item), kind: 'map', entries: new Map(inner) }
}

/** A mapping of hosts is a list of `name=address`; one host may have several addresses. */
const extraHosts: Rule = (base, over, place) => {
  if (isEmpty(over)) return base
  const [first, second] = [base, over].map(hostList)
  if (first === undefined || second === undefined) return byKind(base, over, place)
  return uniqueBy(appended(first, second), (item) => textOf(item).replace(/[:=]/, '='))
}

function hostList(node: Node): ListNode | undefined {
  if (node.kind === 'list') return node
  if (node.kind !== 'map') return undefined
  const lines = entries(node).flatMap(([host, { value }]) => {
    const addresses = value.kind === 'list' ? value.items : [value]
    return addresses.map((address) => textNode(address, `${host}=${textOf(address)}`))
  })
  return { ...bareSpot(node), kind: 'list', items: lines }
}

/** Options belong to a driver: those of another one are not kept. */
const logging: Rule = (base, over, place) => {
  const [first, second] = [get(base, 'driver'), get(over, 'driver')]
  const isOther = first !== undefined && second !== undefined && textOf(first) !== textOf(second)
  return isOther ? over : isEmpty(over) ? base : byKind(base, over, place)
}

/** Address pools of one subnet are merged; as in Compose, those that the later file does not name are dropped. */
const addressPools: Rule = (base, over, place) => {
  if (isEmpty(over)) return base
  if (base.kind !== 'list' || over.kind !== 'list') return byKind(base, over, place)
  const items = over.items.map((pool) => {
    const twin = base.items.find((one) => textOf(get(one, 'subnet')) === textOf(get(pool, 'subnet')))
    return twin === undefined ? pool : byKind(twin, pool, place)
  })
  return { ...over, items }
}

/** `external: {name: …}`, Compose's old form, is `external: true` and a name by the time that something is laid over it. */
const maybeExternal: Rule = (base, over, place) => {
  if (isEmpty(over)) return base
  const external = base.kind === 'map' ? get(base, 'external') : undefined
  const name = external?.kind === 'map' ? get(external, 'name') : undefined
  if (base.kind !== 'map' || external?.kind !== 'map') return byKind(base, over, place)
  const whole = withEntry(base, 'external', { ...textNode(external, 'true'), value: true })
  return byKind(name === undefined ? whole : withEntry(whole, 'name', name), over, place)
}

/** `all` is a list of one request by the time that others are appended. */
const gpus: Rule = (base, over, place) => {
  if (base.kind !== 'scalar' || over.kind !== 'list') return isEmpty(over) ? base : byKind(base, over, place)
  const count: Entry = { key: base, value: base }
  return appended(
    {
      ...bareSpot(base),
      kind: 'list',
      items: [{ ...bareSpot(base), kind: 'map', entries: new Map([['count', count]]) }],
    },
    over,
  )
}

const text = listOf((item) => textOf(item).split('=')[0] ?? '')
const target = (item: Node): string => textOf(get(item, 'target'))

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...['command', 'entrypoint', 'healthcheck.test', 'ulimits.*', 'extends', 'build'].map((key): [string, Rule] => [
    `services.*.${key}`,
    replaced,
  ]),
  ...['environment', 'labels', 'annotations', 'sysctls', 'deploy.labels', 'build.args', 'build.labels'].map(
    (key): [string, Rule] => [`services.*.${key}`, keyValues],
  ),
  ...['networks.*', 'volumes.*'].map((path): [string, Rule] => [path, maybeExternal]),
  ...['networks.*.labels', 'volumes.*.labels'].map((path): [string, Rule] => [path, keyValues]),
  ...['cap_add', 'cap_drop', 'dns', 'dns_opt', 'dns_search', 'expose', 'links', 'profiles', 'tmpfs'].map(
    (key): [string, Rule] => [`services.*.${key}`, text],
  ),
  ['services.*.networks.*.aliases', text],
  ['services.*.networks.*.link_local_ips', text],
  ['services.*.label_file', text],
  ['services.*.env_file', listOf((item) => (item.kind === 'map' ? textOf(get(item, 'path')) : textOf(item)))],
  ['services.*.extra_hosts', extraHosts],
  ['services.*.depends_on', named(plainDependency)],
  ['services.*.networks', named(emptyValue)],
  ['services.*.models', named(emptyValue)],
  ['services.*.gpus', gpus],
  ['services.*.logging', logging],
  ['services.*.ports', listOf(portKey)],
  ['services.*.volumes', listOf((item) => cleaned(item.kind === 'map' ? target(item) : shortTarget(item)))],
  ['services.*.devices', listOf((item) => (item.kind === 'map' ? target(item) : shortTarget(item)))],
  ['services.*.configs', listOf((item) => mountKey(item, ''))],
  ['services.*.secrets', listOf((item) => mountKey(item, '/run/secrets'))],
  ['networks.*.ipam.config', addressPools],
])

/** Paths below which the user gives the names. */
const NAMED: ReadonlySet<string> = new Set([
  ...['services', 'networks', 'volumes', 'configs', 'secrets', 'models'],
  ...['ulimits', 'networks', 'depends_on', 'models'].map((key) => `services.*.${key}`),
])

function childOf(at: string, name: string): string {
  return NAMED.has(at) ? `${at}.*` : at === '' ? name : `${at}.${name}`
}

/** `{ip, target, published, protocol}`. A range is compared as it is written; what overlaps is found when it is read. */
function portKey(item: Node): string {
  if (item.kind === 'map') {
    const [ip, published, protocol] = ['host_ip', 'published', 'protocol'].map((key) => textOf(get(item, key)))
    return [ip === '' ? '0.0.0.0' : ip, published, target(item), protocol === '' ? 'tcp' : protocol].join(' ')
  }
  const [ports = '', protocol = 'tcp'] = textOf(item).split('/')
  const [, ip = '0.0.0.0', published = '', inner = ports] = /^(?:(.*):)?([^:]*):([^:]*)$/.exec(ports) ?? []
  return [ip.replace(/^\[|\]$/g, ''), published, inner, protocol].join(' ')
}

/** `source:target`, `source:target:mode`, or a target alone. */
function shortTarget(item: Node): string {
  const parts = textOf(item).split(':')
  return parts[1] ?? parts[0] ?? ''
}

function cleaned(path: string): string {
  return path.replace(/(?<=.)\/+$/, '')
}

function mountKey(item: Node, directory: string): string {
  if (item.kind !== 'map') return `${directory}/${textOf(item)}`
  return target(item) === '' ? `${directory}/${textOf(get(item, 'source'))}` : target(item)
}

function uniqueBy(list: ListNode, keyOf: (item: Node) => string): ListNode {
  const unique = new Map<string, Node>()
  for (const item of list.items) {
    // What `!reset` takes away is no twin of anything.
    unique.set(item.tag === 'reset' ? `reset ${unique.size}` : keyOf(item), item)
  }
  return { ...list, items: [...unique.values()] }
}

/** Takes out what `!reset` stands on, and forgets the tags: nothing more is merged into this. Without tags it is the same tree. */
export function settle(node: Node): Node {
  return isTagged(node) ? settled(node) : node
}

function isTagged(node: Node): boolean {
  if (node.tag !== undefined) return true
  if (node.kind === 'list') return node.items.some(isTagged)
  if (node.kind === 'map') for (const { value } of node.entries.values()) if (isTagged(value)) return true
  return false
}

function settled(node: Node): Node {
  if (node.kind === 'scalar')
    return node.tag === undefined ? node : { ...bareSpot(node), kind: 'scalar', value: node.value, source: node.source }
  if (node.kind === 'list') {
    const items = node.items.filter(({ tag }) => tag !== 'reset').map(settled)
    const isSame = items.length === node.items.length && items.every((item, at) => item === node.items[at])
    return isSame && node.tag === undefined ? node : { ...bareSpot(node), kind: 'list', items }
  }
  let isSame = node.tag === undefined
  const kept = new Map<string, Entry>()
  for (const [name, entry] of node.entries) {
    const value = entry.value.tag === 'reset' ? undefined : settled(entry.value)
    isSame &&= value === entry.value
    if (value !== undefined) kept.set(name, value === entry.value ? entry : { key: entry.key, value })
  }
  return isSame ? node : { ...bareSpot(node), kind: 'map', entries: kept }
}
