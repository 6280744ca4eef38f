import type { UndoRequest } from '../controller/index.js'
import type { SigningKey } from '../model/index.js'
import type { CloneRoom } from './clone.js'
import { makePause } from './deadline.js'
import { malformed, oidOf } from './git-object.js'
import type { GitObject, TreeItem } from './git-object.js'
import { mergeFiles } from './merge-files.js'
import type { Conflict, Files } from './merge-files.js'
import type { ObjectStore } from './object-store.js'
import { listFiles } from './walk.js'
import { signSsh } from '../trust/index.js'

export interface Undoing {
  readonly sha: string
  readonly paths: readonly string[]
  readonly objects: readonly GitObject[]
}

/** The commit that takes a change back from a tip, with every object that it needs. Nothing is stored. */
export async function makeUndoing(
  store: ObjectStore,
  request: UndoRequest,
  { path, limits }: CloneRoom,
  signing: SigningKey | null,
  signal: AbortSignal,
): Promise<Undoing | { readonly conflicts: readonly Conflict[] }> {
  const filesOf = async (sha: string): Promise<Files> =>
    within(request.within, (await listFiles(store, sha, path, limits, signal)) ?? new Map())
  const [changed, ours, before] = [
    await filesOf(request.from),
    await filesOf(request.tip.sha),
    await filesOf(request.to),
  ]
  const read = async (oid: string): Promise<Uint8Array> => (await store.read(oid)).content
  const { files, written, conflicts } = await mergeFiles(changed, ours, before, read, makePause(signal))
  if (conflicts.length > 0) return { conflicts }
  const changes = differences(ours, files)
  const writer = treeWriter(store)
  const prefix = path === '' ? '' : `${path}/`
  const { tree } = await store.commit(request.tip.sha)
  const root = await writer.change(tree, new Map([...changes].map(([name, file]) => [prefix + name, file])))
  const blobs = [...written.values()].map((content) => ({ type: 'blob', content }) as const)
  const commit = commitOf(root ?? writer.empty(), request, signing)
  return { sha: oidOf(commit), paths: [...changes.keys()].sort(), objects: [...blobs, ...writer.trees, commit] }
}

function within(folders: readonly string[] | null, files: Files): Files {
  if (folders === null) return files
  return new Map([...files].filter(([path]) => folders.some((folder) => path.startsWith(folder))))
}

type Change = { readonly mode: string; readonly oid: string } | null

function differences(before: Files, after: Files): ReadonlyMap<string, Change> {
  const changes = new Map<string, Change>()
  for (const [path, file] of after) {
    const old = before.get(path)
    if (old?.oid !== file.oid || old.mode !== file.mode) changes.set(path, file)
  }
  for (const path of before.keys()) if (!after.has(path)) changes.set(path, null)
  return changes
}

interface TreeWriter {
  /** New trees, in the order in which they were made. */
  readonly trees: GitObject[]
  /** A tree with some paths changed; null where nothing is left in it. */
  change(oid: string | null, changes: ReadonlyMap<string, Change>): Promise<string | null>
  empty(): string
}

function treeWriter(store: ObjectStore): TreeWriter {
  const trees: GitObject[] = []
  const put = (items: readonly Pick<TreeItem, 'name' | 'mode' | 'oid'>[]): string => {
    const object = { type: 'tree', content: Buffer.concat([...items].sort(byTreeOrder).map(entryOf)) } as const
    trees.push(object)
    return oidOf(object)
  }
  const change: TreeWriter['change'] = async (oid, changes) => {
    const items = new Map((oid === null ? [] : await store.tree(oid)).map((item) => [item.name, item] as const))
    const next = new Map<string, Pick<TreeItem, 'name' | 'mode' | 'oid'>>(items)
    for (const [name, below] of byFirstName(changes)) {
      const file = below.get('')
      const inner = new Map([...below].filter(([path]) => path !== ''))
      next.delete(name)
      if (file !== undefined && file !== null) next.set(name, { name, mode: file.mode, oid: file.oid })
      if (inner.size === 0) continue
      const old = items.get(name)
      const tree = await change(old?.kind === 'directory' ? old.oid : null, inner)
      if (tree !== null) next.set(name, { name, mode: '40000', oid: tree })
    }
    return next.size === 0 ? null : put([...next.values()])
  }
  return { trees, change, empty: () => put([]) }
}

/** By the first part of each path, the rest of it; an empty rest is the file itself. */
function byFirstName(changes: ReadonlyMap<string, Change>): ReadonlyMap<string, Map<string, Change>> {
  const groups = new Map<string, Map<string, Change>>()
  for (const [path, file] of changes) {
    const slash = path.indexOf('/')
    const name = slash < 0 ? path : path.slice(0, slash)
    const group = groups.get(name) ?? new Map<string, Change>()
    groups.set(name, group.set(slash < 0 ? '' : path.slice(slash + 1), file))
  }
  return groups
}

/** Git sorts by bytes, folders as if their names ended with a slash. */
function byTreeOrder(a: Pick<TreeItem, 'name' | 'mode'>, b: Pick<TreeItem, 'name' | 'mode'>): number {
  const key = ({ name, mode }: Pick<TreeItem, 'name' | 'mode'>): Buffer =>
    Buffer.from(mode === '40000' ? `${name}/` : name)
  return Buffer.compare(key(a), key(b))
}

function entryOf({ mode, name, oid }: Pick<TreeItem, 'name' | 'mode' | 'oid'>): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')])
}

function commitOf(tree: string, { tip, author, atMs, message }: UndoRequest, signing: SigningKey | null): GitObject {
  if (/[<>\n\0]/.test(author.name + author.email))
    throw malformed(tip.sha, 'to be reverted by an author that is no name')
  const who = `${author.name} <${author.email}> ${Math.floor(atMs / 1000)} +0000`
  const header = [`tree ${tree}`, `parent ${tip.sha}`, `author ${who}`, `committer ${who}`]
  const content = (lines: readonly string[]): Buffer => Buffer.from([...lines, '', message].join('\n'))
  if (signing === null) return { type: 'commit', content: content(header) }
  const signature = signSsh(content(header), signing).replaceAll('\n', '\n ')
  return { type: 'commit', content: content([...header, `gpgsig ${signature}`]) }
}
