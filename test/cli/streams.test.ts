import { describe, expect, it } from 'vitest'
import { eventBus } from '../../src/cli/event-bus.js'
import { replicaLogs } from '../../src/cli/replica-logs.js'
import type { Driver, LogEvent, LogLine } from '../../src/controller/index.js'
import { fleetStatus, serviceStatus, stackStatus } from './fleet-status.js'

const event = (n: number): LogEvent => ({ atMs: n, level: 'info', message: 'tick', fields: {} })

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('the event bus', () => {
  it('hands each event to all who follow, from when they follow', async () => {
    const bus = eventBus()
    const signal = new AbortController().signal
    bus.publish(event(0))
    const first = collect(bus.follow(signal))
    bus.publish(event(1))
    const second = collect(bus.follow(signal))
    bus.publish(event(2))
    bus.close()
    expect((await first).map(({ atMs }) => atMs)).toEqual([1, 2])
    expect((await second).map(({ atMs }) => atMs)).toEqual([2])
  })

  it('lets one go who has enough, and keeps nothing for them', async () => {
    const bus = eventBus()
    const leaving = new AbortController()
    const left = collect(bus.follow(leaving.signal))
    leaving.abort()
    bus.publish(event(1))
    expect(await left).toEqual([])
    expect(await collect(bus.follow(AbortSignal.abort()))).toEqual([])
  })

  it('drops the oldest for one who does not read', async () => {
    const bus = eventBus()
    const slow = bus.follow(new AbortController().signal)
    for (let n = 0; n < 10_005; n += 1) bus.publish(event(n))
    bus.close()
    const seen = await collect(slow)
    expect(seen.length).toBe(10_000)
    expect(seen[0]?.atMs).toBe(5)
  })
})

describe('the logs of replicas', () => {
  const replica = (slot: string, server: string, seen = true) => ({
    slot,
    server,
    containerId: `${slot}-id`,
    specHash: 'h',
    revision: 'r',
    state: 'running',
    health: 'healthy',
    createdAtMs: 0,
    seen,
  })
  const status = fleetStatus({}, [
    stackStatus('shop', 'synced', [
      serviceStatus('web', { replicas: [replica('shop/web#1', 'lon-1'), replica('shop/web#2', 'lon-2')] }),
      serviceStatus('api', { replicas: [replica('shop/api#1', 'lon-3', false)] }),
    ]),
  ])
  const query = { stack: 'shop', service: null, tail: 10, follow: false }
  const line = (text: string): LogLine => ({ stream: 'stdout', atMs: null, text })

  function driver(answer: (server: string, signal: AbortSignal) => AsyncIterable<LogLine>): Pick<Driver, 'logs'> {
    return { logs: (server, _container, _options, signal) => answer(server, signal) }
  }

  it('come together, each line with whose it is, and one that breaks off does not end the others', async () => {
    const logs = replicaLogs(
      driver(async function* (server) {
        await Promise.resolve()
        yield line(`from ${server}`)
        if (server === 'lon-1') throw new Error('link lost')
        yield line('more')
      }),
      status,
      query,
      new AbortController().signal,
    )
    if (!logs.ok) throw new Error(logs.problem.message)
    const seen = (await collect(logs.value)).map(({ slot, server, text }) => `${slot}@${server} ${text}`)
    expect([...seen].sort()).toEqual([
      'shop/web#1@lon-1 (slipway: the log cannot be read on: link lost)',
      'shop/web#1@lon-1 from lon-1',
      'shop/web#2@lon-2 from lon-2',
      'shop/web#2@lon-2 more',
    ])
  })

  it('are read no faster than they are printed, and no longer', async () => {
    let read = 0
    let ended = 0
    const endless = driver(async function* (_server, signal) {
      try {
        for (; !signal.aborted; read += 1) {
          await Promise.resolve()
          yield line('x')
        }
      } finally {
        ended += 1
      }
    })
    const logs = replicaLogs(endless, status, { ...query, service: 'web' }, new AbortController().signal)
    if (!logs.ok) throw new Error(logs.problem.message)
    for await (const _line of logs.value) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      break
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(read).toBeLessThan(1_100)
    expect(ended).toBe(2)
  })

  it.each([
    [{ ...query, stack: 'shed' }, /no shed; there are shop\/web, shop\/api/],
    [{ ...query, service: 'db' }, /no shop\/db; there are/],
    [{ ...query, service: 'api' }, /shop\/api has no replica on a server that can be reached/],
  ])('are refused where there are none', (wanted, says) => {
    const logs = replicaLogs(
      driver(() => {
        throw new Error('not reached')
      }),
      status,
      wanted,
      new AbortController().signal,
    )
    expect(logs).toMatchObject({
      ok: false,
      problem: { code: 'REFERENCE_UNKNOWN', message: expect.stringMatching(says) as string },
    })
  })
})
