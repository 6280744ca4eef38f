import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SeenContainer } from './engines.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import { mutating } from './server-logs.js'

let fleet: TestFleet
let specs: ReadonlyMap<string, string>
let before: readonly SeenContainer[]

interface Shop {
  readonly web: string
  readonly api: string
  readonly colour: string
}

const GOOD: Shop = { web: 'shop/web:1', api: 'shop/api:1', colour: 'red' }

/** `web` changes after `api`, so that the good change is there to be taken back when the bad one fails. */
function shop(changes: Partial<Shop> = {}): Readonly<Record<string, string>> {
  const { web, api, colour } = { ...GOOD, ...changes }
  return {
    [STACK]: compose({
      api: { image: api, environment: { COLOUR: colour }, deploy: { replicas: 2 } },
      web: { image: web, deploy: { replicas: 3 }, depends_on: { api: { condition: 'service_healthy' } } },
      idle: { image: 'shop/web:1', deploy: { replicas: 2 } },
    }),
  }
}

function idsOf(containers: readonly SeenContainer[], ...services: readonly string[]): readonly string[] {
  return containers
    .filter(({ service }) => services.includes(service))
    .map(({ id }) => id)
    .sort()
}

/** Nothing left over, and every container what it was, to the byte. */
async function expectBefore(): Promise<void> {
  expect(await fleet.engines.specs()).toEqual(specs)
}

/** Both Git and every server are looked at twice more. */
async function ticks(): Promise<readonly string[]> {
  const traffic = fleet.watchTraffic()
  const { requests } = fleet.lab.git
  const asked = requests.refs
  fleet.controller.command({ kind: 'sync', by: 'test' })
  await fleet.until('two looks at each server and at Git', () => {
    const lists = traffic.read().calls.filter(({ path }) => path.includes('/containers/json'))
    const isLooked = fleet.lab.servers.every(({ name }) => lists.filter(({ server }) => server === name).length >= 2)
    return isLooked && requests.refs >= asked + 2
  })
  return mutating(traffic.read())
}

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-rollback',
    images: {
      'shop/web:1': 'healthy',
      'shop/web:2': 'healthy',
      'shop/web:bad': 'unhealthy',
      'shop/web:ill': 'unhealthy',
      'shop/web:dead': 'crashing',
      'shop/web:worse': 'crashing',
      'shop/api:1': 'healthy',
      'shop/api:2': 'healthy',
    },
  })
  const sha = await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab), ...shop() }, 'A good beginning')
  fleet.boot()
  await fleet.settle(sha)
  specs = await fleet.engines.specs()
  before = await fleet.containers()
})

afterAll(() => fleet?.down())

describe('a commit with a good change in one service and a failing health check in another', () => {
  let bad: string

  it('is taken back in both, to the byte, and leaves the replicas alone that it did not reach', async () => {
    bad = await fleet.commit(shop({ web: 'shop/web:bad', api: 'shop/api:2', colour: 'blue' }), 'Half good, half bad')
    let goodChanges = 0
    await fleet.until('it is rolled back', async () => {
      const seen = await fleet.containers('api')
      goodChanges = Math.max(goodChanges, seen.filter(({ image }) => image === 'shop/api:2').length)
      return fleet.stack().phase === 'rejected'
    })
    await fleet.settle(bad, 'rolled-back')
    expect(goodChanges).toBeGreaterThanOrEqual(2)
    await expectBefore()
    // The new replica of web came first and failed; no old one was touched.
    expect(idsOf(await fleet.containers(), 'web', 'idle')).toEqual(idsOf(before, 'web', 'idle'))
  })

  it('is rejected, shows why, and is not tried again', async () => {
    const stack = fleet.stack()
    expect(stack).toMatchObject({ phase: 'rejected', problems: [{ code: 'REVISION_REJECTED' }] })
    const failure = stack.services.find(({ name }) => name === 'web')?.failure
    expect(failure?.problem.code).toBe('REPLICA_UNHEALTHY')
    expect(failure?.evidence?.logTail.join('\n')).toContain('app: unhealthy')
    expect(failure?.evidence?.healthOutput).toContain('404')
    expect(await ticks()).toEqual([])
  })

  it('is not tried again by the next controller either', async () => {
    await fleet.halt()
    fleet.boot()
    await fleet.settle(bad, 'rolled-back')
    expect(await ticks()).toEqual([])
    await expectBefore()
  })

  it('is not tried again when a later commit leaves it as it is', async () => {
    await fleet.deploy({ 'README.md': 'Words only.\n' }, 'Write something down', 'rolled-back')
    expect(await ticks()).toEqual([])
    await expectBefore()
  })

  it('is followed by a commit that fixes it, which goes through', async () => {
    const sha = await fleet.deploy(shop({ web: 'shop/web:2', api: 'shop/api:2', colour: 'blue' }), 'Fix the web')
    const containers = await fleet.containers()
    expect(containers.map(({ slot, image }) => `${slot} ${image}`)).toEqual([
      'api#1 shop/api:2',
      'api#2 shop/api:2',
      'idle#1 shop/web:1',
      'idle#2 shop/web:1',
      'web#1 shop/web:2',
      'web#2 shop/web:2',
      'web#3 shop/web:2',
    ])
    expect(containers.filter(({ service }) => service === 'web').map(({ revision }) => revision)).toEqual([
      sha,
      sha,
      sha,
    ])
    expect(idsOf(containers, 'idle')).toEqual(idsOf(before, 'idle'))
  })
})

describe('a bad commit on top of a bad commit', () => {
  it('lands on the last good one', async () => {
    specs = await fleet.engines.specs()
    before = await fleet.containers()
    const good = { web: 'shop/web:2', api: 'shop/api:2', colour: 'blue' }
    const second = await fleet.commit(shop({ ...good, web: 'shop/web:ill' }), 'Bad')
    await fleet.until('its first replica stands', async () =>
      (await fleet.containers('web')).some(({ revision }) => revision === second),
    )
    const third = await fleet.commit(shop({ ...good, web: 'shop/web:worse', colour: 'green' }), 'Worse')
    await fleet.settle(third, 'rolled-back')
    expect(fleet.stack().services.find(({ name }) => name === 'web')?.failure?.problem.code).toBe('REPLICA_CRASHED')
    await expectBefore()
    expect(idsOf(await fleet.containers(), 'web', 'idle')).toEqual(idsOf(before, 'web', 'idle'))
  })
})

describe('slipway apply', () => {
  const good = { web: 'shop/web:2', api: 'shop/api:2', colour: 'blue' }

  it('ends with 3 when the commit is rolled back, and says why', async () => {
    await fleet.halt()
    await fleet.commit(shop({ ...good, web: 'shop/web:dead', colour: 'green' }), 'Dead')
    const { code, stdout, stderr } = await fleet.cli('apply')
    expect(`${stdout}${stderr}`).toContain('failed and was rolled back')
    expect(`${stdout}${stderr}`).toContain('app: no database')
    expect(code).toBe(3)
    await expectBefore()
  })

  it('ends with 0 when the commit is applied, by the controller that runs', async () => {
    const controller = fleet.run('run')
    await fleet.until('the controller runs', () => controller.output.includes('controller started'))
    const sha = await fleet.commit(shop({ ...good, colour: 'white' }), 'Alive')
    const { code, stdout } = await fleet.cli('apply', sha.slice(0, 12))
    expect(stdout).toContain('is applied')
    expect(code).toBe(0)
    expect((await fleet.containers('api')).map(({ revision }) => revision)).toEqual([sha, sha])
    expect((await controller.kill('SIGTERM')).code).toBe(0)
  })
})
