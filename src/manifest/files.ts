import type { Revision } from '../model/index.js'
import { isLfsPointer } from './text.js'

/** The files of one revision by path; contents are asked for by object id. The controller's SourceTree fits. */
export interface ManifestTree {
  readonly revision: Revision
  readonly entries: ReadonlyMap<string, { readonly kind: 'file' | 'symlink' | 'submodule'; readonly oid: string }>
}

/** Contents by object id; undefined while they have not been read. */
export type ReadContent = (oid: string) => Uint8Array | undefined

/** What stands at a path. `unsupported` names what stands there instead of a file. */
export type Found =
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'unsupported'; readonly what: string }

/** Reads files and remembers what it was asked, so that the result can be kept as long as the answers stay the same. */
export interface FileReader {
  find(path: string): Found
  /** Whether anything stands there, without reading it. */
  exists(path: string): boolean
  /** Paths of all that stands in a directory and below it, without reading it. */
  list(directory: string): readonly string[]
}

export interface Files {
  readonly directories: ReadonlySet<string>
  /** What a path is in this revision, as text: equal text, equal content. */
  stamp(path: string): string
  reader(): FileReader & { readonly uses: ReadonlyMap<string, string>; isPending(): boolean }
}

/** `needs` collects what has to be read before the answer is known: object ids with one path each. */
export function createFiles(tree: ManifestTree, read: ReadContent, needs: Map<string, string>): Files {
  const directories = collectDirectories(tree.entries.keys())
  const paths = [...tree.entries.keys()].sort()
  // What is below a directory stands together; 0 is what comes after a slash.
  const below = (directory: string): readonly string[] =>
    directory === '' ? paths : paths.slice(placeOf(`${directory}/`, paths), placeOf(`${directory}0`, paths))
  const stamp = (path: string): string => {
    if (path.endsWith(ALL_BELOW))
      return below(path.slice(0, -ALL_BELOW.length))
        .map((one) => `${one} ${stamp(one)}`)
        .join('\n')
    const entry = tree.entries.get(path)
    if (entry !== undefined) return `${entry.kind} ${entry.oid}`
    // Most paths that are asked for lie in a directory, so that nothing else can stand above them.
    if (directories.has(path.slice(0, Math.max(path.lastIndexOf('/'), 0))))
      return directories.has(path) ? 'directory' : 'absent'
    const outer = parentsOf(path).find((parent) => tree.entries.has(parent))
    return outer === undefined ? 'absent' : `inside ${tree.entries.get(outer)?.kind ?? ''} ${outer}`
  }
  const find = (path: string, pending: () => void): Found => {
    const entry = tree.entries.get(path)
    if (entry?.kind !== 'file') return whatInstead(stamp(path))
    const bytes = read(entry.oid)
    if (bytes === undefined) {
      needs.set(entry.oid, path)
      pending()
      return { kind: 'pending' }
    }
    return isLfsPointer(bytes) ? { kind: 'unsupported', what: 'a Git LFS pointer' } : { kind: 'file', bytes }
  }
  const reader: Files['reader'] = () => {
    const uses = new Map<string, string>()
    let waits = false
    return {
      uses,
      exists: (path) => {
        uses.set(path, stamp(path))
        return stamp(path) !== 'absent'
      },
      isPending: () => waits,
      list: (directory) => {
        const all = `${directory}${ALL_BELOW}`
        uses.set(all, stamp(all))
        return below(directory)
      },
      find: (path) => {
        uses.set(path, stamp(path))
        return find(path, () => (waits = true))
      },
    }
  }
  return { directories, stamp, reader }
}

/** Stands for everything below a directory among the paths that were looked at. No file is called that: names have no slash. */
const ALL_BELOW = '/**'

function whatInstead(stamp: string): Found {
  if (stamp === 'absent') return { kind: 'absent' }
  if (stamp === 'directory') return { kind: 'unsupported', what: 'a directory' }
  if (stamp.startsWith('symlink')) return { kind: 'unsupported', what: 'a symbolic link' }
  if (stamp.startsWith('submodule')) return { kind: 'unsupported', what: 'a submodule' }
  return { kind: 'unsupported', what: `something ${stamp}` }
}

/** Index of the first text of a sorted list that does not come before this one. */
function placeOf(text: string, sorted: readonly string[]): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((sorted[middle] ?? '') < text) from = middle + 1
    else to = middle
  }
  return from
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/')
  return parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join('/'))
}

function collectDirectories(paths: Iterable<string>): ReadonlySet<string> {
  const directories = new Set<string>([''])
  for (const path of paths) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = path.slice(0, end)
      if (directories.has(directory)) break
      directories.add(directory)
    }
  }
  return directories
}

/** A path relative to a directory of the repository; null when it leads out. */
export function resolvePath(directory: string, relative: string): string | null {
  if (relative.startsWith('/') || relative.startsWith('~') || relative.includes('\\')) return null
  const parts: string[] = []
  for (const part of [...directory.split('/'), ...relative.split('/')]) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.pop() === undefined) return null
    if (part !== '..') parts.push(part)
  }
  return parts.join('/')
}

/** An absolute path in a container without `.`, `..` and doubled slashes; null when it is not absolute. */
export function cleanAbsolute(path: string): string | null {
  if (!path.startsWith('/')) return null
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
