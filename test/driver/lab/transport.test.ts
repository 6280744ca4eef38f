import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import type { HostKey, Problem } from '../../../src/model/index.js'
import { FLEET, localServer, must, never, problemOf, runAction, until } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, discard, labDriver, openConnections, replicasOf, sshServer, useAll } from './lab-fixtures.js'

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({
    name: 'driver-transport',
    servers: [
      { name: 'open', engine: 'old' },
      { name: 'modern', engine: 'modern' },
      { name: 'nostream', engine: 'old', sshd: { AllowStreamLocalForwarding: 'no' } },
      { name: 'noforward', engine: 'modern', sshd: { DisableForwarding: 'yes' } },
    ],
  })
})

afterEach(async () => {
  await driver?.close()
  for (const server of lab.servers) await server.restore()
})

afterAll(async () => {
  await lab?.down()
})

const messages = (): readonly string[] =>
  driver.events.map((event) => `${String(event.fields['server'])}: ${event.message}`)

describe('the connection', () => {
  it('stays one for any number of calls, parallel ones and events included', async () => {
    driver = labDriver(lab)
    useAll(driver, lab)
    const looks = Array.from({ length: 60 }, () => driver.observe('open', [], never))
    for (const look of await Promise.all(looks)) must(look)
    await until('the event stream is open', () => driver.hints.includes('open'))
    expect(await openConnections(lab.server('open'))).toBe(1)
  })

  it('refuses a server whose host key is another, with both fingerprints and without a login', async () => {
    driver = labDriver(lab)
    const pinned = `SHA256:${'A'.repeat(43)}`
    driver.use(FLEET, [sshServer(lab.server('open'), { kind: 'fingerprints', fingerprints: [pinned] })])
    const problem = problemOf(await driver.observe('open', [], never))
    expect(problem).toMatchObject({ code: 'HOST_KEY_MISMATCH', server: 'open', next: { kind: 'stalled' } })
    expect(problem.message).toContain(pinned)
    expect(problem.message).toContain(lab.server('open').hostKeyFingerprint)
  })

  it('sends nothing to a server without a pinned key, and says the line that pins it', async () => {
    driver = labDriver(lab)
    driver.use(FLEET, [sshServer(lab.server('open'), { kind: 'none' })])
    const problem = problemOf(await driver.observe('open', [], never))
    expect(problem.code).toBe('HOST_KEY_UNKNOWN')
    expect(problem.message).toContain(`host_key: ${lab.server('open').hostKeyFingerprint}`)
  })

  it('finds the key in a known_hosts file, hashed or not', async () => {
    driver = labDriver(lab)
    const content = readFileSync(lab.knownHostsPath, 'utf8')
    const hostKey: HostKey = { kind: 'known-hosts', content, path: 'known_hosts' }
    driver.use(FLEET, [sshServer(lab.server('open'), hostKey)])
    must(await driver.observe('open', [], never))
  })

  it('says which logins a server refused, and keeps trying slowly', async () => {
    driver = labDriver(lab, {}, { identities: { keys: [{ name: 'broken', privateKey: 'no key' }], agentSocket: null } })
    driver.use(FLEET, [sshServer(lab.server('open'))])
    const problem = problemOf(await driver.observe('open', [], never))
    expect(problem).toMatchObject({ code: 'SERVER_AUTH', next: { kind: 'stalled' } })
    expect(problem.message).toContain('broken')
  })

  it('fails fast with the time of the next try while a server is away, and hints when it is back', async () => {
    driver = labDriver(lab, { backoffFirstMs: 200, backoffMaxMs: 400 })
    const server = lab.server('open')
    await server.stopSshd()
    driver.use(FLEET, [sshServer(server)])
    expect(problemOf(await driver.observe('open', [], never)).code).toBe('SERVER_UNREACHABLE')
    const again = problemOf(await driver.observe('open', [], never))
    expect(again).toMatchObject({ code: 'SERVER_UNREACHABLE', next: { kind: 'retry' } })
    const before = driver.hints.length
    await server.startSshd()
    await until('a hint', () => driver.hints.length > before)
    must(await driver.observe('open', [], never))
  })

  it('notices a cut link by keepalive, ends what waits, and comes back by itself', async () => {
    driver = labDriver(lab, {
      keepaliveMs: 300,
      keepaliveCount: 2,
      backoffFirstMs: 200,
      backoffMaxMs: 400,
      connectMs: 1_000,
    })
    const server = lab.server('modern')
    driver.use(FLEET, [sshServer(server)])
    must(await driver.observe('modern', [], never))
    await server.cut()
    const problem = problemOf(await driver.observe('modern', [], never))
    expect(problem.code).toBe('SERVER_UNREACHABLE')
    await until(
      'it gives up connecting',
      async () => problemOf(await driver.observe('modern', [], never)).code === 'SERVER_UNREACHABLE',
    )
    const before = driver.hints.length
    await server.restore()
    await until('a hint', () => driver.hints.length > before)
    await until('it is seen again', async () => (await driver.observe('modern', [], never)).ok)
    expect(messages()).toContain('modern: server connection lost')
  })

  it('says CALL_TIMEOUT when an answer does not come in time, and keeps the connection', async () => {
    driver = labDriver(lab, { listMs: 300, readMs: 300 })
    const server = lab.server('modern')
    driver.use(FLEET, [sshServer(server)])
    must(await driver.observe('modern', [], never))
    await server.cut()
    expect(problemOf(await driver.observe('modern', [], never)).code).toBe('CALL_TIMEOUT')
    await server.restore()
    await until('it is seen again', async () => (await driver.observe('modern', [], never)).ok)
    expect(messages()).not.toContain('modern: server connection lost')
  })

  it('ends a call when its caller gives up', async () => {
    driver = labDriver(lab)
    const server = lab.server('modern')
    driver.use(FLEET, [sshServer(server)])
    must(await driver.observe('modern', [], never))
    await server.cut()
    const caller = new AbortController()
    const look = driver.observe('modern', [], caller.signal)
    caller.abort()
    expect(problemOf(await look).code).toBe('CALL_TIMEOUT')
  })
})

describe('a server that forbids forwarding', () => {
  it.each(['nostream', 'noforward'])('is reached by dial-stdio, and the log says so (%s)', async (name) => {
    driver = labDriver(lab)
    driver.use(FLEET, [sshServer(lab.server(name))])
    const looks = await Promise.all(Array.from({ length: 30 }, () => driver.observe(name, [], never)))
    for (const look of looks) must(look)
    expect(messages().join('\n')).toContain('dial-stdio')
    const image = await busybox(driver, name)
    const runs = ['1', '2', '3', '4', '5', '6'].map((key) =>
      driver.perform(runAction(name, { command: ['sleep', '1000'] }, image, key), never),
    )
    for (const run of await Promise.all(runs)) must(run)
    for (const replica of await replicasOf(driver, name)) {
      await discard(driver, name, replica.containerId)
    }
    expect(await openConnections(lab.server(name))).toBe(1)
  })
})

describe('the engine', () => {
  it.each(['open', 'modern', 'nostream'])(
    'says how its clock stands to ours and what is free on its disk (%s)',
    async (name) => {
      driver = labDriver(lab)
      useAll(driver, lab)
      const { clockAheadMs, disk } = must(await driver.examine(name, never))
      // One machine, one clock; the engine and we read it at different moments.
      expect(Math.abs(clockAheadMs ?? Infinity)).toBeLessThan(1_000)
      const df = await lab.server(name).run('df', '--output=size', '-B1', '/var/lib/docker')
      expect(disk).toMatchObject({ path: '/var/lib/docker', totalBytes: Number(df.trim().split('\n')[1]) })
    },
  )

  it('is said to be away when it is down, and its return is a hint', async () => {
    driver = labDriver(lab, { backoffFirstMs: 200, backoffMaxMs: 400 })
    const server = lab.server('open')
    useAll(driver, lab)
    must(await driver.observe('open', [], never))
    await until('events', () => driver.hints.includes('open'))
    await server.killEngine()
    await until('the engine is away', async () => {
      const look = await driver.observe('open', [], never)
      return !look.ok && look.problem.code === 'ENGINE_UNREACHABLE'
    })
    const before = driver.hints.filter((hint) => hint === 'open').length
    await server.startEngine()
    await until('a hint', () => driver.hints.filter((hint) => hint === 'open').length > before)
    must(await driver.observe('open', [], never))
  })

  it('is not touched when it is another one than was last looked at', async () => {
    driver = labDriver(lab, { backoffFirstMs: 200, backoffMaxMs: 400 })
    const server = lab.server('modern')
    driver.use(FLEET, [sshServer(server)])
    must(await driver.observe('modern', [], never))
    const image = await busybox(driver, 'modern')
    await server.loseContainers()
    const action = runAction('modern', { command: ['sleep', '1000'] }, image)
    let problem: Problem | null = null
    await until('the driver meets the new engine', async () => {
      const result = await driver.perform(action, never)
      problem = result.ok ? null : result.problem
      return result.ok || result.problem.code === 'ENGINE_CHANGED'
    })
    expect(problem).toMatchObject({ code: 'ENGINE_CHANGED' })
    must(await driver.observe('modern', [], never))
    must(
      await driver.perform(runAction('modern', { command: ['sleep', '1000'] }, await busybox(driver, 'modern')), never),
    )
  })

  it('tells of what others do to its containers', async () => {
    driver = labDriver(lab)
    const server = lab.server('modern')
    driver.use(FLEET, [sshServer(server)])
    must(await driver.observe('modern', [], never))
    await until('events', () => driver.hints.length > 0)
    const before = driver.hints.length
    const container = await dockerOn(server).createContainer({ Image: 'busybox:1.36', Cmd: ['true'] })
    await until('a hint', () => driver.hints.length > before)
    await dockerOn(server).createVolume({ Name: 'seen' })
    await until('the volume is listed', async () =>
      must(await driver.observe('modern', [], never)).volumes.some((volume) => volume.name === 'seen'),
    )
    await container.remove()
  })

  it('is reached by its socket without ssh', async () => {
    driver = labDriver(lab)
    driver.use(FLEET, [localServer('here', lab.server('modern').socketPath)])
    expect(must(await driver.observe('here', [], never)).facts.apiVersion).toBe('1.45')
  })
})
