import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerStatus } from '../../src/controller/index.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import { expectUntouched, lives, runsOf } from './runs.js'
import type { Run } from './runs.js'

const LOST_AFTER_MS = 10_000
const LIMITS = {
  ...{ connectMs: 1_000, readMs: 1_000, listMs: 1_000 },
  ...{ keepaliveMs: 500, keepaliveCount: 3, backoffFirstMs: 100, backoffMaxMs: 500 },
}

let fleet: TestFleet
/** The server that has the volume. */
let home: string

beforeAll(async () => {
  fleet = await startFleet({ name: 'e2e-servers', servers: 5, images: { 'shop/web:1': 'healthy' } })
  const image = 'shop/web:1'
  const services = { web: { image, deploy: { replicas: 5 } }, store: { image, volumes: ['data:/data'] } }
  const sha = await fleet.commit(
    {
      'slipway.yaml': fleetFile(fleet.lab, { everyServer: { lost_after: `${LOST_AFTER_MS / 1_000}s` } }),
      [STACK]: compose(services, { volumes: { data: {} } }),
    },
    'The shop opens',
  )
  fleet.boot({
    controller: {
      follow: { pollIntervalMs: 200 },
      watch: { observeIntervalMs: 500, missedIntervalMs: 200, firstLookMs: 3_000 },
    },
    // A link that is cut is noticed within a second or two instead of ten, and a connection that died with it is given up.
    driver: { limits: LIMITS },
  })
  await fleet.settle(sha)
  home = (await runsOf(fleet.engines, 'store'))[0]?.server ?? ''
  expect(new Set((await runsOf(fleet.engines, 'web')).map(({ server }) => server)).size).toBe(5)
})

afterAll(() => fleet?.down())

function phaseIs(servers: readonly string[], phase: ServerStatus['phase']): Promise<void> {
  return fleet.until(`${servers.join(', ')} ${phase}`, () =>
    servers.every((name) => fleet.status().servers.some((server) => server.name === name && server.phase === phase)),
  )
}

function sentenceOf(service: string): string {
  return fleet.stack().services.find(({ name }) => name === service)?.sentence ?? ''
}

const on =
  (server: string) =>
  (run: Run): boolean =>
    run.server === server
const notOn =
  (server: string) =>
  (run: Run): boolean =>
    run.server !== server

describe('a server whose link is cut', () => {
  it('for less than its lost-after keeps all it has, and nothing is made elsewhere', async () => {
    await expectUntouched(fleet, async () => {
      await fleet.lab.server(home).cut()
      await phaseIs([home], 'unknown')
      expect(fleet.stack().phase).toBe('unknown')
      expect(sentenceOf('web')).toContain(`may still run on ${home}`)
      await fleet.lab.server(home).restore()
      await phaseIs([home], 'ready')
      await fleet.until('the shop is in order', () => fleet.stack().phase === 'synced')
    })
  })

  it('for longer is lost: its replicas are made elsewhere, but for those bound to its volume', async () => {
    const before = await runsOf(fleet.engines)
    await fleet.lab.server(home).cut()
    await phaseIs([home], 'lost')
    await fleet.until('five replicas of web run on the other servers', async () => {
      const web = (await runsOf(fleet.engines, 'web')).filter(notOn(home))
      return web.length === 5 && web.every(({ health }) => health === 'healthy')
    })

    const after = await runsOf(fleet.engines)
    const slots = after.filter(notOn(home)).map(({ slot }) => slot)
    expect(slots).toEqual(['web#1', 'web#2', 'web#3', 'web#4', 'web#5'])
    expect(lives(after)).toEqual(expect.arrayContaining([...lives(before)]))
    expect(after).toHaveLength(before.length + 1)
    expect(sentenceOf('store')).toContain(`not moved from ${home}`)
  })

  it('and comes back is fenced: what was replaced meanwhile goes, what was not stays as it is', async () => {
    const before = await runsOf(fleet.engines)
    const replaced = before.filter(on(home)).filter(({ slot }) => slot.startsWith('web'))
    expect(replaced).toHaveLength(1)
    await fleet.lab.server(home).restore()
    await phaseIs([home], 'ready')
    await fleet.until('the shop is in order', async () => {
      return fleet.stack().phase === 'synced' && (await runsOf(fleet.engines)).length === 6
    })
    const gone = new Set(replaced.map(({ id }) => id))
    expect(lives(await runsOf(fleet.engines))).toEqual(lives(before.filter(({ id }) => !gone.has(id))))
  })
})

describe('three of five servers cut at once', () => {
  it('move nothing, not even when they come back one after the other: it was the controller that was cut off', async () => {
    const servers = fleet.lab.servers.slice(0, 3)
    const names = servers.map(({ name }) => name)
    await expectUntouched(fleet, async () => {
      const cutAtMs = performance.now()
      await Promise.all(servers.map((server) => server.cut()))
      await phaseIs(names, 'unknown')
      await fleet.until('all three were away for longer than lost-after', () => {
        return performance.now() - cutAtMs > LOST_AFTER_MS + 3_000
      })
      expect(sentenceOf('web')).toContain('the controller is probably cut off')
      for (const server of servers) {
        await server.restore()
        await phaseIs([server.name], 'ready')
      }
      await fleet.until('the shop is in order', () => fleet.stack().phase === 'synced')
    })
  })
})
