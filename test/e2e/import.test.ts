import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMPOSE_LABELS, LABELS } from '../../src/model/index.js'
import { composePath, ensureDownload } from '../lab/downloads.js'
import { run } from '../lab/shell.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'

let fleet: TestFleet
const folder = mkdtempSync(join(tmpdir(), 'slipway-import-'))

/** The file that Docker Compose runs is the file that Git has, but for what `changes` says. */
function shop(changes: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {}): string {
  const deploy = { replicas: 2 }
  const data = { volumes: ['data:/data'], ports: ['127.0.0.1:18090:8080'] }
  const services = {
    web: { image: 'shop/web:1', restart: 'always', deploy },
    db: { image: 'shop/db:1', restart: 'unless-stopped', mem_limit: '64m', ...data },
    cache: { image: 'shop/cache:1', restart: 'always', environment: { SIZE: '1' } },
  }
  const merged = Object.entries(services).map(([name, text]) => [name, { ...text, ...changes[name] }] as const)
  return compose(Object.fromEntries(merged), { volumes: { data: {} } })
}

beforeAll(async () => {
  await ensureDownload('compose', (line) => console.log(line))
  const images = {
    'shop/web:1': 'healthy',
    'shop/web:2': 'healthy',
    'shop/db:1': 'healthy',
    'shop/cache:1': 'healthy',
  } as const
  fleet = await startFleet({ name: 'e2e-import', servers: 1, images })
  writeFileSync(join(folder, 'compose.yaml'), shop())
  const [server] = fleet.lab.servers
  const env = { PATH: '', HOME: folder, DOCKER_HOST: `unix://${server?.socketPath ?? ''}` }
  await run(composePath, ['--project-name', 'shop', 'up', '--detach'], { cwd: folder, env })
})

afterAll(async () => {
  await fleet?.down()
  rmSync(folder, { recursive: true, force: true })
})

/** Ids of all containers of the project, whoever made them, by service. */
async function idsOf(service: string): Promise<readonly string[]> {
  const label = [`${COMPOSE_LABELS.project}=shop`, `${COMPOSE_LABELS.service}=${service}`]
  const found = await fleet.engines.client('lon-1').listContainers({ all: true, filters: { label } })
  return found.map(({ Id }) => Id).sort()
}

describe('a project that docker compose runs', () => {
  it('is taken over container by container: what is as Git says goes on, and what is not is said', async () => {
    const other = shop({ cache: { environment: { SIZE: '2' } } })
    const sha = await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab), [STACK]: other }, 'The shop moves to Git')
    const before = { web: await idsOf('web'), db: await idsOf('db'), cache: await idsOf('cache') }
    expect(before.web).toHaveLength(2)

    const refused = await fleet.cli('plan')
    expect(refused.stdout).toContain('COMPOSE_RUNS_IT')
    expect(refused.stdout).toContain('slipway import')

    const shown = await fleet.cli('import', 'shop')
    expect(shown).toMatchObject({ code: 2, stderr: '' })
    expect(shown.stdout).toMatch(
      /± shop\/cache#1 {2}shop-cache-1 is replaced by the next rollout\n\s+environment.SIZE 1 → 2\n/,
    )
    expect(shown.stdout).toContain('3 containers stay, 1 will be replaced')

    const done = await fleet.cli('import', 'shop', '--yes')
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect({ web: await idsOf('web'), db: await idsOf('db'), cache: await idsOf('cache') }).toEqual(before)

    fleet.boot()
    await fleet.settle(sha)
    expect({ web: await idsOf('web'), db: await idsOf('db') }).toEqual({ web: before.web, db: before.db })
    const [cache] = await fleet.containers('cache')
    expect(await idsOf('cache')).toEqual([cache?.id])
    expect(before.cache).not.toContain(cache?.id)
  })

  it('stays so without the journal, and is rolled out over by the next commit as anything else', async () => {
    await fleet.halt()
    rmSync(fleet.dataDir, { recursive: true, force: true })
    const [web, db] = [await idsOf('web'), await idsOf('db')]
    expect(await fleet.cli('plan')).toMatchObject({ code: 0 })

    fleet.boot()
    const next = shop({ web: { image: 'shop/web:2' }, cache: { environment: { SIZE: '2' } } })
    await fleet.deploy({ [STACK]: next }, 'A new web')
    expect(await idsOf('db')).toEqual(db)
    const containers = await fleet.containers('web')
    expect(containers.map(({ slot, image }) => `${slot} ${image}`)).toEqual(['web#1 shop/web:2', 'web#2 shop/web:2'])
    expect(await idsOf('web')).toEqual(containers.map(({ id }) => id).sort())
    expect(web.filter((id) => containers.some((container) => container.id === id))).toEqual([])
    const info = await fleet.engines
      .client('lon-1')
      .getContainer(db[0] ?? '')
      .inspect()
    expect(Object.keys(info.Config.Labels)).not.toContain(LABELS.fleet)
  })
})

describe('a container that a person made with docker run', () => {
  it('is taken over when it is named, goes on without the journal, and is replaced by the next commit', async () => {
    await fleet.halt()
    const engine = fleet.engines.client('lon-1')
    const HostConfig = { NetworkMode: 'default', RestartPolicy: { Name: 'always' } }
    const made = await engine.createContainer({ name: 'cache-1', Image: 'shop/cache:1', Env: ['SIZE=1'], HostConfig })
    await made.start()
    const hand = (size: string): string =>
      `services: { hand: { image: "shop/cache:1", restart: always, network_mode: bridge, environment: { SIZE: "${size}" } } }\n`
    const HANDS = 'stacks/hands/compose.yaml'
    const sha = await fleet.commit({ [HANDS]: hand('1') }, 'The one made by hand moves to Git')
    const shown = await fleet.cli('import', 'hands')
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toContain('cache-1 on lon-1: --service hand=lon-1/cache-1')

    const done = await fleet.cli('import', 'hands', '--service', 'hand=cache-1', '--yes')
    expect(done).toMatchObject({ code: 0, stderr: '' })
    expect(done.stdout).toContain('1 of 1 container taken over: 1 container stays')
    rmSync(fleet.dataDir, { recursive: true, force: true })
    fleet.boot()
    await fleet.settle(sha)
    expect((await fleet.containers('hand')).map(({ id }) => id)).toEqual([])
    expect((await made.inspect()).State.Running).toBe(true)

    await fleet.deploy({ [HANDS]: hand('2') }, 'Another size')
    expect(await fleet.containers('hand')).toHaveLength(1)
    await expect(made.inspect()).rejects.toThrow(/no such container/i)
  })
})
