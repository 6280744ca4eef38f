import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/index.js'
import type { Parts } from '../../src/cli/index.js'
import type { Clock, ServerCondition } from '../../src/controller/index.js'
import { dockerDriver } from '../../src/driver/index.js'
import { fail, ok } from '../../src/model/index.js'
import { compose, createWorld, FLEET } from '../controller/world.js'
import type { World } from '../controller/world.js'
import { CommandError } from '../../src/cli/invocation.js'
import { keptIo } from './kept-io.js'

const never = (): never => {
  throw new Error('a port was opened that this command has no use for')
}

const clock: Clock = {
  nowMs: () => Math.round(performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

/** One command line against a world whose controller does not run. */
async function run(
  world: World,
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return runWith(() => Promise.resolve(world.source), world, ...argv)
}

async function runWith(
  openSource: Parts['openSource'],
  world: World,
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const parts: Parts = {
    clock,
    openSource,
    openWorkshop: never,
    openLoader: () => Promise.reject(new Error('a preview reads in its own process')),
    openDriver: () => Promise.resolve(world.driver),
    openMesh: () => Promise.reject(new Error('nothing is meshed here')),
    openAcme: () => Promise.reject(new Error('nothing is certified here')),
    openChecker: () => Promise.reject(new Error('nothing is checked here')),
    openJournal: (_settings, { readOnly }) =>
      Promise.resolve(
        !readOnly
          ? never()
          : world.events.length > 0
            ? ok(world.journal)
            : fail({ code: 'CONTROLLER_ABSENT', message: 'no journal' }),
      ),
    loadRehearsalDriver: () => {
      const nobody = { identities: { keys: [], agentSocket: null }, registryAuths: {} }
      return Promise.resolve((options) => dockerDriver({ ...nobody, ...options, random: () => 0.5 }))
    },
    schedule: never,
  }
  const { io, written } = keptIo({ nowMs: () => clock.nowMs() })
  return { code: await runCli(argv, '1.2.3', io, parts), ...written }
}

const shop = (image: string, more: Parameters<typeof compose>[0] = {}): string =>
  compose({ web: { image, replicas: 2 }, ...more })

/** The first commit runs, and the controller that brought it there has ended. */
async function deployed(files: Readonly<Record<string, string>>): Promise<World> {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': FLEET, ...files }, 'first')
  await deploy(world)
  return world
}

async function deploy(world: World, runMs = 60_000): Promise<void> {
  const controller = world.boot()
  await world.clock.run(runMs)
  const stopping = controller.stop()
  await world.clock.run(1_000)
  await stopping
  world.driver.calls.length = 0
}

/** The servers remember what Git has, and nothing else does. */
function withoutJournal(world: World): World {
  world.events.length = 0
  return world
}

describe('plan without a controller', () => {
  it('shows a first deployment, ends with 2, and touches nothing', async () => {
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:1') }, 'first')
    const { code, out, err } = await run(world, 'plan')
    expect({ code, err, out: out.replace(/^[0-9a-f]{7}/, 'COMMIT') }).toEqual({
      code: 2,
      err: '',
      out: `\
COMMIT "first" by Ada

shop
  web
    create web#1, 2 on lon-1, lon-2
      new service

2 to create
`,
    })
    expect(world.driver.calls).toEqual([])
  })

  it('ends with 0 when what runs is what Git says', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    expect(await run(world, 'plan')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/\n2 unchanged\n$/) as string,
    })
  })

  it.each([
    ['with its journal', (world: World) => world],
    ['without', withoutJournal],
  ])('tells field by field what a commit changes, %s', async (_which, prepared) => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    world.source.commit({ 'stacks/shop/compose.yaml': shop('web:2') }, 'second')
    const { code, out } = await run(prepared(world), 'plan')
    expect(code).toBe(2)
    expect(out).toContain('image web:1 → web:2')
    expect(world.driver.calls).toEqual([])
  })

  it('fails at once when Git cannot be read, and does not call that nothing to do', async () => {
    const world = createWorld()
    world.source.problem = { code: 'GIT_AUTH', message: 'the token is refused' }
    expect(await run(world, 'plan')).toEqual({ code: 1, out: '', err: 'error GIT_AUTH the token is refused\n' })
  })

  it('fails with every problem of a fleet file that is wrong', async () => {
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': 'fleet: acme\nserver: {}\n' }, 'first')
    const { code, err } = await run(world, 'plan')
    expect(code).toBe(1)
    expect(err).toMatch(/slipway\.yaml:2:1 FIELD_UNKNOWN/)
  })

  it('plans the other stacks when one is wrong, and ends with 1', async () => {
    const world = createWorld()
    const files = { 'stacks/shop/compose.yaml': shop('web:1'), 'stacks/bad/compose.yaml': 'services: 7\n' }
    world.source.commit({ 'slipway.yaml': FLEET, ...files }, 'first')
    const { code, out, err } = await run(world, 'plan')
    expect(code).toBe(1)
    expect(out).toContain('create web#1, 2')
    expect(err).toMatch(/stacks\/bad\/compose\.yaml:1:\d+ FIELD_INVALID/)
  })

  it('is not whole when a server does not answer', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    world.driver.down.add('par-1')
    const { code, err } = await run(world, 'plan')
    expect(code).toBe(1)
    expect(err).toContain('par-1 SERVER_UNREACHABLE')
  })

  it.each([
    ['before the controller saw it', false],
    ['that the controller holds', true],
  ])('shows what a commit would remove %s, and that a guard holds it', async (_when, seen) => {
    const world = await deployed({
      'stacks/a/compose.yaml': shop('web:1'),
      'stacks/b/compose.yaml': shop('web:1'),
      'stacks/c/compose.yaml': shop('web:1'),
    })
    world.source.commit({ 'stacks/b/compose.yaml': null, 'stacks/c/compose.yaml': null }, 'too much')
    if (seen) await deploy(world)
    const { code, out, err } = await run(world, 'plan')
    expect(code).toBe(2)
    expect(out).toContain('4 to remove')
    expect(err).toMatch(/^held PRUNE_GUARD .*\n.*slipway approve/)
    const markdown = await run(world, 'plan', '--format', 'markdown')
    expect(markdown.out).toMatch(/\*\*held\*\*\n\n```text\nPRUNE_GUARD/)
  })

  it('says of a rejected commit why nothing will happen', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    world.driver.behaviours.set('web:2', { never: true })
    world.source.commit({ 'stacks/shop/compose.yaml': shop('web:2') }, 'second')
    // Longer than the deadline of a replica that never becomes healthy.
    await deploy(world, 400_000)
    const { code, out, err } = await run(world, 'plan')
    expect({ code, isUnchanged: out.endsWith('\n2 unchanged\n') }).toEqual({ code: 0, isUnchanged: true })
    expect(err).toMatch(/^held shop.* REVISION_REJECTED/)
  })
})

describe('diff', () => {
  it('is the plan, without commits', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    world.source.commit({ 'stacks/shop/compose.yaml': shop('web:2') }, 'second')
    expect(await run(world, 'diff')).toEqual(await run(world, 'plan'))
  })
})

describe('server check', () => {
  it('tells of each server, and ends with 1 when one fails', async () => {
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:1') }, 'first')
    world.driver.down.add('lon-2')
    const { code, out } = await run(world, 'server', 'check')
    expect(code).toBe(1)
    expect(out).toMatch(/^✓ lon-1 {2}ssh:\/\/.*@10\.0\.0\.1:22\n {4}Docker 1, API 1\.45, linux\/amd64/)
    expect(out).toMatch(/\n✗ lon-2 {2}.*\n {4}SERVER_UNREACHABLE/)
    expect(await run(world, 'server', 'check', 'lon-1')).toMatchObject({ code: 0 })
  })

  it.each<[string, ServerCondition, RegExp]>([
    [
      'room and time',
      { clockAheadMs: -900, disk: { path: '/var/lib/docker', freeBytes: 8 * 2 ** 30, totalBytes: 20 * 2 ** 30 } },
      /in \d+ ms\n {4}8\.0 GiB of 20\.0 GiB free at \/var\/lib\/docker\n$/,
    ],
    [
      'a disk that is nearly full',
      { clockAheadMs: null, disk: { path: '/srv/docker', freeBytes: 2 ** 30, totalBytes: 20 * 2 ** 30 } },
      /\n {4}warning: only 1\.0 GiB of 20\.0 GiB free at \/srv\/docker: .*prune makes room\n$/,
    ],
    [
      'a clock that goes ahead',
      { clockAheadMs: 120_000, disk: { path: '/', freeBytes: 8e9, totalBytes: 2e10 } },
      /\n {4}warning: its clock is 2 min ahead of this machine's: .*\n$/,
    ],
    [
      'a clock that is behind',
      { clockAheadMs: -3_000, disk: { path: '/', freeBytes: 8e9, totalBytes: 2e10 } },
      /\n {4}warning: its clock is 3 s behind this machine's: .*\n$/,
    ],
    [
      'a disk that cannot be looked at',
      { clockAheadMs: 0, disk: { path: '/', problem: 'sshd offers no SFTP' } },
      /\n {4}disk: nobody can say how much is free: sshd offers no SFTP\n$/,
    ],
  ])('says of %s what a person wants to know', async (_, condition, expected) => {
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:1') }, 'first')
    world.driver.condition = condition
    const { code, out } = await run(world, 'server', 'check', 'lon-1')
    expect(out).toMatch(expected)
    expect(code).toBe(0)
  })

  it('ends with 64 for a server that the fleet does not have', async () => {
    const world = createWorld()
    world.source.commit({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': shop('web:1') }, 'first')
    expect(await run(world, 'server', 'check', 'nyc-9')).toEqual({
      code: 64,
      out: '',
      err: 'error SETTING_INVALID there is no server nyc-9; there are lon-1, lon-2, par-1\n',
    })
  })
})

describe('rehearse without a controller', () => {
  it('plays a commit on a copy of what runs, and touches nothing', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    world.source.commit({ 'stacks/shop/compose.yaml': shop('web:2') }, 'second')
    const { code, out, err } = await run(world, 'rehearse', '--healthy-after', '2s')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^[0-9a-f]{7} "second" by Ada\n\nif each new replica is healthy 2\.0 s after its start:\n/)
    const starts = out.split('\n').filter((line) => /starts|stopped/.test(line))
    expect(starts.map((line) => line.trim().split(/\s+/).slice(2, 5).join(' '))).toEqual([
      'lon-1 shop/web#1 starts',
      'lon-1 shop/web#1 stopped',
      'lon-2 shop/web#2 starts',
      'lon-2 shop/web#2 stopped',
    ])
    expect(world.driver.calls).toEqual([])
  })

  it('plays it again with a replica that fails, and ends with 0 all the same', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    const sha = world.source.commit({ 'stacks/shop/compose.yaml': shop('web:2') }, 'second')
    const { code, out } = await run(
      world,
      'rehearse',
      sha.slice(0, 40),
      '--fail',
      '1',
      '--healthy-after',
      '1s',
      '--format',
      'json',
    )
    expect(code).toBe(0)
    const { revision, rehearsals } = JSON.parse(out) as {
      revision: { sha: string }
      rehearsals: { outcome: { kind: string }; services: { lowest: number }[] }[]
    }
    expect(revision.sha).toBe(sha)
    expect(rehearsals.map(({ outcome }) => outcome.kind)).toEqual(['applied', 'rolled-back'])
    expect(rehearsals.flatMap(({ services }) => services.map(({ lowest }) => lowest))).toEqual([2, 2])
    expect(world.driver.calls).toEqual([])
  })

  it('ends with 1 where a guard holds the commit, and says so', async () => {
    const world = await deployed({
      'stacks/shop/compose.yaml': shop('web:1'),
      'stacks/blog/compose.yaml': compose({ blog: { image: 'blog:1' } }),
    })
    world.source.commit({ 'stacks/blog/compose.yaml': null }, 'no more blog')
    const { code, out, err } = await run(world, 'rehearse')
    expect({ code, held: out.includes(': held by a guard') }).toEqual({ code: 1, held: true })
    expect(err).toContain('PRUNE_GUARD')
  })

  it('takes a server that does not answer as away', async () => {
    const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
    world.driver.down.add('par-1')
    world.source.commit({ 'stacks/shop/compose.yaml': shop('web:2') }, 'second')
    expect((await run(world, 'rehearse', '--healthy-after', '1s')).out).toContain(
      'not looked at, and taken as away: par-1',
    )
  })

  it.each([
    [['--fail', '0'], /--fail is the number/],
    [['--fail', 'x'], /--fail is the number/],
    [['--healthy-after', 'soon'], /--healthy-after is a time/],
    [['nonsense'], /is no commit/],
    [['0123456', '--folder', '.'], /not both/],
  ])('ends with 64 for %j', async (argv, message) => {
    const { code, err } = await run(createWorld(), 'rehearse', ...argv)
    expect(code).toBe(64)
    expect(err).toMatch(message)
  })
})

it('leaves no folder behind, whether the repository can be opened or not', async () => {
  const world = await deployed({ 'stacks/shop/compose.yaml': shop('web:1') })
  const [temporary, usual] = [mkdtempSync(join(tmpdir(), 'slipway-test-')), process.env['TMPDIR']]
  process.env['TMPDIR'] = temporary
  const folders: number[] = []
  try {
    const openSource: Parts['openSource'] = () => {
      folders.push(readdirSync(temporary).length)
      return folders.length === 1
        ? Promise.resolve(world.source)
        : Promise.reject(new CommandError([{ code: 'GIT_AUTH', message: 'it refuses the token' }]))
    }
    expect((await runWith(openSource, world, 'plan', '--repo', 'https://git.example.com/f.git')).code).toBe(0)
    const refused = await runWith(openSource, world, 'plan', '--repo', 'https://git.example.com/f.git')
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('it refuses the token')])
    expect([folders, readdirSync(temporary)]).toEqual([[1, 1], []])
  } finally {
    if (usual === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = usual
    rmSync(temporary, { recursive: true, force: true })
  }
})
