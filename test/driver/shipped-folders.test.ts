import { describe, expect, it } from 'vitest'
import { containerName } from '../../src/model/index.js'
import type { MountSpec } from '../../src/model/index.js'
import { bench, image } from '../rehearse/sim.js'
import type { Bench } from '../rehearse/sim.js'
import { FLEET, must, never, onContainer, problemOf, runAction } from './fixtures.js'

const server = 'lon-1'
const folder: MountSpec = {
  kind: 'shipped',
  source: 'stacks/shop/site',
  target: '/site',
  readOnly: true,
  files: [{ path: 'index.html', contentBase64: 'aGVsbG8=', mode: 0o644 }],
}
const labels = { 'slipway.fleet': FLEET, 'slipway.files': 'shop/web' }
const { digest, id } = image('web:1')
const action = runAction(server, { image: 'web:1', mounts: [folder] }, { digest, id })
const name = containerName(action.identity)
const [helper, volume] = [`${name}-files`, `${name}-files-1`]

async function world(options: Parameters<typeof bench>[0] = {}): Promise<Bench> {
  const made = bench(options)
  const pull = { kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' } as const
  must(await made.within(made.driver.perform(pull, never)))
  return made
}

const run = ({ within, driver }: Bench): ReturnType<Bench['driver']['perform']> => within(driver.perform(action, never))

async function remove({ within, driver }: Bench, containerId: unknown): Promise<void> {
  const removal = onContainer('remove', server, String(containerId))
  must(await within(driver.perform({ ...removal, kind: 'stop', graceMs: 0 }, never)))
  must(await within(driver.perform(removal, never)))
}

async function names(of: Bench, path: string, pick: (body: unknown) => unknown): Promise<readonly string[]> {
  const { body } = await of.call('GET', path, { query: { all: '1' } })
  return (pick(body) as readonly Record<string, unknown>[]).map((one) => String(one['Name'] ?? one['Names'])).sort()
}
const volumes = (of: Bench): Promise<readonly string[]> =>
  names(of, '/volumes', (body) => (body as Record<string, unknown>)['Volumes'])
const containers = (of: Bench): Promise<readonly string[]> => names(of, '/containers/json', (body) => body)

/** What a controller that is killed between the two calls leaves. */
async function leaveHelper(of: Bench, named = helper): Promise<void> {
  const Mounts = [{ Type: 'volume', Source: `${named}-1`, Target: '/f', VolumeOptions: { Labels: labels } }]
  const body = { Image: 'web:1', Labels: labels, HostConfig: { NetworkMode: 'none', Mounts } }
  expect((await of.call('POST', '/containers/create', { query: { name: named }, body })).status).toBe(201)
}

describe('the volume of a shipped folder', () => {
  it('is there as long as a container has it, and its helper is not', async () => {
    const one = await world()
    const { containerId } = must(await run(one))
    expect(await volumes(one)).toEqual([volume])
    expect(await containers(one)).toEqual([`/${name}`])
    await remove(one, containerId)
    expect(await volumes(one)).toEqual([])
  })

  it.each(['never', 'by a container that is no replica'])(
    'is made anew where one is left that is used %s',
    async (by) => {
      const one = await world()
      await leaveHelper(one)
      const holder = { Image: 'web:1', HostConfig: { Mounts: [{ Type: 'volume', Source: volume, Target: '/f' }] } }
      if (by !== 'never') await one.call('POST', '/containers/create', { query: { name: 'backup' }, body: holder })
      const before = one.events.length
      const ran = await run(one)
      if (by !== 'never') {
        expect(problemOf(ran).message).toContain('volume is in use')
        return expect(await volumes(one)).toEqual([volume])
      }
      must(ran)
      const told = one.events.slice(before).filter(({ type, action }) => type === 'volume' && action !== 'mount')
      expect(told.map((event) => `${event.action} ${event.id}`)).toEqual([`destroy ${volume}`, `create ${volume}`])
    },
  )

  it('of the same name that is somebody else’s is neither written to nor removed', async () => {
    const one = await world()
    await one.call('POST', '/volumes/create', { body: { Name: volume } })
    expect(problemOf(await run(one))).toMatchObject({ code: 'VOLUME_CONFLICT', service: 'web' })
    expect(await containers(one)).toEqual([])
    expect(await volumes(one)).toEqual([volume])
  })

  it('that its helper lost meanwhile is not trusted: the replica is taken back', async () => {
    let thief: (() => void) | null = null
    const one = await world({
      onEvent: (event) => {
        if (event.type === 'container' && event.action === 'create' && event.attributes['name'] === name) thief?.()
      },
    })
    const client = one.engine.way(server).client('v1.45')
    const theft = { method: 'DELETE', path: `/containers/${helper}`, deadlineMs: 60_000, maxBytes: 1e6 } as const
    thief = () => void client.call(theft, never)
    problemOf(await run(one))
    expect(await containers(one)).toEqual([])
    expect(await volumes(one)).toEqual([])
    thief = null
    must(await run(one))
  })
})

describe('a removal', () => {
  it('takes along what a killed controller left, whichever service it was of', async () => {
    const one = await world()
    const { containerId } = must(await run(one))
    await leaveHelper(one, 'shop-web-9-00c0ffee-files')
    await remove(one, containerId)
    expect(await containers(one)).toEqual([])
    expect(await volumes(one)).toEqual([])
  })

  it.each([0, 20, 40, 60, 80, 100, 150, 200])(
    'leaves a helper at work alone, %i ms after another replica began to go',
    async (delayMs) => {
      const one = await world()
      const { containerId } = must(await run(one))
      const slot = { ...action.slot, key: '2' }
      const second = { ...action, slot, identity: { ...action.identity, slot } }
      const removed = remove(one, containerId)
      await one.clock.run(delayMs)
      must(await one.within(one.driver.perform(second, never)))
      await removed
      expect(await volumes(one)).toEqual([`${containerName(second.identity)}-files-1`])
    },
  )

  it.each([
    ['has no labels', 'shop-web-1-00c0ffee-files-1', {}],
    ['is of another fleet', 'shop-web-1-00c0ffee-files-1', { ...labels, 'slipway.fleet': 'other' }],
    ['was declared in a stack', 'shop-web-1-00c0ffee-files-1', { ...labels, 'slipway.settings': 'x' }],
    ['has another name', 'shop_data', labels],
    ['is named after another service', 'shop-db-1-00c0ffee-files-1', labels],
  ])('leaves a volume that %s', async (_why, Name, Labels) => {
    const one = await world()
    await one.call('POST', '/volumes/create', { body: { Name, Labels } })
    const { containerId } = must(await run(one))
    await remove(one, containerId)
    expect(await volumes(one)).toEqual([Name])
  })

  it('leaves a container that has a helper’s name and is none', async () => {
    const one = await world()
    const [used, plain] = ['shop-web-8-00c0ffee-files', 'shop-web-9-00c0ffee-files']
    await leaveHelper(one, used)
    await one.call('POST', `/containers/${used}/start`)
    await one.call('POST', `/containers/${used}/stop`, { query: { t: '0' } })
    await one.call('POST', '/containers/create', { query: { name: plain }, body: { Image: 'web:1' } })
    const { containerId } = must(await run(one))
    await remove(one, containerId)
    expect(await containers(one)).toEqual([`/${used}`, `/${plain}`])
    expect(await volumes(one)).toEqual([`${used}-1`])
  })
})
