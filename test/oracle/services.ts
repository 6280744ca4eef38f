import fc from 'fast-check'
import { Document, isNode, isScalar, visit } from 'yaml'
import { SERVICE_KEYS, image } from './values.js'

export type Files = Readonly<Record<string, string>>
export type Tree = Readonly<Record<string, unknown>>

export const FOLDER = 'stacks/shop'

/** Keys that exclude each other more often than not. */
const RIVALS: Readonly<Record<string, string>> = {
  network_mode: 'networks',
  scale: 'deploy',
  secrets: 'read_only',
  configs: 'read_only',
}

/** Few keys at a time, so that one that is refused does not hide what the others do. */
export function serviceOf(known: readonly string[]): fc.Arbitrary<Tree> {
  return fc
    .uniqueArray(fc.constantFrom(...known), { minLength: 1, maxLength: 7 })
    .map((names) => names.filter((name) => !names.includes(RIVALS[name] ?? '')))
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, SERVICE_KEYS[name] ?? fc.constant(null)]))),
    )
    .chain((rest) => image.map((one): Tree => ({ image: one, ...rest })))
}

/** YAML with aliases for what is shared, merge keys unquoted, tags where a key has one before it, and raw scalars as they are. */
export function yamlOf(top: Tree, flow: boolean): string {
  const document = new Document(top, { aliasDuplicateObjects: true })
  visit(document, {
    Pair: (_, { key, value }) => {
      const [tag = '', name] = isScalar(key) && typeof key.value === 'string' ? key.value.split(' ') : []
      if (name === undefined || !tag.startsWith('!') || !isScalar(key)) return
      key.value = name
      if (isNode(value)) value.tag = tag
    },
  })
  const text = document.toString({ collectionStyle: flow ? 'flow' : 'any', lineWidth: 0 })
  return text.replaceAll(/^(\s*)"<<":/gm, '$1<<:').replaceAll(/"?§([^§]*)§"?/g, '$1')
}
