import { describe, expect, it } from 'vitest'
import { bench, image } from './sim.js'
import type { Bench } from './sim.js'

async function create(world: Bench, name: string, body: Readonly<Record<string, unknown>> = {}): Promise<number> {
  world.engine.load('app:1', image('app:1'))
  const { status } = await world.call('POST', '/containers/create', {
    query: { name },
    body: { Image: 'app:1', ...body },
  })
  return status
}

async function stateOf(world: Bench, name: string): Promise<string> {
  const { body } = await world.call('GET', `/containers/${name}/json`)
  return (body as { State: { Status: string } }).State.Status
}

function told(world: Bench): readonly string[] {
  return world.events.filter(({ type }) => type === 'container').map(({ action }) => action)
}

const post = (what: string) => `POST /containers/app/${what}`

const sequences: readonly (readonly [
  title: string,
  calls: readonly string[],
  statuses: readonly number[],
  state: string,
])[] = [
  ['starts once', [post('start'), post('start')], [204, 304], 'running'],
  ['stops once', [post('start'), post('stop'), post('stop')], [204, 204, 304], 'exited'],
  ['does not stop what never ran', [post('stop')], [304], 'created'],
  ['kills only what runs', [post('kill'), post('start'), post('kill'), post('kill')], [409, 204, 204, 409], 'exited'],
  ['restarts what runs and what does not', [post('restart'), post('restart')], [204, 204], 'running'],
  ['does not remove what runs', [post('start'), 'DELETE /containers/app'], [204, 409], 'running'],
  ['does not know a signal without a name', [post('start'), `${post('kill')}?signal=NOSUCH`], [204, 400], 'running'],
  [
    'pauses and goes on',
    [post('start'), post('pause'), post('start'), post('unpause')],
    [204, 204, 409, 204],
    'running',
  ],
  ['does not pause what does not run', [post('pause')], [409], 'created'],
  [
    'renames to what is free',
    [`${post('rename')}?name=other`, 'POST /containers/other/rename?name=app'],
    [204, 204],
    'created',
  ],
  ['runs nothing in what does not run', [`${post('exec')}`], [409], 'created'],
  ['takes new limits', [post('update')], [200], 'created'],
]

describe('a container of the simulated engine', () => {
  it.each(sequences)('%s', async (_title, calls, statuses, state) => {
    const world = bench()
    await create(world, 'app')
    const answers: number[] = []
    for (const call of calls) {
      const [method, url] = call.split(' ') as ['POST', string]
      const [path, query] = url.split('?') as [string, string?]
      const answer = await world.call(method, path, { query: Object.fromEntries(new URLSearchParams(query)) })
      answers.push(answer.status)
    }
    expect(answers).toEqual(statuses)
    expect(await stateOf(world, 'app')).toBe(state)
  })

  it('has a name of its own: the second of two creations at once is refused', async () => {
    const world = bench()
    world.engine.load('app:1', image('app:1'))
    const request = { query: { name: 'app' }, body: { Image: 'app:1' } }
    const client = world.engine.way('lon-1').client('v1.45')
    const signal = new AbortController().signal
    const send = () =>
      client.call({ method: 'POST', path: '/containers/create', deadlineMs: 9e4, maxBytes: 1e6, ...request }, signal)
    const [one, two] = await world.within(Promise.all([send(), send()]))
    expect([one, two]).toMatchObject([{ ok: true }, { ok: false, problem: { kind: 'refused', status: 409 } }])
  })

  it('is not made of an image that is not there', async () => {
    const answer = await bench().call('POST', '/containers/create', { body: { Image: 'none:1' } })
    expect(answer).toEqual({ status: 404, body: 'No such image: none:1' })
  })

  it('stays created when its port is taken, and starts once it is free', async () => {
    const world = bench()
    const published = { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } }
    await create(world, 'app', published)
    world.engine.holdPort(8080, true)
    expect((await world.call('POST', '/containers/app/start')).body).toMatch(/address already in use/)
    expect(await stateOf(world, 'app')).toBe('created')
    world.engine.holdPort(8080, false)
    expect((await world.call('POST', '/containers/app/start')).status).toBe(204)
    await create(world, 'other', published)
    expect((await world.call('POST', '/containers/other/start')).body).toMatch(/port is already allocated/)
  })

  it('is thawed by a stop, and obeys it', async () => {
    const world = bench()
    await create(world, 'app')
    for (const what of ['start', 'pause', 'stop']) await world.call('POST', `/containers/app/${what}`)
    expect((await world.call('GET', '/containers/app/json')).body).toMatchObject({ State: { ExitCode: 0 } })
  })

  it('does not start on a network that is gone', async () => {
    const world = bench()
    await create(world, 'app', { HostConfig: { NetworkMode: 'gone' } })
    expect((await world.call('POST', '/containers/app/restart')).status).toBe(500)
    expect(await world.call('POST', '/containers/app/start')).toEqual({ status: 404, body: 'network gone not found' })
  })

  it('takes no notice of SIGTERM and is killed after the grace period', async () => {
    const world = bench()
    world.behaviours.set('app:1', { stopsAfterMs: null })
    await create(world, 'app')
    await world.call('POST', '/containers/app/start')
    const beforeMs = world.clock.nowMs()
    await world.call('POST', '/containers/app/stop', { query: { t: '3' } })
    expect(world.clock.nowMs() - beforeMs).toBeGreaterThanOrEqual(3_000)
    await world.clock.run(10)
    expect(told(world).slice(2)).toEqual(['kill', 'kill', 'stop', 'die'])
    expect((await world.call('GET', '/containers/app/json')).body).toMatchObject({ State: { ExitCode: 137 } })
  })

  it('is refused on a full disk, as is what is pulled onto it', async () => {
    const world = bench()
    world.engine.setFreeDisk(0)
    expect(await create(world, 'app')).toBe(500)
  })
})

describe('the restart policy', () => {
  const starts = (world: Bench): readonly number[] =>
    world.events.filter(({ action }) => action === 'start').map(({ atMs }) => atMs)

  it('waits 100 ms, then twice as long each time', async () => {
    const world = bench({ times: { startMs: 0, cleanUpMs: 0, readMs: 0 } })
    world.behaviours.set('app:1', { ends: { afterMs: 50, exitCode: 1, isOom: false } })
    await create(world, 'app', { HostConfig: { RestartPolicy: { Name: 'always' } } })
    await world.call('POST', '/containers/app/start')
    await world.clock.run(2_000)
    const times = starts(world)
    expect(times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0) - 50)).toEqual([100, 200, 400, 800])
  })

  it('forgives after ten seconds of running', async () => {
    const world = bench({ times: { startMs: 0, cleanUpMs: 0, readMs: 0 } })
    world.behaviours.set('app:1', { ends: { afterMs: 10_000, exitCode: 0, isOom: false } })
    await create(world, 'app', { HostConfig: { RestartPolicy: { Name: 'unless-stopped' } } })
    await world.call('POST', '/containers/app/start')
    await world.clock.run(31_000)
    const times = starts(world)
    expect(times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0) - 10_000)).toEqual([100, 100, 100])
  })

  it.each([
    [1, 3, 'exited'],
    [0, 1, 'exited'],
  ])('on-failure, exit code %i, at most twice again: %i starts, then %s', async (exitCode, count, state) => {
    const world = bench()
    world.behaviours.set('app:1', { ends: { afterMs: 50, exitCode, isOom: false } })
    await create(world, 'app', { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } } })
    await world.call('POST', '/containers/app/start')
    await world.clock.run(60_000)
    expect(starts(world)).toHaveLength(count)
    expect(await stateOf(world, 'app')).toBe(state)
  })

  it('is ended by a stop in the middle of its pause', async () => {
    const world = bench()
    world.behaviours.set('app:1', { ends: { afterMs: 50, exitCode: 1, isOom: false } })
    await create(world, 'app', { HostConfig: { RestartPolicy: { Name: 'always' } } })
    await world.call('POST', '/containers/app/start')
    await world.clock.run(5_000)
    expect(await stateOf(world, 'app')).toBe('restarting')
    await world.call('POST', '/containers/app/stop')
    const count = starts(world).length
    await world.clock.run(120_000)
    expect(starts(world)).toHaveLength(count)
    expect(await stateOf(world, 'app')).toBe('exited')
  })
})

describe('the healthcheck', () => {
  const seconds = (value: number): number => value * 1e9
  const check = (more: Readonly<Record<string, number>> = {}) => ({
    Healthcheck: { Test: ['CMD', 'true'], Interval: seconds(1), Timeout: seconds(1), Retries: 2, ...more },
  })
  const health = (world: Bench): readonly string[] =>
    world.events.filter(({ action }) => action.startsWith('health_status')).map(({ action }) => action.slice(15))

  it.each([
    ['healthy at the first good answer', check(), { readyAfterMs: 0 }, 1_500, ['healthy']],
    ['unhealthy after so many retries', check(), { readyAfterMs: null }, 2_500, ['unhealthy']],
    ['not yet unhealthy before', check(), { readyAfterMs: null }, 1_500, []],
    ['not unhealthy within the start period', check({ StartPeriod: seconds(9) }), { readyAfterMs: null }, 8_000, []],
    [
      'unhealthy after the start period',
      check({ StartPeriod: seconds(3) }),
      { readyAfterMs: null },
      12_000,
      ['unhealthy'],
    ],
    ['unhealthy when it hangs', check(), { checkMs: null }, 6_000, ['unhealthy']],
    [
      'healthy, unhealthy, healthy',
      check(),
      { flaps: { upMs: 3_000, downMs: 4_000 } },
      9_000,
      ['healthy', 'unhealthy', 'healthy'],
    ],
    ['off', { Healthcheck: { Test: ['NONE'] } }, {}, 60_000, []],
  ])('is %s', async (_title, body, behaviour, ms, expected) => {
    const world = bench()
    world.behaviours.set('app:1', behaviour)
    await create(world, 'app', body)
    await world.call('POST', '/containers/app/start')
    await world.clock.run(ms)
    expect(health(world)).toEqual(expected)
  })

  it.each([
    ['26.1', 1_500, ['healthy']],
    ['20.10', 1_500, []],
  ] as const)('of engine %s asks more often while it starts, if it knows how', async (version, ms, expected) => {
    const world = bench({ version })
    await create(world, 'app', check({ Interval: seconds(20), StartPeriod: seconds(60), StartInterval: seconds(1) }))
    await world.call('POST', '/containers/app/start')
    await world.clock.run(ms)
    expect(health(world)).toEqual(expected)
  })

  it('begins anew with each start', async () => {
    const world = bench()
    await create(world, 'app', check())
    await world.call('POST', '/containers/app/start')
    await world.clock.run(1_500)
    await world.call('POST', '/containers/app/restart')
    expect((await world.call('GET', '/containers/app/json')).body).toMatchObject({
      State: { Health: { Status: 'starting' } },
    })
  })
})

describe('the daemon', () => {
  async function running(policy: string, options: Parameters<typeof bench>[0] = {}): Promise<Bench> {
    const world = bench(options)
    await create(world, 'app', { HostConfig: { RestartPolicy: { Name: policy } } })
    await world.call('POST', '/containers/app/start')
    return world
  }

  it.each([
    ['always', false, 'running'],
    ['always', true, 'running'],
    ['unless-stopped', false, 'running'],
    ['unless-stopped', true, 'exited'],
    ['no', false, 'exited'],
    ['on-failure', false, 'exited'],
  ])('stopped and started again: %s, stopped by hand: %s → %s', async (policy, isStoppedByHand, state) => {
    const world = await running(policy)
    if (isStoppedByHand) await world.call('POST', '/containers/app/stop')
    await world.within(world.engine.stopDaemon())
    await expect(world.call('GET', '/_ping')).rejects.toThrow(/no engine listens/)
    await world.within(world.engine.startDaemon())
    expect(await stateOf(world, 'app')).toBe(state)
  })

  it('killed with live-restore leaves its containers alone and finds them again', async () => {
    const world = await running('no', { liveRestore: true })
    world.engine.killDaemon()
    await world.clock.run(5_000)
    await world.within(world.engine.startDaemon())
    expect(await stateOf(world, 'app')).toBe('running')
    expect(told(world)).toEqual(['create', 'start'])
  })

  it('finds nothing running after its host lost its power', async () => {
    const world = await running('no')
    world.engine.crashHost()
    await world.within(world.engine.startDaemon())
    expect((await world.call('GET', '/containers/app/json')).body).toMatchObject({
      State: { Status: 'exited', ExitCode: 255 },
    })
  })

  it('takes calls with it that were under way, and what they were doing', async () => {
    const world = bench()
    world.engine.load('app:1', image('app:1'))
    const creation = world.call('POST', '/containers/create', { query: { name: 'app' }, body: { Image: 'app:1' } })
    world.clock.after(20, () => world.engine.killDaemon())
    await expect(creation).rejects.toThrow(/lost its connection/)
    await world.within(world.engine.startDaemon())
    expect(await create(world, 'app')).toBe(201)
  })
})
