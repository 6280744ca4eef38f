import { createHash } from 'node:crypto'
import { crc32, inflateSync } from 'node:zlib'
import { makePause } from './deadline.js'
import { applyDelta } from './delta.js'
import { GitFailure, stalled } from './failure.js'
import { oidOf } from './git-object.js'
import type { ObjectType } from './git-object.js'
import type { SourceLimits } from './options.js'
import { readEntryHeader } from './pack-entry.js'
import type { EntryHeader } from './pack-entry.js'

type PackLimits = Pick<SourceLimits, 'maxObjects' | 'maxObjectBytes' | 'maxUnpackedBytes'>

export interface IndexedObject {
  readonly oid: string
  readonly offset: number
  readonly crc: number
}

/** What stands in a pack before its base is known. */
interface Entry extends EntryHeader {
  readonly crc: number
  /** Null: a delta, whose name is not known before its base is. */
  readonly oid: string | null
}

interface Work {
  readonly pack: Buffer
  readonly limits: PackLimits
  readonly pause: () => Promise<void> | undefined
  unpackedBytes: number
}

const TRAILER = 20

/**
 * The gate: names every object of a pack by hashing its content, so that nothing unread, cut off, oversized or mislabelled enters the clone.
 * Ends early when `signal` is aborted. Problems: GIT_CORRUPT, GIT_TOO_LARGE, GIT_TIMEOUT.
 */
export async function indexPack(
  pack: Buffer,
  limits: PackLimits,
  signal: AbortSignal,
): Promise<readonly IndexedObject[]> {
  const work: Work = { pack, limits, pause: makePause(signal), unpackedBytes: 0 }
  const count = checkHeader(pack, limits)
  await checkTrailer(work)
  const entries = await scan(work, count)
  const named = await resolve(work, entries)
  if (named.length !== count) throw corrupt(`${count - named.length} of its ${count} objects have no base`)
  return named
}

function checkHeader(pack: Buffer, limits: PackLimits): number {
  if (pack.byteLength < 12 + TRAILER || pack.toString('latin1', 0, 4) !== 'PACK') throw corrupt('it is none')
  if (![2, 3].includes(pack.readUInt32BE(4))) throw corrupt('its version is not known')
  const count = pack.readUInt32BE(8)
  if (count > limits.maxObjects) throw large(`it has ${count} objects, and ${limits.maxObjects} are allowed`)
  return count
}

async function checkTrailer({ pack, pause }: Work): Promise<void> {
  const end = pack.byteLength - TRAILER
  const hash = createHash('sha1')
  for (let at = 0; at < end; at += 4_194_304) {
    hash.update(pack.subarray(at, Math.min(end, at + 4_194_304)))
    await pause()
  }
  if (!hash.digest().equals(pack.subarray(end))) throw corrupt('its checksum is wrong')
}

async function scan(work: Work, count: number): Promise<readonly Entry[]> {
  const { pack } = work
  const end = pack.byteLength - TRAILER
  const entries: Entry[] = []
  let at = 12
  for (let i = 0; i < count; i++) {
    const header = readEntryHeader(pack, at, end)
    if (header === null) throw corrupt(`the object at byte ${at} does not parse`)
    const { content, consumed } = inflate(work, header)
    const next = header.dataAt + consumed
    const oid = header.type === 'delta' ? null : oidOf({ type: header.type, content })
    entries.push({ ...header, crc: crc32(pack.subarray(at, next)), oid })
    at = next
    await work.pause()
  }
  if (at !== end) throw corrupt('there are bytes after its last object')
  return entries
}

function inflate(work: Work, header: EntryHeader): { readonly content: Buffer; readonly consumed: number } {
  const { pack, limits } = work
  if (header.size > limits.maxObjectBytes) throw largeObject(header.size, limits)
  spend(work, header.size)
  try {
    const { buffer, engine } = inflateSync(pack.subarray(header.dataAt, pack.byteLength - TRAILER), {
      info: true,
      maxOutputLength: Math.max(1, header.size),
      chunkSize: Math.max(64, Math.min(header.size + 1, 1_048_576)),
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    if (buffer.byteLength === header.size) return { content: buffer, consumed: engine.bytesWritten }
  } catch {
    // Told below: zlib's own words say nothing to a person.
  }
  throw corrupt(`the object at byte ${header.offset} does not unpack to its size`)
}

/** Bounds the whole, so that a small pack of zeros cannot keep us busy for hours. */
function spend(work: Work, bytes: number): void {
  work.unpackedBytes += bytes
  const { maxUnpackedBytes } = work.limits
  if (work.unpackedBytes > maxUnpackedBytes) throw large(`it unpacks to more than ${maxUnpackedBytes} bytes`)
}

interface Frame {
  readonly type: ObjectType
  readonly content: Buffer
  readonly children: readonly Entry[]
  next: number
}

/** How much of deltas' bases is held at a time: this many of the largest objects. */
const HELD_OBJECTS = 2

interface Family {
  readonly childrenOf: (offset: number, oid: string) => readonly Entry[]
  readonly named: IndexedObject[]
}

/** Names all objects, bases before what is built on them, holding one chain of deltas at a time. */
async function resolve(work: Work, entries: readonly Entry[]): Promise<readonly IndexedObject[]> {
  const byBase = new Map<number | string, Entry[]>()
  for (const entry of entries) {
    if (entry.base === null) continue
    const siblings = byBase.get(entry.base)
    if (siblings === undefined) byBase.set(entry.base, [entry])
    else siblings.push(entry)
  }
  // Taken, not read: an object that is there twice must not have its children twice.
  const take = (base: number | string): readonly Entry[] => {
    const children = byBase.get(base) ?? []
    byBase.delete(base)
    return children
  }
  const childrenOf = (offset: number, oid: string): readonly Entry[] => [...take(offset), ...take(oid)]
  const family: Family = { childrenOf, named: [] }
  for (const entry of entries) {
    if (entry.type === 'delta' || entry.oid === null) continue
    family.named.push({ oid: entry.oid, offset: entry.offset, crc: entry.crc })
    const children = childrenOf(entry.offset, entry.oid)
    if (children.length > 0)
      await resolveChildren(
        work,
        { type: entry.type, content: inflate(work, entry).content, children, next: 0 },
        family,
      )
    await work.pause()
  }
  return family.named
}

async function resolveChildren(work: Work, root: Frame, { childrenOf, named }: Family): Promise<void> {
  const stack: Frame[] = [root]
  let heldBytes = root.content.byteLength
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const child = top.children[top.next++]
    // What nothing more is built on is let go at once: a chain, however long, holds one content at a time.
    if (top.next >= top.children.length) {
      stack.pop()
      heldBytes -= top.content.byteLength
    }
    if (child === undefined) continue
    const content = applyDelta(top.content, inflate(work, child).content, work.limits.maxObjectBytes)
    if (content === null) throw corrupt(`the delta at byte ${child.offset} does not fit its base`)
    spend(work, content.byteLength)
    const oid = oidOf({ type: top.type, content })
    named.push({ oid, offset: child.offset, crc: child.crc })
    const children = childrenOf(child.offset, oid)
    if (children.length > 0) {
      stack.push({ type: top.type, content, children, next: 0 })
      heldBytes += content.byteLength
    }
    if (heldBytes > HELD_OBJECTS * work.limits.maxObjectBytes) throw large('its deltas need too much memory')
    await work.pause()
  }
}

function corrupt(why: string): GitFailure {
  return new GitFailure('GIT_CORRUPT', `the pack does not verify: ${why}; the last good revision stays`)
}

function large(why: string): GitFailure {
  return stalled(
    'GIT_TOO_LARGE',
    `the pack is over the limit: ${why}`,
    'follow a smaller repository, or raise the limit',
  )
}

function largeObject(size: number, limits: PackLimits): GitFailure {
  return large(`it has an object of ${size} bytes, and ${limits.maxObjectBytes} are allowed`)
}
