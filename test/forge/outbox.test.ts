import { describe, expect, it } from 'vitest'
import { openLedger, openOutbox } from '../../src/forge/index.js'
import type { LedgerFile, Message, Outbox } from '../../src/forge/index.js'
import { fail, ok } from '../../src/model/index.js'
import type { Problem, Result } from '../../src/model/index.js'
import { VirtualClock } from '../controller/world.js'

interface Desk {
  readonly clock: VirtualClock
  readonly outbox: Outbox
  readonly sent: string[]
  readonly log: string[]
  readonly file: LedgerFile & { text: string | null }
  /** What the forge answers from now on. */
  answer: () => Result<void>
  readonly message: (key: string, content: string) => Message
}

function desk(text: string | null = null): Desk {
  const clock = new VirtualClock()
  const file = {
    text,
    read: () => file.text,
    write: (next: string) => void (file.text = next),
  }
  const log: string[] = []
  const outbox = openOutbox(clock, openLedger(file), ({ fields }) => void log.push(String(fields.code)))
  const made: Desk = {
    clock,
    outbox,
    sent: [],
    log,
    file,
    answer: () => ok(undefined),
    message: (key, content) => ({
      key,
      content,
      send: () => {
        made.sent.push(`${key} ${content}`)
        return Promise.resolve(made.answer())
      },
    }),
  }
  return made
}

const down: Problem = { code: 'FORGE_UNREACHABLE', message: 'down' }

describe('the outbox', () => {
  it('tells each thing once, and again only when it is another', async () => {
    const { outbox, clock, sent, message } = desk()
    for (const content of ['a', 'a', 'b', 'b', 'a']) {
      outbox.put(message('k', content))
      await clock.run(10)
    }
    expect(sent).toEqual(['k a', 'k b', 'k a'])
  })

  it('repeats nothing after a restart', async () => {
    const first = desk()
    first.outbox.put(first.message('k', 'a'))
    await first.clock.run(10)
    const second = desk(first.file.text)
    second.outbox.put(second.message('k', 'a'))
    await second.clock.run(10)
    expect(second.sent).toEqual([])
  })

  it('begins anew with a memory that is broken', async () => {
    const { outbox, clock, sent, message } = desk('[["k"')
    outbox.put(message('k', 'a'))
    await clock.run(10)
    expect(sent).toEqual(['k a'])
  })

  it('tries again with growing pauses, says so once, and tells only the newest', async () => {
    const table = desk()
    table.answer = () => fail(down)
    table.outbox.put(table.message('k', 'a'))
    await table.clock.run(60_000)
    expect({ tries: table.sent.length, log: table.log }).toEqual({ tries: 4, log: ['FORGE_UNREACHABLE'] })
    table.outbox.put(table.message('k', 'b'))
    await table.clock.run(1_000)
    expect(table.sent).toHaveLength(4)
    table.answer = () => ok(undefined)
    await table.clock.run(600_000)
    expect({ last: table.sent.at(-1), isEmpty: table.outbox.isEmpty() }).toEqual({ last: 'k b', isEmpty: true })
  })

  it('waits as long as the forge asks', async () => {
    const table = desk()
    table.answer = () => fail({ ...down, next: { kind: 'retry', afterMs: 600_000 } })
    table.outbox.put(table.message('k', 'a'))
    await table.clock.run(599_000)
    expect(table.sent).toHaveLength(1)
    await table.clock.run(2_000)
    expect(table.sent).toHaveLength(2)
  })

  it('gives up what is refused, and goes on with the rest when a sender breaks', async () => {
    const table = desk()
    table.answer = () => fail({ code: 'FORGE_REFUSED', message: 'no such pull request' })
    table.outbox.put(table.message('gone', 'a'))
    await table.clock.run(10)
    table.outbox.put({ key: 'broken', content: 'x', send: () => Promise.reject(new Error('a bug')) })
    table.answer = () => ok(undefined)
    table.outbox.put(table.message('k', 'a'))
    await table.clock.run(10)
    expect({ sent: table.sent, isEmpty: table.outbox.isEmpty() }).toEqual({ sent: ['gone a', 'k a'], isEmpty: true })
  })

  it('keeps no more than it may, dropping the oldest', async () => {
    const table = desk()
    table.answer = () => fail(down)
    for (let n = 0; n < 600; n += 1) table.outbox.put(table.message(`k${n}`, 'a'))
    await table.clock.run(10)
    table.answer = () => ok(undefined)
    table.sent.length = 0
    await table.clock.run(3_600_000)
    expect(new Set(table.sent).size).toBe(500)
  })

  it('tells nothing after it was closed', async () => {
    const { outbox, clock, sent, message } = desk()
    outbox.close()
    outbox.put(message('k', 'a'))
    await clock.run(10)
    expect(sent).toEqual([])
  })
})
