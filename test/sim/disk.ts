import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fact, Intent, Inventory, Journal, JournalContent, Outcome } from '../../src/controller/index.js'
import type { Stack } from '../../src/model/index.js'
import type { sqliteJournal } from '../../src/store/index.js'

/** A data directory: opened by one process at a time, copied for a backup, thrown away. */
export interface Disk {
  /** By the store of whoever runs; what is in memory needs none. */
  open(store: typeof sqliteJournal): Journal
  backup(): () => void
  erase(): void
  dispose(): void
}

interface Rows {
  readonly id: string
  snapshot: string | null
  facts: string[]
  folded: number
  readonly inventories: Map<string, string>
  readonly intents: Map<number, string>
  readonly stacks: Map<string, string>
}

/** Facts that a snapshot covers and that stay readable. */
const HISTORY_KEPT = 200

/** Rows in memory that obey the journal's contract: what is read was written out as text, and nothing is shared with the process that wrote it. */
export class MemoryDisk implements Disk {
  private rows: Rows
  private made = 0

  constructor() {
    this.rows = this.empty()
  }

  private empty(): Rows {
    this.made += 1
    const none = {
      inventories: new Map<string, string>(),
      intents: new Map<number, string>(),
      stacks: new Map<string, string>(),
    }
    return { id: `c${this.made}`, snapshot: null, facts: [], folded: 0, ...none }
  }

  erase(): void {
    this.rows = this.empty()
  }

  backup(): () => void {
    const copy = copied(this.rows)
    return () => {
      this.rows = copied(copy)
    }
  }

  dispose(): void {
    this.erase()
  }

  /** How much is kept, for bounds. */
  size(): { readonly facts: number; readonly stacks: number; readonly intents: number } {
    const { facts, stacks, intents } = this.rows
    return { facts: facts.length, stacks: stacks.size, intents: intents.size }
  }

  open(): Journal {
    const { rows } = this
    return {
      controllerId: rows.id,
      load: () => loaded(rows),
      append: (facts) => rows.facts.push(...facts.map((fact) => JSON.stringify(fact))),
      intend: (intents) => {
        for (const intent of intents) {
          if (rows.intents.has(intent.opId)) throw new Error(`operation ${intent.opId} is open already`)
          rows.intents.set(intent.opId, JSON.stringify(intent))
        }
      },
      settle: (outcomes) => settle(rows, outcomes),
      putInventory: (inventory) => rows.inventories.set(inventory.server, JSON.stringify(inventory)),
      dropInventory: (server) => rows.inventories.delete(server),
      putStack: (hash, stack) => (rows.stacks.has(hash) ? undefined : rows.stacks.set(hash, JSON.stringify(stack))),
      stack: (hash) => parsed<Stack>(rows.stacks.get(hash)),
      snapshot: (state, inUse) => snapshot(rows, state, inUse),
      history: ({ limit }) =>
        rows.facts
          .slice(-limit)
          .reverse()
          .map((row) => JSON.parse(row) as Fact),
      close: () => undefined,
    }
  }
}

function copied(rows: Rows): Rows {
  const { inventories, intents, stacks } = rows
  const maps = { inventories: new Map(inventories), intents: new Map(intents), stacks: new Map(stacks) }
  return { ...rows, ...maps, facts: [...rows.facts] }
}

function loaded(rows: Rows): JournalContent {
  return {
    snapshot: parsed<unknown>(rows.snapshot ?? undefined) ?? null,
    facts: rows.facts.slice(rows.folded).map((row) => JSON.parse(row) as Fact),
    inventories: [...rows.inventories.values()].map((row) => JSON.parse(row) as Inventory),
    openIntents: [...rows.intents.values()].map((row) => JSON.parse(row) as Intent),
  }
}

function settle(rows: Rows, outcomes: readonly Outcome[]): void {
  for (const { opId, result } of outcomes) if (result !== 'unknown') rows.intents.delete(opId)
}

function snapshot(rows: Rows, state: unknown, inUse: readonly string[]): void {
  rows.snapshot = JSON.stringify(state)
  rows.facts = rows.facts.slice(-HISTORY_KEPT)
  rows.folded = rows.facts.length
  for (const hash of [...rows.stacks.keys()]) if (!inUse.includes(hash)) rows.stacks.delete(hash)
}

function parsed<T>(row: string | undefined): T | undefined {
  return row === undefined ? undefined : (JSON.parse(row) as T)
}

/** The real store in a directory of its own. */
export class SqliteDisk implements Disk {
  private readonly dir = mkdtempSync(join(tmpdir(), 'slipway-sim-'))
  private backups = 0

  open(store: typeof sqliteJournal): Journal {
    const opened = store({ dir: this.data() })
    if (!opened.ok) throw new Error(opened.problem.message)
    return opened.value
  }

  private data(): string {
    return join(this.dir, 'data')
  }

  backup(): () => void {
    this.backups += 1
    const copy = join(this.dir, `backup-${this.backups}`)
    cpSync(this.data(), copy, { recursive: true })
    return () => {
      this.erase()
      cpSync(copy, this.data(), { recursive: true })
    }
  }

  erase(): void {
    rmSync(this.data(), { recursive: true, force: true })
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
