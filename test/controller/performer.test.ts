import { describe, expect, it } from 'vitest'
import { memoryJournal } from '../../src/controller/index.js'
import type { Intent, Journal } from '../../src/controller/index.js'
import { Performer } from '../../src/controller/performer.js'
import { fail, ok } from '../../src/model/index.js'
import type { Action, ActionResult, ProblemCode, Result } from '../../src/model/index.js'
import { replicaOf, specOf } from '../rollout/builders.js'
import { FakeDriver, VirtualClock } from './world.js'

const slot = { stack: 'shop', service: 'web', key: '1' }
const server = 'lon-1'
const stop: Action = { kind: 'stop', server, stack: 'shop', slot, containerId: 'c1', graceMs: 0 }
const { specHash, revision, restart, controller } = replicaOf({})
const run: Action = {
  kind: 'run',
  server,
  stack: 'shop',
  slot,
  spec: specOf({}),
  image: { digest: null, id: 'i' },
  identity: { fleet: 'acme', slot, specHash, revision, restart, controller },
}

interface Scene {
  readonly performer: Performer
  readonly clock: VirtualClock
  readonly journal: Journal
  /** What was written down and what was sent, in order. */
  readonly log: string[]
  /** Numbers of looks that were begun. */
  readonly looks: { last: number }
}

function scene(
  answer: Result<ActionResult> | (() => Result<ActionResult>) = ok({}),
  open: readonly Intent[] = [],
): Scene {
  const clock = new VirtualClock()
  const journal = memoryJournal({
    controllerId: 'one',
    content: { snapshot: null, facts: [], inventories: [], openIntents: open },
  })
  const log: string[] = []
  const looks = { last: 3 }
  const driver = Object.assign(new FakeDriver(clock), {
    perform: (action: Action) => {
      log.push(`sent ${action.kind}`)
      return Promise.resolve(typeof answer === 'function' ? answer() : answer)
    },
  })
  const noted: Journal = {
    ...journal,
    intend: (intents) => {
      journal.intend(intents)
      for (const { opId, action } of intents) log.push(`intended ${opId} ${action.kind}`)
    },
    settle: (outcomes) => {
      journal.settle(outcomes)
      for (const { opId, result } of outcomes) log.push(`${result} ${opId}`)
    },
  }
  const events = {
    answered: () => undefined,
    journalFailed: () => void log.push('the journal failed'),
    lastLook: () => looks.last,
    look: () => undefined,
    freed: () => undefined,
  }
  return { performer: new Performer(driver, noted, clock, events, open), clock, journal: noted, log, looks }
}

const problem = (code: ProblemCode): Result<ActionResult> => fail({ code, message: 'as the test wants it' })
const isBusy = ({ performer }: Scene): boolean => performer.busySlots('shop').has('web#1')

describe('an action', () => {
  it('is written down before it is sent, and what came of it once it was seen', async () => {
    const { performer, clock, log } = scene()
    expect(performer.send([stop])).toBe(true)
    await clock.run(0)
    expect(log).toEqual(['intended 1 stop', 'sent stop'])
    performer.seen(server, 4)
    expect(log).toEqual(['intended 1 stop', 'sent stop', 'done 1'])
  })

  it('that cannot be written down is not sent', async () => {
    const { performer, clock, journal, log } = scene()
    journal.intend = () => {
      throw new Error('full')
    }
    expect(performer.send([stop])).toBe(false)
    await clock.run(0)
    expect(log).toEqual(['the journal failed'])
  })

  it.each<[string, Result<ActionResult>, readonly string[]]>([
    ['done', ok({}), ['done 1']],
    ['refused', problem('ENGINE_ERROR'), ['failed 1']],
    ['late', problem('CALL_TIMEOUT'), ['unknown 1', 'observed 1']],
    ['cut off', problem('CONNECTION_LOST'), ['unknown 1', 'observed 1']],
  ])('that was %s is settled so: where nobody knows or has seen it, by a look', async (_title, answer, settled) => {
    for (const action of [stop, run]) {
      const { performer, clock, journal, log } = scene(answer)
      performer.send([action])
      await clock.run(0)
      expect(journal.load().openIntents.map(({ opId }) => opId)).toEqual(answer.ok || settled.length > 1 ? [1] : [])
      performer.seen(server, 4)
      expect(log.slice(2)).toEqual(settled)
    }
  })

  it('that was done on a server that is lost before anybody saw it is settled then', async () => {
    const { performer, clock, log } = scene()
    performer.send([run])
    await clock.run(0)
    performer.abandon(server)
    expect(log.slice(2)).toEqual(['done 1'])
  })

  it('keeps its slot busy until a look that began after its answer', async () => {
    const stage = scene()
    stage.performer.send([stop])
    expect(isBusy(stage)).toBe(true)
    await stage.clock.run(0)
    stage.performer.seen(server, stage.looks.last)
    expect(isBusy(stage)).toBe(true)
    stage.performer.seen('lon-2', stage.looks.last + 1)
    expect(isBusy(stage)).toBe(true)
    stage.performer.seen(server, stage.looks.last + 1)
    expect(isBusy(stage)).toBe(false)
  })

  it('that makes a replica counts as one that may be there, until it was seen', async () => {
    const stage = scene(problem('CONNECTION_LOST'))
    stage.performer.send([run])
    await stage.clock.run(0)
    expect(stage.performer.unconfirmed(server).map(({ slot: { key } }) => key)).toEqual(['1'])
    expect(stage.performer.unconfirmed('lon-2')).toEqual([])
    stage.performer.seen(server, 4)
    expect(stage.performer.unconfirmed(server)).toEqual([])
  })
})

describe('what could not be made', () => {
  it('is counted, and how often in a row for the same reason', async () => {
    const answers = [problem('ENGINE_ERROR'), problem('ENGINE_ERROR'), problem('IMAGE_NOT_FOUND')]
    const { performer, clock } = scene(() => answers.shift() ?? ok({}))
    const counted: unknown[] = []
    for (let at = 0; at < 3; at += 1) {
      performer.send([run])
      await clock.run(0)
      const { count, alike } = performer.runFailures.get('shop/web#1') ?? {}
      counted.push([count, alike])
    }
    expect(counted).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
    ])
  })
})

describe('what a controller that died had sent', () => {
  const open = [{ opId: 7, atMs: 0, action: run }]

  it('keeps its slot busy, and may be there, until its server was looked at', () => {
    const stage = scene(ok({}), open)
    expect([isBusy(stage), stage.performer.unconfirmed(server).length]).toEqual([true, 1])
    stage.performer.seen(server, 1)
    expect([isBusy(stage), stage.performer.unconfirmed(server).length]).toEqual([false, 0])
    expect(stage.log).toEqual(['observed 7'])
  })

  it('has a number that no other action is given', () => {
    const { performer, log } = scene(ok({}), open)
    performer.send([stop])
    expect(log[0]).toBe('intended 8 stop')
  })
})
