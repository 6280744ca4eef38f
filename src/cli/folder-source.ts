import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { fail, ok } from '../model/index.js'
import type { Result, Revision } from '../model/index.js'
import type { Source, SourceTree, TreeEntry } from '../controller/index.js'

const FILES_MAX = 50_000
const FILE_BYTES_MAX = 10 * 1024 * 1024
/** Never part of a fleet, and large. */
const LEFT_OUT = new Set(['.git', 'node_modules'])

/** What Git itself writes where there is no commit. */
const NO_COMMIT = '0'.repeat(40)

export function isOfFolder({ sha }: Revision): boolean {
  return sha === NO_COMMIT
}

/**
 * A folder in place of a repository: its files as they lie there, committed or not, as the one revision that there is. A folder in it
 * that cannot be listed is a problem, unless `secretive` passes it over: beside a Compose file lie data that only containers may read.
 * Problems: FILE_MISSING, FILE_TOO_LARGE.
 */
export function folderSource(
  folder: string,
  user: string,
  nowMs: number,
  { secretive = false }: { readonly secretive?: boolean } = {},
): Source {
  const revision: Revision = {
    ref: folder,
    sha: NO_COMMIT,
    author: user,
    committedAtMs: nowMs,
    subject: 'files of this folder',
  }
  const paths = new Map<string, string>()
  const theOne = (): Promise<Result<Revision>> => Promise.resolve(isFolder(folder) ? ok(revision) : noFolder(folder))
  return {
    poll: theOne,
    revision: theOne,
    tree: () => Promise.resolve(readTree(folder, revision, paths, secretive)),
    read: (oids) => Promise.resolve(readAll(folder, oids, paths)),
    isAncestor: () => Promise.resolve(ok(true)),
    news: () => Promise.resolve(ok([])),
    close: () => Promise.resolve(),
  }
}

function readTree(
  folder: string,
  revision: Revision,
  paths: Map<string, string>,
  secretive: boolean,
): Result<SourceTree> {
  if (!isFolder(folder)) return noFolder(folder)
  const entries: [string, TreeEntry][] = []
  const queue = ['']
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    const found = listing(join(folder, at))
    if (!found.ok && !(secretive && at !== '')) return found
    for (const entry of found.ok ? found.value : []) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`
      const kind = kindOf(entry)
      if (entry.isDirectory()) {
        if (!LEFT_OUT.has(entry.name)) queue.push(path)
      } else if (kind !== null) {
        entries.push([path, { kind, oid: idOf(path) }])
        paths.set(idOf(path), path)
      }
    }
    if (entries.length > FILES_MAX)
      return tooLarge(`${folder} has more than ${FILES_MAX} files: name a folder that holds the fleet alone`)
  }
  return ok({ revision, entries: new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))) })
}

function listing(path: string): Result<readonly Dirent[]> {
  try {
    return ok(readdirSync(path, { withFileTypes: true }))
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error'
    return fail({ code: 'FILE_MISSING', message: `${path} cannot be listed (${reason}): name the folder of the fleet` })
  }
}

function readAll(
  folder: string,
  oids: readonly string[],
  paths: ReadonlyMap<string, string>,
): Result<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>()
  for (const oid of oids) {
    const path = paths.get(oid)
    if (path === undefined) return fail({ code: 'FILE_MISSING', message: `nothing in ${folder} has the id ${oid}` })
    try {
      if (statSync(join(folder, path)).size > FILE_BYTES_MAX) return tooLarge(`${path} is over ${FILE_BYTES_MAX} bytes`)
      contents.set(oid, readFileSync(join(folder, path)))
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'error'
      return fail({ code: 'FILE_MISSING', message: `${path} cannot be read (${reason})`, place: { path } })
    }
  }
  return ok(contents)
}

function kindOf(entry: Dirent): TreeEntry['kind'] | null {
  if (entry.isSymbolicLink()) return 'symlink'
  return entry.isFile() ? 'file' : null
}

/** Files are looked at once, so a path stands for its content. */
function idOf(path: string): string {
  return createHash('sha1').update(path).digest('hex')
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function noFolder(folder: string): Result<never> {
  return fail({ code: 'FILE_MISSING', message: `${folder} is not a folder that can be read` })
}

function tooLarge(message: string): Result<never> {
  return fail({ code: 'FILE_TOO_LARGE', message })
}
