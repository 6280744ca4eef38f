import { describe, expect, it } from 'vitest'
import type { Inventory } from '../../src/controller/index.js'
import { ServerWatch, WATCH_DEFAULTS } from '../../src/controller/server-watch.js'
import type { Replica, Server, ServerView } from '../../src/model/index.js'
import { replicaOf } from '../rollout/builders.js'
import { FakeDriver, VirtualClock } from './world.js'

const LOST_AFTER_MS = 300_000

function server(name: string): Server {
  const address = { kind: 'ssh', host: name, port: 22, user: 'deploy', socketPath: '' } as const
  return { name, address, hostKey: { kind: 'none' }, labels: {}, lostAfterMs: LOST_AFTER_MS }
}

interface Scene {
  readonly clock: VirtualClock
  readonly driver: FakeDriver
  readonly watch: ServerWatch
}

function watching(
  names: readonly string[],
  unconfirmed: readonly Replica[] = [],
  inventories: readonly Inventory[] = [],
): Scene {
  const clock = new VirtualClock()
  const driver = new FakeDriver(clock)
  const events = { closer: () => [], unconfirmed: () => unconfirmed, looked: () => undefined, renamed: () => undefined }
  const watch = new ServerWatch(driver, clock, WATCH_DEFAULTS, events)
  watch.use(names.map(server), [], new Map(inventories.map((inventory) => [inventory.server, inventory])))
  return { clock, driver, watch }
}

function phaseOf(view: ServerView | undefined): string {
  return view === undefined ? 'not looked at' : view.kind === 'listed' ? 'listed' : view.phase
}

const idsOf = (view: ServerView | undefined): readonly string[] =>
  view?.kind === 'unreachable' ? view.mayHold.map(({ containerId }) => containerId) : []

describe('a server that does not answer', () => {
  it('is missed twice before it is unknown, and unknown for lost_after before it is lost', async () => {
    const { clock, driver, watch } = watching(['a', 'b', 'c'])
    await clock.run(1_000)
    driver.down.add('a')
    const phases: string[] = []
    const startMs = clock.nowMs()
    let unknownAtMs = 0
    for (let ms = 0; ms < LOST_AFTER_MS + 60_000; ms += 1_000) {
      await clock.run(1_000)
      const phase = phaseOf(watch.view('a'))
      if (phase === 'unknown' && unknownAtMs === 0) unknownAtMs = clock.nowMs()
      if (phases.at(-1) !== phase) phases.push(phase)
    }
    expect(phases).toEqual(['listed', 'missed', 'unknown', 'lost'])
    expect(unknownAtMs - startMs).toBeGreaterThan(2 * WATCH_DEFAULTS.missedIntervalMs)
  })

  it('is not lost before its time', async () => {
    const { clock, driver, watch } = watching(['a', 'b', 'c'])
    await clock.run(1_000)
    driver.down.add('a')
    await clock.run(LOST_AFTER_MS - 1_000)
    expect(phaseOf(watch.view('a'))).toBe('unknown')
    await clock.run(60_000)
    expect(phaseOf(watch.view('a'))).toBe('lost')
  })

  it('is not lost for the time in which more than half of them were away: that was the controller', async () => {
    const { clock, driver, watch } = watching(['a', 'b', 'c'])
    await clock.run(1_000)
    driver.down.add('a').add('b')
    await clock.run(3 * LOST_AFTER_MS)
    driver.down.delete('b')
    await clock.run(LOST_AFTER_MS - 30_000)
    expect([phaseOf(watch.view('a')), phaseOf(watch.view('b'))]).toEqual(['unknown', 'listed'])
    await clock.run(90_000)
    expect(phaseOf(watch.view('a'))).toBe('lost')
  })

  it('is not lost for the time in which the controller stood still', async () => {
    const { clock, driver, watch } = watching(['a', 'b', 'c'])
    await clock.run(1_000)
    driver.down.add('a')
    await clock.run(60_000)
    clock.stand(LOST_AFTER_MS)
    await clock.run(LOST_AFTER_MS - 10_000)
    expect(phaseOf(watch.view('a'))).toBe('unknown')
    await clock.run(30_000)
    expect(phaseOf(watch.view('a'))).toBe('lost')
  })

  it('may hold what was last seen there, and what was sent and never confirmed', async () => {
    const { clock, driver, watch } = watching(['a'], [replicaOf({ containerId: 'sent', server: 'a' })])
    const replica = replicaOf({ containerId: 'seen', server: 'a' })
    driver.containers.set('seen', { replica, startedAtMs: 0, restarts: 0, image: 'web:1', hasHealthcheck: false })
    await clock.run(1_000)
    driver.down.add('a')
    await clock.run(20_000)
    expect(idsOf(watch.view('a'))).toEqual(['seen', 'sent'])
  })

  it('at the start of the controller may hold what the journal remembers', async () => {
    const replicas = [replicaOf({ containerId: 'remembered', server: 'a' })]
    const { clock, driver, watch } = watching(['a', 'b'], [], [{ server: 'a', engineId: '', replicas }])
    driver.down.add('a').add('b')
    await clock.run(10_000)
    const views = ['a', 'b'].map((name) => watch.view(name))
    expect(views.map(idsOf)).toEqual([['remembered'], []])
    expect(views.map((view) => view?.kind === 'unreachable' && view.everListed)).toEqual([true, false])
  })
})

it('is awake since it looked without a break, however it ended', async () => {
  const { clock, driver, watch } = watching(['a', 'b', 'c'])
  const startMs = clock.nowMs()
  const awakeForMs = (): number => clock.nowMs() - watch.awakeSinceMs()
  driver.down.add('a').add('b').add('c')
  await clock.run(600_000)
  clock.stand(30_000)
  expect(awakeForMs()).toBe(clock.nowMs() - startMs)
  clock.stand(31_000)
  expect(awakeForMs()).toBe(0)
  await clock.run(90_000)
  expect(awakeForMs()).toBe(90_000)
})

const problemOf = (view: ServerView | undefined): string =>
  view?.kind === 'unreachable' ? view.problem.code : phaseOf(view)

function seenOn(machine: string): Parameters<FakeDriver['containers']['set']>[1] {
  const replica = replicaOf({ containerId: `on ${machine}`, server: machine })
  return { replica, startedAtMs: 0, restarts: 0, image: 'web:1', hasHealthcheck: false }
}

describe('a name that leads to another server', () => {
  it('of two for one engine is a problem, and the other is the server', async () => {
    const { clock, driver, watch } = watching(['a', 'b'])
    driver.leads.set('a', 'same').set('b', 'same')
    await clock.run(60_000)
    expect(['a', 'b'].map((name) => problemOf(watch.view(name)))).toEqual(['listed', 'ENGINE_SHARED'])
  })

  it('gets nothing of it, though nobody reaches the other by its own name, and keeps what it may hold', async () => {
    const { clock, driver, watch } = watching(['a', 'b', 'c'])
    for (const name of ['a', 'b']) driver.containers.set(name, seenOn(name))
    await clock.run(1_000)
    driver.down.add('b')
    driver.leads.set('a', 'b')
    await clock.run(120_000)
    expect(['a', 'b'].map((name) => problemOf(watch.view(name)))).toEqual(['ENGINE_SHARED', 'SERVER_UNREACHABLE'])
    expect(['a', 'b'].map((name) => idsOf(watch.view(name)))).toEqual([['on a'], ['on b']])
    driver.leads.clear()
    await clock.run(10_000)
    expect(problemOf(watch.view('a'))).toBe('listed')
  })

  it('gets nothing of it when the controller starts, and the journal alone remembers whose it is', async () => {
    const inventories = ['a', 'b'].map((server) => ({ server, engineId: `engine-${server}`, replicas: [] }))
    const { clock, driver, watch } = watching(['a', 'b', 'c'], [], inventories)
    driver.down.add('b')
    driver.leads.set('a', 'b')
    await clock.run(10_000)
    expect(problemOf(watch.view('a'))).toBe('ENGINE_SHARED')
  })

  it.each(['a', 'b'])(
    'is believed where the journal remembers one engine of two names, and it is that of %s',
    async (name) => {
      const inventories = ['a', 'b'].map((server) => ({ server, engineId: `engine-${name}`, replicas: [] }))
      const { clock, driver, watch } = watching(['a', 'b', 'c'], [], inventories)
      driver.down.add(name === 'a' ? 'b' : 'a')
      await clock.run(10_000)
      expect(problemOf(watch.view(name))).toBe('listed')
    },
  )

  it('that leads back to it is exchanged with it, both at one moment', async () => {
    const { clock, driver, watch } = watching(['a', 'b', 'c'])
    for (const name of ['a', 'b']) driver.containers.set(name, seenOn(name))
    await clock.run(1_000)
    driver.leads.set('a', 'b').set('b', 'a')
    const seen = new Set<string>()
    const observation = watch.observation.bind(watch)
    for (let ms = 0; ms < 40_000; ms += 5) {
      await clock.run(5)
      const views = [...observation().values()]
      seen.add(
        views
          .map((view) => (view.kind === 'listed' ? view.listing.replicas : view.mayHold))
          .map((replicas) => replicas.map(({ containerId }) => containerId).join())
          .join(' | '),
      )
    }
    expect([...seen]).toEqual(['on a | on b | ', 'on b | on a | '])
    expect(phaseOf(watch.view('a'))).toBe('listed')
  })

  it('of a machine that was installed anew is filled again', async () => {
    const { clock, driver, watch } = watching(['a', 'b'])
    await clock.run(1_000)
    driver.leads.set('a', 'new')
    await clock.run(20_000)
    expect(problemOf(watch.view('a'))).toBe('listed')
  })
})
