import type { Fact, Intent, Journal } from '../../src/controller/index.js'
import type { CrashPoint, SimProcess } from './process.js'

/** How a disk fails; each call that writes, or only some. */
export interface DiskFaults {
  /** Writes are refused with this. */
  refusal: string | null
  /** This many more writes are refused, then it is over. */
  countdown: number
}

export interface JournalEvents {
  facts(facts: readonly Fact[]): void
  intended(intents: readonly Intent[]): void
  wrote(what: string): void
  failed(): void
}

/** The journal as one process has it: fails with its disk, can be killed around every write, and writes nothing once dead. */
export function tappedJournal(
  journal: Journal,
  process: SimProcess,
  faults: DiskFaults,
  events: JournalEvents,
): Journal {
  const refuse = (): void => {
    if (faults.refusal === null) return
    const message = faults.refusal
    if (faults.countdown > 0 && (faults.countdown -= 1) === 0) faults.refusal = null
    events.failed()
    throw Object.assign(new Error(message), { problem: { code: 'STORE_FAILED', message } })
  }
  const write = (before: CrashPoint | null, after: CrashPoint | null, about: string, run: () => void): boolean => {
    if (before !== null && !process.pass(before, about)) return false
    if (!process.isAlive) return false
    refuse()
    run()
    events.wrote(about)
    if (after !== null) process.pass(after, about)
    return true
  }
  return {
    controllerId: journal.controllerId,
    load: () => journal.load(),
    append: (facts) => {
      const run = (): void => {
        journal.append(facts)
        events.facts(facts)
      }
      write('before facts', 'after facts', facts.map((fact) => fact.kind).join(' '), run)
    },
    intend: (intents) => {
      const run = (): void => {
        journal.intend(intents)
        events.intended(intents)
      }
      write('before intent', 'after intent', intents.map(({ action }) => action.kind).join(' '), run)
    },
    settle: (outcomes) => void write('before outcome', 'after outcome', 'outcome', () => journal.settle(outcomes)),
    putInventory: (inventory) =>
      void write(null, null, `inventory ${inventory.server}`, () => journal.putInventory(inventory)),
    dropInventory: (server) => void write(null, null, 'no inventory', () => journal.dropInventory(server)),
    putStack: (hash, stack) => void write(null, null, 'stack', () => journal.putStack(hash, stack)),
    stack: (hash) => (process.isAlive ? journal.stack(hash) : undefined),
    snapshot: (state, inUse) => void write(null, null, 'snapshot', () => journal.snapshot(state, inUse)),
    history: (query) => journal.history(query),
    close: () => undefined,
  }
}
