import { expect, it } from 'vitest'
import type { SimEngineOptions } from '../../src/rehearse/index.js'
import { bench } from './sim.js'
import type { Bench } from './sim.js'

/** Two engines of one Swarm, the first one its manager. */
function nodes(): readonly [manager: Bench, worker: Bench] {
  const networks: NonNullable<SimEngineOptions['swarm']>['networks'] = new Map()
  const node = (name: string, isManager: boolean): Bench =>
    bench({ swarm: { node: name, isManager, managers: ['a'], networks } })
  return [node('a', true), node('b', false)]
}

async function namesOn(world: Bench): Promise<readonly string[]> {
  const { body } = await world.call('GET', '/networks')
  return (body as { Name: string; Scope: string }[]).filter(({ Scope }) => Scope === 'swarm').map(({ Name }) => Name)
}

const MESH = { body: { Name: 'mesh', Driver: 'overlay', Attachable: true } }

it('makes networks of a Swarm by a manager alone', async () => {
  const [manager, worker] = nodes()
  expect((await bench().call('POST', '/networks/create', MESH)).status).toBe(503)
  expect((await worker.call('POST', '/networks/create', MESH)).status).toBe(503)
  expect((await manager.call('POST', '/networks/create', MESH)).status).toBe(201)
  expect((await manager.call('POST', '/networks/create', MESH)).status).toBe(409)
})

it('shows them to managers, and to a worker while a container of it is there', async () => {
  const [manager, worker] = nodes()
  await manager.call('POST', '/networks/create', MESH)
  expect(await namesOn(manager)).toEqual(['ingress', 'mesh'])
  expect(await namesOn(worker)).toEqual(['ingress'])
  worker.engine.load('app:1', { id: 'sha256:1', digest: null, bytes: 1, config: {} })
  const body = { Image: 'app:1', HostConfig: { NetworkMode: 'mesh' } }
  expect((await worker.call('POST', '/containers/create', { query: { name: 'app' }, body })).status).toBe(201)
  expect((await worker.call('POST', '/containers/app/start')).status).toBe(204)
  expect(await namesOn(worker)).toEqual(['ingress', 'mesh'])
  expect((await manager.call('DELETE', '/networks/mesh')).status).toBe(403)
  await worker.call('POST', '/containers/app/stop')
  expect(await namesOn(worker)).toEqual(['ingress'])
  expect((await manager.call('DELETE', '/networks/mesh')).status).toBe(204)
  expect(await namesOn(manager)).toEqual(['ingress'])
})
