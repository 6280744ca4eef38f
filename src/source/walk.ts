import type { TreeEntry } from '../controller/index.js'
import { compareText } from '../model/index.js'
import { checkpoint } from './deadline.js'
import { GitFailure, stalled } from './failure.js'
import { parseTag } from './git-object.js'
import { missing } from './object-store.js'
import type { ObjectStore } from './object-store.js'
import type { SourceLimits } from './options.js'

const TAG_DEPTH = 5

/** The commit that an object names: itself, or what an annotated tag (of a tag …) points to. */
export async function peel(store: ObjectStore, oid: string): Promise<string> {
  let at = oid
  for (let depth = 0; depth <= TAG_DEPTH; depth++) {
    const object = await store.read(at)
    if (object.type === 'commit') return at
    if (object.type !== 'tag')
      throw stalled(
        'GIT_REF_MISSING',
        `the ref names a ${object.type}, not a commit`,
        'follow a branch or the tag of a commit',
      )
    at = parseTag(at, object)
  }
  throw new GitFailure('GIT_CORRUPT', `the tag ${oid} points to tags without end; the last good revision stays`)
}

/** A file as a tree has it. */
export interface ListedFile extends TreeEntry {
  readonly mode: string
}

/** Every tree under `path`, read and checked, as paths relative to it; null when the commit has no such directory. */
export async function listFiles(
  store: ObjectStore,
  sha: string,
  path: string,
  limits: SourceLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ListedFile> | null> {
  const root = await findTree(store, (await store.commit(sha)).tree, path)
  if (root === null) return null
  const found: [string, ListedFile][] = []
  const waiting: { readonly prefix: string; readonly oid: string }[] = [{ prefix: '', oid: root }]
  let seen = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    checkpoint(signal)
    for (const { name, kind, mode, oid } of await store.tree(next.oid)) {
      if (++seen > limits.maxTreeEntries) throw tooManyFiles(limits.maxTreeEntries)
      if (kind === 'directory') waiting.push({ prefix: `${next.prefix}${name}/`, oid })
      else found.push([next.prefix + name, { kind, oid, mode }])
    }
  }
  return new Map(found.sort(([a], [b]) => compareText(a, b)))
}

export async function findTree(store: ObjectStore, root: string, path: string): Promise<string | null> {
  let at = root
  for (const part of path.split('/').filter((name) => name !== '')) {
    const item = (await store.tree(at)).find(({ name }) => name === part)
    if (item?.kind !== 'directory') return null
    at = item.oid
  }
  return at
}

function tooManyFiles(limit: number): GitFailure {
  return stalled(
    'GIT_TOO_LARGE',
    `the revision has over ${limit} files and directories`,
    'follow a directory inside it',
  )
}

/** Asserts that all files under `path` are here. Submodules are not: they live in other repositories. */
export function checkFiles(store: ObjectStore, entries: ReadonlyMap<string, TreeEntry>): void {
  for (const [path, { kind, oid }] of entries)
    if (kind !== 'submodule' && !store.has(oid))
      throw new GitFailure('GIT_CORRUPT', `the contents of ${path} (${oid}) are missing; the last good revision stays`)
}

export interface HistoryQuestion {
  readonly from: string
  /** Commits whose ancestors are known to be whole: not looked behind. */
  readonly closed: ReadonlySet<string>
  /** Commits whose parents are rightly missing. */
  readonly shallow: ReadonlySet<string>
  readonly maxCommits: number
}

/** Walks from a commit to its roots, each commit once, until `isEnd` says so. A parent that is missing is GIT_CORRUPT. */
export async function walkHistory(
  store: ObjectStore,
  question: HistoryQuestion,
  isEnd: (sha: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Set([question.from])
  const waiting = [question.from]
  for (let sha = waiting.pop(); sha !== undefined; sha = waiting.pop()) {
    checkpoint(signal)
    if (isEnd(sha)) return
    if (question.closed.has(sha)) continue
    for (const parent of (await store.commit(sha)).parents) {
      if (seen.has(parent)) continue
      if (!store.has(parent)) {
        if (question.shallow.has(sha)) continue
        throw missing(parent)
      }
      seen.add(parent)
      waiting.push(parent)
      if (seen.size > question.maxCommits)
        throw stalled(
          'GIT_TOO_LARGE',
          `the history has over ${question.maxCommits} commits`,
          'follow a smaller repository',
        )
    }
  }
}
