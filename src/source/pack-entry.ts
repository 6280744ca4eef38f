import type { ObjectType } from './git-object.js'

/** Where one object of a pack stands and what it claims to be. */
export interface EntryHeader {
  readonly type: ObjectType | 'delta'
  /** Unpacked bytes; of a delta, those of its instructions. */
  readonly size: number
  readonly offset: number
  /** Where the compressed data begins. */
  readonly dataAt: number
  /** Of a delta: the base's offset in this pack, or its object id. */
  readonly base: number | string | null
}

const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' }
const NUMBERS: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 }
const OFFSET_DELTA = 6
const REFERENCE_DELTA = 7

/** Reads what stands before an object's data. Null when it makes no sense or reaches past `end`. */
export function readEntryHeader(pack: Buffer, offset: number, end: number): EntryHeader | null {
  const first = pack[offset] ?? 0
  const type = (first >> 4) & 7
  let size = first & 15
  let at = offset + 1
  for (let shift = 4, byte = first; (byte & 0x80) !== 0; shift += 7) {
    if (at >= end || shift > 46) return null
    byte = pack[at++] ?? 0
    size += (byte & 0x7f) * 2 ** shift
  }
  const known = TYPES[type]
  if (known !== undefined) return at < end ? { type: known, size, offset, dataAt: at, base: null } : null
  if (type === REFERENCE_DELTA)
    return at + 20 < end
      ? { type: 'delta', size, offset, dataAt: at + 20, base: pack.toString('hex', at, at + 20) }
      : null
  return type === OFFSET_DELTA ? readOffsetDelta(pack, offset, at, end, size) : null
}

function readOffsetDelta(pack: Buffer, offset: number, start: number, end: number, size: number): EntryHeader | null {
  let at = start
  let distance = 0
  for (let more = true; more;) {
    if (at >= end || distance > 2 ** 40) return null
    const byte = pack[at++] ?? 0
    distance = distance * 128 + (byte & 0x7f)
    more = (byte & 0x80) !== 0
    // Each further byte stands for what the shorter ones could not say.
    if (more) distance += 1
  }
  if (distance === 0 || distance > offset || at >= end) return null
  return { type: 'delta', size, offset, dataAt: at, base: offset - distance }
}

/** The bytes that stand before an object's compressed data. */
export function writeEntryHeader(type: ObjectType, size: number): Buffer {
  const bytes = [(NUMBERS[type] << 4) | (size & 15)]
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(rest & 0x7f)
    bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) | 0x80
  }
  return Buffer.from(bytes)
}
