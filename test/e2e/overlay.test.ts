import { afterAll, beforeAll, expect, it } from 'vitest'
import { dockerOn } from '../lab/index.js'
import type { SeenContainer } from './engines.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'

let fleet: TestFleet

const on = (server: string) => ({ placement: { constraints: [`node.hostname == ${server}`] } })
const mesh = { mesh: { driver: 'overlay' } }
const client = { image: 'shop/web:1', networks: ['mesh'], deploy: on('lon-1') }
const shop = (image: string): string =>
  compose(
    { client, web: { image, networks: ['mesh', 'default'], deploy: { replicas: 2, ...on('lon-2') } } },
    { networks: mesh },
  )

async function clientOf(): Promise<SeenContainer> {
  const found = (await fleet.containers('client')).find(({ state }) => state === 'running')
  if (found === undefined) throw new Error('no client runs')
  return found
}

async function ask(from: SeenContainer): Promise<string> {
  return fleet.engines.exec(from, 'wget', '-q', '-T', '3', '-O', '-', 'http://web:8080/')
}

async function stateOf(server: string): Promise<string> {
  const info = (await dockerOn(fleet.lab.server(server)).info()) as { Swarm: { LocalNodeState: string } }
  return info.Swarm.LocalNodeState
}

async function networks(): Promise<readonly string[]> {
  const lists = fleet.lab.servers.map(async (server) => {
    const seen = await dockerOn(server).listNetworks()
    return seen.filter(({ Name }) => Name === 'shop_mesh').map(() => server.name)
  })
  return (await Promise.all(lists)).flat()
}

beforeAll(async () => {
  fleet = await startFleet({ name: 'e2e-overlay', images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy' } })
  const file = fleetFile(fleet.lab, { guards: { prune: '100%' } })
  await fleet.commit({ 'slipway.yaml': file, [STACK]: shop('shop/web:1') }, 'The shop opens')
})

afterAll(() => fleet?.down())

it('blocks what needs a Swarm until there is one, and says what makes it', async () => {
  const plan = await fleet.cli('plan')
  expect(plan.stdout).toContain('not in the Swarm that its overlay network needs')
  expect(plan.stdout).toContain('slipway swarm')
})

it('makes one of the servers, shown before it is done', async () => {
  const shown = await fleet.cli('swarm')
  expect(shown.code).toBe(2)
  expect(shown.stdout).toContain('lon-1 begins a Swarm at ')
  expect(await stateOf('lon-1')).toBe('inactive')
  const done = await fleet.cli('swarm', '--yes')
  expect([done.code, done.stderr]).toEqual([0, expect.not.stringContaining('SWARM_REFUSED')])
  expect((await fleet.cli('swarm')).stdout).toContain('nothing to do: these servers are one Swarm')
})

it('reaches a service by its name on another server, before and after an update', async () => {
  fleet.boot()
  await fleet.until('the shop runs', async () => (await fleet.containers('web')).length === 2)
  await fleet.until('it is answered', async () => (await ask(await clientOf())) === 'shop/web:1')
  const from = await clientOf()
  await fleet.deploy({ [STACK]: shop('shop/web:2') }, 'The shop is updated')
  await fleet.until('the new one answers', async () => (await ask(from)) === 'shop/web:2')
  expect((await clientOf()).id).toBe(from.id)
})

it('takes back in who was thrown out', async () => {
  const lost = fleet.lab.server('lon-3')
  await dockerOn(lost).swarmLeave({ force: true })
  await fleet.until('the others know', async () => (await fleet.cli('swarm')).stdout.includes('is removed'))
  const mended = await fleet.cli('swarm', '--yes')
  expect([mended.code, mended.stderr + mended.stdout]).toEqual([0, expect.not.stringContaining('SWARM_REFUSED')])
  expect(await stateOf('lon-3')).toBe('active')
})

it('removes the network with the stack', async () => {
  expect(await networks()).toContain('lon-1')
  const other = 'stacks/other/compose.yaml'
  await fleet.commit({ [STACK]: null, [other]: compose({ web: { image: 'shop/web:1' } }) }, 'The shop closes')
  await fleet.until('nothing is left of it', async () => (await networks()).length === 0)
})
