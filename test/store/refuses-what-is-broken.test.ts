import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keep, openDatabase, setPragma } from '../../src/store/open-database.js'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Problem } from '../../src/model/index.js'
import { StoreError } from '../../src/store/index.js'
import { failure, freshDir, intent, inventory, lost, open, refusal, stack } from './open.js'

/** A closed journal with something in every table. */
function filled(): string {
  const dir = freshDir()
  const journal = open(dir)
  journal.append([lost('before')])
  journal.snapshot({ ok: true }, [])
  for (let i = 0; i < 200; i++) journal.append([lost(`server-${i}-${'x'.repeat(200)}`)])
  journal.intend([intent(1)])
  journal.putInventory(inventory('lon-1'))
  journal.putStack('h1', stack('shop'))
  journal.close()
  return dir
}

function sql(dir: string, statement: string, ...values: unknown[]): void {
  const db = openDatabase(join(dir, 'journal.db'), {})
  keep(db.prepare(statement)).run(...values)
  db.close()
}

function expectRefused(problem: Problem, dir: string): void {
  expect(problem.code).toBe('STORE_FAILED')
  expect(problem.message).toContain(dir)
  expect(problem.next?.kind).toBe('stalled')
}

it.each<[string, (path: string) => void]>([
  ['text', (path) => writeFileSync(path, 'this is no database, whatever its name says'.repeat(100))],
  ['a file cut in half', (path) => truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096)],
  [
    'a page of noise',
    (path) => {
      const bytes = readFileSync(path)
      bytes.fill(0xa5, 4096 * 2, 4096 * 5)
      writeFileSync(path, bytes)
    },
  ],
])('refuses %s for a journal, says what to do, and leaves it as it is', (_what, damage) => {
  const dir = filled()
  const path = join(dir, 'journal.db')
  damage(path)
  const before = readFileSync(path)
  const problem = refusal(dir)
  expectRefused(problem, dir)
  expect(problem.message).toContain(`move ${dir} away`)
  expect(readFileSync(path).equals(before)).toBe(true)
  // The lock is free again.
  expectRefused(refusal(dir), dir)
  expectRefused(refusal(dir, { readOnly: true }), dir)
})

it('refuses a journal of a newer release, and a database of another program', () => {
  const dir = filled()
  const db = openDatabase(join(dir, 'journal.db'), {})
  setPragma(db, 'user_version = 99')
  db.close()
  expect(refusal(dir).message).toContain('newer Slipway (schema 99')
  const foreign = freshDir()
  sql(foreign, 'CREATE TABLE other (x)')
  expect(refusal(foreign).message).toContain('another program')
})

const GOOD = '{"kind":"server-lost","atMs":1,"server":"a"}'

it.each<[string, string, unknown[]]>([
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"server-lo']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['null']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"from-the-future","atMs":1}']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"toString","atMs":1}']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"server-lost","atMs":"1"}']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"server-lost","atMs":9e15,"server":"a"}']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"server-lost","atMs":1}']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"stack-adopted","atMs":1,"stack":"shop"}']],
  ['facts', 'UPDATE facts SET json = ? WHERE seq = 7', ['{"kind":"commanded","atMs":1,"command":{"kind":"toString"}}']],
  ['intents', 'UPDATE intents SET json = ?', [GOOD]],
  ['inventories', 'UPDATE inventories SET json = ?', ['{"server":"lon-1","engineId":"E","replicas":[1]}']],
  ['snapshot', 'UPDATE snapshot SET json = ?', ['[]']],
  ['snapshot', 'UPDATE snapshot SET json = ?', ['{"approved":{}}']],
  ['snapshot', 'UPDATE snapshot SET json = ?', ['{"stacks":[[]]}']],
  ['snapshot', 'UPDATE snapshot SET json = ?', ['{"accepted":{"atMs":1}}']],
  ['snapshot', 'UPDATE snapshot SET json = ?', ['{"stacks":{"shop":{"desired":{"revision":{}}}}}']],
  ['snapshot', 'UPDATE snapshot SET json = ?', ['{"held":9e15}']],
])('names the row of %s that is broken: %s %j', (table, statement, values) => {
  const dir = filled()
  sql(dir, statement, ...values)
  const problem = failure(() => open(dir).load())
  expectRefused(problem, dir)
  expect(problem.message).toMatch(new RegExp(`row \\S+ of ${table} `))
})

it('names a broken stack when it is asked for, and reads the others', () => {
  const dir = filled()
  const journal = open(dir)
  journal.putStack('h2', stack('blog'))
  journal.close()
  sql(dir, `UPDATE stacks SET json = '{"name":"shop"}' WHERE hash = 'h1'`)
  const again = open(dir)
  expect(failure(() => again.stack('h1')).message).toContain('row h1 of stacks')
  expect(again.stack('h2')).toEqual(stack('blog'))
})

it('throws nothing but StoreError at load, whatever stands in a row', () => {
  const dir = filled()
  fc.assert(
    fc.property(
      fc.constantFrom('facts', 'intents', 'inventories', 'snapshot'),
      fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .jsonValue()
          .map((value) => JSON.stringify({ kind: 'server-lost', atMs: 1, opId: 1, action: value, replicas: value })),
      ),
      (table, json) => {
        sql(dir, `UPDATE ${table} SET json = ?`, json)
        const journal = open(dir)
        try {
          journal.load()
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError)
        } finally {
          journal.close()
        }
      },
    ),
    { numRuns: 60 },
  )
})

it('writes a call whole or not at all when the disk is full, and goes on when there is room', () => {
  const dir = freshDir()
  const small = open(dir, { limits: { maxBytes: 200_000 } })
  const batch = (i: number) => Array.from({ length: 20 }, (_, j) => lost(`${i}-${j}-${'x'.repeat(500)}`))
  let written = 0
  const problem = failure(() => {
    for (;;) {
      small.append(batch(written))
      written += 1
    }
  })
  expectRefused(problem, dir)
  expect(problem.message).toContain('no space left')
  expect(small.load().facts).toHaveLength(written * 20)
  expect(failure(() => small.intend(Array.from({ length: 2000 }, (_, i) => intent(i)))).code).toBe('STORE_FAILED')
  expect(small.load().openIntents).toEqual([])
  small.close()
  const roomy = open(dir)
  roomy.append(batch(written))
  expect(roomy.load().facts).toHaveLength((written + 1) * 20)
})

it('says that another program holds the database, and writes again when it lets go', () => {
  const dir = freshDir()
  const journal = open(dir)
  const other = openDatabase(join(dir, 'journal.db'), {})
  other.exec('BEGIN IMMEDIATE')
  expect(failure(() => journal.append([lost('a')])).message).toContain('another program')
  other.exec('ROLLBACK')
  other.close()
  journal.append([lost('a')])
  expect(journal.load().facts).toEqual([lost('a')])
})

it('says that a data directory cannot be made where a file stands, or a folder where the database belongs', () => {
  const dir = freshDir()
  writeFileSync(join(dir, 'file'), '')
  for (const path of [join(dir, 'file'), join(dir, 'file', 'deeper')]) expectRefused(refusal(path), path)
  mkdirSync(join(dir, 'taken', 'journal.db'), { recursive: true })
  expectRefused(refusal(join(dir, 'taken')), dir)
})
