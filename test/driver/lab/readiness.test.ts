import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import type { ProbeSpec, Replica, ServiceSpec } from '../../../src/model/index.js'
import { SHOP_NETWORK, must, never, runAction, until } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, discard, labDriver, replicasOf, useAll } from './lab-fixtures.js'

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({
    name: 'driver-ready',
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'new', engine: 'modern' },
      { name: 'noforward', engine: 'old', sshd: { AllowTcpForwarding: 'no', AllowStreamLocalForwarding: 'yes' } },
    ],
  })
  driver = labDriver(lab)
  useAll(driver, lab)
})

afterAll(async () => {
  await driver?.close()
  await lab?.down()
})

const http: ProbeSpec = {
  kind: 'http',
  port: 8080,
  path: '/',
  scheme: 'http',
  host: null,
  expectMin: 200,
  expectMax: 399,
  timeoutMs: 2_000,
}
const tcp: ProbeSpec = { kind: 'tcp', port: 8080, timeoutMs: 2_000 }
const server404 = ['sh', '-c', 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www']

async function run(server: string, changes: Partial<ServiceSpec>): Promise<Replica> {
  must(await driver.perform({ kind: 'ensure-network', server, stack: 'shop', network: SHOP_NETWORK }, never))
  const networks = changes.networkMode === 'host' ? [] : [{ network: 'shop_default', aliases: [] }]
  const action = runAction(server, { networks, stopGraceMs: 0, ...changes }, await busybox(driver, server))
  const { containerId } = must(await driver.perform(action, never))
  const found = (await replicasOf(driver, server)).find((replica) => replica.containerId === containerId)
  if (found === undefined) throw new Error('not listed')
  return found
}

async function ask(replica: Replica, probe: ProbeSpec | null, healthcheck = false) {
  return must(await driver.ask(replica.server, { replica, probe, healthcheck }, never))
}

async function remove(replica: Replica): Promise<void> {
  await discard(driver, replica.server, replica.containerId)
}

const check = (test: readonly string[], timeoutMs: number | null = null) => ({
  test,
  intervalMs: 3_600_000,
  timeoutMs,
  retries: null,
  startPeriodMs: null,
  startIntervalMs: 1_000,
})

describe.each(['old', 'new'])('on the %s engine', (server) => {
  it('asks a container at its address through the connection', async () => {
    const replica = await run(server, { command: server404 })
    await until('ready', async () => (await ask(replica, http)).verdict === 'ready')
    expect((await ask(replica, http)).output).toMatch(/^HTTP 200 .*\nhello$/)
    expect((await ask(replica, tcp)).verdict).toBe('ready')
    expect(await ask(replica, { ...http, path: '/missing' })).toMatchObject({ verdict: 'not-ready' })
    expect((await ask(replica, { ...http, path: '/missing' })).output).toMatch(/^HTTP 404, wanted 200–399/)
    expect(await ask(replica, { ...tcp, port: 9 })).toMatchObject({ verdict: 'not-ready' })
    await remove(replica)
    expect(await ask(replica, http)).not.toMatchObject({ verdict: 'ready' })
  })

  it('asks a container on the network of the host at the host', async () => {
    const replica = await run(server, { command: server404, networkMode: 'host' })
    await until('ready', async () => (await ask(replica, http)).verdict === 'ready')
    await remove(replica)
  })

  it('does not take an answer from another container that got the address', async () => {
    const replica = await run(server, { command: server404 })
    await until('ready', async () => (await ask(replica, http)).verdict === 'ready')
    const stranger = await run(server, { command: server404, name: 'other' })
    await until('ready', async () => (await ask(stranger, http)).verdict === 'ready')
    const mistaken = { ...replica, addresses: stranger.addresses }
    expect(await ask(mistaken, http)).toMatchObject({ verdict: 'not-ready' })
    await remove(replica)
    await remove(stranger)
  })

  it("runs the container's own healthcheck without waiting for its interval", async () => {
    const replica = await run(server, {
      command: ['sleep', '1000'],
      environment: { WANTED: '/tmp/ok' },
      healthcheck: check(['CMD-SHELL', 'echo looking; test -e "$WANTED"']),
    })
    expect(replica.health).toBe('starting')
    expect(await ask(replica, null, true)).toEqual({ verdict: 'not-ready', output: 'looking' })
    await dockerOn(lab.server(server))
      .getContainer(replica.containerId)
      .exec({ Cmd: ['touch', '/tmp/ok'] })
      .then((exec) => exec.start({ Detach: true }))
    await until('ready', async () => (await ask(replica, null, true)).verdict === 'ready')
    await remove(replica)
    expect((await ask(replica, null, true)).verdict).toBe('not-ready')
  })

  it('starts no second healthcheck beside one that hangs', async () => {
    const replica = await run(server, { command: ['sleep', '1000'], healthcheck: check(['CMD', 'sleep', '500'], 300) })
    expect((await ask(replica, null, true)).output).toContain('did not end within 300 ms')
    expect((await ask(replica, null, true)).output).toContain('has not ended yet')
    const top: unknown = await dockerOn(lab.server(server)).getContainer(replica.containerId).top()
    expect(JSON.stringify(top).split('"sleep 500"').length).toBe(2)
    await remove(replica)
  })

  it('says unknown for a container that has no healthcheck', async () => {
    const replica = await run(server, { command: ['sleep', '1000'] })
    expect((await ask(replica, null, true)).verdict).toBe('unknown')
    await remove(replica)
  })
})

describe('where TCP forwarding is forbidden', () => {
  it('says unknown and why, never not-ready', async () => {
    const replica = await run('noforward', { command: server404 })
    const answer = await ask(replica, http)
    expect(answer.verdict).toBe('unknown')
    expect(answer.output).toContain('AllowTcpForwarding')
    await remove(replica)
  })
})
