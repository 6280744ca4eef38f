import { constants } from 'node:fs'
import { copyFile, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { checkpoint } from './deadline.js'
import { GitFailure, codeOf, diskFailure, isDiskError, stalled } from './failure.js'
import type { GitObject, ObjectType } from './git-object.js'
import { isAbsent } from './local-repository.js'
import type { LocalRepository } from './local-repository.js'
import type { ObjectStore } from './object-store.js'
import type { SourceLimits } from './options.js'

const BATCH_BYTES = 32 * 1024 * 1024

/**
 * Copies the objects that `store` lacks, packs as they are and loose ones as a pack of our own; all go through the same gate as packs
 * from the network. Returns the names of the packs that are there now. `copied` are those that are in the store already.
 */
export async function copyObjects(
  repository: LocalRepository,
  store: ObjectStore,
  copied: readonly string[],
  limits: SourceLimits,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // Loose objects first: `git gc` moves them into packs, never the other way.
  for (const dir of repository.objectDirs) await copyLoose(dir, store, limits, signal)
  const packs = await listPacks(repository)
  for (const { name, path } of packs) if (!copied.includes(name)) await copyPack(path, store, limits, signal)
  return packs.map(({ name }) => name)
}

export async function listPacks(
  repository: LocalRepository,
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  const packs: { name: string; path: string }[] = []
  for (const dir of repository.objectDirs)
    for (const name of await namesIn(join(dir, 'pack')))
      if (/^pack-[0-9a-f]{40}\.pack$/.test(name)) packs.push({ name, path: join(dir, 'pack', name) })
  return packs.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function copyPack(path: string, store: ObjectStore, limits: SourceLimits, signal: AbortSignal): Promise<void> {
  checkpoint(signal)
  const { size } = await onSource(path, () => stat(path))
  if (size > limits.maxPackBytes) throw tooLarge(path, size, limits)
  const incoming = store.incoming()
  // A reflink where the file system can: no bytes are moved.
  await onSource(path, () => copyFile(path, incoming, constants.COPYFILE_FICLONE), store.dir)
  await store.addPack(incoming, signal)
}

async function copyLoose(dir: string, store: ObjectStore, limits: SourceLimits, signal: AbortSignal): Promise<void> {
  let batch: GitObject[] = []
  let bytes = 0
  for (let first = 0; first < 256; first++) {
    checkpoint(signal)
    const prefix = first.toString(16).padStart(2, '0')
    for (const rest of await namesIn(join(dir, prefix))) {
      const oid = prefix + rest
      if (!/^[0-9a-f]{40}$/.test(oid) || store.has(oid)) continue
      const object = await readLoose(join(dir, prefix, rest), limits)
      if (object === null) continue
      batch.push(object)
      bytes += object.content.byteLength
      if (bytes < BATCH_BYTES) continue
      await store.addObjects(batch, signal)
      batch = []
      bytes = 0
    }
  }
  await store.addObjects(batch, signal)
}

/** Null when it is gone (`git gc` has packed it) or is not what its name says: if it is needed, its absence is told by name. */
async function readLoose(path: string, limits: SourceLimits): Promise<GitObject | null> {
  const file = await readFile(path).catch((error: unknown) => {
    if (isAbsent(error)) return null
    throw unreadable(path, error)
  })
  const bytes = file === null ? null : inflateLoose(file, path, limits)
  const end = bytes === null ? -1 : bytes.indexOf(0)
  const match = /^(commit|tree|blob|tag) \d+$/.exec(bytes === null || end < 0 ? '' : bytes.toString('latin1', 0, end))
  if (bytes === null || match === null) return null
  return { type: match[1] as ObjectType, content: bytes.subarray(end + 1) }
}

function inflateLoose(file: Buffer, path: string, limits: SourceLimits): Buffer | null {
  try {
    return inflateSync(file, { maxOutputLength: limits.maxObjectBytes + 64 })
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(path, limits.maxObjectBytes, limits)
    return null
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).sort()
  } catch (error) {
    if (isAbsent(error)) return []
    throw unreadable(dir, error)
  }
}

async function onSource<T>(path: string, work: () => Promise<T>, ourDir?: string): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isDiskError(error)) throw error
    const isOurs = ourDir !== undefined && ['ENOSPC', 'EDQUOT', 'EROFS'].includes(codeOf(error))
    throw isOurs ? diskFailure(error, ourDir) : unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): GitFailure {
  return new GitFailure('GIT_UNREACHABLE', `${path} cannot be read (${codeOf(error)}); the last good revision stays`)
}

function tooLarge(path: string, size: number, limits: SourceLimits): GitFailure {
  const mib = Math.floor(limits.maxPackBytes / 1024 / 1024)
  return stalled('GIT_TOO_LARGE', `${path} has ${size} bytes or more (limit ${mib} MiB)`, 'follow a smaller repository')
}
