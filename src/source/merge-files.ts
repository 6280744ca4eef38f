import { diff3Merge } from 'node-diff3'
import { compareText } from '../model/index.js'
import { oidOf } from './git-object.js'
import type { ListedFile } from './walk.js'

export type Files = ReadonlyMap<string, ListedFile>

/** A path that two sides changed in ways that do not go together. */
export interface Conflict {
  readonly path: string
  /** Line in the first side's file; null where it is not about lines. */
  readonly line: number | null
  readonly why: string
}

export interface MergedFiles {
  readonly files: Files
  /** Contents that neither side has, by their object ids. */
  readonly written: ReadonlyMap<string, Uint8Array>
  readonly conflicts: readonly Conflict[]
}

/** Comparing texts costs more than the number of pairs of equal lines in them. So many take a tenth of a second, and nothing else is done meanwhile. */
const PAIRS_MAX = 250_000
/** In all files of one merge: about a second. */
const ALL_PAIRS_MAX = 2_500_000
const CONFLICTS_MAX = 100

/**
 * What `theirs` changed since `base`, done to `ours`: file by file, and line by line where both changed one. Renames are a removal and a
 * new file, so a file that one side renamed and the other changed is a conflict. `pause` lets others have their turn.
 */
export async function mergeFiles(
  base: Files,
  ours: Files,
  theirs: Files,
  read: (oid: string) => Promise<Uint8Array>,
  pause: () => Promise<void> | undefined,
): Promise<MergedFiles> {
  let left = ALL_PAIRS_MAX
  const afford = (pairs: number): boolean => pairs <= Math.min(PAIRS_MAX, left) && (left -= pairs) >= 0
  const files = new Map<string, ListedFile>()
  const written = new Map<string, Uint8Array>()
  const conflicts: Conflict[] = []
  for (const path of [...new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])].sort(compareText)) {
    const sides = { base: base.get(path), ours: ours.get(path), theirs: theirs.get(path) }
    const simple = mergeSimply(sides)
    if (simple !== 'both') {
      if (simple !== undefined) files.set(path, simple)
      continue
    }
    await pause()
    const merged = await mergeContents(path, sides, read, afford)
    if ('why' in merged) conflicts.push(merged)
    else {
      files.set(path, merged.file)
      if (merged.content !== null) written.set(merged.file.oid, merged.content)
    }
    if (conflicts.length >= CONFLICTS_MAX) break
  }
  return { files, written, conflicts: [...conflicts, ...fileAndFolder(files)] }
}

interface Sides {
  readonly base: ListedFile | undefined
  readonly ours: ListedFile | undefined
  readonly theirs: ListedFile | undefined
}

/** Where one side left a file alone, the other has its way; `both`: both changed it. */
function mergeSimply({ base, ours, theirs }: Sides): ListedFile | undefined | 'both' {
  if (isSame(ours, theirs)) return ours
  if (isSame(base, ours)) return theirs
  if (isSame(base, theirs)) return ours
  return 'both'
}

function isSame(a: ListedFile | undefined, b: ListedFile | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode
}

async function mergeContents(
  path: string,
  { base, ours, theirs }: Sides,
  read: (oid: string) => Promise<Uint8Array>,
  afford: (pairs: number) => boolean,
): Promise<Conflict | { readonly file: ListedFile; readonly content: Uint8Array | null }> {
  const conflict = (why: string, line: number | null = null): Conflict => ({ path, line, why })
  if (ours === undefined || theirs === undefined) return conflict('one side changed it, the other removed it')
  if (ours.kind !== 'file' || theirs.kind !== 'file') return conflict('both sides changed what kind of thing it is')
  const mode = ours.mode === base?.mode ? theirs.mode : ours.mode
  if (ours.oid === theirs.oid) return { file: { ...ours, mode }, content: null }
  if (base === undefined) return conflict('both sides added it, with different contents')
  if (base.oid === ours.oid) return { file: { ...theirs, mode }, content: null }
  if (base.oid === theirs.oid) return { file: { ...ours, mode }, content: null }
  const texts = [await linesOf(read, ours), await linesOf(read, base), await linesOf(read, theirs)] as const
  const [mine, old, other] = texts
  if (mine === null || old === null || other === null) return conflict('both sides changed it, and it is no text')
  const { head, tail } = commonEnds([mine, old, other])
  const middle = (lines: readonly string[]): string[] => lines.slice(head, lines.length - tail)
  const [own, before, others] = [middle(mine), middle(old), middle(other)]
  if (!afford(pairs(before, own) + pairs(before, others))) return conflict('both sides changed it, and it is too large')
  const lines = mine.slice(0, head)
  for (const { ok, conflict: apart } of diff3Merge(own, before, others, { excludeFalseConflicts: true })) {
    if (apart !== undefined) return conflict('both sides changed the same lines', head + apart.aIndex + 1)
    for (const line of ok ?? []) lines.push(line)
  }
  const content = Buffer.from(lines.concat(mine.slice(mine.length - tail)).join(''), 'utf8')
  return { file: { kind: 'file', mode, oid: oidOf({ type: 'blob', content }) }, content }
}

/** How many lines all of them begin and end with. */
function commonEnds([first, ...rest]: readonly [readonly string[], ...(readonly string[])[]]): {
  readonly head: number
  readonly tail: number
} {
  const shortest = Math.min(first.length, ...rest.map(({ length }) => length))
  let [head, tail] = [0, 0]
  while (head < shortest && rest.every((lines) => lines[head] === first[head])) head += 1
  while (tail < shortest - head && rest.every((lines) => lines.at(-1 - tail) === first.at(-1 - tail))) tail += 1
  return { head, tail }
}

async function linesOf(
  read: (oid: string) => Promise<Uint8Array>,
  file: ListedFile,
): Promise<readonly string[] | null> {
  const bytes = Buffer.from(await read(file.oid))
  const text = bytes.toString('utf8')
  if (bytes.includes(0) || !Buffer.from(text, 'utf8').equals(bytes)) return null
  return text.split(/(?<=\n)/)
}

function pairs(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1)
  return b.reduce((sum, line) => sum + (counts.get(line) ?? 0), 0)
}

/** One side made a file where the other made a folder. */
function fileAndFolder(files: Files): readonly Conflict[] {
  const found = new Set<string>()
  for (const path of files.keys())
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
      if (files.has(path.slice(0, end))) found.add(path.slice(0, end))
  return [...found].sort(compareText).map((path) => ({ path, line: null, why: 'it is a file here and a folder there' }))
}
