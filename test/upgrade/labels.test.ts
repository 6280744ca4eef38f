import { describe, expect, it } from 'vitest'
import type { NetworkSpec, ServiceSpec, VolumeSpec } from '../../src/model/index.js'
import { FLEET, SHOP_NETWORK, localServer, must, never, runAction } from '../driver/fixtures.js'
import { bench } from '../rehearse/sim.js'
import { PRESENT, releaseOf, releasesBefore } from '../sim/releases.js'
import type { Release } from '../sim/releases.js'

const SERVER = 'lon-1'
const NETWORK: NetworkSpec = { ...SHOP_NETWORK, internal: true, labels: { team: 'shop' }, options: { mtu: '1400' } }
const VOLUME: VolumeSpec = {
  name: 'shop_data',
  external: false,
  driver: 'local',
  options: {},
  labels: { team: 'shop' },
}

/** What says something in labels, or in what a list of containers shows. */
const SPECS: Readonly<Record<string, Partial<ServiceSpec>>> = {
  'a plain one': {},
  'one with limits': { limits: { cpus: 0.5, memoryBytes: 64e6, pids: 100 } },
  'one with limits that came later': {
    limits: { cpus: null, memoryBytes: 64e6, pids: null, memorySwapBytes: 128e6, memoryReservedBytes: 32e6 },
  },
  'one with hooks': {
    hooks: {
      postStart: [{ command: ['true'], user: '', privileged: false, workingDir: '', environment: { A: '1' } }],
      preStop: [{ command: ['true', '"'], user: 'app', privileged: false, workingDir: '/', environment: {} }],
    },
  },
  'one with labels, ports, a volume and files': {
    labels: { team: 'shop', odd: 'a=b,"c"\n' },
    ports: [{ target: 80, published: 8080, hostIp: '127.0.0.1', protocol: 'tcp' }],
    mounts: [{ kind: 'volume', source: 'shop_data', target: '/data', readOnly: false, noCopy: false }],
  },
}

/** What the present driver sees of a container that a release's driver made, on an engine of its own. */
async function seenOf({ dockerDriver }: Release, spec: Partial<ServiceSpec>): Promise<unknown> {
  const { clock, engine, within, driver } = bench()
  const maker = dockerDriver({
    identities: { keys: [], agentSocket: null },
    registryAuths: {},
    log: () => undefined,
    clock,
    random: () => 0.5,
    ways: (server) => engine.way(server.name),
  })
  maker.use(FLEET, [localServer(SERVER, '/nowhere')])
  const about = { server: SERVER, stack: 'shop' } as const
  must(await within(maker.perform({ kind: 'ensure-network', ...about, network: NETWORK }, never)))
  must(await within(maker.perform({ kind: 'ensure-volume', ...about, volume: VOLUME }, never)))
  const pull = { kind: 'pull', ...about, image: 'web:1', policy: 'missing' } as const
  const { image } = must(await within(maker.perform(pull, never)))
  const networks = [{ network: 'shop_default', aliases: ['web'] }]
  must(await within(maker.perform(runAction(SERVER, { image: 'web:1', networks, ...spec }, image), never)))
  const { replicas, foreign, networks: nets, volumes } = must(await within(driver.observe(SERVER, [], never)))
  return { replicas: replicas.map((one) => ({ ...one, containerId: '' })), foreign, networks: nets, volumes }
}

describe.each(releasesBefore())('what %s made is seen as what this release makes', (name) => {
  it.each(Object.entries(SPECS))('%s', async (_title, spec) => {
    const [before, now] = [await seenOf(await releaseOf(name), spec), await seenOf(PRESENT, spec)]
    expect(before).toMatchObject({ replicas: [{ slot: { stack: 'shop', service: 'web', key: '1' } }], foreign: [] })
    expect(before).toEqual(now)
  })
})
