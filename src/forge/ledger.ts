/**
 * What was told to whom: by key the digest of the last message that arrived. On the disk before it counts, so that a restart repeats nothing.
 * Deleting it repeats the newest messages once, which a forge takes for the same ones.
 */
export interface Ledger {
  get(key: string): string | undefined
  set(key: string, digest: string): void
}

/** Keys that are remembered; the oldest are forgotten. */
const KEPT = 2_000

/** Where the ledger's text is kept: a file of the data directory. */
export interface LedgerFile {
  read(): string | null
  /** Appears whole or not at all, and is on the disk when this returns. */
  write(text: string): void
}

/** The key of a plan that arrived where people review, by its pin. */
export function shownKey(pin: string): string {
  return `plan ${pin}`
}

export function openLedger(file: LedgerFile): Ledger {
  const told = new Map(entriesOf(file.read()))
  return {
    get: (key) => told.get(key),
    set(key, digest) {
      if (told.get(key) === digest) return
      told.delete(key)
      told.set(key, digest)
      for (const oldest of told.keys()) {
        if (told.size <= KEPT) break
        told.delete(oldest)
      }
      file.write(JSON.stringify([...told], null, 0))
    },
  }
}

function entriesOf(text: string | null): readonly (readonly [string, string])[] {
  if (text === null) return []
  try {
    const value = JSON.parse(text) as unknown
    if (!Array.isArray(value)) return []
    return value.filter(
      (entry): entry is readonly [string, string] =>
        Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'string',
    )
  } catch {
    // Half a file of a disk that was full: the newest messages are told once more.
    return []
  }
}
