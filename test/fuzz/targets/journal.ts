import { describeFact, memoryJournal } from '../../../src/controller/index.js'
import type { Fact } from '../../../src/controller/index.js'
import { Memory } from '../../../src/controller/memory.js'
import { EMPTY_STATE, fold } from '../../../src/controller/state.js'
import type { Problem } from '../../../src/model/index.js'
import { isFact, isIntent, isInventory, isStack, readRow } from '../../../src/store/rows.js'
import { isState } from '../../../src/store/state-shape.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'
import { FACTS } from './facts.js'

const state = FACTS.reduce(fold, EMPTY_STATE)
const WORDS = ['kind', 'atMs', ...new Set(FACTS.flatMap((fact) => [fact.kind, ...Object.keys(fact)]))]

/** State after a journal that the store takes: nothing that got past its door may stop a controller from starting. */
function remember(snapshot: unknown, facts: readonly Fact[]): unknown {
  const memory = new Memory(memoryJournal({ controllerId: 'c' }), snapshot, facts, () => undefined)
  memory.record(FACTS)
  memory.compact()
  if (memory.problem !== null) throw problem(memory.problem)
  return [memory.state, facts.map(describeFact)]
}

function problem(what: Problem): Error {
  return new Error(`the journal could not be written: ${what.message}`)
}

export const JOURNAL_TARGETS: readonly Target[] = [
  textTarget({
    name: 'journal-fact',
    about: 'rows of facts, as a broken disk or another release may leave them',
    samples: FACTS.map((fact) => JSON.stringify(fact)),
    words: WORDS,
    isJson: true,
    hasOldProblems: true,
    quick: 3_000,
    read: (json) => remember(state, [readRow('/data', 'facts', { id: 1, json }, isFact)]),
  }),
  textTarget({
    name: 'journal-snapshot',
    about: 'the snapshot of the state',
    samples: [JSON.stringify(state), '{}'],
    words: [
      ...WORDS,
      ...Object.keys(EMPTY_STATE),
      ...Object.values(state.stacks).flatMap((stack) => Object.keys(stack)),
    ],
    isJson: true,
    hasOldProblems: true,
    quick: 1_500,
    read: (json) => remember(readRow('/data', 'snapshot', { id: 1, json }, isState), []),
  }),
  textTarget({
    name: 'journal-other-rows',
    about: 'rows of intents, inventories and stacks',
    samples: [
      JSON.stringify({
        opId: 1,
        atMs: 1,
        action: { kind: 'remove', server: 'lon-1', stack: 'shop', containerId: 'c', slot: {} },
      }),
      JSON.stringify({
        server: 'lon-1',
        engineId: 'e',
        replicas: [{ containerId: 'c', slot: { stack: 's', service: 'w', key: '1' } }],
      }),
      JSON.stringify({ name: 'shop', path: 'p', services: [], networks: [], volumes: [] }),
    ],
    words: WORDS,
    isJson: true,
    quick: 2_000,
    read(json) {
      const row = { id: 1, json }
      return [isIntent, isInventory, isStack].map((isValid) => {
        try {
          return readRow('/data', 'rows', row, isValid as (value: unknown) => value is unknown)
        } catch (error) {
          if (error instanceof Error && 'problem' in error) return error.problem
          throw error
        }
      })
    },
  }),
]
