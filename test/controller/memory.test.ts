import { describe, expect, it } from 'vitest'
import { memoryJournal } from '../../src/controller/index.js'
import type { Fact } from '../../src/controller/index.js'
import { Memory } from '../../src/controller/memory.js'
import { specOf } from '../rollout/builders.js'
import { problemOf, revisionOf, stackOf } from '../rollout/situation.js'

const revision = revisionOf('b')
const base = { atMs: 1, stack: 'shop', revision } as const
const fleet = { name: 'acme', servers: [], guards: { prune: 0.3, history: 'fast-forward' } } as const

const FACTS: readonly Fact[] = [
  { kind: 'revision-accepted', atMs: 1, revision, fleet, stacks: { shop: 'wanted' }, rewound: false },
  {
    kind: 'rollout-started',
    ...base,
    hash: 'wanted',
    direction: 'forward',
    fast: false,
    slots: 1,
    services: { web: 1 },
    from: null,
  },
  {
    kind: 'rollout-failed',
    ...base,
    hash: 'wanted',
    service: 'web',
    serviceHash: 'bad',
    scope: 'stack',
    problem: problemOf('REPLICA_UNHEALTHY'),
    then: 'rollback',
  },
]

const rejectedOf = (memory: Memory): readonly string[] =>
  (memory.state.stacks['shop']?.rejected ?? []).map(({ hash }) => hash)

describe('what a controller remembers', () => {
  it('is the same after a start, from facts and from what they were folded to', () => {
    const journal = memoryJournal({ controllerId: 'one' })
    const first = new Memory(journal, null, [], () => undefined)
    expect(first.record(FACTS)).toBe(true)
    expect(rejectedOf(first)).toEqual(['wanted'])
    const again = (): Memory => {
      const { snapshot, facts } = journal.load()
      return new Memory(journal, snapshot, facts, () => undefined)
    }
    expect(again().state).toEqual(first.state)
    first.compact()
    expect(journal.load().facts).toEqual([])
    expect(again().state).toEqual(first.state)
  })

  it('is nothing that the disk did not take: no fact, and no stack', () => {
    const told: Fact[] = []
    const journal = memoryJournal({ controllerId: 'one' })
    const memory = new Memory(journal, null, [], (fact) => void told.push(fact))
    const full = (): never => {
      throw Object.assign(new Error('full'), { problem: { code: 'STORE_FAILED', message: 'disk full' } })
    }
    Object.assign(journal, { append: full, putStack: full })
    const before = memory.state
    expect(memory.record(FACTS)).toBe(false)
    expect(memory.keep('wanted', stackOf([specOf({})]))).toBe(false)
    expect([memory.state, told, memory.problem?.code]).toEqual([before, [], 'STORE_FAILED'])
    expect(memory.stack('wanted')).toBeNull()
  })
})
