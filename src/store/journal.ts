import { keep, openDatabase, readPragma, setPragma } from './open-database.js'
import type { Database } from 'better-sqlite3'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Fact, HistoryQuery, Intent, Inventory, Journal, JournalContent, Outcome } from '../controller/index.js'
import { fail, invariant, ok } from '../model/index.js'
import type { Result, Stack } from '../model/index.js'
import { lockDataDir } from './controller-lock.js'
import { makePrivateDir, touchPrivate } from './private-files.js'
import { FACT_KINDS, addressOf, isFact, isIntent, isInventory, isStack, readRow } from './rows.js'
import { isState } from './state-shape.js'
import type { JsonRow } from './rows.js'
import { checkSchema, migrate } from './schema.js'
import { prepareStatements } from './statements.js'
import type { Statements } from './statements.js'
import { StoreError, damaged, storeError, storeErrorOf } from './store-error.js'

/** Bounds of the journal. */
export interface JournalLimits {
  /** Facts that a snapshot covers are kept for reading, the newest this many. */
  readonly historyFacts: number
  /** Of the database file; beyond it, writing fails as on a full disk. */
  readonly maxBytes: number
  /** Facts that one question returns. */
  readonly maxHistory: number
}

export const JOURNAL_LIMITS: JournalLimits = Object.freeze({
  historyFacts: 10_000,
  maxBytes: 2 * 1024 * 1024 * 1024,
  maxHistory: 10_000,
})

export interface JournalOptions {
  /** The data directory; made when missing, for this user only. */
  readonly dir: string
  /** Reads beside a running controller, and takes no lock. Every call that writes throws. Default false. */
  readonly readOnly?: boolean
  readonly limits?: Partial<JournalLimits>
}

/** Another program may look at the file; it is not waited for longer than this. */
const BUSY_TIMEOUT_MS = 1_000

/**
 * Opens the journal in a data directory and holds the directory until `close`. Every call is one transaction, on the disk when it
 * returns; one that fails throws StoreError and has changed nothing.
 * Problems: CONTROLLER_RUNNING; STORE_FAILED when the directory cannot be used, or the database is damaged, newer or not ours;
 * CONTROLLER_ABSENT when there is nothing to read.
 */
export function sqliteJournal(options: JournalOptions): Result<Journal> {
  const { dir } = options
  try {
    return options.readOnly === true ? openForReading(options) : openForWriting(options)
  } catch (error) {
    const known = storeErrorOf(error, dir)
    if (known instanceof StoreError) return fail(known.problem)
    throw known
  }
}

function openForWriting(options: JournalOptions): Result<Journal> {
  const { dir } = options
  makePrivateDir(dir)
  const lock = lockDataDir(dir)
  if (!lock.ok) return lock
  try {
    const path = join(dir, 'journal.db')
    touchPrivate(path)
    const db = openDatabase(path, { timeout: BUSY_TIMEOUT_MS })
    return opened(db, options, lock.value, () => {
      setPragma(db, 'journal_mode = WAL')
      // An intent must be on the disk, not on its way there, before its call goes out.
      setPragma(db, 'synchronous = FULL')
      setPragma(db, 'journal_size_limit = 16777216')
      migrate(db, dir)
    })
  } catch (error) {
    lock.value()
    throw error
  }
}

function openForReading(options: JournalOptions): Result<Journal> {
  const { dir } = options
  const path = join(dir, 'journal.db')
  if (!existsSync(path))
    return fail({
      code: 'CONTROLLER_ABSENT',
      message: `there is no journal in ${dir}; start a controller there, or name its data directory`,
    })
  const db = openDatabase(path, { readonly: true, timeout: BUSY_TIMEOUT_MS })
  return opened(
    db,
    options,
    () => undefined,
    () => {
      if (checkSchema(db, dir) === 0) throw storeError(dir, 'is empty', 'start a controller there')
    },
  )
}

function opened(db: Database, options: JournalOptions, release: () => void, prepare: () => void): Result<Journal> {
  try {
    prepare()
    const limits: JournalLimits = { ...JOURNAL_LIMITS, ...options.limits }
    const pageSize = Number(readPragma(db, 'page_size'))
    setPragma(db, `max_page_count = ${Math.max(1, Math.floor(limits.maxBytes / pageSize))}`)
    return ok(new SqliteJournal(db, options, limits, release))
  } catch (error) {
    db.close()
    throw error
  }
}

class SqliteJournal implements Journal {
  readonly controllerId: string
  readonly #db: Database
  readonly #dir: string
  readonly #isReadOnly: boolean
  readonly #limits: JournalLimits
  readonly #statements: Statements
  readonly #release: () => void
  /** Hashes of what the inventories table holds: an unchanged inventory costs no write. */
  readonly #inventories = new Map<string, string>()

  constructor(db: Database, options: JournalOptions, limits: JournalLimits, release: () => void) {
    this.#db = db
    this.#dir = options.dir
    this.#isReadOnly = options.readOnly === true
    this.#limits = limits
    this.#statements = keep(prepareStatements(db))
    this.#release = release
    const id = this.#statements.controllerId.get()
    if (id === undefined) throw damaged(options.dir, 'it has no controller id')
    this.controllerId = id
  }

  load(): JournalContent {
    return this.#read(() => {
      const row = this.#statements.snapshot.get()
      const inventories = this.#statements.inventories.all()
      for (const { id, json } of inventories) this.#inventories.set(id, digest(json))
      return {
        snapshot: row === undefined ? null : this.#row('snapshot', row, isState),
        facts: this.#statements.factsAfter.all(row?.seq ?? 0).map((fact) => this.#row('facts', fact, isFact)),
        inventories: inventories.map((inventory) => this.#row('inventories', inventory, isInventory)),
        openIntents: this.#statements.openIntents.all().map((intent) => this.#row('intents', intent, isIntent)),
      }
    })
  }

  append(facts: readonly Fact[]): void {
    if (facts.length === 0) return
    this.#write(() => {
      for (const fact of facts) {
        const { stack, service } = addressOf(fact)
        this.#statements.addFact.run(fact.atMs, fact.kind, stack, service, JSON.stringify(fact))
      }
    })
  }

  intend(intents: readonly Intent[]): void {
    if (intents.length === 0) return
    this.#write(() => {
      for (const intent of intents) {
        const { changes } = this.#statements.addIntent.run(intent.opId, intent.atMs, JSON.stringify(intent))
        invariant(changes === 1, `operation ${intent.opId} is not open when it is intended`)
      }
    })
  }

  settle(outcomes: readonly Outcome[]): void {
    if (outcomes.length === 0) return
    this.#write(() => {
      for (const { opId, atMs, result, problem } of outcomes)
        this.#statements.settleIntent.run(atMs, result, problem === null ? null : JSON.stringify(problem), opId)
    })
  }

  putInventory(inventory: Inventory): void {
    const json = JSON.stringify(inventory)
    const hash = digest(json)
    if (this.#inventories.get(inventory.server) === hash) return
    this.#write(() => this.#statements.putInventory.run(inventory.server, json))
    this.#inventories.set(inventory.server, hash)
  }

  dropInventory(server: string): void {
    this.#write(() => this.#statements.dropInventory.run(server))
    this.#inventories.delete(server)
  }

  putStack(hash: string, stack: Stack): void {
    if (this.#read(() => this.#statements.stack.get(hash)) !== undefined) return
    this.#write(() => this.#statements.putStack.run(hash, JSON.stringify(stack)))
  }

  stack(hash: string): Stack | undefined {
    return this.#read(() => {
      const row = this.#statements.stack.get(hash)
      return row === undefined ? undefined : this.#row('stacks', row, isStack)
    })
  }

  snapshot(state: unknown, stackHashesInUse: readonly string[]): void {
    const json = JSON.stringify(state)
    this.#write(() => {
      this.#statements.putSnapshot.run(this.#statements.newestSeq.get() ?? 0, json)
      this.#statements.forgetStacks.run(JSON.stringify(stackHashesInUse))
      this.#statements.forgetFacts.run(this.#limits.historyFacts)
      this.#statements.forgetIntents.run()
    })
  }

  history({ stack, service, limit }: HistoryQuery): readonly Fact[] {
    const bounded = Math.max(0, Math.min(Math.floor(limit), this.#limits.maxHistory))
    const query = { stack: stack ?? null, service: service ?? null, kinds: HISTORY_KINDS, limit: bounded }
    return this.#read(() => this.#statements.history.all(query).map((row) => this.#row('facts', row, isFact)))
  }

  close(): void {
    this.#db.close()
    this.#release()
  }

  #row<T>(table: string, row: JsonRow, isValid: (value: unknown) => value is T): T {
    return readRow(this.#dir, table, row, isValid)
  }

  #write(work: () => unknown): void {
    invariant(!this.#isReadOnly, 'a journal that was opened for reading is not written')
    this.#guard(() => this.#db.transaction(work).immediate())
  }

  /** One view of the data, however much is written beside it meanwhile. */
  #read<T>(work: () => T): T {
    return this.#guard(() => this.#db.transaction(work).deferred())
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw storeErrorOf(error, this.#dir)
    }
  }
}

const HISTORY_KINDS = JSON.stringify(
  Object.keys(FACT_KINDS).filter((kind) => FACT_KINDS[kind as Fact['kind']] === 'history'),
)

function digest(text: string): string {
  return createHash('sha1').update(text).digest('base64')
}
