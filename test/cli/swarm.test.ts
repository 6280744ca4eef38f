import { describe, expect, it } from 'vitest'
import { createWorld } from '../controller/world.js'
import type { World } from '../controller/world.js'
import { compose } from '../controller/world.js'
import { runLooking } from './run-looking.js'

/** A fleet of so many servers: a, b, c… at 10.0.0.1 and on. */
function fleet(count: number): World {
  const names = [...'abcdefg'].slice(0, count)
  const servers = names.map(
    (name, at) => `  ${name}: { address: 10.0.0.${at + 1}, user: deploy, host_key: "SHA256:${'A'.repeat(43)}" }\n`,
  )
  const world = createWorld()
  const files = { 'slipway.yaml': `fleet: acme\nservers:\n${servers.join('')}`, 'stacks/shop/compose.yaml': SHOP }
  world.source.commit(files, 'first')
  return world
}

const SHOP = compose({ web: { image: 'web:1' } })

const run = (world: World, ...argv: readonly string[]) => runLooking(world, 'swarm', ...argv)

/** `a* b (c)`: managers have a star, nodes that are down brackets. */
function form(world: World, nodes: string): void {
  for (const text of nodes.split(' ').filter((one) => one !== '')) {
    const name = text.replace(/[()*]/g, '')
    const role = text.includes('*') ? 'manager' : 'worker'
    world.driver.nodes.push({ node: `node-${name}`, hostname: name, role, isDown: text.startsWith('(') })
  }
}

/** `init a, join b manager`. */
function stepsOf({ driver }: World): string {
  return driver.steps
    .map((step) =>
      [step.kind, 'node' in step ? step.node.hostname : step.server, ...('role' in step ? [step.role] : [])].join(' '),
    )
    .join(', ')
}

describe('what makes servers one Swarm', () => {
  it.each<[string, number, string, readonly string[], string]>([
    ['one server is one', 1, '', [], 'init a'],
    ['two have one manager: of two none may be lost', 2, '', [], 'init a, join b worker'],
    ['three have three', 3, '', [], 'init a, join b manager, join c manager'],
    ['of four, three are managers', 4, '', [], 'init a, join b manager, join c manager, join d worker'],
    [
      'as many are managers as are asked for',
      4,
      '',
      ['--managers', '1'],
      'init a, join b worker, join c worker, join d worker',
    ],
    ['who is new joins those that are', 3, 'b*', [], 'join a manager, join c manager'],
    ['nothing is to be done', 3, 'a* b* c*', [], ''],
    ['a worker becomes a manager where too few are', 3, 'a* b c', [], 'promote b, promote c'],
    ['who joins is a manager first', 4, 'a* b* d', [], 'join c manager'],
    ['a node that is down and no server any more is removed', 2, 'a* b (x)', [], 'forget x'],
    ['a manager that is down makes way for another', 3, 'a* b* c (x*)', [], 'promote c, forget x'],
    ['who came back under another id is not down', 2, 'a* (b)', [], 'join b worker, forget b'],
  ])('%s', async (_, count, nodes, flags, expected) => {
    const world = fleet(count)
    form(world, nodes)
    const shown = await run(world, ...flags)
    expect(shown.code).toBe(expected === '' ? 0 : 2)
    expect(stepsOf(world)).toBe('')
    const done = await run(world, '--yes', ...flags)
    expect(done.code).toBe(0)
    expect(stepsOf(world)).toBe(expected)
    expect((await run(world, ...flags)).out).toContain('nothing to do')
  })

  it('is at the addresses of slipway.yaml, or at those that are given', async () => {
    const world = fleet(2)
    await run(world, '--yes', '--address', 'b=192.168.7.2')
    expect(world.driver.steps.map((step) => ('address' in step ? step.address : ''))).toEqual([
      '10.0.0.1',
      '192.168.7.2',
    ])
  })

  it('leaves a Swarm that gave it up, and joins anew', async () => {
    const world = fleet(2)
    form(world, 'a*')
    world.driver.said.set('b', { state: 'error', error: 'context deadline exceeded' })
    expect((await run(world)).out).toContain('has lost its Swarm: context deadline exceeded')
    await run(world, '--yes')
    expect(stepsOf(world)).toBe('leave b, join b worker')
  })

  it('goes on with others where one does not join, and ends with 1', async () => {
    const world = fleet(3)
    world.driver.failures.set('join b', { code: 'SWARM_REFUSED', message: 'no way to 10.0.0.1:2377' })
    const { code, out, err } = await run(world, '--yes')
    expect(code).toBe(1)
    expect(stepsOf(world)).toBe('init a, join b manager, join c manager')
    expect(err).toContain('SWARM_REFUSED no way to 10.0.0.1:2377')
    expect(out).toContain('done: 2 of 3 steps, 1 failed, run it again')
  })

  it('begins nothing that leans on what failed', async () => {
    const world = fleet(3)
    world.driver.failures.set('init a', { code: 'SWARM_REFUSED', message: 'several addresses' })
    const { code, out } = await run(world, '--yes')
    expect([code, stepsOf(world)]).toEqual([1, 'init a'])
    expect(out).toContain('done: 0 of 3 steps, 1 failed, 2 not begun')
  })
})

describe('nothing is touched', () => {
  it.each<[string, (world: World) => void, string]>([
    [
      'where servers are in two Swarms',
      (world) => {
        form(world, 'a*')
        const managers = [{ node: 'other', address: '' }]
        world.driver.said.set('b', { state: 'active', node: 'other', isManager: true, managers, nodes: [] })
      },
      'CONFLICT the servers are in 2 Swarms: a; b',
    ],
    [
      'where nobody leads',
      (world) => {
        form(world, 'a* b')
        world.driver.said.set('a', { nodes: null, error: 'The swarm does not have a leader' })
      },
      'docker swarm init --force-new-cluster on a',
    ],
    [
      'where the managers are elsewhere',
      (world) => {
        form(world, 'x* a b')
      },
      'none of the servers is a manager of their Swarm; its managers are node-x',
    ],
    ['where one is locked', (world) => world.driver.said.set('b', { state: 'locked' }), 'docker swarm unlock'],
    ['where one still waits', (world) => world.driver.said.set('b', { state: 'pending' }), 'open TCP 2377'],
  ])('%s', async (_, arrange, expected) => {
    const world = fleet(2)
    arrange(world)
    const { code, out } = await run(world, '--yes')
    expect(code).toBe(1)
    expect(out).toContain(expected)
    expect(world.driver.steps).toEqual([])
  })

  it('of a node that is no server of the fleet', async () => {
    const world = fleet(1)
    form(world, 'a* x')
    const { code, out } = await run(world, '--yes')
    expect([code, stepsOf(world)]).toEqual([0, ''])
    expect(out).toContain('node x (node-x) is no server of this fleet; it is left alone')
  })

  it.each([
    [['--managers', '0'], '--managers 0: expected a number from 1 to 2'],
    [['--managers', '3'], 'expected a number from 1 to 2'],
    [['--address', 'c=10.0.0.3'], 'there is no server c'],
    [['--address', 'a=host'], '--address a=host: expected an IP address'],
  ])('by a command line that is wrong: %s', async (flags, expected) => {
    const world = fleet(2)
    const { code, err } = await run(world, '--yes', ...flags)
    expect(code).toBe(64)
    expect(err).toContain(expected)
  })
})

it('is told as data too', async () => {
  const world = fleet(2)
  form(world, 'a*')
  const report = JSON.parse((await run(world, '--yes', '--format', 'json')).out) as Record<string, unknown>
  expect(report).toMatchObject({
    servers: [
      { server: 'a', ok: true, state: 'active' },
      { server: 'b', state: 'active', isManager: false },
    ],
    problems: [],
    steps: [{ kind: 'join', server: 'b', role: 'worker', via: 'a', address: '10.0.0.2', ok: true }],
  })
})
