import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import { containerName } from '../../../src/model/index.js'
import type { Action } from '../../../src/model/index.js'
import { FLEET, SHOP_NETWORK, must, never, onContainer, problemOf, runAction, until } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, discard, labDriver, replicasOf, useAll } from './lab-fixtures.js'

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({
    name: 'driver-actions',
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'new', engine: 'modern' },
    ],
  })
  driver = labDriver(lab)
  useAll(driver, lab)
})

afterAll(async () => {
  await driver?.close()
  await lab?.down()
})

const sleeper = { command: ['sleep', '1000'], stopGraceMs: 0 } as const

async function cleanUp(server: string): Promise<void> {
  for (const replica of await replicasOf(driver, server)) {
    await discard(driver, server, replica.containerId)
  }
}

async function read(server: string, id: string, ...command: readonly string[]): Promise<string> {
  const container = dockerOn(lab.server(server)).getContainer(id)
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true })
  const stream = await exec.start({ Detach: false })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks.map((chunk) => chunk.subarray(8))).toString()
}

describe.each(['old', 'new'])('on the %s engine', (server) => {
  it('runs a container with its identity, which the next look reads back', async () => {
    const image = await busybox(driver, server)
    const action = runAction(server, { ...sleeper, environment: { A: '1' }, labels: { mine: 'yes' } }, image)
    const { containerId } = must(await driver.perform(action, never))
    const [replica] = await replicasOf(driver, server, [String(containerId)])
    expect(replica).toMatchObject({
      containerId,
      containerName: containerName(action.identity),
      slot: action.slot,
      specHash: action.identity.specHash,
      revision: action.identity.revision,
      state: 'running',
      health: 'none',
      exitCode: null,
      detail: { restartCount: 0, oomKilled: false },
    })
    expect(await read(server, String(containerId), 'sh', '-c', 'echo $A')).toBe('1\n')
    await cleanUp(server)
  })

  it('answers a second run of the same slot and spec with NAME_TAKEN and changes nothing', async () => {
    const image = await busybox(driver, server)
    const action = runAction(server, sleeper, image)
    must(await driver.perform(action, never))
    expect(problemOf(await driver.perform(action, never)).code).toBe('NAME_TAKEN')
    expect(await replicasOf(driver, server)).toHaveLength(1)
    await cleanUp(server)
  })

  it('puts files into the container before it starts, with owner and mode, making folders that are missing', async () => {
    const image = await busybox(driver, server)
    const file = (target: string, mode: number, uid: number) => ({
      kind: 'secret' as const,
      name: target,
      source: 'x',
      target,
      contentBase64: Buffer.from(`content of ${target}`).toString('base64'),
      mode,
      uid,
      gid: 7,
    })
    const files = [
      file('/run/secrets/deep/key', 0o400, 33),
      file('/etc/shop.conf', 0o644, 0),
      file('/tmp/at', 0o600, 5),
    ]
    // The command reads a file at once: it would fail if it were not there yet.
    const command = ['sh', '-c', 'cat /etc/shop.conf && sleep 1000']
    const { containerId } = must(await driver.perform(runAction(server, { ...sleeper, command, files }, image), never))
    const listing = await read(
      server,
      String(containerId),
      'stat',
      '-c',
      '%a %u %g %n',
      ...files.map((one) => one.target),
      '/run/secrets/deep',
      '/etc',
      '/tmp',
    )
    expect(listing.split('\n')).toEqual([
      '400 33 7 /run/secrets/deep/key',
      '644 0 7 /etc/shop.conf',
      '600 5 7 /tmp/at',
      '755 0 0 /run/secrets/deep',
      '755 0 0 /etc',
      expect.stringMatching(/^1?777 0 0 \/tmp$/),
      '',
    ])
    expect(await read(server, String(containerId), 'cat', '/run/secrets/deep/key')).toBe(
      'content of /run/secrets/deep/key',
    )
    await cleanUp(server)
  })

  it('puts files of a read-only service into the volume that covers them, and refuses those that none covers', async () => {
    const image = await busybox(driver, server)
    const file = {
      kind: 'config',
      name: 'conf',
      source: 'x',
      contentBase64: 'aGk=',
      mode: 0o444,
      uid: 0,
      gid: 0,
    } as const
    const mounts = [{ kind: 'anonymous', target: '/conf', readOnly: false }] as const
    const covered = runAction(
      server,
      { ...sleeper, readOnly: true, mounts, files: [{ ...file, target: '/conf/a/b' }] },
      image,
    )
    const { containerId } = must(await driver.perform(covered, never))
    expect(await read(server, String(containerId), 'cat', '/conf/a/b')).toBe('hi')
    const bare = runAction(
      server,
      { ...sleeper, readOnly: true, files: [{ ...file, target: '/conf/a/b' }] },
      image,
      '2',
    )
    expect(problemOf(await driver.perform(bare, never)).code).toBe('CONFLICT')
    await cleanUp(server)
  })

  it('attaches every network before the start, with the service name as an alias', async () => {
    const image = await busybox(driver, server)
    const network = (name: string) => ({ ...SHOP_NETWORK, name })
    const ensure = (name: string): Action => ({ kind: 'ensure-network', server, stack: 'shop', network: network(name) })
    for (const name of ['shop_front', 'shop_back']) must(await driver.perform(ensure(name), never))
    must(await driver.perform(ensure('shop_front'), never))
    const networks = [
      { network: 'shop_front', aliases: [] },
      { network: 'shop_back', aliases: ['backend'] },
    ]
    const { containerId } = must(await driver.perform(runAction(server, { ...sleeper, networks }, image), never))
    const [replica] = await replicasOf(driver, server)
    expect(Object.keys(replica?.addresses ?? {}).sort()).toEqual(['shop_back', 'shop_front'])
    const info = await dockerOn(lab.server(server)).getContainer(String(containerId)).inspect()
    expect(info.NetworkSettings.Networks['shop_front']?.Aliases).toContain('web')
    expect(info.NetworkSettings.Networks['shop_back']?.Aliases).toEqual(expect.arrayContaining(['web', 'backend']))
    const remove: Action = { kind: 'remove-network', server, stack: 'shop', network: 'shop_back' }
    expect(problemOf(await driver.perform(remove, never))).toMatchObject({
      code: 'NETWORK_CONFLICT',
      next: { kind: 'wait' },
    })
    await cleanUp(server)
    must(await driver.perform(remove, never))
    must(await driver.perform(remove, never))
    must(await driver.perform({ ...remove, network: 'shop_front' }, never))
    expect(must(await driver.observe(server, [], never)).networks.filter((one) => one.fleet === FLEET)).toEqual([])
  })

  it('names who holds a port and leaves nothing behind', async () => {
    const image = await busybox(driver, server)
    const holder = await dockerOn(lab.server(server)).createContainer({
      name: 'squatter',
      Image: 'busybox:1.36',
      Cmd: ['sleep', '1000'],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
    })
    await holder.start()
    const seen = must(await driver.observe(server, [], never))
    const ports = [{ hostIp: '', port: 8080, protocol: 'tcp' }]
    expect(seen.foreign).toMatchObject([{ name: 'squatter', running: true, ports }])
    const network = { name: 'shop_ports', external: false, driver: 'bridge', options: {}, internal: false, labels: {} }
    must(
      await driver.perform(
        { kind: 'ensure-network', server, stack: 'shop', network: { ...network, subnets: [] } },
        never,
      ),
    )
    const published = [{ target: 80, published: 8080, protocol: 'tcp', hostIp: '' }] as const
    const networks = [{ network: 'shop_ports', aliases: [] }]
    const action = runAction(server, { ...sleeper, ports: published, networks }, image)
    const problem = problemOf(await driver.perform(action, never))
    expect(problem.code).toBe('PORT_TAKEN')
    expect(problem.message).toContain('squatter')
    expect(await replicasOf(driver, server)).toEqual([])
    await holder.remove({ force: true })
    must(await driver.perform(action, never))
    await until('it publishes', async () => (await replicasOf(driver, server))[0]?.ports.length === 1)
    await cleanUp(server)
    must(await driver.perform({ kind: 'remove-network', server, stack: 'shop', network: 'shop_ports' }, never))
  })

  it('stops, starts again, updates limits and removes, but never what runs; what is done already is done', async () => {
    const image = await busybox(driver, server)
    const { containerId } = must(await driver.perform(runAction(server, sleeper, image), never))
    const id = String(containerId)
    const { slot } = runAction(server)
    const stop = { kind: 'stop', server, stack: 'shop', slot, containerId: id, graceMs: 500 } as const
    must(await driver.perform(stop, never))
    must(await driver.perform(stop, never))
    expect((await replicasOf(driver, server))[0]).toMatchObject({ state: 'exited', exitCode: 137 })
    must(await driver.perform(onContainer('start', server, id), never))
    must(await driver.perform(onContainer('start', server, id), never))
    must(await driver.perform({ ...stop, kind: 'restart' }, never))
    const limits = { cpus: 0.5, memoryBytes: 64 * 1024 * 1024, pids: 50 }
    must(await driver.perform({ kind: 'update', server, stack: 'shop', slot, containerId: id, limits }, never))
    const info = await dockerOn(lab.server(server)).getContainer(id).inspect()
    expect(info.HostConfig).toMatchObject({ NanoCpus: 5e8, Memory: 67_108_864, PidsLimit: 50 })
    expect(problemOf(await driver.perform(onContainer('remove', server, id), never)).message).toContain('running')
    expect((await replicasOf(driver, server))[0]).toMatchObject({ containerId: id, state: 'running' })
    must(await driver.perform(stop, never))
    must(await driver.perform(onContainer('remove', server, id), never))
    must(await driver.perform(onContainer('remove', server, id), never))
    expect(problemOf(await driver.perform(stop, never)).code).toBe('CONTAINER_GONE')
  })

  it('makes volumes once, adopts those of plain Compose, and refuses those of others', async () => {
    const engine = dockerOn(lab.server(server))
    const volume = (name: string) => ({ name, external: false, driver: 'local', options: {}, labels: {} })
    const ensure = (name: string): Action => ({ kind: 'ensure-volume', server, stack: 'shop', volume: volume(name) })
    must(await driver.perform(ensure('shop_data'), never))
    must(await driver.perform(ensure('shop_data'), never))
    await engine.createVolume({ Name: 'shop_old', Labels: { 'com.docker.compose.project': 'shop' } })
    must(await driver.perform(ensure('shop_old'), never))
    await engine.createVolume({ Name: 'shop_hand' })
    expect(problemOf(await driver.perform(ensure('shop_hand'), never)).code).toBe('VOLUME_CONFLICT')
    must(
      await driver.perform(
        { kind: 'ensure-volume', server, stack: 'shop', volume: { ...volume('shop_hand'), external: true } },
        never,
      ),
    )
    const { volumes } = must(await driver.observe(server, [], never))
    expect(volumes.filter((one) => one.fleet === FLEET)).toEqual([
      { name: 'shop_data', fleet: FLEET, settings: expect.any(String) as unknown },
    ])
    expect(volumes).toContainEqual({ name: 'shop_hand', fleet: null })
    expect(volumes).toContainEqual({ name: 'shop_old', fleet: null, project: 'shop' })
  })

  it('refuses a network of somebody else, and one of ours with other settings', async () => {
    const engine = dockerOn(lab.server(server))
    const network = {
      name: 'shop_net',
      external: false,
      driver: 'bridge',
      options: {},
      internal: false,
      labels: {},
      subnets: [],
    }
    await engine.createNetwork({ Name: 'shop_net' })
    const ensure: Action = { kind: 'ensure-network', server, stack: 'shop', network }
    expect(problemOf(await driver.perform(ensure, never)).code).toBe('NETWORK_CONFLICT')
    expect(
      problemOf(await driver.perform({ kind: 'remove-network', server, stack: 'shop', network: 'shop_net' }, never))
        .code,
    ).toBe('NETWORK_CONFLICT')
    await engine.getNetwork('shop_net').remove()
    must(await driver.perform(ensure, never))
    const changed: Action = { ...ensure, network: { ...network, internal: true } }
    expect(problemOf(await driver.perform(changed, never)).code).toBe('NETWORK_CONFLICT')
    must(await driver.perform({ kind: 'remove-network', server, stack: 'shop', network: 'shop_net' }, never))
  })

  it('says why a replica failed: exit code, error and last log lines', async () => {
    const image = await busybox(driver, server)
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 3']
    const { containerId } = must(await driver.perform(runAction(server, { ...sleeper, command }, image), never))
    await until('it exits', async () => (await replicasOf(driver, server))[0]?.state === 'exited')
    const evidence = must(await driver.diagnose(server, String(containerId), never))
    expect(evidence).toMatchObject({ state: 'exited', exitCode: 3, oomKilled: false, healthOutput: '' })
    expect([...evidence.logTail].sort()).toEqual(['err', 'out'])
    const lines = []
    for await (const line of driver.logs(server, String(containerId), { tail: 10, follow: false }, never))
      lines.push(line)
    expect(lines.map((line) => `${line.stream} ${line.text}`).sort()).toEqual(['stderr err', 'stdout out'])
    expect(lines[0]?.atMs).toBeGreaterThan(1e12)
    await cleanUp(server)
  })

  it("answers a start that fails with the engine's reason and removes the container again", async () => {
    const image = await busybox(driver, server)
    const problem = problemOf(await driver.perform(runAction(server, { command: ['/no/such'] }, image), never))
    expect(problem).toMatchObject({ code: 'ENGINE_ERROR', stack: 'shop', service: 'web', server })
    expect(problem.message).toContain('/no/such')
    expect(await replicasOf(driver, server)).toEqual([])
  })

  it('finds a missing image and a missing network before anything is left on the server', async () => {
    const gone = { digest: null, id: `sha256:${'0'.repeat(64)}` }
    expect(problemOf(await driver.perform(runAction(server, { image: 'nothing:1' }, gone), never)).code).toBe(
      'IMAGE_NOT_FOUND',
    )
    const image = await busybox(driver, server)
    const networks = [{ network: 'shop_gone', aliases: [] }]
    expect(problemOf(await driver.perform(runAction(server, { ...sleeper, networks }, image), never)).code).toBe(
      'NETWORK_CONFLICT',
    )
    expect(await replicasOf(driver, server)).toEqual([])
  })
})
