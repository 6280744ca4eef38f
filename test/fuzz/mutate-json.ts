import type { Random } from './random.js'

/** JSON as a list of its tokens would lose its structure, as objects its doubled keys and `__proto__`: this keeps both. */
type Node = readonly Node[] | { readonly entries: readonly (readonly [string, Node])[] } | { readonly text: string }

/** Swaps, drops, doubles and renames values in a JSON text. What is no JSON comes back as it is. */
export function mutateJson(sample: Buffer, words: readonly string[], random: Random): Buffer {
  let node: Node
  try {
    node = nodeOf(JSON.parse(sample.toString('utf8')))
  } catch {
    return sample
  }
  for (let count = 1 + random.int(4); count > 0; count--) node = changed(node, words, random)
  return Buffer.from(textOf(node))
}

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return value.map(nodeOf)
  if (value === null || typeof value !== 'object') return { text: JSON.stringify(value) }
  return { entries: Object.entries(value).map(([key, inner]) => [key, nodeOf(inner)] as const) }
}

function textOf(node: Node): string {
  if (isList(node)) return `[${node.map(textOf).join(',')}]`
  if ('text' in node) return node.text
  return `{${node.entries.map(([key, inner]) => `${JSON.stringify(key)}:${textOf(inner)}`).join(',')}}`
}

function isList(node: Node): node is readonly Node[] {
  return Array.isArray(node)
}

/** Walks down by chance, and changes something where it stops. */
function changed(node: Node, words: readonly string[], random: Random): Node {
  if (isList(node)) {
    if (node.length === 0 || random.chance(0.15)) return changedList(node, words, random)
    const at = random.int(node.length)
    return node.map((inner, index) => (index === at ? changed(inner, words, random) : inner))
  }
  if ('text' in node) return changedText(node.text, words, random)
  if (node.entries.length === 0 || random.chance(0.15)) return changedEntries(node.entries, words, random)
  const at = random.int(node.entries.length)
  return {
    entries: node.entries.map(([key, inner], index) =>
      index === at ? ([key, changed(inner, words, random)] as const) : ([key, inner] as const),
    ),
  }
}

function changedList(list: readonly Node[], words: readonly string[], random: Random): Node {
  const put: Node = { text: hostileValue(random, words, 2) }
  switch (random.int(5)) {
    case 0:
      return [...list, put]
    case 1:
      return list.slice(1)
    case 2:
      return [...list, ...list]
    case 3: {
      const [first] = list
      return first === undefined ? [put] : Array<Node>(2 ** random.int(13)).fill(first)
    }
    default:
      return put
  }
}

function changedEntries(entries: readonly (readonly [string, Node])[], words: readonly string[], random: Random): Node {
  const put: Node = { text: hostileValue(random, words, 2) }
  const key = random.pick([...KEYS, ...words])
  const at = random.int(entries.length + 1)
  switch (random.int(4)) {
    case 0:
      return { entries: [...entries, [key, put]] }
    case 1:
      return { entries: entries.filter((_entry, index) => index !== at) }
    case 2:
      return { entries: entries.map((entry, index) => (index === at ? ([key, entry[1]] as const) : entry)) }
    default:
      return put
  }
}

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', 'then', '', '0', 'kind']
const VALUES = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '1.5',
  '1e308',
  '-1e308',
  '9007199254740993',
  '""',
  '[]',
  '{}',
  '[null]',
  '[[]]',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '"__proto__"',
  '"constructor"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u001b[31m"',
  '{"toString":null}',
  '{"length":1e9}',
]

function changedText(text: string, words: readonly string[], random: Random): Node {
  if (!text.startsWith('"') || random.chance(0.5)) return { text: hostileValue(random, words, 2) }
  const inner = text.slice(1, -1)
  const at = random.int(inner.length + 1)
  const put = random.pick([
    '',
    '/',
    ':',
    '@',
    '*',
    '..',
    ' ',
    '\\n',
    '%',
    '\\u0000',
    '$',
    '{',
    '9',
    ...words.map(escaped),
  ])
  if (random.chance(0.1)) return { text: `"${escaped(inner[0] ?? 'x').repeat(2 ** random.int(15))}"` }
  return { text: JSON.stringify(unescaped(inner.slice(0, at) + put + inner.slice(at + random.int(3)))) }
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return text
  }
}

/** A value where another is expected. */
export function hostileValue(random: Random, words: readonly string[], depth: number): string {
  if (random.chance(0.02)) return `${'['.repeat(5_000)}${']'.repeat(5_000)}`
  if (words.length > 0 && random.chance(0.3)) return JSON.stringify(random.pick(words))
  if (depth === 0 || random.chance(0.6)) return random.pick(VALUES)
  const inner = (): string => hostileValue(random, words, depth - 1)
  const key = (): string => JSON.stringify(random.pick([...KEYS, ...words]))
  const count = random.int(4)
  if (random.chance(0.5)) return `[${Array.from({ length: count }, inner).join(',')}]`
  return `{${Array.from({ length: count }, () => `${key()}:${inner()}`).join(',')}}`
}
