import SqliteDatabase from 'better-sqlite3'
import { openDatabase } from './open-database.js'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { touchPrivate } from './private-files.js'

/**
 * Holds the data directory for one controller. An open exclusive transaction on a database of its own is a lock of the operating system:
 * it ends with the process, however that ends, and leaves the journal itself free to be read by others.
 * Problems: CONTROLLER_RUNNING, naming the process that holds it.
 */
export function lockDataDir(dir: string): Result<() => void> {
  const path = join(dir, 'controller.lock')
  const pidPath = join(dir, 'controller.pid')
  touchPrivate(path)
  const db = openDatabase(path, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (!isBusy(error)) throw error
    return fail({
      code: 'CONTROLLER_RUNNING',
      message: `a controller${holderOf(pidPath)} uses ${dir}; stop it first, or name another data directory`,
      next: { kind: 'wait', until: 'the other controller has ended' },
    })
  }
  touchPrivate(pidPath)
  writeFileSync(pidPath, `${process.pid}\n`)
  return ok(() => db.close())
}

function isBusy(error: unknown): boolean {
  return error instanceof SqliteDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY')
}

function holderOf(pidPath: string): string {
  try {
    const pid = /^\d{1,10}$/.exec(readFileSync(pidPath, 'utf8').trim())?.[0]
    return pid === undefined ? '' : ` (process ${pid})`
  } catch {
    return ''
  }
}
