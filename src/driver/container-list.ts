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

/** A list with what is needed to read the next one cheaply. */
export interface ReadList extends ContainerList {
  readonly body: Buffer
  /** Where each element begins and ends in `body`; empty where it could not be taken apart. */
  readonly pieces: readonly Piece[]
  /** In the order of the list. */
  readonly seen: readonly SeenContainer[]
}

interface Piece {
  readonly start: number
  readonly end: number
}

/**
 * The engine's list as ours. Only what differs from the last list is parsed: a server says the same of nearly all containers at nearly every look, and
 * JSON.parse is most of what a look costs. One element that makes no sense spoils it all: a partial list would be acted on. The problem is why.
 */
export function readList(body: Buffer, server: string, fleet: string, last: ReadList | null): Result<ReadList, string> {
  if (last?.body.equals(body) === true) return ok(last)
  const pieces = takeApart(body)
  const byPieces = readPieces(body, pieces, server, fleet, last)
  const seen = byPieces ?? readWhole(body, server, fleet, last)
  if (!seen.ok) return seen
  return ok({ body, pieces: byPieces === null ? [] : pieces, seen: seen.value, ...sorted(seen.value, last) })
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
  last: ReadList | null,
): Seen | null {
  if (pieces.length === 0) return null
  const seen: SeenContainer[] = []
  const byId = new Map(last?.seen.map(({ id }, index) => [id, index]))
  // Where the last list goes on, if it goes on like this one.
  let index = 0
  for (const piece of pieces) {
    const same = last?.pieces[index]
    const known = last?.seen[index]
    if (same !== undefined && known !== undefined && sameBytes(body, piece, last?.body, same)) {
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

function sameBytes(a: Buffer, { start, end }: Piece, b: Buffer | undefined, other: Piece): boolean {
  return (
    b !== undefined && end - start === other.end - other.start && a.compare(b, other.start, other.end, start, end) === 0
  )
}

function readWhole(body: Buffer, server: string, fleet: string, last: ReadList | null): Seen {
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
function sorted(seen: readonly SeenContainer[], last: ReadList | null): ContainerList {
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
