import type { Problem } from '../model/index.js'

/** The journal could not be written or read. Nothing was half written; what depends on the row must not be done. */
export class StoreError extends Error {
  readonly problem: Problem

  constructor(message: string, remedy: string) {
    super(message)
    this.problem = { code: 'STORE_FAILED', message: `${message}; ${remedy}`, next: { kind: 'stalled', remedy } }
  }
}

/** What SQLite's codes mean to a person, and what to do. `{dir}` is the data directory. */
const MEANINGS: readonly (readonly [code: RegExp, meaning: string, remedy: string])[] = [
  [/^SQLITE_FULL/, 'has no space left', 'make room on the disk of {dir}'],
  [/^SQLITE_READONLY|^EROFS/, 'cannot be written: it is read-only', 'make {dir} writable for this user'],
  [/^SQLITE_(CANTOPEN|PERM|AUTH)|^EACCES|^EPERM/, 'cannot be opened', 'make {dir} and its files belong to this user'],
  [/^SQLITE_(BUSY|LOCKED)/, 'is held by another program', 'close what has it open'],
  [/^SQLITE_IOERR|^EIO/, 'cannot be reached: the disk reports an error', 'check the disk of {dir}'],
  [/^(ENOSPC|EDQUOT)/, 'has no space left', 'make room on the disk of {dir}'],
  [/^(ENOTDIR|EEXIST|EISDIR)/, 'cannot be made: something else is in the way', 'name another data directory'],
]

const MOVE_AWAY = 'move {dir} away: nothing restarts, only history and the memory of rejected revisions are lost'

/** An error of SQLite or of the file system as ours; a bug stays what it is. */
export function storeErrorOf(error: unknown, dir: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  const known = MEANINGS.find(([pattern]) => pattern.test(code))
  if (known !== undefined) return storeError(dir, `${known[1]} (${code})`, known[2])
  if ('syscall' in error)
    return storeError(dir, `cannot be used (${code})`, 'check {dir} and the limits of this process')
  return /^SQLITE_(CORRUPT|NOTADB|FORMAT|SCHEMA)/.test(code) ? damaged(dir, code) : error
}

export function damaged(dir: string, what: string): StoreError {
  return storeError(dir, `is damaged (${what})`, MOVE_AWAY)
}

export function storeError(dir: string, what: string, remedy: string): StoreError {
  return new StoreError(`the journal in ${dir} ${what}`, remedy.replace('{dir}', dir))
}
