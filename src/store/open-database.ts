import SqliteDatabase from 'better-sqlite3'
import type { Database, Options } from 'better-sqlite3'

/**
 * Databases and statements that were opened, for as long as the process lives. Under Node 24 one that the garbage collector takes ends the process:
 * better-sqlite3 12.11 unregisters it where there is no environment (`Assertion failed: (env) != nullptr`; 300,000 statements in a loop show it).
 * A process opens two or three databases with a few dozen statements; nothing here may prepare one for each call.
 */
const kept: object[] = []

export function openDatabase(path: string, options: Options): Database {
  return keep(new SqliteDatabase(path, options))
}

export function keep<T extends object>(opened: T): T {
  kept.push(opened)
  return opened
}

/** Sets a pragma. `Database.pragma` would prepare a statement that nobody keeps. */
export function setPragma(db: Database, setting: string): void {
  db.exec(`PRAGMA ${setting}`)
}

export function readPragma(db: Database, name: string): unknown {
  return keep(db.prepare(`PRAGMA ${name}`).pluck()).get()
}
