import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/index.js'
import type { Parts } from '../../src/cli/index.js'
import { memoryJournal } from '../../src/controller/index.js'
import type { Clock, Journal, ServiceStatus } from '../../src/controller/index.js'
import { fail, ok } from '../../src/model/index.js'
import type { Revision } from '../../src/model/index.js'
import { gitWorkshop } from '../../src/source/index.js'
import { serveControl } from '../../src/web/index.js'
import type { ControlServer, ControlSurface } from '../../src/web/index.js'
import { FLEET, compose, createWorld } from '../controller/world.js'
import type { World } from '../controller/world.js'
import { gitServer } from '../source/git-server.js'
import { testRepository } from '../source/repository.js'
import type { TestRepository } from '../source/repository.js'
import { fleetStatus, revision, serviceStatus, stackStatus } from './fleet-status.js'
import { keptIo } from './kept-io.js'

const clock: Clock = {
  nowMs: () => Math.round(performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

const never = (): never => {
  throw new Error('a port was opened that this command has no use for')
}

let repository: TestRepository
let home: string
beforeEach(() => {
  repository = testRepository()
  home = mkdtempSync(join(tmpdir(), 'slipway-cli-'))
})
afterEach(() => {
  repository.remove()
  rmSync(home, { recursive: true, force: true })
})

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly looks: number
}

/** One command line on the repository and three empty servers. */
const run = (...argv: readonly string[]): Promise<Ran> => runWith(null, ...argv)

const runWith = (journal: Journal | null, ...argv: readonly string[]): Promise<Ran> =>
  runOn(createWorld(), journal, argv)

async function runOn(world: World, journal: Journal | null, argv: readonly string[]): Promise<Ran> {
  const parts: Parts = {
    clock,
    openSource: never,
    openLoader: never,
    openWorkshop: (settings, url, { dir, log }) =>
      Promise.resolve(
        gitWorkshop({ url, ref: settings.ref, dir, log, ...(settings.path !== null ? { path: settings.path } : {}) }),
      ),
    openDriver: () => Promise.resolve(world.driver),
    openMesh: () => Promise.reject(new Error('nothing is meshed here')),
    openAcme: () => Promise.reject(new Error('nothing is certified here')),
    openChecker: () => Promise.reject(new Error('nothing is checked here')),
    openJournal: () =>
      Promise.resolve(journal === null ? fail({ code: 'CONTROLLER_ABSENT', message: 'no journal' }) : ok(journal)),
    loadRehearsalDriver: never,
    schedule: never,
  }
  const { io, written } = keptIo({
    env: { SLIPWAY_REPO: repository.bare, SLIPWAY_DATA: join(home, 'data') },
    home,
    nowMs: () => clock.nowMs(),
  })
  return { code: await runCli(argv, '1.2.3', io, parts), ...written, looks: world.driver.looks }
}

/** Images by slot of a JSON plan. */
function imagesOf(out: string): Record<string, unknown> {
  const plan = JSON.parse(out) as {
    stacks: readonly { changes: readonly { service: string; slot: string; image: string }[] }[]
  }
  return Object.fromEntries(
    plan.stacks.flatMap(({ changes }) => changes.map((c) => [`${c.service}#${c.slot}`, c.image])),
  )
}

const shop = (web: string, more: Parameters<typeof compose>[0] = {}): string =>
  compose({ web: { image: web }, ...more })
const SHOP = 'stacks/shop/compose.yaml'

/** main and `change` went apart: main has another cache, `change` another web. */
function forked(): void {
  const cache = (image: string): string => compose({ cache: { image } })
  repository.push('first', {
    'slipway.yaml': FLEET,
    [SHOP]: shop('web:1'),
    'stacks/cache/compose.yaml': cache('cache:1'),
  })
  repository.git('checkout', '--quiet', '-b', 'change')
  repository.write(SHOP, shop('web:2'))
  repository.commit('second web')
  repository.git('push', '--quiet', 'origin', 'change')
  repository.git('checkout', '--quiet', 'main')
  repository.push('second cache', { 'stacks/cache/compose.yaml': cache('cache:2') })
}

describe('plan of other commits', () => {
  it('plans a branch as it is with --ref', async () => {
    forked()
    const { code, out } = await run('plan', '--ref', 'change', '--format', 'json')
    expect({ code, images: imagesOf(out) }).toEqual({ code: 2, images: { 'cache#1': 'cache:1', 'web#1': 'web:2' } })
  })

  it('plans what a merge would do with --base', async () => {
    forked()
    const { code, out } = await run('plan', '--ref', 'change', '--base', 'main', '--format', 'json')
    expect({ code, images: imagesOf(out) }).toEqual({ code: 2, images: { 'cache#1': 'cache:2', 'web#1': 'web:2' } })
  })

  it.each([
    ['there is no journal', null],
    ['the journal has nothing', memoryJournal({ controllerId: 'one' })],
  ])('says field by field what a merge changes, and which guards would hold it, though %s', async (_what, journal) => {
    const files = { 'slipway.yaml': FLEET, [SHOP]: shop('web:1', { api: { image: 'api:1' } }) }
    const world = createWorld()
    world.source.commit(files, 'first')
    const controller = world.boot()
    await world.clock.run(30_000)
    await controller.stop()
    repository.push('first', files)
    repository.git('checkout', '--quiet', '-b', 'change')
    repository.write(SHOP, shop('web:2'))
    repository.commit('second web')
    repository.git('push', '--quiet', 'origin', 'change')
    const { out, err } = await runOn(world, journal, ['plan', '--ref', 'change', '--base', 'main'])
    expect(out).toContain('image web:1 → web:2')
    expect(err).toMatch(/^held .*PRUNE_GUARD/)
  })

  it('fails with the file and line where the merge has conflicts', async () => {
    forked()
    repository.push('third web', { [SHOP]: shop('web:3') })
    const { code, err } = await run('plan', '--ref', 'change', '--base', 'main')
    expect(code).toBe(1)
    expect(err).toMatch(/^error stacks\/shop\/compose\.yaml:\d+ MERGE_CONFLICT/)
  })

  it('plans the branch as it was at a date with --at', async () => {
    repository.push('first', { 'slipway.yaml': FLEET, [SHOP]: shop('web:1') })
    const { out } = await run('plan', '--at', '2026-11-21', '--format', 'json')
    expect(imagesOf(out)).toEqual({ 'web#1': 'web:1' })
    expect(await run('plan', '--at', '2026-11-20')).toMatchObject({ code: 64 })
  })

  it.each([
    [['--at', 'yesterday']],
    [['--at', '2026-02-31']],
    [['--ref', '']],
    [['--ref', 'change', '--base', '']],
    [['--at', '2026-11-21', '--ref', 'change']],
    [['--folder', '.', '--ref', 'change']],
  ])('refuses %j', async (options) => {
    expect(await run('plan', ...options)).toMatchObject({ code: 64, out: '' })
  })

  it('says that there is no such branch', async () => {
    forked()
    const { code, err } = await run('plan', '--ref', 'chnage')
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('GIT_REF_MISSING') as string })
  })
})

describe('diff', () => {
  it.each([
    ['branches as a..b', ['main..change'], 2],
    ['branches as two arguments', ['main', 'change'], 2],
  ])('compares %s without looking at a server', async (_what, args, code) => {
    forked()
    expect(await run('diff', ...args)).toMatchObject({ code, looks: 0 })
  })

  it('says field by field what differs', async () => {
    const first = repository.push('first', { 'slipway.yaml': FLEET, [SHOP]: shop('web:1') })
    repository.push('second', { [SHOP]: shop('web:2', { api: { image: 'api:1' } }) })
    for (const range of [first.slice(0, 8), `${first}..`, `${first.slice(0, 7)}..HEAD`]) {
      const { code, out } = await run('diff', range)
      expect(code).toBe(2)
      expect(out).toMatch(/\n\nshop\/api added\n {2}image api:1\nshop\/web changed\n {2}image web:1 → web:2\n$/)
    }
  })

  it.each([['..main'], ['a..b..c']])('refuses %s', async (range) => {
    expect(await run('diff', range)).toMatchObject({ code: 64 })
  })
})

describe('revert', () => {
  it('says what it would take back, and pushes nothing with --dry-run', async () => {
    forked()
    const bad = repository.push('bad', { [SHOP]: shop('web:9') })
    const { code, out } = await run('revert', bad.slice(0, 8), '--dry-run')
    expect({ code, out: out.replace(/[0-9a-f]{12}/, 'COMMIT') }).toEqual({
      code: 0,
      out: `would push COMMIT to main: takes back ${bad.slice(0, 7)} "bad" by Ada Pilot\n  ${SHOP}\n`,
    })
    expect(repository.bareGit('rev-parse', 'main')).toBe(bad)
  })

  it('pushes it to the branch, or as a branch of its own', async () => {
    forked()
    const good = repository.git('rev-parse', 'main')
    const bad = repository.push('bad', { [SHOP]: shop('web:9') })
    repository.bareGit('config', 'http.receivepack', 'true')
    const server = await gitServer(repository.root)
    const url = `${server.url}/fleet.git`
    try {
      const branch = `slipway/revert-${bad.slice(0, 12)}`
      expect(await run('revert', bad, '--pull-request', '--repo', url)).toMatchObject({ code: 0 })
      expect(repository.bareGit('diff', '--stat', good, branch)).toBe('')
      expect(repository.bareGit('rev-parse', 'main')).toBe(bad)
      expect(await run('revert', bad, '--repo', url)).toMatchObject({ code: 0 })
      expect(repository.bareGit('diff', '--stat', good, 'main')).toBe('')
      expect(await run('revert', bad, '--repo', url)).toMatchObject({ code: 64 })
    } finally {
      await server.close()
    }
  })

  it('fails cleanly where it cannot push', async () => {
    forked()
    const bad = repository.push('bad', { [SHOP]: shop('web:9') })
    const { code, err } = await run('revert', bad)
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^error PUSH_REFUSED .*only read/) as string })
  })

  it('cannot say what a service failed with while no controller runs', async () => {
    forked()
    expect(await run('revert', 'shop/web')).toMatchObject({ code: 64, out: '' })
  })
})

describe('blame', () => {
  const web = (image: string, level: string, replicas: number): string =>
    compose({ web: { image, replicas, more: `    environment: { LOG_LEVEL: ${level}, PASSWORD: hunter2 }` } })

  it('finds for each setting the commit that gave it its value, through merges, and shows no value', async () => {
    repository.push('begin', { 'slipway.yaml': FLEET, [SHOP]: web('web:1', 'info', 1) })
    repository.push('elsewhere', { other: '1' })
    repository.git('checkout', '--quiet', '-b', 'change')
    repository.write(SHOP, web('web:1', 'debug', 1))
    repository.commit('more words')
    repository.git('checkout', '--quiet', 'main')
    repository.push('new web', { [SHOP]: web('web:2', 'info', 1) })
    repository.git('merge', '--quiet', '--no-edit', 'change')
    repository.git('push', '--quiet', 'origin', 'main')
    repository.push('there and back', { [SHOP]: web('web:2', 'debug', 5) })
    repository.push('scale', { [SHOP]: web('web:2', 'debug', 3) })
    const { code, out } = await run('blame', 'shop/web', '--format', 'json')
    const { settings } = JSON.parse(out) as { settings: { setting: string; revision: { subject: string } }[] }
    const subjects = Object.fromEntries(settings.map(({ setting, revision }) => [setting, revision.subject]))
    expect({ code, subjects }).toMatchObject({
      code: 0,
      subjects: {
        image: 'new web',
        'environment.LOG_LEVEL': 'more words',
        'environment.PASSWORD': 'begin',
        'deploy.replicas': 'scale',
        healthcheck: 'begin',
      },
    })
    const text = (await run('blame', 'shop/web')).out
    expect(text).toMatch(/\n {2}image +2026-11-21 10:00 {2}[0-9a-f]{7} "new web" by Ada Pilot\n/)
    expect(text + out).not.toContain('hunter2')
  })

  it('leaves out what nobody ever said, and knows who set a default again', async () => {
    repository.push('begin', { 'slipway.yaml': FLEET, [SHOP]: shop('web:1') })
    repository.push('many', { [SHOP]: compose({ web: { image: 'web:1', replicas: 4 } }) })
    expect((await run('blame', 'shop/web')).out).toMatch(
      /\n\n {2}deploy\.replicas .*"many".*\n {2}healthcheck .*"begin".*\n {2}image .*"begin".*\n$/,
    )
    repository.push('one again', { [SHOP]: shop('web:1') })
    expect((await run('blame', 'shop/web')).out).toMatch(
      /\n\n {2}deploy\.replicas .*"one again".*\n {2}healthcheck .*"begin".*\n {2}image .*"begin".*\n$/,
    )
  })

  it.each([['shop'], ['shop/nothing']])('ends with 64 for %s', async (name) => {
    repository.push('begin', { 'slipway.yaml': FLEET, [SHOP]: web('web:1', 'info', 1) })
    expect(await run('blame', name)).toMatchObject({ code: 64, out: '' })
  })
})

describe('with a controller that knows what runs', () => {
  /** Serves a status in the data directory; web runs `runs`, the stack tried `attempted`. */
  async function serving(phase: 'synced' | 'rejected', runs: string, attempted: string): Promise<ControlServer> {
    const at = (sha: string): Revision => ({ ...revision('a'), sha })
    const replicas = [{ slot: 'shop/web#1', server: 'lon-1' }] as unknown as ServiceStatus['replicas']
    const stack = stackStatus('shop', phase, [serviceStatus('web', { revision: at(runs), replicas })])
    const revisions = { ...stack.revisions, attempted: at(attempted), applied: at(runs) }
    const status = fleetStatus({ accepted: at(attempted) }, [{ ...stack, revisions }])
    const surface = { status: () => Promise.resolve(ok(status)) } as unknown as ControlSurface
    mkdirSync(join(home, 'data'), { mode: 0o700 })
    const served = await serveControl(surface, { socketPath: join(home, 'data', 'control.sock') })
    if (!served.ok) throw new Error(served.problem.message)
    return served.value
  }

  it.each([
    ['rejected', 'bad', ['shop/web', 'shop']],
    ['synced', 'good', ['shop/web', 'shop']],
  ] as const)('revert takes back of a stack that is %s the %s commit', async (phase, subject, targets) => {
    repository.push('first', { 'slipway.yaml': FLEET, [SHOP]: shop('web:1') })
    const good = repository.push('good', { [SHOP]: shop('web:2') })
    const bad = repository.push('bad', { [SHOP]: shop('web:3', { api: { image: 'api:1' } }) })
    const served = await serving(phase, good, bad)
    try {
      for (const target of targets) {
        const { out, err } = await run('revert', target, '--dry-run')
        // What was built on the good one is in the way of taking it back.
        expect(phase === 'rejected' ? out : err).toContain(phase === 'rejected' ? `"${subject}"` : good.slice(0, 8))
      }
      expect(await run('revert', 'none/web', '--dry-run')).toMatchObject({ code: 64, out: '' })
    } finally {
      await served.close()
    }
  })

  it('blame is about the commit that a service runs, and names its replicas', async () => {
    const good = repository.push('good', { 'slipway.yaml': FLEET, [SHOP]: shop('web:1') })
    const bad = repository.push('bad', { [SHOP]: shop('web:2') })
    const served = await serving('rejected', good, bad)
    try {
      const { out } = await run('blame', 'shop/web')
      expect(out).toMatch(/^shop\/web at [0-9a-f]{7} "good" by .*\nrun by shop\/web#1 on lon-1\n/)
      expect(out).toMatch(/ image .*"good"/)
    } finally {
      await served.close()
    }
  })
})

describe('the commands for CI in the documentation', () => {
  const text = readFileSync(new URL('../../docs/pull-requests.md', import.meta.url), 'utf8')
  const commands = [...text.matchAll(/slipway (plan --repo \. .*?--format markdown)/g)].map(([, args]) => args ?? '')

  it('are there', () => expect(commands.length).toBe(2))

  it.each(commands)('work: %s', async (line) => {
    forked()
    const [head, base] = [repository.bareGit('rev-parse', 'change'), repository.bareGit('rev-parse', 'main')]
    const words = line
      .replaceAll('"$HEAD"', head)
      .replaceAll('"$BASE"', base)
      .replace('--repo .', `--repo ${repository.bare}`)
    const { code, out } = await run(...words.split(' '))
    expect({ code, isPlan: out.includes('| create | `web#1` |') }).toEqual({ code: 2, isPlan: true })
  })
})

describe('history of the commits between two', () => {
  it('says what became of each, newest last', async () => {
    const first = repository.push('first', { 'slipway.yaml': FLEET, [SHOP]: shop('web:1') })
    const second = repository.push('Second', { [SHOP]: shop('web:2') })
    const third = repository.push('Third', { [SHOP]: shop('web:3') })
    const at = (sha: string, subject: string): Revision => ({
      sha,
      subject,
      author: 'Ann <ann@example.com>',
      ref: 'main',
      committedAtMs: 0,
    })
    const journal = memoryJournal({ controllerId: 'one' })
    journal.append([
      { kind: 'revision-held', atMs: 1e12, revision: at(first, 'first'), problem: { code: 'BUG', message: 'x' } },
      {
        kind: 'stack-adopted',
        atMs: 2e12,
        stack: 'shop',
        revision: at(third, 'Third'),
        hash: 'h',
        pins: [],
        specs: [],
        replicas: {},
      },
    ])
    const { code, out, err } = await runWith(journal, 'history', `${first}..main`)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const author = '\\S+.*'
    expect(out).toMatch(
      new RegExp(
        `^${second.slice(0, 7)} "Second" by ${author}\n  nothing is remembered of it: .*\n` +
          `${third.slice(0, 7)} "Third" by ${author}\n  2033-05-18 .*shop: what runs is what ${third.slice(0, 7)} .*wants\n$`,
      ),
    )
    const json = JSON.parse((await runWith(journal, 'history', `${first}..`, '--format', 'json')).out) as unknown
    expect(json).toMatchObject([
      { sha: third, facts: [{ kind: 'stack-adopted' }] },
      { sha: second, facts: [] },
    ])
    expect((await runWith(journal, 'history', `${third}..main`)).out).toBe('no commit is between them\n')
    const missing = await runWith(journal, 'history', 'nowhere..main')
    expect(missing.code).toBe(1)
    expect(missing.err).toContain('nowhere')
  })
})
