import { lstat, readFile, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { FollowedRef } from './address.js'
import { GitFailure, codeOf, isDiskError, stalled } from './failure.js'
import { checkOid, missingRef } from './remote-refs.js'
import type { ListedRef } from './remote-refs.js'

/** A repository on this machine: where its refs are, and every directory that holds objects of it. */
export interface LocalRepository {
  readonly path: string
  readonly gitdir: string
  readonly objectDirs: readonly string[]
  readonly shallow: readonly string[]
}

const MAX_ALTERNATES = 16
const MAX_REF_FILES = 10_000

/** Finds the repository at `path`: bare, a work tree, or a linked work tree. Problems: GIT_NOT_FOUND, GIT_URL_REFUSED, GIT_UNREACHABLE. */
export async function openLocal(path: string): Promise<LocalRepository> {
  return guarded(path, async () => {
    const gitdir = await findGitdir(path)
    await refuseUnreadableFormats(path, gitdir)
    const shallow = (await textOf(join(gitdir, 'shallow')))?.match(/^[0-9a-f]{40}$/gm) ?? []
    return { path, gitdir, objectDirs: await objectDirsOf(join(gitdir, 'objects')), shallow }
  })
}

/** The object that the ref names. Read before objects are copied, so that they cannot be older. */
export async function localTip(repository: LocalRepository, ref: FollowedRef): Promise<string> {
  return guarded(repository.path, async () => {
    const packed = parsePackedRefs((await textOf(join(repository.gitdir, 'packed-refs'))) ?? '')
    let name = ref.full
    for (let hops = 0; hops < 5; hops++) {
      const text = ((await textOf(join(repository.gitdir, name))) ?? packed.get(name) ?? '').trim()
      if (text === '') throw missingRef(repository.path, ref, await listRefs(repository.gitdir, packed))
      const target = /^ref: (refs\/[^\s]+)$/.exec(text)?.[1]
      if (target === undefined) return checkOid(text, repository.path)
      if (target.split('/').includes('..')) break
      name = target
    }
    throw new GitFailure('GIT_CORRUPT', `${ref.short} in ${repository.path} points to refs without end`)
  })
}

/** Every ref below `prefix`; what is no object's name (a ref to a ref) is left out. */
export async function localRefs(repository: LocalRepository, prefix: string): Promise<readonly ListedRef[]> {
  return guarded(repository.path, async () => {
    const { gitdir } = repository
    const packed = parsePackedRefs((await textOf(join(gitdir, 'packed-refs'))) ?? '')
    const names = await listRefs(gitdir, packed, ['refs'])
    const found: ListedRef[] = []
    for (const { ref } of names.filter((seen) => seen.ref.startsWith(prefix))) {
      const oid = ((await textOf(join(gitdir, ref))) ?? packed.get(ref) ?? '').trim()
      if (/^[0-9a-f]{40}$/.test(oid)) found.push({ ref, oid })
    }
    return found
  })
}

async function findGitdir(path: string): Promise<string> {
  const dotGit = join(path, '.git')
  const kind = await kindOf(dotGit)
  const start = kind === null ? path : kind === 'directory' ? dotGit : await followGitFile(path, dotGit)
  const common = (await textOf(join(start, 'commondir')))?.trim()
  const gitdir = common === undefined ? start : resolve(start, common)
  if ((await kindOf(join(gitdir, 'objects'))) === 'directory' && (await textOf(join(gitdir, 'HEAD'))) !== null)
    return gitdir
  const what = (await kindOf(path)) === null ? 'there is nothing at' : 'there is no Git repository at'
  throw stalled('GIT_NOT_FOUND', `${what} ${path}`, 'check the path, or make it with git init')
}

async function followGitFile(path: string, file: string): Promise<string> {
  const target = /^gitdir: (.+)$/m.exec((await textOf(file)) ?? '')?.[1]
  if (target === undefined) throw stalled('GIT_NOT_FOUND', `${file} does not lead to a repository`, 'check the path')
  return resolve(path, target.trim())
}

async function refuseUnreadableFormats(path: string, gitdir: string): Promise<void> {
  const config = (await textOf(join(gitdir, 'config'))) ?? ''
  const format = /^\s*(objectformat\s*=\s*sha256|refstorage\s*=\s*reftable)/im.exec(config)?.[1]
  if (format === undefined) return
  throw stalled(
    'GIT_URL_REFUSED',
    `the repository at ${path} has ${format.trim()}`,
    'follow one with SHA-1 objects and files for refs',
  )
}

/** The repository's own objects, and those that it borrows (`git clone --shared`, `--reference`). */
async function objectDirsOf(first: string): Promise<readonly string[]> {
  const dirs = [first]
  for (let i = 0; i < dirs.length; i++) {
    const dir = dirs[i] ?? first
    const lines = ((await textOf(join(dir, 'info', 'alternates'))) ?? '').split('\n')
    for (const line of lines.filter((text) => text !== '' && !text.startsWith('#'))) {
      const target = resolve(dir, line)
      if (!dirs.includes(target)) dirs.push(target)
      if (dirs.length > MAX_ALTERNATES) throw new GitFailure('GIT_CORRUPT', `${first} borrows objects without end`)
    }
  }
  return dirs
}

function parsePackedRefs(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^([0-9a-f]{40,64}) (refs\/\S+)$/gm)
  return new Map(Array.from(lines, ([, oid = '', name = '']) => [name, oid]))
}

async function listRefs(
  gitdir: string,
  packed: ReadonlyMap<string, string>,
  below: readonly string[] = ['refs/heads', 'refs/tags'],
): Promise<readonly { ref: string }[]> {
  const names = new Set(packed.keys())
  const waiting = [...below]
  for (let dir = waiting.pop(); dir !== undefined && names.size < MAX_REF_FILES; dir = waiting.pop())
    for (const item of await readdir(join(gitdir, dir), { withFileTypes: true }).catch(() => [])) {
      if (item.isDirectory()) waiting.push(`${dir}/${item.name}`)
      else if (!item.name.endsWith('.lock')) names.add(`${dir}/${item.name}`)
    }
  return [...names].sort().map((ref) => ({ ref }))
}

async function kindOf(path: string): Promise<'directory' | 'file' | null> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file'
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/** A small file's text; null when it is not there. Not followed when it is a symlink: a ref could then show any file. */
async function textOf(path: string): Promise<string | null> {
  try {
    const kind = await lstat(path)
    if (!kind.isFile() && basename(path) !== 'HEAD') return null
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/** A path with a NUL in it, as a damaged file may name one, is refused before the disk is asked: nothing can be there. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'].includes(codeOf(error))
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isDiskError(error)) throw error
    throw new GitFailure(
      'GIT_UNREACHABLE',
      `the repository at ${path} cannot be read (${codeOf(error)}); the last good revision stays`,
    )
  }
}
