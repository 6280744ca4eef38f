import { afterEach, beforeEach, expect, it } from 'vitest'
import { containerName } from '../../src/model/index.js'
import type { Action } from '../../src/model/index.js'
import { INFO, json, startFakeEngine } from './fake-engine.js'
import type { FakeEngine, FakeHandler } from './fake-engine.js'
import { FLEET, SWARM_NETWORK, localServer, must, never, newDriver, problemOf } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

let engine: FakeEngine
let driver: TestDriver

const NODE = {
  LocalNodeState: 'active',
  NodeID: 'n1',
  ControlAvailable: true,
  RemoteManagers: [{ NodeID: 'n2' }, { NodeID: 'n1' }],
}
const INGRESS = { Name: 'ingress', Id: 'i1', Scope: 'swarm', Driver: 'overlay', Labels: null }

beforeEach(async () => {
  engine = await startFakeEngine()
  driver = newDriver()
  driver.use(FLEET, [localServer('one', engine.socketPath)])
})

afterEach(async () => {
  await driver.close()
  await engine.close()
})

const asked = (path: string): number => engine.requests.filter((request) => request.path === path).length

it.each<[string, unknown, unknown]>([
  ['a manager', NODE, { node: 'n1', isManager: true, managers: ['n1', 'n2'] }],
  ['a worker', { ...NODE, ControlAvailable: false }, { node: 'n1', isManager: false, managers: ['n1', 'n2'] }],
  ['a node that was thrown out', { ...NODE, LocalNodeState: 'error' }, undefined],
  ['nonsense', { LocalNodeState: 'active', RemoteManagers: 7 }, { node: '', isManager: false, managers: [] }],
])('knows %s of a Swarm by what it says of itself', async (_, swarm, expected) => {
  engine.on('GET /info', { ...INFO, Swarm: swarm })
  engine.on('GET /networks', [INGRESS])
  expect(must(await driver.observe('one', [], never)).facts.swarm).toEqual(expected)
})

it('does not ask who has no network of one', async () => {
  engine.on('GET /info', { ...INFO, Swarm: NODE })
  expect(must(await driver.observe('one', [], never)).facts.swarm).toBeUndefined()
  must(await driver.observe('one', [], never))
  expect(asked('/info')).toBe(1)
})

it('has no addresses on networks that the host does not reach', async () => {
  engine.on('GET /info', { ...INFO, Swarm: NODE })
  engine.on('GET /networks', [
    INGRESS,
    { ...INGRESS, Name: 'shop_mesh', Id: 'i2' },
    { ...INGRESS, Name: 'shop_default', Id: 'i3', Scope: 'local' },
  ])
  const slot = { stack: 'shop', service: 'web', key: '1' }
  const name = containerName({ fleet: FLEET, slot, specHash: 'abc', restart: '' })
  const labels = { fleet: FLEET, stack: 'shop', service: 'web', slot: '1', spec: 'abc', revision: 'f00' }
  const others = { image: 'a', limits: '', restart: '', controller: 'c1' }
  const own = Object.entries({ ...labels, ...others }).map(([key, value]) => [`slipway.${key}`, value] as const)
  const networks = { shop_mesh: { IPAddress: '10.0.1.5' }, shop_default: { IPAddress: '172.18.0.2' } }
  const container = {
    Id: 'c'.repeat(64),
    Names: [`/${name}`],
    State: 'running',
    Status: 'Up',
    Labels: Object.fromEntries(own),
    Ports: [],
    Created: 1,
    NetworkSettings: { Networks: networks },
  }
  engine.on('GET /containers/json', [container])
  const [replica] = must(await driver.observe('one', [], never)).replicas
  expect(replica?.addresses).toEqual({ shop_default: '172.18.0.2' })
})

it('says what makes a Swarm where a worker is to make a network of one', async () => {
  engine.on('GET /networks/', json(404, { message: 'network shop_mesh not found' }))
  engine.on('POST /networks/create', json(503, { message: 'This node is not a swarm manager.' }))
  const action: Action = { kind: 'ensure-network', server: 'one', stack: 'shop', network: SWARM_NETWORK }
  const problem = problemOf(await driver.perform(action, never))
  expect(problem.code).toBe('NETWORK_CONFLICT')
  expect(problem.message).toBe(
    'server one is no manager of a Swarm, and only one can make the overlay network shop_mesh',
  )
  expect(problem.next).toEqual({ kind: 'stalled', remedy: 'run slipway swarm, or use a bridge network' })
})

const changed = (): readonly string[] =>
  engine.requests
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path, query, body }) => `${method} ${path} ${query.toString()} ${body}`.trim())

it('joins with the secret and at the address of one manager, and nobody else is told that', async () => {
  const managers = [
    // What the server that joins was before.
    { NodeID: 'n0', Addr: '10.0.0.2:2377' },
    { NodeID: NODE.NodeID, Addr: '10.0.0.1:2377' },
  ]
  engine.on('GET /info', { ...INFO, Swarm: { ...NODE, RemoteManagers: managers } })
  engine.on('GET /swarm', { JoinTokens: { Worker: 'SWMTKN-worker', Manager: 'SWMTKN-manager' } })
  engine.on('POST /swarm/join', json(503, { message: 'Timeout was reached before node joined' }))
  const step = { kind: 'join', server: 'one', role: 'worker', via: 'one', address: '10.0.0.2' } as const
  const problem = problemOf(await driver.changeSwarm(step, never))
  expect(problem.code).toBe('SWARM_REFUSED')
  expect(problem.message).toContain('could not join the Swarm at 10.0.0.1:2377: Timeout was reached')
  expect(JSON.stringify(problem)).not.toContain('SWMTKN')
  expect(JSON.parse(engine.requests.find(({ path }) => path === '/swarm/join')?.body ?? '')).toMatchObject({
    AdvertiseAddr: '10.0.0.2',
    RemoteAddrs: ['10.0.0.1:2377'],
    JoinToken: 'SWMTKN-worker',
  })
})

it('changes nothing of a node but its role, and demotes a manager before it removes it', async () => {
  const spec = { Role: 'manager', Availability: 'drain', Labels: { zone: 'a' } }
  engine.on('GET /nodes/n9', { ID: 'n9', Version: { Index: 42 }, Spec: spec })
  engine.on('POST /nodes/n9/update', {})
  engine.on('DELETE /nodes/n9', {})
  const node = { node: 'n9', hostname: 'old', role: 'manager', isDown: true } as const
  must(await driver.changeSwarm({ kind: 'forget', server: 'one', node }, never))
  expect(changed()).toEqual([
    `POST /nodes/n9/update version=42 ${JSON.stringify({ ...spec, Role: 'worker' })}`,
    'DELETE /nodes/n9 force=true',
  ])
})

it('removes a network of a Swarm that only its own balancer is in, and waits for who leaves', async () => {
  const Labels = { 'slipway.fleet': FLEET }
  const Containers = { 'lb-shop_mesh': { Name: 'shop_mesh-endpoint' } }
  engine.on('GET /networks/shop_mesh', { Name: 'shop_mesh', Id: 'i2', Driver: 'overlay', Labels, Containers })
  let refused = 0
  engine.on('DELETE /networks/i2', ((request, response) => {
    refused += 1
    const handler = refused < 3 ? json(400, { message: 'network i2 is in use by task x' }) : json(204, {})
    handler(request, response)
  }) satisfies FakeHandler)
  const action: Action = { kind: 'remove-network', server: 'one', stack: 'shop', network: 'shop_mesh' }
  must(await driver.perform(action, never))
  expect(refused).toBe(3)
})

it('makes networks of a Swarm so that containers can join', async () => {
  engine.on('GET /networks/', json(404, { message: 'network shop_mesh not found' }))
  engine.on('POST /networks/create', json(201, { Id: 'i2' }))
  must(await driver.perform({ kind: 'ensure-network', server: 'one', stack: 'shop', network: SWARM_NETWORK }, never))
  const body: unknown = JSON.parse(engine.requests.find(({ path }) => path === '/networks/create')?.body ?? '')
  expect(body).toMatchObject({ Driver: 'overlay', Attachable: true })
})
