import type { Database } from 'better-sqlite3'

/** What was sent and got no clear answer is open still: only looking settles it. */
const OPEN = `result IS NULL OR result = 'unknown'`

/** Every statement of the journal, prepared once. */
export function prepareStatements(db: Database) {
  return {
    controllerId: db.prepare<[], string>(`SELECT value FROM meta WHERE key = 'controllerId'`).pluck(),

    addFact: db.prepare<[number, string, string | null, string | null, string]>(
      `INSERT INTO facts (at, kind, stack, service, json) VALUES (?, ?, ?, ?, ?)`,
    ),
    factsAfter: db.prepare<[number], { id: number; json: string }>(
      `SELECT seq AS id, json FROM facts WHERE seq > ? ORDER BY seq`,
    ),
    // Of a service: its own facts, and those of its whole stack.
    history: db.prepare<
      [{ stack: string | null; service: string | null; kinds: string; limit: number }],
      { id: number; json: string }
    >(
      `SELECT seq AS id, json FROM facts
       WHERE ($stack IS NULL OR stack = $stack)
         AND ($service IS NULL OR service = $service OR (service IS NULL AND stack = $stack))
         AND kind IN (SELECT value FROM json_each($kinds))
       ORDER BY seq DESC LIMIT $limit`,
    ),
    newestSeq: db.prepare<[], number>(`SELECT ifnull(max(seq), 0) FROM facts`).pluck(),
    forgetFacts: db.prepare<[number]>(
      `DELETE FROM facts WHERE seq <= (SELECT ifnull((SELECT seq FROM facts ORDER BY seq DESC LIMIT 1 OFFSET ?), 0))`,
    ),

    // A number that was settled may come again: a restarted controller counts on from the open ones.
    addIntent: db.prepare<[number, number, string]>(
      `INSERT INTO intents (op, at, json) VALUES (?, ?, ?)
       ON CONFLICT (op) DO UPDATE SET at = excluded.at, json = excluded.json, settled_at = NULL, result = NULL, problem = NULL
       WHERE NOT (${OPEN})`,
    ),
    settleIntent: db.prepare<[number, string, string | null, number]>(
      `UPDATE intents SET settled_at = ?, result = ?, problem = ? WHERE op = ? AND (${OPEN})`,
    ),
    openIntents: db.prepare<[], { id: number; json: string }>(
      `SELECT op AS id, json FROM intents WHERE ${OPEN} ORDER BY op`,
    ),
    forgetIntents: db.prepare<[]>(`DELETE FROM intents WHERE NOT (${OPEN})`),

    inventories: db.prepare<[], { id: string; json: string }>(
      `SELECT server AS id, json FROM inventories ORDER BY server`,
    ),
    putInventory: db.prepare<[string, string]>(
      `INSERT INTO inventories VALUES (?, ?) ON CONFLICT (server) DO UPDATE SET json = excluded.json`,
    ),
    dropInventory: db.prepare<[string]>(`DELETE FROM inventories WHERE server = ?`),

    stack: db.prepare<[string], { id: string; json: string }>(`SELECT hash AS id, json FROM stacks WHERE hash = ?`),
    putStack: db.prepare<[string, string]>(`INSERT OR IGNORE INTO stacks VALUES (?, ?)`),
    // The parameter is a JSON list of hashes.
    forgetStacks: db.prepare<[string]>(`DELETE FROM stacks WHERE hash NOT IN (SELECT value FROM json_each(?))`),

    snapshot: db.prepare<[], { id: number; seq: number; json: string }>(`SELECT id, seq, json FROM snapshot`),
    putSnapshot: db.prepare<[number, string]>(`INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?)`),
  } as const
}

export type Statements = ReturnType<typeof prepareStatements>
