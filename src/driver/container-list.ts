import { fail, ok } from '../model/index.js'
import type { ForeignContainer, Replica, Result } from '../model/index.js'
import { isReplica, readContainer } from './container.js'
import type { RawContainer, SeenContainer } from './container.js'
import { bodyText } from './engine.js'

/** The containers of one server. */
export interface ContainerList {
  readonly replicas: readonly Replica[]
  readonly foreign: readonly ForeignContainer[]
}

/** What is kept of a list, to read the next one cheaply. */
interface Memory {
  /** Bytes of the list; they stand at the beginning of the kept buffer. */
  readonly size: number
  /** Where each element begins and ends in the kept bytes; empty where it could not be taken apart. */
  readonly pieces: readonly Piece[]
  /** In the order of the list. */
  readonly seen: readonly SeenContainer[]
  readonly list: ContainerList
}

interface Piece {
  readonly start: number
  readonly end: number
}

/** Reads the lists of one engine, each with the memory of the last. */
export interface ListReader {
  /**
   * The engine's list as ours, from the bytes as they came. One element that makes no sense spoils it all: a partial list would be acted on. The
   * problem is why.
   */
  read(chunks: readonly Buffer[]): Result<ContainerList, string>
  /** Whether a container of the last list has hooks; null for one that is not in it. */
  isHooked(containerId: string): boolean | null
}

/** Where bytes are put together; one for all readers, since each is done with it before it returns. */
export interface Scratch {
  buffer: Buffer
}

/**
 * Only what differs from the last list is parsed: a server says the same of nearly all containers at nearly every look, and JSON.parse is most of what a
 * look costs. The bytes are kept in a buffer that is written over, because buffers made at each look would each wait for a full collection,
 * which then costs more than the parsing did.
 */
export function newListReader(server: string, fleet: string, scratch: Scratch): ListReader {
  let kept: Buffer = Buffer.alloc(0)
  let last: Memory | null = null
  return {
    read(chunks) {
      const body = assemble(chunks, scratch)
      if (last !== null && last.size === body.length && sameBytes(body, wholeOf(body), kept, wholeOf(body)))
        return ok(last.list)
      const pieces = takeApart(body)
      const byPieces = readPieces(body, pieces, server, fleet, last, kept)
      const seen = byPieces ?? readWhole(body, server, fleet, last)
      if (!seen.ok) return seen
      const list = sorted(seen.value, last?.list)
      last = { size: body.length, pieces: byPieces === null ? [] : pieces, seen: seen.value, list }
      if (kept.length < body.length) kept = withRoom(body.length)
      body.copy(kept)
      return ok(list)
    },
    isHooked: (containerId) => last?.seen.find(({ id }) => id === containerId)?.isHooked ?? null,
  }
}

/** For a few containers more. */
const SLACK = 1.25

function withRoom(size: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.ceil(size * SLACK))
}

function assemble(chunks: readonly Buffer[], scratch: Scratch): Buffer {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  if (scratch.buffer.length < size) scratch.buffer = withRoom(size)
  let offset = 0
  for (const chunk of chunks) offset += chunk.copy(scratch.buffer, offset)
  return scratch.buffer.subarray(0, size)
}

function wholeOf(body: Buffer): Piece {
  return { start: 0, end: body.length }
}

const SEPARATOR = Buffer.from('},{"Id":"')
const [OPEN, CLOSE, NEWLINE] = ['[', ']', '\n'].map((char) => char.charCodeAt(0))

/**
 * Cuts where an element seems to end and the next to begin. Right or wrong does not matter here: pieces that are JSON each, between brackets and with
 * commas between them, are exactly the elements of the list; where one is none, nothing is read by pieces.
 */
function takeApart(body: Buffer): readonly Piece[] {
  const last = body[body.length - 1] === NEWLINE ? body.length - 2 : body.length - 1
  if (last < 2 || body[0] !== OPEN || body[last] !== CLOSE) return []
  const pieces: Piece[] = []
  let start = 1
  for (let cut = body.indexOf(SEPARATOR, start); cut >= 0; cut = body.indexOf(SEPARATOR, start)) {
    pieces.push({ start, end: cut + 1 })
    start = cut + 2
  }
  pieces.push({ start, end: last })
  return pieces
}

type Seen = Result<readonly SeenContainer[], string>

/** Null: the pieces are no elements. */
function readPieces(
  body: Buffer,
  pieces: readonly Piece[],
  server: string,
  fleet: string,
  last: Memory | null,
  kept: Buffer,
): Seen | null {
  if (pieces.length === 0) return null
  const seen: SeenContainer[] = []
  const byId = new Map(last?.seen.map(({ id }, index) => [id, index]))
  // Where the last list goes on, if it goes on like this one.
  let index = 0
  for (const piece of pieces) {
    const same = last?.pieces[index]
    const known = last?.seen[index]
    if (same !== undefined && known !== undefined && sameBytes(body, piece, kept, same)) {
      seen.push(known)
      index += 1
      continue
    }
    const raw = parse(body.subarray(piece.start, piece.end))
    if (raw === null || typeof raw !== 'object') return null
    const before = byId.get((raw as RawContainer).Id as string)
    const container = readContainer(raw, server, fleet, before === undefined ? undefined : last?.seen[before])
    if (!container.ok) return container
    seen.push(container.value)
    if (before !== undefined) index = before + 1
  }
  return ok(seen)
}

function sameBytes(a: Buffer, { start, end }: Piece, b: Buffer, other: Piece): boolean {
  return end - start === other.end - other.start && a.compare(b, other.start, other.end, start, end) === 0
}

function readWhole(body: Buffer, server: string, fleet: string, last: Memory | null): Seen {
  const parsed = parse(body)
  if (parsed === undefined)
    return fail(`its list of containers is no JSON: ${JSON.stringify(body.toString('latin1', 0, 60))}`)
  if (!Array.isArray(parsed)) return fail('the list of containers is not a list')
  const known = new Map(last?.seen.map((container) => [container.id, container]))
  const seen: SeenContainer[] = []
  for (const raw of parsed as readonly unknown[]) {
    if (raw === null || typeof raw !== 'object') return fail('a container of the list is no object')
    const container = readContainer(raw, server, fleet, known.get((raw as RawContainer).Id as string))
    if (!container.ok) return container
    seen.push(container.value)
  }
  return ok(seen)
}

/** Undefined: it is no JSON. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bodyText(bytes)) as unknown
  } catch {
    return undefined
  }
}

/** The last arrays where nothing in them changed: that needs no look at each element to be seen. */
function sorted(seen: readonly SeenContainer[], last: ContainerList | undefined): ContainerList {
  const replicas: Replica[] = []
  const foreign: ForeignContainer[] = []
  for (const { is } of seen) {
    if (isReplica(is)) replicas.push(is)
    else foreign.push(is)
  }
  return { replicas: lastIfSame(replicas, last?.replicas), foreign: lastIfSame(foreign, last?.foreign) }
}

function lastIfSame<T>(now: readonly T[], last: readonly T[] | undefined): readonly T[] {
  return last?.length === now.length && now.every((item, index) => item === last[index]) ? last : now
}
