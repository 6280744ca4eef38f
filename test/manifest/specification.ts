import { readFileSync } from 'node:fs'

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly definitions?: Readonly<Record<string, Schema>>
}

/** Every key that a schema has, as a path: `*` for a name that the user gives, `[]` for an item of a list. */
export function keysOf(file: URL): readonly string[] {
  const root = JSON.parse(readFileSync(file, 'utf8')) as Schema
  const found = new Set<string>()
  const visit = (schema: Schema, path: string, open: readonly string[]): void => {
    const name = schema.$ref?.startsWith('#/definitions/') === true ? schema.$ref.slice('#/definitions/'.length) : null
    if (name !== null && !open.includes(name)) visit(root.definitions?.[name] ?? {}, path, [...open, name])
    for (const one of [...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])])
      visit(one, path, open)
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      const at = path === '' ? key : `${path}.${key}`
      found.add(at)
      visit(inner, at, open)
    }
    for (const [pattern, inner] of Object.entries(schema.patternProperties ?? {}))
      if (pattern !== '^x-') visit(inner, `${path}.*`, open)
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}.*`, open)
    if (schema.items !== undefined) visit(schema.items, `${path}[]`, open)
  }
  visit(root, '', [])
  return [...found].sort()
}

export const SPECIFICATION = new URL('./specification/compose-spec.json', import.meta.url)
export const OUR_SHAPES = new URL('../../schema/compose.schema.json', import.meta.url)
