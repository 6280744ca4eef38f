import { describe, expect, it } from 'vitest'
import { memoryJournal } from '../../src/controller/index.js'
import { ALL, PATH, SHOP, deployed, running, serversOf } from './deployed.js'
import type { Deployed } from './deployed.js'
import { FLEET, compose, createWorld } from './world.js'
import type { World } from './world.js'

const four = { ...SHOP, mail: { image: 'mail:1' }, jobs: { image: 'jobs:1' } }

describe('a revision', () => {
  it('that rewrites history is held until it is approved', async () => {
    const { world, controller } = await deployed()
    const sha = world.source.commit(
      { 'slipway.yaml': FLEET, [PATH]: compose({ ...SHOP, web: { image: 'web:9', replicas: 3 } }) },
      'orphan',
      null,
    )
    await world.clock.run(300_000)
    expect(running(world)).toEqual(ALL)
    expect(controller.status().source.held?.problem.code).toBe('HISTORY_REWRITTEN')
    expect(controller.command({ kind: 'approve', sha: sha.slice(0, 12), by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:9', 'web#2 web:9', 'web#3 web:9'])
    expect(controller.status().source.held).toBeNull()
  })

  it('that removes too many services is held; one that removes few is not', async () => {
    const { world, controller } = await deployed(four)
    world.source.commit({ [PATH]: compose(SHOP) }, 'half of it')
    await world.clock.run(300_000)
    expect(running(world)).toHaveLength(7)
    expect(controller.status().source.held?.problem.code).toBe('PRUNE_GUARD')
    world.source.commit({ [PATH]: compose({ ...SHOP, mail: { image: 'mail:1' } }) }, 'one of four')
    await world.clock.run(300_000)
    expect(running(world)).toHaveLength(6)
  })

  it('that removes too many servers in use is held until it is approved; nothing there is touched', async () => {
    const { world, controller } = await deployed()
    const calls = world.driver.calls.length
    const without = FLEET.replace(/ {2}par-1:.*\n/, '')
    const sha = world.source.commit({ 'slipway.yaml': without }, 'one of three')
    await world.clock.run(300_000)
    expect(controller.status().source.held?.problem).toMatchObject({
      code: 'PRUNE_GUARD',
      message: expect.stringContaining('removes 1 of 3 servers in use (par-1)') as string,
    })
    expect(world.driver.calls.length).toBe(calls)
    controller.command({ kind: 'approve', sha, by: 'ada' })
    await world.clock.run(300_000)
    expect(controller.status().source.held).toBeNull()
    expect(serversOf(world, 'web').filter((server) => server !== 'par-1').length).toBeGreaterThanOrEqual(3)
  })

  it('that cannot be read is refused whole when the fleet file is wrong, and for its stack alone otherwise', async () => {
    const { world, controller } = await deployed()
    world.source.commit({ 'slipway.yaml': 'fleet: [' }, 'broken')
    await world.clock.run(120_000)
    expect(controller.status().source.refused?.problems.map((problem) => problem.place?.path)).toContain('slipway.yaml')
    world.source.commit(
      {
        'slipway.yaml': FLEET,
        [PATH]: 'services: {web: {imag: x}}',
        'stacks/news/compose.yaml': compose({ feed: { image: 'feed:1' } }),
      },
      'one wrong',
    )
    await world.clock.run(120_000)
    expect(running(world)).toEqual([...ALL.slice(0, 2), 'feed#1 feed:1', ...ALL.slice(2)])
    expect(
      controller
        .status()
        .stacks.find((stack) => stack.name === 'shop')
        ?.problems.map((problem) => problem.code),
    ).toContain('FIELD_UNKNOWN')
  })

  it('that makes a named stack unreadable leaves it as it is, though its name cannot be read any more', async () => {
    const named = `name: boutique\n${compose(SHOP)}`
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': `${FLEET}guards: { prune: 100% }\n`, [PATH]: named }, 'first')
    const controller = world.boot()
    await world.clock.run(30_000)
    world.source.commit({ [PATH]: '\u0000\u0001' }, 'garbage')
    await world.clock.run(300_000)
    expect(running(world)).toEqual(ALL)
    expect(controller.status().stacks.map((stack) => [stack.name, stack.phase])).toEqual([['boutique', 'invalid']])
  })

  it('changes nothing while Git is away, and the status says since when', async () => {
    const { world, controller } = await deployed()
    world.source.problem = { code: 'GIT_UNREACHABLE', message: 'no answer' }
    const calls = world.driver.calls.length
    await world.clock.run(600_000)
    expect(world.driver.calls.length).toBe(calls)
    expect(controller.status().source).toMatchObject({ problem: { code: 'GIT_UNREACHABLE' } })
    expect(controller.status().source.problemSinceMs).not.toBeNull()
    world.source.problem = null
    await world.clock.run(400_000)
    expect(controller.status().source.problem).toBeNull()
  })
})

describe('a person', () => {
  it('can suspend and resume a service, a stack or the fleet', async () => {
    const { world, controller } = await deployed()
    controller.command({ kind: 'suspend', scope: 'shop', reason: 'sale', by: 'ada' })
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(300_000)
    expect(running(world)).toEqual(ALL)
    expect(controller.status().stacks[0]?.phase).toBe('suspended')
    controller.command({ kind: 'resume', scope: 'shop', by: 'ada' })
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it.each([
    ['a person suspended it', (_: World, suspend: () => void) => suspend()],
    ['the controller stood still', ({ clock }: World) => clock.stand(900_000)],
  ])('a rollout goes on from where it was, however long %s', async (_, hold) => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('web:2', { healthyAfterMs: 40_000 })
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(120_000)
    expect(controller.status().stacks[0]?.phase).toBe('progressing')
    hold(world, () => controller.command({ kind: 'suspend', scope: 'shop', reason: 'sale', by: 'ada' }))
    await world.clock.run(900_000)
    controller.command({ kind: 'resume', scope: 'shop', by: 'ada' })
    await world.clock.run(900_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
    expect(controller.status().stacks[0]?.phase).toBe('synced')
  })

  it('can suspend the whole fleet: nothing is updated and nothing healed until it is resumed', async () => {
    const { world, controller } = await deployed()
    controller.command({ kind: 'suspend', scope: '*', reason: 'move', by: 'ada' })
    const [id = ''] = [...world.driver.containers.keys()]
    world.driver.kill(id)
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    const calls = world.driver.calls.length
    const begun = (): number =>
      world.journal.history({ limit: 1_000 }).filter(({ kind }) => kind === 'rollout-started').length
    const before = begun()
    await world.clock.run(300_000)
    expect([world.driver.calls.length, begun()]).toEqual([calls, before])
    controller.command({ kind: 'resume', scope: '*', by: 'ada' })
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it('can suspend one service; the others go on, and nothing of it is healed', async () => {
    const { world, controller } = await deployed()
    controller.command({ kind: 'suspend', scope: 'shop/api', reason: 'debugging', by: 'ada' })
    const api = [...world.driver.containers.values()].find(({ image }) => image === 'api:1')?.replica.containerId ?? ''
    world.driver.kill(api)
    world.driver.hint('lon-1')
    world.source.commit(
      { [PATH]: compose({ api: { image: 'api:2', replicas: 2 }, web: { image: 'web:2', replicas: 3 } }) },
      'both',
    )
    await world.clock.run(900_000)
    expect(running(world).map((line) => line.split(' ')[1])).toEqual(['api:1', 'web:2', 'web:2', 'web:2'])
    controller.command({ kind: 'resume', scope: 'shop/api', by: 'ada' })
    await world.clock.run(200_000)
    expect(running(world).slice(0, 2)).toEqual(['api#1 api:2', 'api#2 api:2'])
  })

  it('can restart a service: every replica is new, one at a time, and nothing is pulled', async () => {
    const { world, controller } = await deployed()
    const before = [...world.driver.containers.values()]
      .filter(({ image }) => image === 'web:1')
      .map(({ replica }) => replica.containerId)
    world.driver.calls.length = 0
    controller.command({ kind: 'restart', stack: 'shop', service: 'web', reason: '', by: 'ada' })
    await world.clock.run(200_000)
    expect(running(world)).toEqual(ALL)
    expect(before.some((id) => world.driver.containers.has(id))).toBe(false)
    expect(
      world.driver.calls
        .filter((call) => /^(run|stop) /.test(call))
        .map((call) => call.split(' ').slice(0, 2).join(' ')),
    ).toEqual(['run web#1', 'stop web#1', 'run web#2', 'stop web#2', 'run web#3', 'stop web#3'])
  })

  it('can have a rejected revision tried again', async () => {
    const { world, controller } = await deployed()
    world.driver.behaviours.set('web:2', { never: true })
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(600_000)
    expect(running(world)).toEqual(ALL)
    world.driver.behaviours.clear()
    controller.command({ kind: 'retry', stack: 'shop', by: 'ada' })
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it.each([
    [{ kind: 'approve', sha: 'abcdef0', by: 'ada' } as const, 'SETTING_INVALID'],
    [{ kind: 'retry', stack: 'nope', by: 'ada' } as const, 'REFERENCE_UNKNOWN'],
    [{ kind: 'restart', stack: 'shop', service: 'nope', reason: '', by: 'ada' } as const, 'REFERENCE_UNKNOWN'],
    [{ kind: 'drain', server: 'nope', by: 'ada' } as const, 'REFERENCE_UNKNOWN'],
    [{ kind: 'suspend', scope: 'nope', reason: '', by: 'ada' } as const, 'REFERENCE_UNKNOWN'],
    [{ kind: 'resume', scope: 'shop', by: 'ada' } as const, 'REFERENCE_UNKNOWN'],
  ])('is told when a command names what is not there: %o', async (command, code) => {
    const { controller } = await deployed()
    expect(controller.command(command)).toMatchObject({ ok: false, problem: { code } })
  })
})

describe('replicas of a stack that neither Git nor the journal knows', () => {
  const FEED = { 'stacks/news/compose.yaml': compose({ feed: { image: 'feed:1' } }) }

  /** A controller that lost its journal, in a repository that has lost stacks meanwhile. */
  async function orphaned(
    kept: Readonly<Record<string, string>>,
    lost: Readonly<Record<string, string>>,
  ): Promise<Deployed> {
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': FLEET, ...kept, ...lost }, 'first')
    const before = world.boot()
    await world.clock.run(60_000)
    await Promise.all([before.stop(), world.clock.run(100)])
    world.source.commit(Object.fromEntries(Object.keys(lost).map((path) => [path, null])), 'without')
    const controller = world.boot({}, memoryJournal({ controllerId: 'two' }))
    await world.clock.run(300_000)
    return { world, controller }
  }

  it('are removed, where they are few', async () => {
    const many = compose({ ...SHOP, mail: { image: 'mail:1' } })
    const { world, controller } = await orphaned({ [PATH]: many }, FEED)
    expect(running(world).map((line) => line.split('#')[0])).toEqual(['api', 'api', 'mail', 'web', 'web', 'web'])
    expect(controller.status().problems).toEqual([])
  })

  it('stay, where they are more than the guard allows, until a person approves', async () => {
    const { world, controller } = await orphaned(FEED, { [PATH]: compose(SHOP) })
    expect(running(world)).toEqual([...ALL.slice(0, 2), 'feed#1 feed:1', ...ALL.slice(2)])
    expect(controller.status().problems).toMatchObject([{ code: 'PRUNE_GUARD' }])
    const sha = controller.status().source.accepted?.sha ?? ''
    expect(controller.command({ kind: 'approve', sha, by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(300_000)
    expect(running(world)).toEqual(['feed#1 feed:1'])
  })
})

describe('two stacks', () => {
  it('of one commit that publish the same port are given a server each', async () => {
    const web = (name: string): string => compose({ [name]: { image: `${name}:1`, more: "    ports: ['8080:80']" } })
    const world = createWorld()
    const files = { [PATH]: web('shop'), 'stacks/news/compose.yaml': web('news') }
    world.source.commit({ 'slipway.yaml': FLEET, ...files }, 'first')
    world.boot()
    await world.clock.run(60_000)
    expect(running(world)).toEqual(['news#1 news:1', 'shop#1 shop:1'])
    expect(serversOf(world, 'news')).not.toEqual(serversOf(world, 'shop'))
  })
})

describe('a journal that cannot be written', () => {
  it('stops everything that changes servers, is shown, and is over when it can be written again', async () => {
    const { world, controller } = await deployed()
    const broken = Object.assign(new Error('full'), { problem: { code: 'STORE_FAILED', message: 'disk full' } })
    const whole = { ...world.journal }
    const fail = (): never => {
      throw broken
    }
    Object.assign(world.journal, { intend: fail, append: fail, snapshot: fail })
    const calls = world.driver.calls.length
    world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: 'web:2', replicas: 3 } }) }, 'update')
    await world.clock.run(200_000)
    expect(world.driver.calls.length).toBe(calls)
    expect(controller.status().problems).toMatchObject([{ code: 'STORE_FAILED' }])
    Object.assign(world.journal, whole)
    await world.clock.run(300_000)
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
    expect(controller.status().problems).toEqual([])
  })
})
