import { resolvePath } from './files.js'
import { textNode, textOf } from './node.js'
import type { Entry, MapNode, Node } from './node.js'

/** Writes one value anew; the same node when there is nothing to write. */
type Move = (node: Node) => Node

/**
 * Rewrites the relative paths of a file so that they mean the same from another directory: a file that is extended or included names what
 * lies beside it. Both are directories of the repository.
 */
export function relocate(root: Node, from: string, to: string): Node {
  if (from === to) return root
  const path = (node: Node): Node => movedText(node, (text) => movedPath(text, from, to))
  const mount = (node: Node): Node => movedMount(node, path, (text) => movedPath(text, from, to))
  const file = below({ file: path })
  const service = below({
    env_file: each((item) => (item.kind === 'map' ? below({ path })(item) : path(item))),
    label_file: each(path),
    volumes: each(mount),
    credential_spec: file,
  })
  return below({ services: everyOf(service), configs: everyOf(file), secrets: everyOf(file) })(root)
}

const below =
  (moves: Readonly<Record<string, Move>>): Move =>
  (node) => {
    if (node.kind !== 'map') return node
    const moved = Object.entries(moves).flatMap(([name, move]): readonly [string, Entry][] => {
      const entry = node.entries.get(name)
      return entry === undefined ? [] : [[name, { key: entry.key, value: move(entry.value) }]]
    })
    return withEntries(node, moved)
  }

const everyOf =
  (move: Move): Move =>
  (node) =>
    node.kind === 'map'
      ? withEntries(
          node,
          [...node.entries].map(([name, { key, value }]) => [name, { key, value: move(value) }]),
        )
      : node

const each =
  (move: Move): Move =>
  (node) =>
    node.kind === 'list' ? { ...node, items: node.items.map(move) } : move(node)

function withEntries(node: MapNode, entries: readonly (readonly [string, Entry])[]): MapNode {
  return { ...node, entries: new Map([...node.entries, ...entries]) }
}

function movedText(node: Node, move: (text: string) => string): Node {
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || node.value === '') return node
  const text = move(node.value)
  return text === node.value ? node : { ...node, ...textNode(node, text) }
}

/** Only the source of a bind mount is a path beside the file: one that begins with a dot, or the long form's. */
function movedMount(node: Node, path: Move, move: (text: string) => string): Node {
  if (node.kind === 'map')
    return textOf(node.entries.get('type')?.value) === 'bind' ? below({ source: path })(node) : node
  return movedText(node, (text) => {
    const [source = '', ...rest] = text.split(':')
    return source.startsWith('.') && rest.length > 0 ? [dotted(move(source)), ...rest].join(':') : text
  })
}

/** Without a dot in front it would be the name of a volume. */
function dotted(path: string): string {
  return path.startsWith('.') ? path : `./${path}`
}

function movedPath(path: string, from: string, to: string): string {
  if (path.startsWith('/') || path.startsWith('~')) return path
  const up = '../'.repeat(to === '' ? 0 : to.split('/').length)
  const target = resolvePath(from, path)
  // What leads out of the repository goes on doing so, to be told where it is read.
  return target === null ? `${up}../${path}` : shortest(target, to)
}

function shortest(target: string, to: string): string {
  const [there, here] = [target, to].map((path) => path.split('/').filter((part) => part !== ''))
  let same = 0
  while (same < (here?.length ?? 0) && here?.[same] === there?.[same]) same += 1
  const up = Array.from({ length: (here?.length ?? 0) - same }, () => '..')
  return [...up, ...(there?.slice(same) ?? [])].join('/') || '.'
}
