import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readObject } from 'isomorphic-git'
import type { ReadObjectResult } from 'isomorphic-git'
import { byteCache } from './byte-cache.js'
import { GitFailure, codeOf, diskFailure, isDiskError, stalled } from './failure.js'
import { isLeftover, makePrivate, temporaryBeside, writeWhole } from './files.js'
import { oidOf, parseCommit, parseTree } from './git-object.js'
import type { Commit, GitObject, ObjectType, TreeItem } from './git-object.js'
import type { SourceLimits } from './options.js'
import { indexPack } from './pack-index.js'
import { indexHas, writePack, writePackIndex } from './pack-write.js'

/** The objects of one clone. All of them came in through `addPack`, and each is hashed again when it is read. */
export interface ObjectStore {
  readonly dir: string
  has(oid: string): boolean
  read(oid: string): Promise<GitObject>
  commit(oid: string): Promise<Commit>
  tree(oid: string): Promise<readonly TreeItem[]>
  /** Where a pack that is being received may be written. */
  incoming(): string
  /** Verifies a received pack and takes it in; the file at `path` is gone afterwards. Returns how to take it out again. */
  addPack(path: string, signal: AbortSignal): Promise<() => Promise<void>>
  addObjects(objects: readonly GitObject[], signal: AbortSignal): Promise<void>
  /** Something that should be here was found broken: what can be read stays readable, the next poll clones anew. */
  isDamaged(): boolean
}

const PARSED_KEPT = 20_000

/** Opens a clone's objects, made when missing. Problems: STORE_FAILED. */
export async function openObjectStore(dir: string, limits: SourceLimits): Promise<ObjectStore> {
  const packDir = join(dir, 'objects', 'pack')
  const { indexes, setAside } = await onDisk(dir, () => loadIndexes(packDir))
  let damaged = setAside > 0
  let bytes = await onDisk(dir, () => packBytes(packDir))
  const contents = byteCache(limits.cacheBytes)
  const commits = new Map<string, Commit>()
  // The library keeps parsed indexes and whole packs in here: without it each read costs 14 ms.
  const libraryCache = {}

  const has = (oid: string): boolean => [...indexes.values()].some((index) => indexHas(index, oid))

  async function read(oid: string): Promise<GitObject> {
    const known = contents.get(oid)
    if (known !== undefined) return unwrap(known)
    if (!has(oid)) throw missing(oid)
    const object = await readChecked(dir, oid, libraryCache).catch((error: unknown) => {
      damaged = true
      throw error
    })
    contents.put(oid, wrap(object))
    return object
  }

  async function commit(oid: string): Promise<Commit> {
    const known = commits.get(oid)
    if (known !== undefined) return known
    const parsed = parseCommit(oid, await read(oid))
    if (commits.size >= PARSED_KEPT) commits.clear()
    commits.set(oid, parsed)
    return parsed
  }

  async function addPack(path: string, signal: AbortSignal): Promise<() => Promise<void>> {
    return onDisk(dir, async () => {
      try {
        const pack = await readBounded(path, Math.min(limits.maxPackBytes, 2 * limits.maxPackBytes - bytes), limits)
        const index = writePackIndex(await indexPack(pack, limits, signal), pack)
        const name = join(packDir, `pack-${pack.toString('hex', pack.byteLength - 20)}`)
        const isNew = !indexes.has(`${name}.idx`)
        await rename(path, `${name}.pack`)
        await writeWhole(`${name}.idx`, index)
        indexes.set(`${name}.idx`, index)
        bytes += isNew ? pack.byteLength : 0
        return async () => {
          if (!isNew) return
          indexes.delete(`${name}.idx`)
          bytes -= pack.byteLength
          await rm(`${name}.idx`, { force: true })
          await rm(`${name}.pack`, { force: true })
        }
      } finally {
        await rm(path, { force: true })
      }
    })
  }

  async function addObjects(objects: readonly GitObject[], signal: AbortSignal): Promise<void> {
    if (objects.length === 0) return
    const path = temporaryBeside(join(packDir, 'written'))
    await onDisk(dir, () => writeWhole(path, writePack(objects)))
    await addPack(path, signal)
  }

  return {
    dir,
    has,
    read,
    commit,
    tree: async (oid) => parseTree(oid, await read(oid)),
    incoming: () => temporaryBeside(join(packDir, 'incoming')),
    addPack,
    addObjects,
    isDamaged: () => damaged,
  }
}

/** Damaged indexes are renamed, because the library would stumble over them while it looks for other objects. */
async function loadIndexes(packDir: string): Promise<{ indexes: Map<string, Buffer>; setAside: number }> {
  await makePrivate(packDir)
  const indexes = new Map<string, Buffer>()
  let setAside = 0
  for (const name of (await readdir(packDir)).sort()) {
    const path = join(packDir, name)
    if (name.endsWith('.tmp') && (await isLeftover(path))) await rm(path, { force: true })
    if (!name.endsWith('.idx')) continue
    const index = await readFile(path)
    if (isWholeIndex(index)) indexes.set(path, index)
    else await rename(path, `${path}.damaged`)
    setAside += indexes.has(path) ? 0 : 1
  }
  return { indexes, setAside }
}

function isWholeIndex(index: Buffer): boolean {
  if (index.byteLength < 1072) return false
  return createHash('sha1').update(index.subarray(0, -20)).digest().equals(index.subarray(-20))
}

async function readBounded(path: string, maxBytes: number, limits: SourceLimits): Promise<Buffer> {
  if ((await stat(path)).size > maxBytes) throw tooLarge(limits)
  return readFile(path)
}

async function packBytes(packDir: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(packDir)) if (name.endsWith('.pack')) bytes += (await stat(join(packDir, name))).size
  return bytes
}

async function readChecked(gitdir: string, oid: string, cache: object): Promise<GitObject> {
  const result = await readObject({ fs, gitdir, oid, format: 'content', cache }).catch((error: unknown) => {
    if (isDiskError(error)) throw diskFailure(error, gitdir)
    throw new GitFailure(
      'GIT_CORRUPT',
      `object ${oid} in the clone cannot be read (${codeOf(error)}); it is cloned anew`,
    )
  })
  const object = { type: typeOf(result), content: result.object as Uint8Array }
  if (oidOf(object) !== oid)
    throw new GitFailure('GIT_CORRUPT', `object ${oid} in the clone does not match its hash; it is cloned anew`)
  return object
}

function typeOf(result: ReadObjectResult): ObjectType {
  const { type } = result
  if (type === 'commit' || type === 'tree' || type === 'blob' || type === 'tag') return type
  throw new GitFailure('GIT_CORRUPT', `object ${result.oid} is of no known type; it is cloned anew`)
}

export function missing(oid: string): GitFailure {
  return new GitFailure('GIT_CORRUPT', `object ${oid} is missing; the last good revision stays`)
}

function tooLarge(limits: SourceLimits): GitFailure {
  const mib = Math.floor(limits.maxPackBytes / 1024 / 1024)
  return stalled('GIT_TOO_LARGE', `the repository is over ${mib} MiB`, 'follow a smaller one, or raise the limit')
}

/** A cached object is its content with its type in front: one value, one size. */
function wrap({ type, content }: GitObject): Uint8Array {
  return Buffer.concat([Buffer.from([TYPE_ORDER.indexOf(type)]), content])
}

function unwrap(bytes: Uint8Array): GitObject {
  return { type: TYPE_ORDER[bytes[0] ?? 0] ?? 'blob', content: bytes.subarray(1) }
}

const TYPE_ORDER: readonly ObjectType[] = ['blob', 'tree', 'commit', 'tag']

async function onDisk<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isDiskError(error) ? diskFailure(error, dir) : error
  }
}
