import { describe, expect, it } from 'vitest'
import { OTHER_REVISION, OTHER_SPEC, readAdoptedName, specHash } from '../../src/model/index.js'
import type { ForeignContainer } from '../../src/model/index.js'
import { compose, createWorld, FLEET } from '../controller/world.js'
import type { World } from '../controller/world.js'
import { stackOf } from '../manifest/repository.js'
import { runLooking } from './run-looking.js'

const run = (world: World, ...argv: readonly string[]) => runLooking(world, 'import', ...argv)

function composed(service: string, number: number): ForeignContainer {
  const identity = { project: 'shop', service, number }
  return {
    containerId: `${service}${number}`,
    name: `shop-${service}-${number}`,
    running: true,
    ports: [],
    compose: identity,
  }
}

const SHOP = compose({ web: { image: 'web:1', replicas: 2 }, db: { image: 'db:1' } })
const [, web] = stackOf(SHOP).services

/** A project of five containers on two servers; web#2 and db are not as Git says. */
function shop(): World {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': SHOP }, 'first')
  world.driver.foreign.set('lon-1', [composed('web', 1), composed('web', 2), composed('web', 3), composed('old', 1)])
  world.driver.foreign.set('lon-2', [composed('db', 1)])
  world.driver.answers.set('web1', { restart: { condition: 'no', maxAttempts: 0 } })
  world.driver.answers.set('web2', {
    differences: [
      { field: 'environment.DB_PASSWORD', from: 'hunter2', to: 'hunter3' },
      { field: 'image', from: 'web:0', to: 'web:1' },
    ],
  })
  world.driver.answers.set('db1', { limits: 'memory=67108864', notes: ['keeps its options of logging'] })
  return world
}

const SHOWN = `lon-1
  = shop/web#1  shop-web-1 goes on running as it is
      restart no → unless-stopped, in place
  ± shop/web#2  shop-web-2 is replaced by the next rollout
      environment.DB_PASSWORD … → …
      image web:0 → web:1
  - shop/web#3  shop-web-3 goes with the next rollout: the stack wants fewer

lon-2
  ± shop/db#1  shop-db-1 is replaced by the next rollout
      deploy.resources.limits.memory 64M → none
      keeps its options of logging

left alone, since the stack has no such service: shop-old-1 on lon-1
`

describe('import', () => {
  it('shows what becomes of each container and why, does nothing, and ends with 2', async () => {
    const world = shop()
    const { code, out } = await run(world, 'shop')
    expect(out).toContain(SHOWN)
    expect(out).toContain('1 container stays, 2 will be replaced, 1 will go; nothing was done yet')
    expect(out).not.toContain('hunter')
    expect(code).toBe(2)
    expect(world.driver.adoptions).toEqual([])
  })

  it('with --yes gives each container the name of its slot: with the spec where it is equal, with none where it is not', async () => {
    const world = shop()
    const { code, out } = await run(world, 'shop', '--yes')
    expect({ code, end: out.trim().split('\n').at(-1) }).toEqual({
      code: 0,
      end: '4 of 4 containers taken over: 1 container stays, 2 will be replaced, 1 will go',
    })
    const named = world.driver.adoptions.map(({ server, from, to, containerId, restart }) => {
      const said = readAdoptedName(to, { fleet: 'acme', containerId })
      expect(said?.slot).toMatchObject({ stack: 'shop', service: from.split('-')[1] })
      return [server, said?.slot.key, said?.specHash, said?.revision, said?.limits, restart?.condition]
    })
    const sha = world.source.head
    expect(named).toEqual([
      ['lon-2', '1', OTHER_SPEC, OTHER_REVISION, 'memory=67108864', undefined],
      ['lon-1', '1', web && specHash(web), sha, '', 'unless-stopped'],
      ['lon-1', '2', OTHER_SPEC, OTHER_REVISION, '', undefined],
      ['lon-1', '3', OTHER_SPEC, OTHER_REVISION, '', undefined],
    ])
  })

  it('does nothing at all while a server cannot be seen, unless it is left out', async () => {
    const world = shop()
    world.driver.down.add('par-1')
    expect(await run(world, 'shop', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('SERVER_UNREACHABLE') as string,
    })
    expect(world.driver.adoptions).toEqual([])
    world.driver.foreign.clear()
    // What cannot be seen is not empty.
    expect((await run(world, 'shop')).out).toMatch(
      /^import shop, as .*\n\nnothing is done before the problems are solved\n$/,
    )
    world.driver.foreign.set('lon-1', [composed('web', 1)])
    expect((await run(world, 'shop', '--yes', '--server', 'lon-1, lon-2')).code).toBe(0)
    expect(world.driver.adoptions).toHaveLength(1)
  })

  it('does nothing where a network has other settings than the stack wants', async () => {
    const world = shop()
    world.driver.failures.set('network shop_default lon-2', { code: 'NETWORK_CONFLICT', message: 'another ipam' })
    expect(await run(world, 'shop', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('another ipam') as string,
    })
    expect(world.driver.adoptions).toEqual([])
  })

  it('goes on behind a container that could not be taken over, names it, and ends with 1', async () => {
    const world = shop()
    world.driver.failures.set('adopt shop-web-1', { code: 'CONTAINER_GONE', message: 'shop-web-1 is gone' })
    const { code, out, err } = await run(world, 'shop', '--yes')
    expect(code).toBe(1)
    expect(out).toContain('shop-web-1 goes on running as it is; not taken over')
    expect(out).toContain('3 of 4 containers taken over')
    expect(err).toContain('CONTAINER_GONE shop-web-1 is gone')
  })

  describe('of containers that Compose did not make', () => {
    const plain = (name: string, image = 'other:1'): ForeignContainer => {
      const { compose: _, ...rest } = composed('web', 1)
      return { ...rest, containerId: name.padEnd(12, '0'), name, image }
    }

    function byHand(): World {
      const world = shop()
      world.driver.foreign.set('lon-1', [plain('web1', 'web:1'), plain('twin')])
      world.driver.foreign.set('lon-2', [plain('pg'), plain('twin'), composed('db', 1)])
      return world
    }

    it('takes over those that are named, and says of what else they could be', async () => {
      const world = byHand()
      const shown = await run(world, 'shop')
      expect(shown.out).toContain('if it is of this stack, say so:\n  web1 on lon-1: --service web=lon-1/web1\n')
      const argv = ['shop', '--service', 'web=web1,lon-2/twin', '--service', 'db=pg', '--yes']
      const { code, out } = await run(world, ...argv)
      expect(out).toContain('= shop/web#1  web1 goes on running as it is')
      expect(code).toBe(0)
      const taken = world.driver.adoptions.map(
        ({ server, from, slot }) => `${server} ${from} ${slot.service}#${slot.key}`,
      )
      expect(taken.sort()).toEqual(['lon-1 web1 web#1', 'lon-2 pg db#2', 'lon-2 shop-db-1 db#1', 'lon-2 twin web#2'])
      const [web1] = world.driver.adoptions.filter(({ from }) => from === 'web1')
      const identity = { fleet: 'acme', containerId: web1?.containerId ?? '' }
      expect(readAdoptedName(web1?.to ?? '', identity)?.slot).toEqual({ stack: 'shop', service: 'web', key: '1' })
    })

    it.each([
      ['web', 'is SERVICE=CONTAINER'],
      ['web=', 'is SERVICE=CONTAINER'],
      ['wep=web1', 'has no service wep; it has db, web'],
      ['web=gone', 'there is no container "gone" on lon-1, lon-2'],
      ['web=par-9/web1', 'on par-9'],
      ['web=twin', 'twin is on lon-1 and lon-2: write lon-1/twin'],
      ['web=web1,web1', 'named twice'],
      ['db=shop-db-1', 'docker compose runs shop-db-1 as shop/db'],
    ])('does nothing for --service %s, and says why', async (said, why) => {
      const world = byHand()
      const { code, err } = await run(world, 'shop', '--service', said, '--yes')
      expect({ code, err }).toEqual({ code: 64, err: expect.stringContaining(why) as string })
      expect(world.driver.adoptions).toEqual([])
    })
  })

  it('needs a stack of that name in Git, a server of that name, and a commit', async () => {
    const world = shop()
    const wrong = [['blog'], ['shop', '--server', 'par-9'], ['shop', '--folder', '.', '--yes']]
    for (const argv of wrong) expect((await run(world, ...argv)).code).toBe(64)
    expect((await run(world, 'blog')).err).toContain('has no stack blog; it has shop')
    expect(world.driver.adoptions).toEqual([])
  })

  it('has nothing to do where docker compose runs nothing, which is success', async () => {
    const world = shop()
    world.driver.foreign.clear()
    expect(await run(world, 'shop')).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing to take over') as string,
    })
  })

  it('says the same to a program', async () => {
    const { out } = await run(shop(), 'shop', '--format', 'json')
    expect(JSON.parse(out)).toMatchObject({
      stack: 'shop',
      isDone: false,
      containers: [
        { server: 'lon-2', slot: 'shop/db#1', container: 'shop-db-1', containerId: 'db1', fate: 'replaced' },
        { slot: 'shop/web#1', fate: 'kept', restart: { condition: 'unless-stopped' } },
        {
          slot: 'shop/web#2',
          differences: [{ field: 'environment.DB_PASSWORD', from: '…', to: '…' }, { field: 'image' }],
        },
        { slot: 'shop/web#3', fate: 'removed' },
      ],
      leftAlone: [{ server: 'lon-1', container: 'shop-old-1' }],
    })
    expect(out).not.toContain('hunter')
  })
})
