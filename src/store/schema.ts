import type { Database } from 'better-sqlite3'
import { keep, readPragma, setPragma } from './open-database.js'
import { randomBytes } from 'node:crypto'
import { damaged, storeError } from './store-error.js'

/** "slip", in the file's header, so that no other program's database is taken for a journal. */
const APPLICATION_ID = 0x736c6970

/** Each entry takes the schema from its index to the next number. Never edited once released: add one. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE facts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, stack TEXT, service TEXT, json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX facts_of ON facts (stack, service, seq);
  CREATE TABLE intents (
    op INTEGER PRIMARY KEY, at REAL NOT NULL, json TEXT NOT NULL, settled_at REAL, result TEXT, problem TEXT
  ) STRICT;
  CREATE TABLE inventories (server TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
  CREATE TABLE stacks (hash TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
  CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, json TEXT NOT NULL) STRICT;
  `,
]

/** Brings a database to the newest schema, whole or not at all. Throws StoreError for one of a newer release or of another program. */
export function migrate(db: Database, dir: string): void {
  const version = checkSchema(db, dir)
  if (version === MIGRATIONS.length) return
  const upgrade = db.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) db.exec(step)
    if (version === 0)
      keep(db.prepare('INSERT INTO meta VALUES (?, ?)')).run('controllerId', randomBytes(8).toString('hex'))
    setPragma(db, `application_id = ${APPLICATION_ID}`)
    setPragma(db, `user_version = ${MIGRATIONS.length}`)
  })
  upgrade.immediate()
}

/** The schema's version; 0: an empty file. */
export function checkSchema(db: Database, dir: string): number {
  const version = Number(readPragma(db, 'user_version'))
  const owner = Number(readPragma(db, 'application_id'))
  const isEmpty = keep(db.prepare('SELECT count(*) FROM sqlite_master').pluck()).get() === 0
  if (isEmpty && version === 0) return 0
  if (owner !== APPLICATION_ID || version === 0)
    throw storeError(dir, 'is a database of another program', 'name another data directory')
  if (version > MIGRATIONS.length)
    throw storeError(
      dir,
      `was written by a newer Slipway (schema ${version}, this one knows ${MIGRATIONS.length})`,
      'update Slipway, or move {dir} away: nothing restarts, only history is lost',
    )
  const finding = readPragma(db, 'quick_check(1)')
  if (finding !== 'ok') throw damaged(dir, String(finding).split('\n', 1)[0] ?? '')
  return version
}
