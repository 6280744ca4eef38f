import { Composer, LineCounter, Parser, isAlias, isMap, isNode, isScalar, isSeq, parse } from 'yaml'
import type {
  Document,
  DocumentOptions,
  Node as YamlNode,
  Pair,
  ParseOptions,
  Scalar,
  ScalarTag,
  SchemaOptions,
} from 'yaml'
import type { Entry, MapNode, Node, ScalarNode, Tag } from './node.js'
import { bareSpot, quoted, repath } from './node.js'
import { excessOf, nestsDeeperThan } from './nesting.js'
import type { Report, Spot } from './report.js'

type Path = readonly (string | number)[]

/** Deeper nesting overflows the library's recursion, which cannot be caught. Real manifests stay under 12. */
const DEEPEST = 64
/** Bounds for what aliases may expand to; compose-go allows as many visits. */
const MOST_NODES = 100_000
/** Of one file, within 64 MiB of a parser's memory. A stack of a thousand services has less. */
const BOUNDS = { mostValues: 50_000, mostMarks: 25_000, deepest: DEEPEST }
const MOST_CHARACTERS = 8 * 1024 * 1024
/** Of one list or mapping: problems of more are collected in quadratic time. */
const MOST_ENTRIES = 10_000

/** `0440` is octal for Compose (YAML 1.1 and Go), decimal for YAML 1.2. */
const legacyOctal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
}

/** `1_000`, `0b11`, `1_0.5`: numbers for Go's YAML, and so for Compose; text for YAML 1.2. */
const goInteger: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_]*)$/,
  resolve: (text) => {
    const digits = text.replaceAll('_', '').replace(/^[-+]/, '')
    const isLegacyOctal = /^0[0-7]+$/.test(digits)
    const value = isLegacyOctal ? Number.parseInt(digits, 8) : Number(digits)
    return text.startsWith('-') ? -value : value
  },
}
const goFloat: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^[-+]?(?=[^_]*_)(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9_]+)?$/,
  resolve: (text) => Number(text.replaceAll('_', '')),
}

const YAML_OPTIONS: DocumentOptions & ParseOptions & SchemaOptions = {
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
  customTags: (tags) => [legacyOctal, goInteger, goFloat, ...tags],
}

interface Walk {
  readonly file: string
  readonly lines: LineCounter
  /** Index of the line that was last asked for. */
  line: number
  readonly report: Report
  readonly aliases: ReadonlyMap<unknown, YamlNode>
  readonly open: Set<YamlNode>
  nodes: number
  characters: number
}

/** What Compose's own tags are called in YAML. */
const TAGS: ReadonlyMap<unknown, Tag> = new Map([
  ['!reset', 'reset'],
  ['!override', 'override'],
])

/** Parses a manifest. Null when it is not YAML that can be trusted; every reason has been reported. */
export function parseYaml(text: string, file: string, told: Report): Node | null {
  let failed = false
  const report: Report = {
    ...told,
    error: (...problem) => {
      failed = true
      told.error(...problem)
    },
  }
  const root = parseTokens(text, file, report)
  return failed ? null : root
}

function parseTokens(text: string, file: string, report: Report): Node | null {
  const excess = excessOf(text, BOUNDS)
  if (excess !== null) {
    if (excess === 'depth') reportDepth(report)
    else
      report.error(
        'FILE_TOO_LARGE',
        null,
        `the file has more than ${BOUNDS.mostValues} values, or half as many brackets and anchors; split it`,
      )
    return null
  }
  const lines = new LineCounter()
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  if (nestsDeeperThan(tokens, DEEPEST)) {
    reportDepth(report)
    return null
  }
  const composer = new Composer(YAML_OPTIONS)
  const documents = [...composer.compose(tokens, true, text.length)]
  const spot = (offset: number): Spot => spotAt(lines, offset, [], file)
  for (const { errors, warnings } of documents) {
    for (const error of errors) report.error('YAML_INVALID', spot(error.pos[0]), lowerFirst(error.message))
    for (const warning of warnings.filter(({ message }) => !TAGS.has(/^Unresolved tag: (!\w+)$/.exec(message)?.[1])))
      report.error('YAML_INVALID', spot(warning.pos[0]), `${lowerFirst(warning.message)}; remove it`)
  }
  const [first, second] = documents
  if (second !== undefined)
    report.error(
      'YAML_INVALID',
      spot(second.range[0]),
      'a second YAML document begins here; put it into a file of its own',
    )
  if (first === undefined || documents.some(({ errors }) => errors.length > 0)) return null
  // Without an asterisk there is none.
  const aliases = text.includes('*') && first.contents !== null ? resolveAliases(first.contents) : NO_ALIASES
  return convertDocument(first, { file, lines, report, aliases })
}

const NO_ALIASES: Walk['aliases'] = new Map()

function reportDepth(report: Report): void {
  report.error('YAML_INVALID', null, `the file nests deeper than ${DEEPEST} levels; flatten it`)
}

type Source = Pick<Walk, 'file' | 'lines' | 'report' | 'aliases'>

function convertDocument(document: Document, source: Source): Node | null {
  const root = document.contents
  if (root === null) return { kind: 'scalar', value: null, source: '', path: [], line: 1, column: 1, file: source.file }
  const walk: Walk = { ...source, line: 0, open: new Set(), nodes: 0, characters: 0 }
  return convert(root, [], walk)
}

/** What each alias means: the last node before it, in the order of the text, that carries the anchor. */
function resolveAliases(root: YamlNode): ReadonlyMap<unknown, YamlNode> {
  const anchors = new Map<string, YamlNode>()
  const targets = new Map<unknown, YamlNode>()
  const visit = (node: unknown): void => {
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target !== undefined) targets.set(node, target)
      return
    }
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) anchors.set(node.anchor, node)
    if (isMap(node)) for (const pair of node.items) [pair.key, pair.value].forEach(visit)
    if (isSeq(node)) node.items.forEach(visit)
  }
  visit(root)
  return targets
}

function convert(node: unknown, path: Path, walk: Walk): Node {
  const converted = convertValue(node, path, walk)
  const tag = isNode(node) && node.tag !== undefined ? TAGS.get(node.tag) : undefined
  if (tag === undefined) return converted
  return tag === 'override' && isScalar(node) && node.type === 'PLAIN'
    ? { ...convertScalar(parse(node.source ?? '', YAML_OPTIONS), node.source ?? '', bareSpot(converted), walk), tag }
    : { ...converted, tag }
}

function convertValue(node: unknown, path: Path, walk: Walk): Node {
  const spot = spotOf(node, path, walk)
  // Every value keeps its path: deep ones cost more.
  walk.nodes += Math.max(1, path.length / 8)
  if (walk.nodes > MOST_NODES || walk.characters > MOST_CHARACTERS || path.length > DEEPEST) return tooMuch(spot, walk)
  if (isScalar(node)) return convertScalar(node.value, node.source ?? '', spot, walk)
  if (isAlias(node)) return convertAlias(node, spot, walk)
  if ((isMap(node) || isSeq(node)) && node.items.length > MOST_ENTRIES) {
    walk.report.error('FILE_TOO_LARGE', spot, `more than ${MOST_ENTRIES} entries stand here; split the file`)
    return nothing(spot)
  }
  if (isMap(node)) return guarded(node, spot, walk, () => convertMap(node.items, spot, walk))
  if (isSeq(node)) {
    const convertItems = (): Node => ({
      kind: 'list',
      ...spot,
      items: node.items.map((item, at) => convert(item, [...path, at], walk)),
    })
    return guarded(node, spot, walk, convertItems)
  }
  return nothing(spot)
}

/** Refuses a node that contains itself by an alias. */
function guarded(node: YamlNode, spot: Spot, walk: Walk, inner: () => Node): Node {
  if (walk.aliases.size === 0) return inner()
  if (walk.open.has(node)) {
    walk.report.error('YAML_INVALID', spot, 'the alias stands inside of what it names')
    return nothing(spot)
  }
  walk.open.add(node)
  const converted = inner()
  walk.open.delete(node)
  return converted
}

function convertAlias(alias: YamlNode & { readonly source: string }, spot: Spot, walk: Walk): Node {
  const target = walk.aliases.get(alias)
  if (target !== undefined) return convert(target, spot.path, walk)
  walk.report.error('YAML_INVALID', spot, `the alias *${alias.source} has no anchor &${alias.source} before it`)
  return nothing(spot)
}

function convertMap(pairs: readonly Pair<unknown, unknown>[], spot: Spot, walk: Walk): MapNode {
  const entries = new Map<string, Entry>()
  const merged: Node[] = []
  for (const { key, value } of pairs) {
    const name = keyText(key, spot, walk)
    if (name === null || isExtension(spot.path, name)) continue
    const at = spotOf(key, [...spot.path, name], walk)
    if (name === '<<') merged.push(convert(value, [...spot.path, name], walk))
    else if (entries.has(name)) walk.report.error('YAML_INVALID', at, 'the key appears twice; keep one of them')
    else entries.set(name, { key: at, value: convert(value, at.path, walk) })
  }
  for (const source of merged) mergeInto(entries, source, spot.path, walk)
  return { kind: 'map', ...spot, entries }
}

/** `x-…` holds what the user likes, often only anchors; it is none of our business but for `x-slipway`. */
function isExtension(path: Path, name: string): boolean {
  return name.startsWith('x-') && name !== 'x-slipway' && (path.length === 0 || path.length === 2)
}

function keyText(key: unknown, spot: Spot, walk: Walk): string | null {
  const scalar = isAlias(key) ? walk.aliases.get(key) : key
  const name = !isScalar(scalar) || scalar.value === null ? null : nameOf(scalar)
  if (name !== null && name !== '__proto__') return name
  const at = spotOf(key, spot.path, walk)
  walk.report.error('YAML_INVALID', at, name === null ? 'a key must be text' : 'the key __proto__ is not allowed')
  return null
}

function nameOf({ value, source }: Scalar): string {
  return typeof value === 'string' ? value : (source ?? '')
}

/** Keys of the mapping itself win over merged ones, and earlier merged ones over later ones. */
function mergeInto(entries: Map<string, Entry>, source: Node, path: Path, walk: Walk): void {
  const sources = source.kind === 'list' ? source.items : [source]
  for (const one of sources) {
    if (one.kind !== 'map') {
      walk.report.error('YAML_INVALID', one, 'only mappings can be merged with <<')
      continue
    }
    for (const [name, entry] of one.entries) {
      if (entries.has(name)) continue
      entries.set(name, { key: { ...entry.key, path: [...path, name] }, value: repath(entry.value, [...path, name]) })
    }
  }
}

/** Field by field, as most of a file are scalars, and spreading the spot costs more than all the rest. */
function convertScalar(value: unknown, source: string, spot: Spot, walk: Walk): ScalarNode {
  const { path, line, column } = spot
  const file = walk.file
  walk.characters += source.length
  if (value === null || typeof value === 'string' || typeof value === 'boolean')
    return { kind: 'scalar', value, source, path, line, column, file }
  if (typeof value === 'number' && Number.isFinite(value))
    return { kind: 'scalar', value, source, path, line, column, file }
  walk.report.error('FIELD_INVALID', spot, `${quoted(source)} is no number that can be kept; put it in quotes`)
  return nothing(spot)
}

function tooMuch(spot: Spot, walk: Walk): ScalarNode {
  const whole: Spot = { path: [], line: 1, column: 1, file: walk.file }
  walk.report.error(
    'FILE_TOO_LARGE',
    whole,
    `the file's aliases expand to more than ${MOST_NODES} values or ${DEEPEST} levels; use fewer`,
  )
  return nothing(spot)
}

function nothing(spot: Spot): ScalarNode {
  const { path, line, column, file } = spot
  return { kind: 'scalar', value: null, source: '', path, line, column, ...(file === undefined ? {} : { file }) }
}

function offsetOf(node: unknown): number {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0
}

/** Nodes come nearly in the order of their lines: the one that is wanted is here, or a few further on. */
function spotOf(node: unknown, path: Path, walk: Walk): Spot {
  const { lineStarts } = walk.lines
  const offset = offsetOf(node)
  if (offset < (lineStarts[walk.line] ?? 0)) walk.line = Math.max(walk.lines.linePos(offset).line - 1, 0)
  while (offset >= (lineStarts[walk.line + 1] ?? Infinity)) walk.line += 1
  return { path, line: walk.line + 1, column: Math.max(offset - (lineStarts[walk.line] ?? 0), 0) + 1, file: walk.file }
}

function spotAt(lines: LineCounter, offset: number, path: Path, file: string): Spot {
  const { line, col } = lines.linePos(offset)
  return { path, line: Math.max(line, 1), column: Math.max(col, 1), file }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
