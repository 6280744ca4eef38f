import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settlementOf } from '../../src/controller/index.js'
import type { Problem } from '../../src/model/index.js'
import { APP_PORT, appImage, pushApps } from './app-image.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { ServiceText } from './manifests.js'
import { lives, runsOf } from './runs.js'
import { mutating } from './server-logs.js'

const MIB = 1024 * 1024
const HELD_PORT = 8_099

let fleet: TestFleet
let good: string
let big: string

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-preflight',
    registry: true,
    servers: [{ name: 'lon-1' }, { name: 'lon-2' }, { name: 'lon-3', smallDiskBytes: 96 * MIB }],
  })
  const spec = { ...appImage('shop/big:1', 'healthy'), ballastBytes: 16 * MIB }
  big = (await fleet.lab.registry.push(await fleet.lab.image('shop/big:1', spec))).reference
  good = (await pushApps(fleet.lab, { 'shop/web:1': 'healthy' })).get('shop/web:1') ?? ''
  const sha = await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab), [STACK]: shop({}) }, 'The shop opens')
  boot()
  await fleet.settle(sha)
})

afterAll(() => fleet?.down())

/** With a password that the private registry does not know. */
function boot(): void {
  const { address, user } = fleet.lab.privateRegistry
  fleet.boot({ driver: { registryAuths: { [address]: { username: user, password: 'wrong' } } } })
}

/** Each example changes both services, and only web in a way that cannot be done. */
function shop(web: Partial<ServiceText>, generation = '1'): string {
  return compose({
    web: { image: good, ...web, deploy: { mode: 'global', ...web.deploy } },
    api: { image: good, environment: { GENERATION: generation }, deploy: { replicas: 2 } },
  })
}

interface Example {
  readonly what: string
  /** Makes the servers so, and returns what the commit changes. */
  readonly arrange: () => Promise<Partial<ServiceText>>
  readonly code: Problem['code']
  readonly servers: readonly string[]
  readonly says: readonly string[]
  /** Takes back what was arranged. */
  readonly restore?: () => Promise<unknown>
}

const EXAMPLES: readonly Example[] = [
  {
    what: 'an image that its registry does not have',
    arrange: () => Promise.resolve({ image: `${fleet.lab.registry.address}/shop/web:nowhere` }),
    code: 'IMAGE_NOT_FOUND',
    servers: ['lon-1', 'lon-2', 'lon-3'],
    says: ['shop/web:nowhere', 'check name, tag and platform'],
  },
  {
    what: 'an image whose registry refuses the credentials',
    arrange: async () => {
      const image = await fleet.lab.image('shop/secret:1', appImage('shop/secret:1', 'healthy'))
      return { image: (await fleet.lab.privateRegistry.push(image)).reference }
    },
    code: 'REGISTRY_AUTH',
    servers: ['lon-1', 'lon-2', 'lon-3'],
    says: ['shop/secret:1', 'credentials for the registry'],
  },
  {
    what: 'an image whose registry is away',
    arrange: async () => {
      const image = (await pushApps(fleet.lab, { 'shop/web:2': 'healthy' })).get('shop/web:2') ?? ''
      await fleet.lab.registry.stop()
      return { image }
    },
    code: 'REGISTRY_UNREACHABLE',
    servers: ['lon-1', 'lon-2', 'lon-3'],
    says: ['shop/web:2', 'must reach the registry'],
    restore: () => fleet.lab.registry.start(),
  },
  {
    what: 'a host port that a container which is not ours holds on one server',
    arrange: async () => {
      const container = await fleet.engines.client('lon-2').createContainer({
        name: 'not-ours',
        Image: 'busybox:1.36',
        Cmd: ['httpd', '-f'],
        ExposedPorts: { '80/tcp': {} },
        HostConfig: { PortBindings: { '80/tcp': [{ HostPort: String(HELD_PORT) }] } },
        StopSignal: 'SIGKILL',
      })
      await container.start()
      return { ports: [{ target: APP_PORT, published: HELD_PORT, mode: 'host' }] }
    },
    code: 'PORT_TAKEN',
    servers: ['lon-2'],
    says: [String(HELD_PORT), 'not-ours'],
    restore: () => fleet.engines.client('lon-2').getContainer('not-ours').remove({ force: true }),
  },
  {
    what: 'more memory than any server has',
    arrange: () =>
      Promise.resolve({ deploy: { mode: 'replicated', resources: { reservations: { memory: '4096g' } } } }),
    code: 'NO_SERVER_FITS',
    servers: [],
    says: ['web#1', '3 have no 4096G of memory left to reserve'],
  },
  {
    what: 'a constraint that no server meets',
    arrange: () =>
      Promise.resolve({ deploy: { mode: 'replicated', placement: { constraints: ['node.labels.zone == moon'] } } }),
    code: 'NO_SERVER_FITS',
    servers: [],
    says: ['web#1', '3 do not match node.labels.zone == moon'],
  },
  {
    what: 'an image that does not fit on the disk of one server',
    arrange: async () => {
      await fleet.lab.server('lon-3').fillDisk(4 * MIB)
      return { image: big }
    },
    code: 'DISK_FULL',
    servers: ['lon-3'],
    says: ['shop/big:1', 'no space left on device', 'free space on the server'],
    restore: () => fleet.lab.server('lon-3').freeDisk(),
  },
]

describe('a commit that wants', () => {
  it.each(EXAMPLES.map((example) => [example.what, example] as const))(
    '%s touches nothing that runs, and status and apply say where and why',
    async (_what, { arrange, code, servers, says, restore }) => {
      const before = lives(await runsOf(fleet.engines))
      const web = await arrange()
      try {
        const traffic = fleet.watchTraffic()
        const sha = await fleet.commit({ [STACK]: shop(web, code) }, 'It cannot be done')
        await fleet.settle(sha, 'blocked')
        const end = settlementOf(fleet.status(), sha)
        const problems = end.kind === 'blocked' ? end.problems : []
        expect(problems.map((problem) => problem.code)).toEqual(Array(Math.max(1, servers.length)).fill(code))
        expect(problems.flatMap(({ server }) => server ?? []).sort()).toEqual(servers)
        for (const words of says) expect(problems.map(({ message }) => message)).toContainEqual(contains(words))
        expect(fleet.stack().sentence).toContain('nothing that runs was touched')

        await fleet.halt()
        const { code: exitCode, stdout, stderr } = await fleet.cli('apply', '--timeout', '60s')
        expect(exitCode).toBe(1)
        // Lines are folded for people.
        const told = `${stdout}${stderr}`.replace(/\s+/g, ' ')
        for (const words of [...says, ...servers]) expect(told).toContain(words)

        expect(lives(await runsOf(fleet.engines))).toEqual(before)
        expect(mutating(traffic.read()).filter((call) => !/ POST \S+\/(images|networks)\/create/.test(call))).toEqual(
          [],
        )
      } finally {
        await fleet.halt()
        boot()
        await fleet.deploy({ [STACK]: shop({}) }, 'Back to what can be done')
        await restore?.()
      }
      expect(lives(await runsOf(fleet.engines))).toEqual(before)
    },
  )

  it('what can be had only later gets it then, without another commit', async () => {
    const image = (await pushApps(fleet.lab, { 'shop/web:3': 'healthy' })).get('shop/web:3') ?? ''
    await fleet.lab.registry.stop()
    const sha = await fleet.commit({ [STACK]: shop({ image }) }, 'Too early')
    await fleet.settle(sha, 'blocked')
    await fleet.lab.registry.start()
    await fleet.until('it is applied', () => settlementOf(fleet.status(), sha).kind === 'applied')
    const web = await fleet.containers('web')
    expect(web.map((container) => `${container.server} ${container.image.split('@')[0] ?? ''}`)).toEqual(
      fleet.lab.servers.map(({ name }) => `${name} ${image}`),
    )
  })
})

const contains = (words: string): unknown => expect.stringContaining(words)
