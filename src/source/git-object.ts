import { createHash } from 'node:crypto'
import { GitFailure } from './failure.js'

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag'

export interface GitObject {
  readonly type: ObjectType
  readonly content: Uint8Array
}

export interface Commit {
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: string
  readonly committedAtMs: number
  readonly subject: string
}

export interface TreeItem {
  readonly name: string
  readonly kind: 'file' | 'symlink' | 'submodule' | 'directory'
  /** As Git writes it: `100644`, `100755`, `40000`… */
  readonly mode: string
  readonly oid: string
}

/** The name that Git gives to an object: SHA-1 of its header and content. */
export function oidOf({ type, content }: GitObject): string {
  return createHash('sha1').update(`${type} ${content.byteLength}\0`).update(content).digest('hex')
}

export function malformed(oid: string, what: string): GitFailure {
  return new GitFailure('GIT_CORRUPT', `object ${oid} is ${what}; the last good revision stays`)
}

export function parseCommit(oid: string, { type, content }: GitObject): Commit {
  if (type !== 'commit') throw malformed(oid, `a ${type} where a commit is expected`)
  const text = Buffer.from(content).toString('utf8')
  const end = text.indexOf('\n\n')
  const lines = (end < 0 ? text : text.slice(0, end)).split('\n')
  const tree = /^tree ([0-9a-f]{40})$/.exec(lines[0] ?? '')?.[1]
  const parents = parentsOf(lines)
  const committer = /^(.*?) ?<.*> (-?\d{1,15}) [+-]\d{4}$/.exec(header(lines, 'committer'))
  if (tree === undefined || committer === null) throw malformed(oid, 'a commit that does not parse')
  return {
    tree,
    parents,
    author: personOf(header(lines, 'author')),
    committedAtMs: Number(committer[2]) * 1000,
    subject: end < 0 ? '' : subjectOf(text.slice(end + 2)),
  }
}

function parentsOf(lines: readonly string[]): readonly string[] {
  const parents: string[] = []
  for (const line of lines.slice(1)) {
    const parent = /^parent ([0-9a-f]{40})$/.exec(line)?.[1]
    if (parent === undefined) break
    parents.push(parent)
  }
  return parents
}

function header(lines: readonly string[], name: string): string {
  return lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? ''
}

/** The name, or the address of a person who gave none. Shown to people: control characters are dropped. */
function personOf(line: string): string {
  const match = /^(.*?)\s*<([^>]*)>/.exec(line)
  const shown = match === null ? line : match[1] !== '' ? match[1] : match[2]
  return clean(shown ?? '', 200)
}

function subjectOf(message: string): string {
  return clean(message.trimStart().split(/\n\s*\n/, 1)[0] ?? '', 300)
}

function clean(text: string, length: number): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, length)
}

/** What an annotated tag points to. */
export function parseTag(oid: string, { content }: GitObject): string {
  const target = /^object ([0-9a-f]{40})\n/.exec(Buffer.from(content.subarray(0, 64)).toString('latin1'))?.[1]
  if (target === undefined) throw malformed(oid, 'a tag that does not parse')
  return target
}

/** Names are held to Git's own rules: none leads elsewhere, none is there twice. */
export function parseTree(oid: string, { type, content }: GitObject): readonly TreeItem[] {
  if (type !== 'tree') throw malformed(oid, `a ${type} where a tree is expected`)
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const items: TreeItem[] = []
  const names = new Set<string>()
  for (let at = 0; at < bytes.byteLength;) {
    const nul = bytes.indexOf(0, at)
    if (nul < 0 || nul + 21 > bytes.byteLength) throw malformed(oid, 'a tree that ends in the middle')
    const match = /^([0-7]{5,6}) ([^/]+)$/s.exec(bytes.toString('utf8', at, nul))
    const mode = (match?.[1] ?? '').replace(/^0/, '')
    const kind = KINDS[mode]
    const name = match?.[2]
    if (kind === undefined || name === undefined || isReserved(name) || names.has(name))
      throw malformed(oid, 'a tree with an entry that Git does not allow')
    names.add(name)
    items.push({ name, kind, mode, oid: bytes.toString('hex', nul + 1, nul + 21) })
    at = nul + 21
  }
  return items
}

/** Modes that Git writes, and the group-writable one that it used to write. */
const KINDS: Readonly<Record<string, TreeItem['kind']>> = {
  '40000': 'directory',
  '100644': 'file',
  '100755': 'file',
  '100664': 'file',
  '120000': 'symlink',
  '160000': 'submodule',
}

function isReserved(name: string): boolean {
  return name === '.' || name === '..' || name.toLowerCase() === '.git'
}
