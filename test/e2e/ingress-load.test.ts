import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROXY_IMAGE, startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { LoadClients, loadImage } from './load/index.js'
import type { LoadFailure, LoadReport } from './load/index.js'
import { STACK, compose, fleetFile } from './manifests.js'
import { get } from './traffic.js'

const PORT = 8081
const REPLICAS = 10
/** Longer than the slowest request. */
const DRAIN_MS = 6_000
/** So many leave something of two cores to the tests beside these; a thousand are tried by hand: `SLIPWAY_TEST_LOAD=1000`. */
const PER_SECOND = Number(process.env['SLIPWAY_TEST_LOAD'] ?? 300)
const SOCKETS = 100
const STREAMS = 20
/** Of `show stat`. */
const STATUS_COLUMN = 17
/** The load takes what the machine has. */
const SETTLE_MS = 150_000

const ADMIN = { image: 'shop/load:1', ports: [{ target: 8080, published: PORT + 1, app_protocol: 'http' }] }

let fleet: TestFleet
let clients: LoadClients
let dir: string
let swaps = 0
let posts = 0
let version = 1
let hasAdmin = false

interface Wanted {
  readonly replicas?: number
  readonly parallelism?: number
  readonly constraints?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

function shop({ replicas = REPLICAS, parallelism = 0, constraints = [], environment }: Wanted = {}): string {
  const web = {
    image: 'shop/load:1',
    environment: { VERSION: `v${version}`, ...environment },
    ports: [{ target: 8080, published: PORT, app_protocol: 'http' }],
    volumes: [{ type: 'bind', source: join(dir, 'posts'), target: '/posts' }],
    deploy: { replicas, placement: { constraints }, update_config: { parallelism, order: 'start-first' } },
    'x-slipway': { rollout: { drain: `${DRAIN_MS / 1_000}s` } },
  }
  return compose(hasAdmin ? { web, admin: ADMIN } : { web })
}

const urlOf = (server: string): string => `http://${fleet.lab.server(server).address}:${PORT}/`
const urls = (): readonly string[] => fleet.lab.servers.map(({ name }) => urlOf(name))

/** What clients saw while something was done. */
async function during(work: () => Promise<unknown>): Promise<LoadReport> {
  const before = await clients.report()
  posts += before.posts
  expect(before.failures).toEqual([])
  await work()
  const report = await clients.report()
  posts += report.posts
  return report
}

async function deploy(text: string, message: string, kind: 'applied' | 'rolled-back' = 'applied'): Promise<void> {
  await fleet.settle(await fleet.commit({ [STACK]: text }, message), kind, SETTLE_MS)
}

async function update(changes: Wanted = {}): Promise<void> {
  version += 1
  await deploy(shop(changes), `Version ${version}`)
  swaps += changes.replicas ?? REPLICAS
}

/** What the proxy of a server says of its check of a peer, past Slipway: `UP`, `DOWN 1/2`, `DOWN`. */
async function stateOfPeer(server: string, peer: string): Promise<string | undefined> {
  const folder = join(fleet.lab.server(server).dir, 'proxies', fleet.lab.name)
  const [name] = readdirSync(folder).filter((file) => file.endsWith('.sock'))
  if (name === undefined) throw new Error(`${server} has no proxy`)
  const socket = connect(join(folder, name))
  socket.end('@1 show stat -1 4 -1\n')
  const row = (await text(socket)).split('\n').find((line) => line.startsWith(`peers,r_${peer},`))
  return row?.split(',')[STATUS_COLUMN]
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-load-'))
  mkdirSync(join(dir, 'posts'))
  fleet = await startFleet({ name: 'e2e-load', proxy: true })
  await fleet.lab.load(await fleet.lab.image('shop/load:1', await loadImage()))
  const files = { 'slipway.yaml': fleetFile(fleet.lab, { ingress: { image: PROXY_IMAGE } }), [STACK]: shop() }
  const sha = await fleet.commit(files, 'The shop opens')
  fleet.boot()
  await fleet.settle(sha)
  await fleet.until('each server answers', async () => {
    const answers = await Promise.all(urls().map((url) => get(url)))
    return answers.every(({ status }) => status === 200)
  })
  clients = new LoadClients({
    urls: urls(),
    perSecond: PER_SECOND,
    sockets: SOCKETS,
    streams: STREAMS,
    leastAgeMs: DRAIN_MS,
  })
})

afterAll(async () => {
  clients?.stop()
  await fleet?.down()
  if (dir !== undefined) rmSync(dir, { recursive: true })
})

/** Longer than it takes to give up what was sent to a server that has vanished. */
const QUIET_LOOKS = 14

/** Looks until nothing fails any more. Answers with all that failed. */
async function untilNothingFails(what: string): Promise<readonly LoadFailure[]> {
  const failures: LoadFailure[] = []
  let quiet = 0
  await fleet.until(what, async () => {
    const report = await clients.report()
    posts += report.posts
    failures.push(...report.failures)
    quiet = report.failures.length === 0 ? quiet + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 500))
    return quiet >= QUIET_LOOKS
  })
  return failures
}

describe('requests of all kinds, a hundred sockets and twenty event streams', () => {
  it.each([
    ['an update in two halves', () => update({ parallelism: REPLICAS / 2 })],
    ['an update of all at once', () => update()],
    ['fewer replicas', () => deploy(shop({ replicas: 4 }), 'Fewer')],
    ['a move to other servers', () => update({ replicas: 4, constraints: ['node.hostname != lon-1'] })],
    ['more replicas, on all servers again', () => deploy(shop(), 'More')],
    [
      'a new configuration of all proxies',
      () => {
        hasAdmin = true
        return deploy(shop(), 'One more port')
      },
    ],
    [
      'a restart of the controller amid an update',
      async () => {
        version += 1
        const sha = await fleet.commit({ [STACK]: shop() }, `Version ${version}`)
        await fleet.until('new ones run', async () => (await fleet.containers('web')).length > REPLICAS)
        await fleet.halt()
        fleet.boot()
        await fleet.settle(sha, 'applied', SETTLE_MS)
        swaps += REPLICAS
      },
    ],
    ['another update', () => update()],
  ] as const)('lose nothing during %s', async (what, work) => {
    const report = await during(work)
    console.log(
      `${what}: ${report.requests} requests, ${report.streamsEnded} streams ended in good form by ${Object.keys(report.answers).length} replicas`,
    )
    expect(report.failures).toEqual([])
    expect(report.streams).toBe(SOCKETS + STREAMS)
  })

  it('lose nothing during a commit that fails, and is taken back', async () => {
    const bad = shop({ environment: { BEHAVIOUR: 'unhealthy' } })
    const report = await during(() => deploy(bad, 'Bad', 'rolled-back'))
    expect(report.failures).toEqual([])
    expect(report.streamsEnded).toBe(0)
    await deploy(shop(), 'As before')
  })

  it('lose what is open on a replica that is killed, and no more, without a controller too', async () => {
    await fleet.halt()
    const [victim] = await fleet.containers('web')
    if (victim === undefined) throw new Error('no replica')
    const { State } = await fleet.engines.client(victim.server).getContainer(victim.id).inspect()
    let killedAtMs = 0
    const report = await during(async () => {
      await fleet.lab.server(victim.server).run('kill', '-9', String(State.Pid))
      killedAtMs = Date.now()
      await fleet.until('it runs again', async () => {
        const now = await fleet.engines.client(victim.server).getContainer(victim.id).inspect()
        return now.State.Running && now.State.Pid !== State.Pid
      })
    })
    const failures = [...report.failures, ...(await untilNothingFails('the rest goes on'))]
    for (const { what, begunAtMs } of failures) {
      expect(what).toMatch(/^(POST|socket|events)/)
      expect(begunAtMs).toBeLessThanOrEqual(killedAtMs)
    }
    fleet.boot()
  })

  it('reach the servers that are left when one is cut off, and it again when it is back', async () => {
    const { failures: none } = await during(() => clients.aim(['lon-1', 'lon-2'].map(urlOf)))
    expect(none).toEqual([])
    const cutAtMs = Date.now()
    await fleet.lab.server('lon-3').cut()
    await fleet.until('its peers have given it up', async () => {
      const answers = await Promise.all(['lon-1', 'lon-2'].map((server) => stateOfPeer(server, 'lon-3')))
      return answers.every((state) => state === 'DOWN')
    })
    const givenUpAtMs = Date.now()
    const failures = await untilNothingFails('the rest answers')
    const others = failures.filter(({ url }) => url !== urlOf('lon-3'))
    const last = Math.max(0, ...others.map(({ begunAtMs }) => begunAtMs - cutAtMs))
    console.log(
      `cut off: given up within ${givenUpAtMs - cutAtMs} ms; ${others.length} failures, the last begun after ${last} ms`,
    )
    expect(others.filter(({ begunAtMs }) => begunAtMs > givenUpAtMs)).toEqual([])
    await fleet.lab.server('lon-3').restore()
    await untilNothingFails('all of it answers')
    await clients.aim(urls())
    await fleet.until('the server is back', () => fleet.status().servers.every(({ phase }) => phase === 'ready'))
    const report = await during(() => update())
    expect(report.failures).toEqual([])
  })

  it('has swapped fifty replicas by then, and repeated no POST', async () => {
    posts += (await clients.end()).posts
    const keys = readFileSync(join(dir, 'posts', 'log'), 'utf8')
      .trim()
      .split('\n')
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.length).toBeGreaterThanOrEqual(posts)
    expect(swaps).toBeGreaterThanOrEqual(50)
  })
})
