import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { GitObject } from './git-object.js'
import type { IndexedObject } from './pack-index.js'
import { writeEntryHeader } from './pack-entry.js'

/** A pack of whole objects, without deltas. */
export function writePack(objects: readonly GitObject[]): Buffer {
  const head = Buffer.alloc(12)
  head.write('PACK')
  head.writeUInt32BE(2, 4)
  head.writeUInt32BE(objects.length, 8)
  const entries = objects.flatMap(({ type, content }) => [
    writeEntryHeader(type, content.byteLength),
    deflateSync(content),
  ])
  return withChecksum(Buffer.concat([head, ...entries]))
}

/** Git's index of a pack, version 2, as the library reads it. An object that is there twice is listed once. */
export function writePackIndex(objects: readonly IndexedObject[], pack: Buffer): Buffer {
  const sorted = [...new Map(objects.map((object) => [object.oid, object])).values()].sort((a, b) =>
    a.oid < b.oid ? -1 : 1,
  )
  const fanout = Buffer.alloc(1024)
  const [oids, crcs, offsets] = [20, 4, 4].map((width) => Buffer.alloc(width * sorted.length)) as [
    Buffer,
    Buffer,
    Buffer,
  ]
  const counts = new Uint32Array(256)
  sorted.forEach(({ oid, crc, offset }, i) => {
    oids.write(oid, 20 * i, 'hex')
    crcs.writeUInt32BE(crc, 4 * i)
    offsets.writeUInt32BE(offset, 4 * i)
    const first = parseInt(oid.slice(0, 2), 16)
    counts[first] = (counts[first] ?? 0) + 1
  })
  let sum = 0
  counts.forEach((count, i) => fanout.writeUInt32BE((sum += count), 4 * i))
  return withChecksum(
    Buffer.concat([Buffer.from('ff744f6300000002', 'hex'), fanout, oids, crcs, offsets, pack.subarray(-20)]),
  )
}

/** Whether a version 2 index lists an object. */
export function indexHas(index: Buffer, oid: string): boolean {
  const wanted = Buffer.from(oid, 'hex')
  const first = wanted[0] ?? 0
  let low = first === 0 ? 0 : index.readUInt32BE(8 + 4 * (first - 1))
  let high = index.readUInt32BE(8 + 4 * first)
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = 8 + 1024 + 20 * middle
    const order = wanted.compare(index, at, at + 20)
    if (order === 0) return true
    if (order < 0) high = middle
    else low = middle + 1
  }
  return false
}

function withChecksum(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, createHash('sha1').update(bytes).digest()])
}
