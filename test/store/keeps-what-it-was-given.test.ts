import { statSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Fact, Outcome } from '../../src/controller/index.js'
import { freshDir, intent, inventory, jobFinished, lost, open, rolledOut, stack } from './open.js'

it('starts empty, with an id that stays', () => {
  const dir = join(freshDir(), 'deep', 'data')
  const first = open(dir)
  expect(first.load()).toEqual({ snapshot: null, facts: [], inventories: [], openIntents: [] })
  expect(first.controllerId).toMatch(/^[0-9a-f]{16}$/)
  first.close()
  expect(open(dir).controllerId).toBe(first.controllerId)
})

it('is for its user alone', () => {
  const dir = join(freshDir(), 'data')
  const journal = open(dir)
  journal.append([lost('a')])
  expect((statSync(dir).mode & 0o777).toString(8)).toBe('700')
  for (const file of ['journal.db', 'journal.db-wal', 'journal.db-shm', 'controller.lock', 'controller.pid'])
    expect((statSync(join(dir, file)).mode & 0o777).toString(8)).toBe('600')
})

it('gives back facts in order, also to the next process', () => {
  const dir = freshDir()
  const journal = open(dir)
  const facts = [lost('a', 5), jobFinished('shop', 'migrate'), lost('b', 3)]
  journal.append(facts.slice(0, 2))
  journal.append(facts.slice(2))
  journal.append([])
  expect(journal.load().facts).toEqual(facts)
  journal.close()
  expect(open(dir).load().facts).toEqual(facts)
})

it('gives back the snapshot and only the facts after it', () => {
  const journal = open(freshDir())
  journal.append([lost('before')])
  journal.snapshot({ stacks: { shop: { phase: 'idle' } } }, [])
  journal.append([lost('after')])
  expect(journal.load()).toMatchObject({ snapshot: { stacks: { shop: { phase: 'idle' } } }, facts: [lost('after')] })
  journal.snapshot({ newer: true }, [])
  expect(journal.load()).toMatchObject({ snapshot: { newer: true }, facts: [] })
})

it.each<[Outcome['result'], boolean]>([
  ['done', false],
  ['failed', false],
  ['observed', false],
  ['unknown', true],
])('an intent that ended %s is open: %s', (result, isOpen) => {
  const journal = open(freshDir())
  journal.intend([intent(1), intent(2)])
  journal.settle([{ opId: 1, atMs: 3, result, problem: { code: 'CALL_TIMEOUT', message: 'late' } }])
  expect(journal.load().openIntents).toEqual(isOpen ? [intent(1), intent(2)] : [intent(2)])
  journal.snapshot({}, [])
  expect(journal.load().openIntents).toEqual(isOpen ? [intent(1), intent(2)] : [intent(2)])
  journal.settle([{ opId: 1, atMs: 4, result: 'observed', problem: null }])
  expect(journal.load().openIntents).toEqual([intent(2)])
})

it('takes the number of a settled operation again, and never that of an open one', () => {
  const journal = open(freshDir())
  journal.intend([intent(1)])
  expect(() => journal.intend([intent(2), intent(1)])).toThrow('operation 1')
  expect(journal.load().openIntents).toEqual([intent(1)])
  journal.settle([{ opId: 1, atMs: 3, result: 'done', problem: null }])
  journal.intend([intent(1)])
  expect(journal.load().openIntents).toEqual([intent(1)])
})

it('keeps one inventory a server, and writes nothing when it is the same', () => {
  const dir = freshDir()
  const journal = open(dir)
  journal.putInventory(inventory('b'))
  journal.putInventory(inventory('a'))
  const size = (): number => statSync(join(dir, 'journal.db-wal')).size
  const before = size()
  journal.putInventory({ ...inventory('a') })
  expect(size()).toBe(before)
  journal.putInventory({ ...inventory('a'), engineId: 'other' })
  expect(size()).toBeGreaterThan(before)
  expect(journal.load().inventories).toEqual([{ ...inventory('a'), engineId: 'other' }, inventory('b')])
  journal.dropInventory('a')
  journal.putInventory({ ...inventory('a'), engineId: 'other' })
  expect(journal.load().inventories).toHaveLength(2)
})

it('keeps stacks until a snapshot names them no longer', () => {
  const journal = open(freshDir())
  journal.putStack('h1', stack('shop'))
  journal.putStack('h2', stack('blog'))
  journal.putStack('h1', stack('shop'))
  journal.snapshot({}, ['h2', 'gone'])
  expect(journal.stack('h1')).toBeUndefined()
  expect(journal.stack('h2')).toEqual(stack('blog'))
})

it('forgets old facts at a snapshot, and never one that is not in it', () => {
  const journal = open(freshDir(), { limits: { historyFacts: 3 } })
  for (let i = 0; i < 10; i++) journal.append([lost(`s${i}`, i)])
  expect(journal.load().facts).toHaveLength(10)
  journal.snapshot({}, [])
  expect(journal.history({ limit: 100 }).map((fact) => fact.atMs)).toEqual([9, 8, 7])
  for (let i = 10; i < 20; i++) journal.append([lost(`s${i}`, i)])
  expect(journal.load().facts).toHaveLength(10)
})

it('tells history newest first, of the fleet, a stack or a service, without the machinery', () => {
  const journal = open(freshDir())
  const removed = (name: string): Fact => ({
    kind: 'stack-removed',
    atMs: 9,
    stack: name,
    revision: { ref: 'main', sha: 'a'.repeat(40), author: 'Ada', committedAtMs: 0, subject: 's' },
  })
  const restart: Fact = {
    kind: 'commanded',
    atMs: 4,
    command: { kind: 'restart', stack: 'shop', service: 'web', reason: 'leak', by: 'ada' },
  }
  journal.append([rolledOut('shop'), jobFinished('shop', 'web'), jobFinished('shop', 'db'), removed('shop')])
  journal.append([removed('blog'), restart, lost('lon-1')])
  expect(journal.history({ limit: 2 })).toEqual([lost('lon-1'), restart])
  expect(journal.history({ stack: 'shop', service: 'web', limit: 9 })).toEqual([
    restart,
    removed('shop'),
    jobFinished('shop', 'web'),
  ])
  expect(journal.history({ stack: 'blog', limit: 9 })).toEqual([removed('blog')])
  expect(journal.history({ stack: 'shop', limit: 9 })).toHaveLength(4)
  expect(journal.history({ limit: 0 })).toEqual([])
  expect(journal.history({ limit: -1 })).toEqual([])
})

it('says after any sequence of calls what was said to it, as does the next process', () => {
  // Manifests that name anything `__proto__` are refused, and so is a journal that does.
  const stack = fc.string().filter((name) => !(name in Object.prototype))
  const call = fc.oneof(
    fc.record({ do: fc.constant('append' as const), facts: fc.array(stack, { maxLength: 3 }) }),
    fc.record({ do: fc.constant('intend' as const) }),
    fc.record({
      do: fc.constant('settle' as const),
      nth: fc.nat(5),
      result: fc.constantFrom('done', 'unknown', 'failed'),
    }),
    fc.record({ do: fc.constant('snapshot' as const), state: fc.dictionary(fc.string(), fc.jsonValue()) }),
    fc.record({ do: fc.constant('reopen' as const) }),
  )
  fc.assert(
    fc.property(fc.array(call, { maxLength: 25 }), (calls) => {
      const dir = freshDir()
      let journal = open(dir)
      let snapshot: unknown = null
      let facts: Fact[] = []
      let openOps: number[] = []
      let ops = 0
      for (const step of calls) {
        if (step.do === 'append') {
          const added = step.facts.map((server) => lost(server))
          journal.append(added)
          facts = [...facts, ...added]
        } else if (step.do === 'intend') {
          journal.intend([intent(++ops)])
          openOps = [...openOps, ops]
        } else if (step.do === 'settle') {
          const opId = openOps[step.nth]
          if (opId === undefined) continue
          journal.settle([{ opId, atMs: 1, result: step.result, problem: null }])
          if (step.result !== 'unknown') openOps = openOps.filter((op) => op !== opId)
        } else if (step.do === 'snapshot') {
          journal.snapshot(step.state, [])
          snapshot = JSON.parse(JSON.stringify(step.state))
          facts = []
        } else {
          journal.close()
          journal = open(dir)
        }
        expect(journal.load()).toEqual({ snapshot, facts, inventories: [], openIntents: openOps.map(intent) })
      }
      journal.close()
    }),
    { numRuns: 40 },
  )
})
