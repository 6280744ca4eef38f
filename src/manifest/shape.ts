import { Ajv } from 'ajv'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { namesBelow, rowOf } from './compose-keys.js'
import type { Node } from './node.js'
import { describe, entries, isEmpty, keyOf, plainValue, quoted } from './node.js'
import type { Report, Spot } from './report.js'
import { COMPOSE_SCHEMA, FLEET_SCHEMA, X_SLIPWAY_SCHEMA } from './schemas.js'
import { didYouMean } from './text.js'

/**
 * Checks a manifest against its written schema, and gives the tree back without what is wrong in it. Where `isPartial` says so of a path,
 * nothing is told to be missing, ignored or refused: only what stands there is looked at.
 */
export type ShapeCheck = (root: Node, report: Report, isPartial?: (path: Spot['path']) => boolean) => Node

/** What our schemas say beside JSON Schema: where a misplaced key belongs. */
interface KeyTable {
  readonly title?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, unknown>>
  readonly 'x-hints'?: Readonly<Record<string, string>>
}

export interface ShapeChecks {
  readonly fleet: ShapeCheck
  readonly compose: ShapeCheck
}

/** Compiling the schemas takes 70 ms and gives the same functions every time: done once, and only where manifests are read. */
let compiled: ShapeChecks | undefined

export function shapeChecks(): ShapeChecks {
  compiled ??= compileChecks()
  return compiled
}

function compileChecks(): ShapeChecks {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    messages: false,
    allowUnionTypes: true,
    strictTypes: false,
    strictRequired: false,
  })
  ajv.addVocabulary(['x-hints'])
  ajv.addSchema(X_SLIPWAY_SCHEMA)
  return {
    fleet: shapeCheck(ajv.compile(FLEET_SCHEMA), FLEET_KEYS),
    compose: shapeCheck(ajv.compile(COMPOSE_SCHEMA), SPECIFIED_KEYS),
  }
}

/** What becomes of a key that the schema does not have. */
interface OtherKeys {
  readonly rowOf: typeof rowOf
  readonly namesBelow: typeof namesBelow
  /** Whether `x-…` may stand anywhere. */
  readonly extensible: boolean
}

const FLEET_KEYS: OtherKeys = { rowOf: () => undefined, namesBelow: () => [], extensible: false }
const SPECIFIED_KEYS: OtherKeys = { rowOf, namesBelow, extensible: true }

function shapeCheck(validate: ValidateFunction, others: OtherKeys): ShapeCheck {
  return (root, report, isPartial = () => false) => {
    if (validate(plainValue(root))) return root
    const broken = new Set<Node>()
    for (const error of validate.errors ?? []) {
      const node = nodeAt(root, error.instancePath)
      // A key without a value is like an absent one; where it is required, its reader says so.
      if (error.keyword === 'propertyNames' || (isEmpty(node) && node !== root)) continue
      if (isPartial(node.path) && isPassedOver(error, node, others)) continue
      if (reportError(error, node, others, report)) broken.add(node)
    }
    return broken.size === 0 ? root : prune(root, broken)
  }
}

/** What only matters once the file is applied: something is missing, or a key is ignored or refused. */
function isPassedOver(error: ErrorObject, node: Node, others: OtherKeys): boolean {
  const { additionalProperty: key } = error.params as { readonly additionalProperty?: string }
  return error.keyword === 'required' || (key !== undefined && others.rowOf([...node.path, key]) !== undefined)
}

function nodeAt(root: Node, pointer: string): Node {
  let node: Node | undefined = root
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (node?.kind === 'map') node = node.entries.get(key)?.value
    else if (node?.kind === 'list') node = node.items[Number(key)]
  }
  return node ?? root
}

/** Reports one error. True when the value as a whole is unusable. */
function reportError(error: ErrorObject, node: Node, others: OtherKeys, report: Report): boolean {
  const schema = (error.parentSchema ?? {}) as KeyTable
  const params = error.params as Readonly<Record<string, unknown>>
  if (error.keyword === 'additionalProperties') {
    reportKey(String(params['additionalProperty']), node, { schema, others }, report)
    return false
  }
  if (error.keyword === 'required') {
    const key = String(params['missingProperty'])
    report.error('FIELD_MISSING', ...missing(key, node))
    return false
  }
  if (error.propertyName !== undefined) {
    const key = error.propertyName
    report.error(
      'NAME_INVALID',
      keyOf(node, key) ?? node,
      `the name ${quoted(key)} is not allowed; use ${expected(schema)}`,
    )
    return false
  }
  const code = error.keyword === 'minimum' || error.keyword === 'maximum' ? 'VALUE_OUT_OF_RANGE' : 'FIELD_INVALID'
  report.error(code, node, `found ${describe(node)}, expected ${expected(schema)}${remedy(node, schema)}`)
  return true
}

/** Where to say that a key is missing, and how. Who builds with Compose has no image to name yet. */
function missing(key: string, node: Node): readonly [Spot, string] {
  const build = key === 'image' ? keyOf(node, 'build') : undefined
  if (build === undefined) return [node, `${quoted(key)} is missing; it is required`]
  return [build, 'Slipway does not build: build in CI, push, and name the image in `image:`']
}

interface KnownKeys {
  readonly schema: KeyTable
  readonly others: OtherKeys
}

function reportKey(key: string, node: Node, known: KnownKeys, report: Report): void {
  const { schema, others } = known
  if (others.extensible && key.startsWith('x-') && key !== 'x-slipway') return
  const spot = keyOf(node, key) ?? node
  const [, kind, sentence = ''] = others.rowOf([...node.path, key]) ?? []
  const hint = schema['x-hints']?.[key]
  // It is told what to do where the image is missing.
  if (key === 'build' && keyOf(node, 'image') === undefined && kind !== undefined) return
  if (kind === 'warned') report.warn('FIELD_IGNORED', spot, `ignored: ${sentence}`)
  else if (kind === 'refused') report.error('FIELD_UNSUPPORTED', spot, `not supported: ${sentence}`)
  else if (hint !== undefined) report.error('FIELD_UNKNOWN', spot, `the key is not known here; ${hint}`)
  else report.error('FIELD_UNKNOWN', spot, () => `the key is not known here${suggestion(key, node, known)}`)
}

function suggestion(key: string, node: Node, { schema, others }: KnownKeys): string {
  const known = Object.keys(schema.properties ?? {})
  const near = didYouMean(key, new Set([...known, ...others.namesBelow(node.path)]))
  return near !== '' ? near : known.length <= 12 ? `; known are ${known.join(', ')}` : ''
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  null: 'nothing',
}

function expected(schema: KeyTable): string {
  if (schema.title !== undefined) return schema.title
  return [schema.type ?? 'string']
    .flat()
    .map((type) => TYPE_WORDS[type] ?? type)
    .join(' or ')
}

/** Numbers, booleans and dates where text is wanted are the commonest slip in YAML. */
function remedy(node: Node, schema: KeyTable): string {
  const wantsText = [schema.type ?? ''].flat().includes('string')
  const isBare = node.kind === 'scalar' && typeof node.value !== 'string'
  return wantsText && isBare && !/duration|size/.test(schema.title ?? '') ? '; put it in quotes' : ''
}

function prune(node: Node, broken: ReadonlySet<Node>): Node {
  if (broken.has(node))
    return {
      kind: 'scalar',
      value: null,
      source: '',
      broken: true,
      path: node.path,
      line: node.line,
      column: node.column,
    }
  if (node.kind === 'scalar') return node
  if (node.kind === 'list') return { ...node, items: node.items.map((item) => prune(item, broken)) }
  const pruned = entries(node).map(
    ([key, { key: at, value }]) => [key, { key: at, value: prune(value, broken) }] as const,
  )
  return { ...node, entries: new Map(pruned) }
}
