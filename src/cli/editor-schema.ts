import type { KeyRow } from '../manifest/index.js'

/** As much of JSON Schema as ours has. */
export interface EditorSchema {
  readonly description?: string
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, EditorSchema>>
  readonly additionalProperties?: EditorSchema | boolean
  readonly items?: EditorSchema
  readonly definitions?: Readonly<Record<string, EditorSchema>>
  readonly [other: string]: unknown
}

/**
 * The Compose schema for editors. The loader's own holds only what is honoured, and the table of keys says the rest: here the keys that are
 * passed over may stand, `x-…` may stand anywhere, what is refused is marked as wrong, and every key says something of itself.
 */
export function editorSchema(schema: EditorSchema, rows: readonly KeyRow[]): EditorSchema {
  const definitions = schema.definitions ?? {}
  const inner = Object.entries(definitions).map(([name, one]): [string, EditorSchema] => [
    name,
    complete(one, PATHS[name] ?? null, rows),
  ])
  return nullable({ ...complete(schema, '', rows), definitions: Object.fromEntries(inner) }) as EditorSchema
}

/** A key without a value is like an absent one. */
function nullable(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(nullable)
  if (typeof node !== 'object' || node === null) return node
  const inner = Object.entries(node).map(([key, value]: [string, unknown]): [string, unknown] => {
    const values: readonly unknown[] | null = Array.isArray(value) ? value : typeof value === 'string' ? [value] : null
    if (key === 'type' && values !== null) return [key, [...new Set([...values, 'null'])]]
    if (key === 'enum' && values !== null) return [key, [...new Set([...values, null])]]
    return [key, nullable(value)]
  })
  return Object.fromEntries<unknown>(inner)
}

/** Where a definition stands that has keys of the specification; the others have names that the user gives. */
const PATHS: Readonly<Record<string, string>> = { service: 'services.*', deploy: 'services.*.deploy' }

function complete(schema: EditorSchema, path: string | null, rows: readonly KeyRow[]): EditorSchema {
  if (path === null) return schema
  const { properties, additionalProperties, items } = schema
  // The rest of a file or a service may stand in another one.
  const isPartial = path === '' || path === 'services.*'
  const child = (key: string): string => (path === '' ? key : `${path}.${key}`)
  const known = Object.entries(properties ?? {}).map(([key, one]) => [
    key,
    described(complete(one, child(key), rows), child(key), rows),
  ])
  const passedOver = rows.flatMap(([key, kind, sentence = '']) => {
    const name = key.slice(child('').length)
    const isHere = kind === 'warned' && key === child(name) && /^\w+$/.test(name)
    return isHere && properties !== undefined ? [[name, { description: `Ignored: ${sentence}.` }]] : []
  })
  return {
    ...schema,
    ...(isPartial ? { required: [] } : {}),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries([...known, ...passedOver]) as typeof properties }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: complete(additionalProperties, child('*'), rows) }
      : {}),
    ...(additionalProperties === false ? { patternProperties: { '^x-': {} } } : {}),
    ...(items === undefined ? {} : { items: complete(items, `${path}[]`, rows) }),
  }
}

function described(schema: EditorSchema, path: string, rows: readonly KeyRow[]): EditorSchema {
  if (schema.description !== undefined) return schema
  const sentence = rows.find(([key]) => key === path)?.[2]
  const description = `${sentence === undefined ? '' : `${sentence} `}${manual(path)}`
  // What stands beside a reference counts for nothing.
  const { $ref, ...rest } = schema
  return $ref === undefined ? { ...schema, description } : { ...rest, description, allOf: [{ $ref }] }
}

const PAGES: Readonly<Record<string, string>> = {
  name: '04-version-and-name.md',
  services: '05-services.md',
  networks: '06-networks.md',
  volumes: '07-volumes.md',
  configs: '08-configs.md',
  secrets: '09-secrets.md',
  include: '14-include.md',
}

/** The page of the specification, at the key that this one stands below. */
function manual(path: string): string {
  const [section = '', ...below] = path
    .replaceAll('[]', '')
    .split('.')
    .filter((part) => part !== '*')
  const isDeploy = section === 'services' && below[0] === 'deploy'
  const anchor = isDeploy ? below[1] : below[0]
  const page = isDeploy ? 'deploy.md' : (PAGES[section] ?? '')
  return `https://github.com/compose-spec/compose-spec/blob/main/${page}${anchor === undefined ? '' : `#${anchor}`}`
}
