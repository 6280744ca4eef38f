import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SeenContainer } from './engines.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { ServiceText } from './manifests.js'

let fleet: TestFleet

/** What the commits change, one thing at a time. */
const wanted = {
  image: 'shop/web:1',
  colour: 'red',
  order: 'start-first',
  parallelism: 1,
  limits: { memory: '64m' } as Readonly<Record<string, string>>,
}

// The engine's own verdict comes well within the monitored time, so that it can be sampled.
const watched = (more: Readonly<Record<string, unknown>> = {}): Pick<ServiceText, 'healthcheck' | 'deploy'> => ({
  healthcheck: { interval: '500ms' },
  deploy: { replicas: 3, update_config: { monitor: '2s', ...more } },
})

function stack(changes: Partial<typeof wanted> = {}): string {
  Object.assign(wanted, changes)
  const { image, colour, order, parallelism, limits } = wanted
  const docs = watched()
  return compose(
    {
      web: { image, ...watched() },
      api: { image: 'shop/web:1', environment: { COLOUR: colour }, ...watched({ order, parallelism }) },
      docs: {
        image: 'shop/web:1',
        configs: [{ source: 'page', target: '/www/page.html' }],
        ...docs,
        deploy: { ...docs.deploy, resources: { limits } },
      },
      idle: { image: 'shop/web:1' },
    },
    { configs: { page: { file: './page.html' } } },
  )
}

const idsOf = (containers: readonly SeenContainer[]): readonly string[] => containers.map(({ id }) => id).sort()

beforeAll(async () => {
  fleet = await startFleet({ name: 'e2e-rolling', images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy' } })
  const files = { 'slipway.yaml': fleetFile(fleet.lab), [STACK]: stack(), 'stacks/shop/page.html': 'one\n' }
  const sha = await fleet.commit(files, 'The shop opens')
  fleet.boot()
  await fleet.settle(sha)
})

afterAll(() => fleet?.down())

interface Example {
  readonly what: string
  readonly service: string
  readonly files: () => Readonly<Record<string, string>>
  /** A command in each new replica, and what it must print. */
  readonly proof: readonly [command: readonly string[], prints: string]
  readonly minHealthy: number
  readonly maxPresent: number
}

const EXAMPLES: readonly Example[] = [
  {
    what: 'an image',
    service: 'web',
    files: () => ({ [STACK]: stack({ image: 'shop/web:2' }) }),
    proof: [['cat', '/www/index.html'], 'shop/web:2'],
    minHealthy: 3,
    maxPresent: 4,
  },
  {
    what: 'an environment value',
    service: 'api',
    files: () => ({ [STACK]: stack({ colour: 'blue' }) }),
    proof: [['sh', '-c', 'echo $COLOUR'], 'blue\n'],
    minHealthy: 3,
    maxPresent: 4,
  },
  {
    what: 'the content of a config file',
    service: 'docs',
    files: () => ({ 'stacks/shop/page.html': 'two\n' }),
    proof: [['cat', '/www/page.html'], 'two\n'],
    minHealthy: 3,
    maxPresent: 4,
  },
  {
    what: 'an environment value where the old replica must stop first',
    service: 'api',
    files: () => ({ [STACK]: stack({ colour: 'green', order: 'stop-first' }) }),
    proof: [['sh', '-c', 'echo $COLOUR'], 'green\n'],
    minHealthy: 2,
    maxPresent: 3,
  },
  {
    what: 'an environment value where two may be replaced at once',
    service: 'api',
    files: () => ({ [STACK]: stack({ colour: 'white', order: 'stop-first', parallelism: 2 }) }),
    proof: [['sh', '-c', 'echo $COLOUR'], 'white\n'],
    minHealthy: 1,
    maxPresent: 3,
  },
]

describe('a commit that changes one thing of one service', () => {
  it.each(EXAMPLES)(
    'rolls $what through $service alone, never with fewer healthy or more replicas than allowed',
    async ({ what, service, files, proof: [command, prints], minHealthy, maxPresent }) => {
      await fleet.until(`${service} is healthy`, async () =>
        (await fleet.containers(service)).every(({ health }) => health === 'healthy'),
      )
      const before = await fleet.containers()
      const others = before.filter((container) => container.service !== service)
      const sampler = fleet.sample(service)
      const sha = await fleet.deploy(files(), `Change ${what}`)
      const samples = await sampler.stop()

      const after = await fleet.containers()
      const replaced = after.filter((container) => container.service === service)
      expect(idsOf(after.filter((container) => container.service !== service))).toEqual(idsOf(others))
      expect(replaced.map(({ slot, state, revision }) => `${slot} ${state} ${revision}`)).toEqual(
        ['1', '2', '3'].map((key) => `${service}#${key} running ${sha}`),
      )
      expect(idsOf(before).filter((id) => idsOf(replaced).includes(id))).toEqual([])
      for (const container of replaced) expect(await fleet.engines.exec(container, ...command)).toBe(prints)

      expect(samples.count).toBeGreaterThan(20)
      const { worst } = samples
      expect(samples, `${worst.healthy}\n\n${worst.present}`).toMatchObject({ minHealthy, maxPresent, missed: 0 })
    },
  )
})

describe('a commit that takes a limit away', () => {
  it('has every replica made anew beside the old one, as no engine can do it in place', async () => {
    const before = await fleet.containers('docs')
    await fleet.deploy({ [STACK]: stack({ limits: {} }) }, 'Take the limit away')
    const after = await fleet.containers('docs')
    expect(after.map(({ slot, state }) => `${slot} ${state}`)).toEqual(
      ['1', '2', '3'].map((key) => `docs#${key} running`),
    )
    expect(idsOf(before).filter((id) => idsOf(after).includes(id))).toEqual([])
  })
})
