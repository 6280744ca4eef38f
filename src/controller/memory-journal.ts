import type { Stack } from '../model/index.js'
import type { Fact, Intent } from './facts.js'
import type { Inventory, Journal, JournalContent } from './ports.js'

/** What a journal in memory starts from. */
export interface MemoryJournalSeed {
  readonly controllerId: string
  readonly content?: JournalContent
  readonly stack?: (hash: string) => Stack | undefined
}

/** A journal that forgets at the end: for plans that must not write, and for tests. Starts from what a journal on disk says. */
export function memoryJournal(seed: MemoryJournalSeed): Journal {
  const content = seed.content ?? { snapshot: null, facts: [], inventories: [], openIntents: [] }
  const facts: Fact[] = [...content.facts]
  const stacks = new Map<string, Stack>()
  const inventories = new Map<string, Inventory>(content.inventories.map((inventory) => [inventory.server, inventory]))
  const open = new Map<number, Intent>(content.openIntents.map((intent) => [intent.opId, intent]))
  let snapshot: unknown = content.snapshot
  let folded = 0
  return {
    controllerId: seed.controllerId,
    load: () => ({
      snapshot,
      facts: facts.slice(folded),
      inventories: [...inventories.values()],
      openIntents: [...open.values()],
    }),
    append: (more) => void facts.push(...more),
    intend: (intents) => intents.forEach((intent) => open.set(intent.opId, intent)),
    settle: (outcomes) =>
      outcomes.forEach(({ opId, result }) => (result === 'unknown' ? undefined : open.delete(opId))),
    putInventory: (inventory) => void inventories.set(inventory.server, inventory),
    dropInventory: (server) => void inventories.delete(server),
    putStack: (hash, stack) => void stacks.set(hash, stack),
    stack: (hash) => stacks.get(hash) ?? seed.stack?.(hash),
    snapshot: (state) => {
      snapshot = JSON.parse(JSON.stringify(state)) as unknown
      folded = facts.length
    },
    history: ({ stack, service, limit }) =>
      facts
        .filter(
          (fact) =>
            (stack === undefined || ('stack' in fact && fact.stack === stack)) &&
            (service === undefined || ('service' in fact && fact.service === service)),
        )
        .slice(-limit)
        .reverse(),
    close: () => undefined,
  }
}
