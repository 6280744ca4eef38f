import { fakeChecker } from '../controller/checker.js'
import { createColors } from 'picocolors'
import { afterEach, expect, it } from 'vitest'
import { CommandError } from '../../src/cli/invocation.js'
import type { Invocation, Parts } from '../../src/cli/invocation.js'
import { openController } from '../../src/cli/local-controller.js'
import type { LocalController } from '../../src/cli/local-controller.js'
import { readSettings } from '../../src/cli/settings.js'
import type { Clock, LogEvent } from '../../src/controller/index.js'
import { createLoader } from '../../src/manifest/index.js'
import { fail, ok } from '../../src/model/index.js'
import type { Problem, Result } from '../../src/model/index.js'
import { FakeAuthority, FakeStore } from '../controller/authority.js'
import { fakeMesh } from '../controller/balancer.js'
import { compose, createWorld, FLEET } from '../controller/world.js'
import type { World } from '../controller/world.js'

const clock: Clock = {
  nowMs: () => Math.round(performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

const opened: LocalController[] = []
afterEach(async () => {
  for (const controller of opened.splice(0)) await controller.close()
})

async function open(world: World, env: Readonly<Record<string, string>>, held?: Problem): Promise<LocalController> {
  const parts: Parts = {
    clock,
    openSource: () => Promise.resolve(world.source),
    openWorkshop: () => Promise.reject(new Error('no command here looks at other commits')),
    openLoader: () => Promise.resolve({ ...createLoader(), close: () => Promise.resolve() }),
    openDriver: () => Promise.resolve(world.driver),
    openMesh: () => Promise.resolve(fakeMesh),
    openAcme: () => Promise.resolve({ authority: new FakeAuthority(clock), store: new FakeStore() }),
    openChecker: () => Promise.resolve(fakeChecker()),
    openJournal: () => Promise.resolve(held === undefined ? ok(world.journal) : fail(held)),
    loadRehearsalDriver: () => Promise.reject(new Error('nothing is rehearsed here')),
    schedule: () => Promise.resolve(() => undefined),
  }
  const controller = await openController(invocation(parts, env), () => undefined)
  opened.push(controller)
  return controller
}

function invocation(parts: Parts, env: Readonly<Record<string, string>>): Invocation {
  const colors = createColors(false)
  const settings = readSettings({ flags: {}, env, home: '/nonexistent', isRoot: false })
  if (!settings.ok) throw new Error(settings.problem[0]?.message)
  const io = {
    out: () => undefined,
    err: () => undefined,
    isTty: false,
    columns: 100,
    env,
    home: '/nonexistent',
    isRoot: false,
    user: 'ann',
    nowMs: () => clock.nowMs(),
    interrupted: new AbortController().signal,
  }
  const look = { colors, columns: 100 }
  const asked = { command: 'run', args: [], options: {}, format: 'text' }
  return { ...asked, io, colors, look, settings: settings.value, parts }
}

function shop(world: World, image: string): void {
  world.source.commit(
    { 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': compose({ web: { image, replicas: 2 } }) },
    image,
  )
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.problem.message)
  return result.value
}

it('plans what Git says now, not what it said at the last poll', async () => {
  const world = createWorld()
  shop(world, 'web:1')
  const controller = await open(world, { SLIPWAY_REPO: 'test' })
  controller.start()
  await controller.surface.plan()
  // What is suspended is planned and left as it is: no rollout runs away from under the test.
  await controller.surface.command({ kind: 'suspend', scope: '*', reason: '', by: 'ann' })
  shop(world, 'web:2')
  const { revision, text, guards } = value(await controller.surface.plan())
  expect(revision?.subject).toBe('web:2')
  expect(text).toContain('image web:1 → web:2')
  expect(guards).toMatchObject([{ code: 'SUSPENDED', next: { remedy: 'slipway resume' } }])
})

it('answers for status, history, commands and events like one that is reached over the socket', async () => {
  const world = createWorld()
  shop(world, 'web:1')
  const controller = await open(world, { SLIPWAY_REPO: 'test' })
  const { surface } = controller
  const events = value(await surface.events(new AbortController().signal))[Symbol.asyncIterator]()
  controller.start()
  const event = (await events.next()).value as LogEvent
  expect(event.level).toMatch(/^(?:debug|info)$/)
  await surface.plan()
  expect(value(await surface.status()).source.accepted?.subject).toBe('web:1')
  expect(await surface.command({ kind: 'suspend', scope: 'shop', reason: '', by: 'ann' })).toMatchObject({ ok: true })
  expect(await surface.command({ kind: 'drain', server: 'nyc-9', by: 'ann' })).toMatchObject({ ok: false })
  expect(value(await surface.history({ limit: 1 }))).toMatchObject([{ kind: 'commanded' }])
})

it('never shows a token that stands in the repository address', async () => {
  const { surface } = await open(createWorld(), { SLIPWAY_REPO: 'https://ann:sesame@git.example.com/fleet.git' })
  expect(value(await surface.status()).source.repository).toBe('https://git.example.com/fleet.git')
})

it('opens nothing else when the data directory is taken', async () => {
  const world = createWorld()
  const taken: Problem = { code: 'CONTROLLER_RUNNING', message: 'process 7 has it' }
  await expect(open(world, { SLIPWAY_REPO: 'test' }, taken)).rejects.toThrow(CommandError)
  expect(world.driver.looks).toBe(0)
})

it('asks for the repository where none is named', async () => {
  await expect(open(createWorld(), {})).rejects.toMatchObject({ isUsage: true })
})
