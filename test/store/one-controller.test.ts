import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { Fact } from '../../src/controller/index.js'
import { freshDir, later, lost, open, refusal } from './open.js'

const SCRIPT = fileURLToPath(new URL('./journal-process.ts', import.meta.url))

interface Other {
  readonly process: ChildProcess
  readonly lines: AsyncIterator<string>
  kill(): Promise<void>
}

async function otherProcess(dir: string, mode: string): Promise<Other> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, dir, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  later(() => void kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('ready')
  return { process: child, lines, kill }
}

it('refuses a second controller in the same process, and lets the next one in after close', () => {
  const dir = freshDir()
  const first = open(dir)
  expect(refusal(dir)).toMatchObject({ code: 'CONTROLLER_RUNNING', next: { kind: 'wait' } })
  expect(refusal(dir).message).toContain(`process ${process.pid}`)
  first.close()
  open(dir)
})

it('refuses a second controller while another process lives, by its number, and not after it was killed', async () => {
  const dir = freshDir()
  const other = await otherProcess(dir, 'hold')
  const problem = refusal(dir)
  expect(problem.code).toBe('CONTROLLER_RUNNING')
  expect(problem.message).toContain(`process ${other.process.pid}`)
  await other.kill()
  open(dir).append([lost('mine')])
})

it('keeps every call that returned, whole, when the controller is killed', async () => {
  const dir = freshDir()
  const other = await otherProcess(dir, 'append')
  let confirmed = -1
  while (confirmed < 40) confirmed = Number((await other.lines.next()).value)
  await other.kill()
  const { facts } = open(dir).load()
  const of = (fact: Fact): string => ('server' in fact ? `${fact.kind} ${fact.server}` : fact.kind)
  const seen = facts.map(of)
  expect(seen.length).toBeGreaterThanOrEqual(3 * (confirmed + 1))
  seen.forEach((text, i) => {
    const n = Math.floor(i / 3)
    expect(text).toBe([`server-lost a-${n}`, `server-lost b-${n}`, `server-returned b-${n}`][i % 3])
  })
  // A call is there as a whole or not at all.
  expect(seen.length % 3).not.toBe(2)
})

it('is read beside a writing controller, each time as of one moment', async () => {
  const dir = freshDir()
  const other = await otherProcess(dir, 'append')
  const reader = open(dir, { readOnly: true })
  let last = 0
  for (let i = 0; i < 20; i++) {
    await other.lines.next()
    const { facts } = reader.load()
    expect(facts.length).toBeGreaterThanOrEqual(last)
    expect(facts.length % 3).not.toBe(2)
    last = facts.length
  }
  expect(last).toBeGreaterThan(0)
  expect(reader.history({ limit: 5 })).toHaveLength(5)
  expect(() => reader.append([lost('never')])).toThrow('opened for reading')
})

it('reads a journal that no controller holds, and says when there is none', () => {
  const dir = freshDir()
  expect(refusal(dir, { readOnly: true }).code).toBe('CONTROLLER_ABSENT')
  const journal = open(dir)
  journal.append([lost('a')])
  const id = journal.controllerId
  journal.close()
  const reader = open(dir, { readOnly: true })
  expect(reader.load().facts).toEqual([lost('a')])
  expect(reader.controllerId).toBe(id)
  open(dir)
})
