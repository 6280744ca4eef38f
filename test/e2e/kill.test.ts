import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settlementOf } from '../../src/controller/index.js'
import { sqliteJournal } from '../../src/store/index.js'
import { controlClient, controlSocketPath } from '../../src/web/index.js'
import type { ControlSurface } from '../../src/web/index.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { Files } from './manifests.js'
import type { Program } from './program.js'
import { expectUntouched } from './runs.js'
import { mutating } from './server-logs.js'
import { followStarts } from './starts.js'
import type { Starts } from './starts.js'

const SEED = 20_261_121
const KILLS = 20
const IMAGE = 'shop/web:1'

let fleet: TestFleet
let program: Program
let starts: Starts
/** Time from the start of a rollout that nobody kills to its end, in ms. */
let durationMs: number
let versions = 0
/** Kills that found the rollout under way. */
let hits = 0

/** What a rollout of ours is made of: a job that must run once, new before old, old before new, files, and a service that comes and goes. */
function shop(version: number): Files {
  const environment = { VERSION: String(version) }
  const deploy = { update_config: { monitor: '300ms' } }
  const services = {
    migrate: {
      image: 'busybox:1.36',
      command: ['sh', '-c', 'echo $$VERSION >>/data/log'],
      environment,
      volumes: ['data:/data'],
      restart: 'no',
      healthcheck: { test: ['NONE'] },
    },
    web: {
      image: IMAGE,
      depends_on: { migrate: { condition: 'service_completed_successfully' } },
      configs: [{ source: 'page', target: '/www/page.html' }],
      deploy: { ...deploy, replicas: 3 },
    },
    api: {
      image: IMAGE,
      environment,
      deploy: { update_config: { ...deploy.update_config, order: 'stop-first' } },
    },
    mail: { image: IMAGE },
    ...(version % 2 === 0
      ? { extra: { image: IMAGE, deploy: { placement: { constraints: ['node.hostname == lon-2'] } } } }
      : {}),
  }
  return {
    [STACK]: compose(services, { configs: { page: { file: './page.html' } }, volumes: { data: {} } }),
    'stacks/shop/page.html': `version ${version}\n`,
  }
}

/** Containers that a rollout of a version starts: web, api, the job, and the service that came. */
const startsOf = (version: number): number => 3 + 1 + 1 + (version % 2 === 0 ? 1 : 0)

/** The same numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One random point in each twentieth of a rollout, in % of its duration. */
function killPoints(): readonly number[] {
  const random = randomFrom(SEED)
  return Array.from({ length: KILLS }, (_, index) => Math.round(((index + random()) / KILLS) * 1_000) / 10)
}

function surface(): ControlSurface {
  const path = controlSocketPath(fleet.dataDir)
  if (!path.ok) throw new Error(path.problem.message)
  return controlClient(path.value)
}

/** Waits until the program that runs has applied a commit. */
async function applied(sha: string): Promise<void> {
  await fleet.until(`${sha.slice(0, 8)} is applied`, async () => {
    const status = await surface().status()
    return status.ok && settlementOf(status.value, sha).kind === 'applied'
  })
}

/** Pushes the next version; resolves as soon as its rollout has begun. */
async function begin(): Promise<string> {
  versions += 1
  const sha = await fleet.commit(shop(versions), `Version ${versions}`)
  await surface().command({ kind: 'sync', by: 'test' })
  await fleet.until('the rollout has begun', () => said('rollout started', sha))
  return sha
}

function said(message: string, sha: string): boolean {
  return program.output.split('\n').some((line) => line.includes(`"${message}"`) && line.includes(sha))
}

/** Everything on the servers but for what tells one version from another. */
async function state(): Promise<Readonly<Record<string, string>>> {
  const specs = [...(await fleet.engines.specs())].map(([key, text]) => {
    const masked = text
      .replace(/"VERSION=\d+"/, '"VERSION"')
      .replace(/\b[0-9a-f]{20}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b/g, 'hash')
    return [key, masked] as const
  })
  const servers = fleet.lab.servers.map(({ name }) => name)
  const networks = await Promise.all(servers.map((name) => fleet.engines.networks(name)))
  const volumes = await Promise.all(servers.map((name) => fleet.engines.volumes(name)))
  return { ...Object.fromEntries(specs.sort()), networks: JSON.stringify(networks), volumes: JSON.stringify(volumes) }
}

/** Versions in the order in which their jobs ran. */
async function jobsRun(): Promise<readonly number[]> {
  const [job] = await fleet.containers('migrate')
  const log = await fleet.lab.server(job?.server ?? '').run('cat', '/var/lib/docker/volumes/shop_data/_data/log')
  return log.trim().split('\n').map(Number)
}

async function pages(): Promise<readonly string[]> {
  const web = await fleet.containers('web')
  return Promise.all(web.map((container) => fleet.engines.exec(container, 'cat', '/www/page.html')))
}

/** By the parity of the version: with and without the service that comes and goes. */
const reference: Readonly<Record<string, string>>[] = []

beforeAll(async () => {
  fleet = await startFleet({ name: 'e2e-kill', images: { [IMAGE]: 'healthy' } })
  await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab), ...shop(0) }, 'Version 0')
  program = fleet.run('run')
  await applied((await fleet.repository.head()) ?? '')
  starts = await followStarts(fleet)
  const durations: number[] = []
  for (let round = 0; round < 2; round += 1) {
    const sha = await begin()
    const startedAtMs = performance.now()
    await applied(sha)
    durations.push(performance.now() - startedAtMs)
    reference[versions % 2] = await state()
  }
  durationMs = Math.min(...durations)
})

afterAll(async () => {
  starts?.close()
  await fleet?.down()
})

describe('a controller', () => {
  it.each(killPoints())('killed at %f % of a rollout ends where it would have, with nothing twice', async (percent) => {
    const traffic = fleet.watchTraffic()
    const before = starts.ids().length
    const sha = await begin()
    await new Promise((resolve) => setTimeout(resolve, (percent / 100) * durationMs))
    await program.kill('SIGKILL')
    if (!said('rollout completed', sha)) hits += 1
    program = fleet.run('run')
    await applied(sha)

    expect(await state()).toEqual(reference[versions % 2])
    const containers = await fleet.containers()
    expect(
      containers.filter(({ service }) => service === 'web' || service === 'api').every((c) => c.revision === sha),
    ).toBe(true)
    expect(await pages()).toEqual(Array(3).fill(`version ${versions}\n`))
    const started = (): readonly string[] => starts.ids().slice(before)
    await fleet.until('the engines told of the starts', () => started().length >= startsOf(versions))
    expect(started().length, mutating(traffic.read()).join('\n')).toBe(startsOf(versions))
  })

  it('that was killed so often has run each job once, and was hit in the middle of things', async () => {
    expect(await jobsRun()).toEqual(Array.from({ length: versions + 1 }, (_, version) => version))
    expect(hits).toBeGreaterThan(KILLS / 2)
  })

  it('leaves no intent open, and without its data directory it touches nothing', async () => {
    const { code } = await program.kill('SIGTERM')
    expect(code).toBe(0)
    const journal = sqliteJournal({ dir: fleet.dataDir })
    if (!journal.ok) throw new Error(journal.problem.message)
    expect(journal.value.load().openIntents).toEqual([])
    journal.value.close()

    await expectUntouched(fleet, async () => {
      rmSync(fleet.dataDir, { recursive: true })
      program = fleet.run('run')
      await applied((await fleet.repository.head()) ?? '')
    })
    expect(await state()).toEqual(reference[versions % 2])
  })
})
