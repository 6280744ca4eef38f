import { describe, expect, it } from 'vitest'
import { memoryJournal, readDesired } from '../../src/controller/index.js'
import type { Journal } from '../../src/controller/index.js'
import { dockerDriver } from '../../src/driver/index.js'
import { createLoader } from '../../src/manifest/index.js'
import { adoptedName, fail } from '../../src/model/index.js'
import type { Desired, Listing, Result } from '../../src/model/index.js'
import { formatRehearsals, rehearse, rehearsalsToJson } from '../../src/rehearse/index.js'
import type { Assumptions, Rehearsal, RehearsalDriver } from '../../src/rehearse/index.js'
import { FLEET, FakeSource, compose } from '../controller/world.js'
import { must, never } from '../driver/fixtures.js'
import { settle } from './sim.js'

const SERVERS = ['lon-1', 'lon-2', 'par-1']

/** What a look at servers without anything shows. */
function emptyListing(name: string, memoryBytes = 8e9): Listing {
  const engine = { engineId: `engine-${name}`, engineVersion: '26.1.5', apiVersion: '1.45' }
  const facts = { ...engine, os: 'linux', arch: 'amd64', hostname: name, cpus: 4, memoryBytes }
  return { facts, replicas: [], foreign: [], volumes: [], networks: [] }
}

function newDriver(options: RehearsalDriver) {
  return dockerDriver({ identities: { keys: [], agentSocket: null }, registryAuths: {}, random: () => 0.5, ...options })
}

type Files = Readonly<Record<string, string | null>>

/** A fleet on which commits are rehearsed, each from where the last one ended. */
class Stage {
  readonly source = new FakeSource()
  observation: ReadonlyMap<string, Result<Listing>> = new Map(
    SERVERS.map((name) => [name, { ok: true, value: emptyListing(name) }]),
  )
  private journal: Journal = memoryJournal({ controllerId: 'one' })
  private nowMs = 1_700_000_000_000

  /** Nothing of it stays but the commit. */
  async play(files: Files, assumptions: Partial<Assumptions> = {}): Promise<Rehearsal> {
    return (await this.run(files, assumptions)).rehearsal
  }

  /** What it leads to is what the next one begins with. */
  async settle(files: Files): Promise<Rehearsal> {
    const { rehearsal, options, journal, desired } = await this.run(files, {})
    const eyes = newDriver(options)
    eyes.use('acme', desired.fleet.servers)
    const looks = SERVERS.map(async (name) => [name, await eyes.observe(name, [], never)] as const)
    await options.clock.until(Promise.all(looks), 60_000)
    this.observation = new Map(await Promise.all(looks))
    this.journal = journal
    this.nowMs = options.clock.nowMs() + 60_000
    await eyes.close()
    return rehearsal
  }

  private async run(files: Files, assumptions: Partial<Assumptions>) {
    const sha = this.source.commit(files, Object.keys(files).join(' '))
    const desired = await this.desired(sha)
    const captured: RehearsalDriver[] = []
    const journals: Journal[] = []
    const rehearsal = await rehearse({
      observation: this.observation,
      desired,
      source: this.source,
      openJournal: () => {
        const { journal } = this
        const opened = memoryJournal({
          controllerId: 'one',
          content: journal.load(),
          stack: (hash) => journal.stack(hash),
        })
        journals.push(opened)
        return opened
      },
      openDriver: (options) => {
        captured.push(options)
        return newDriver(options)
      },
      settle,
      nowMs: this.nowMs,
      repository: 'test',
      assumptions: { healthyAfterMs: 5_000, failing: null, ...assumptions },
      signal: never,
    })
    const [options, journal] = [captured[0], journals[0]]
    if (options === undefined || journal === undefined) throw new Error('nothing was opened')
    return { rehearsal, options, journal, desired }
  }

  private async desired(sha: string): Promise<Desired> {
    const revision = must(await this.source.revision(sha))
    const read = await readDesired(this.source, createLoader(), revision, never)
    if (!read.ok) throw new Error(read.problem.map(({ message }) => message).join('\n'))
    return read.value
  }
}

const MEMORY = '    deploy: { replicas: 2, resources: { limits: { memory: 128M } } }'
const web = (image: string, more = ''): Files => ({
  'stacks/shop/compose.yaml': `services:\n  web:\n    image: ${image}\n    healthcheck: { test: [CMD, 'true'], interval: 1s }\n${MEMORY}\n${more}`,
})

async function deployed(): Promise<Stage> {
  const stage = new Stage()
  const first = await stage.settle({ 'slipway.yaml': FLEET, ...web('shop/web:1') })
  if (first.outcome.kind !== 'applied') throw new Error(text(first) + JSON.stringify(first.outcome))
  return stage
}

/** Without commits, which differ from test to test. */
function text(...rehearsals: readonly Rehearsal[]): string {
  return formatRehearsals(rehearsals, 'text').replace(/\b[0-9a-f]{7}\b/g, (sha) =>
    sha === rehearsals[0]?.revision.sha.slice(0, 7) ? 'NEW' : 'OLD',
  )
}

/** As if `docker compose` had made it and a person had taken it over. */
function adopted(listing: Listing): Listing {
  const replicas = listing.replicas.map((replica) => ({
    ...replica,
    controller: '',
    containerName: adoptedName({ ...replica, fleet: 'acme' }),
  }))
  return { ...listing, replicas }
}

describe('a rehearsal', () => {
  it.each([
    ['canary\n        steps: [50% 2m]', 120_000],
    ['canary\n        steps: [25%, 50% 1m]', 60_000],
    ['blue-green\n        keep: 3m', 180_000],
  ])('goes all the way of a %s', async (strategy, heldMs) => {
    const stage = new Stage()
    const shop = (image: string): Files => {
      const more = `    ports: ['80:80']\n    x-slipway:\n      rollout:\n        strategy: ${strategy}\n`
      return web(image, more)
    }
    const first = await stage.settle({ 'slipway.yaml': `${FLEET}ingress: true\n`, ...shop('shop/web:1') })
    expect(first.outcome.kind).toBe('applied')
    const rehearsal = await stage.play(shop('shop/web:2'))
    const { outcome, tookMs, services } = rehearsal
    expect(outcome.kind).toBe('applied')
    expect(text(rehearsal)).toMatch(/web: step 1 of \d begins/)
    expect(tookMs).toBeGreaterThan(heldMs)
    expect(tookMs).toBeLessThan(heldMs + 120_000)
    expect(services.find(({ service }) => service === 'shop/web')).toMatchObject({ before: 2, lowest: 2, after: 2 })
  })

  it('begins with what was taken over from docker compose as well', async () => {
    const stage = await deployed()
    stage.observation = new Map(
      [...stage.observation].map(([name, look]) => [name, look.ok ? { ok: true, value: adopted(look.value) } : look]),
    )
    const unchanged = await stage.play(web('shop/web:1', 'x-note: nothing new\n'))
    expect([unchanged.outcome.kind, text(unchanged)]).toEqual(['applied', expect.not.stringContaining('starts')])
    const { outcome, ...rest } = await stage.play(web('shop/web:2'))
    expect(outcome.kind).toBe('applied')
    expect(text({ outcome, ...rest }).match(/(?:starts \(NEW|stopped \(OLD)\)/g)).toHaveLength(4)
  })

  it('tells which replica would be where and when', async () => {
    const stage = await deployed()
    expect(text(await stage.play(web('shop/web:2')))).toMatchInlineSnapshot(`
      "if each new replica is healthy 5.0 s after its start:

        +0.0 s          shop        rollout of NEW begins
        +1.0 s   lon-1              has the image shop/web:2
        +1.0 s   lon-2              has the image shop/web:2
        +1.3 s   lon-1  shop/web#1  starts (NEW)
        +11.5 s  lon-1  shop/web#1  is healthy
        +11.7 s  lon-1  shop/web#1  stopped (OLD)
        +11.7 s  lon-1  shop/web#1  removed (OLD)
        +11.9 s  lon-2  shop/web#2  starts (NEW)
        +22.2 s  lon-2  shop/web#2  is healthy
        +22.3 s  lon-2  shop/web#2  stopped (OLD)
        +22.3 s  lon-2  shop/web#2  removed (OLD)
        +22.3 s         shop        rollout of NEW is complete

      ✓ NEW: applied after 22.4 s

      service   healthy before  lowest  after  longest without a spare
      shop/web  2               2       2      0.0 s

      extra memory at its peak: 128 MiB (lon-1 128 MiB, lon-2 128 MiB)
      their own healthchecks give up sooner than assumed: shop/web; give them a start_period
      "
    `)
  })

  it('tells what would be taken back if a replica does not become healthy', async () => {
    const stage = await deployed()
    const rehearsal = await stage.play(web('shop/web:2'), { failing: 2 })
    expect(rehearsal.outcome.kind).toBe('rolled-back')
    expect(text(rehearsal)).toMatchInlineSnapshot(`
      "if each new replica is healthy 5.0 s after its start, but for the 2nd, which never is:

        +0.0 s          shop        rollout of NEW begins
        +1.0 s   lon-1              has the image shop/web:2
        +1.0 s   lon-2              has the image shop/web:2
        +1.3 s   lon-1  shop/web#1  starts (NEW)
        +11.5 s  lon-1  shop/web#1  is healthy
        +11.7 s  lon-1  shop/web#1  stopped (OLD)
        +11.7 s  lon-1  shop/web#1  removed (OLD)
        +11.9 s  lon-2  shop/web#2  starts (NEW)
        +15.1 s  lon-2  shop/web#2  fails: its healthcheck says unhealthy on lon-2
        +15.1 s         shop        rollout of NEW fails: its healthcheck says unhealthy on lon-2
        +15.1 s         shop        goes back to OLD
        +15.2 s  lon-2  shop/web#2  stopped (NEW)
        +15.2 s  lon-2  shop/web#2  removed (NEW)
        +15.4 s  lon-1  shop/web#1  starts (OLD)
        +20.6 s  lon-1  shop/web#1  is healthy
        +20.7 s  lon-1  shop/web#1  stopped (NEW)
        +20.8 s  lon-1  shop/web#1  removed (NEW)
        +20.8 s         shop        is back at OLD

      ✗ NEW: failed and rolled back after 20.8 s

      service   healthy before  lowest  after  longest without a spare
      shop/web  2               2       2      0.0 s

      extra memory at its peak: 128 MiB (lon-1 128 MiB, lon-2 128 MiB)
      their own healthchecks give up sooner than assumed: shop/web; give them a start_period
      "
    `)
  })

  it('does nothing where nothing is to be done', async () => {
    const stage = await deployed()
    const rehearsal = await stage.play({ 'README.md': 'more' })
    expect(rehearsal).toMatchObject({ outcome: { kind: 'applied' }, timeline: [], started: 0 })
    expect(text(rehearsal)).toContain('nothing happens')
  })

  it('counts who is left while replicas are replaced stop-first', async () => {
    const stage = await deployed()
    const file = String(web('shop/web:2')['stacks/shop/compose.yaml']).replace(
      'replicas: 2,',
      'replicas: 2, update_config: { order: stop-first },',
    )
    const rehearsal = await stage.play({ 'stacks/shop/compose.yaml': file })
    expect(rehearsal.services).toEqual([
      { service: 'shop/web', before: 2, lowest: 1, after: 2, longestWithoutSpareMs: expect.any(Number) as number },
    ])
    // One is away from its end until the new one is healthy, which takes the five seconds assumed.
    expect(rehearsal.services[0]?.longestWithoutSpareMs).toBeGreaterThan(5_000)
    expect(rehearsal.services[0]?.longestWithoutSpareMs).toBeLessThan(7_000)
    expect(rehearsal.memory.peakExtraBytes).toBe(0)
  })

  it('takes a server that nobody could look at as away, and says so', async () => {
    const stage = await deployed()
    const away = fail({ code: 'SERVER_UNREACHABLE', message: 'lon-1 does not answer', server: 'lon-1' } as const)
    stage.observation = new Map([...stage.observation, ['lon-1', away]])
    const rehearsal = await stage.play({ ...web('shop/web:2') })
    expect(rehearsal.unseen).toEqual(['lon-1'])
    expect(rehearsal.timeline.filter(({ server }) => server === 'lon-1')).toEqual([])
  })

  it('says that there is nothing to go back to where a first deployment fails', async () => {
    const rehearsal = await new Stage().play({ 'slipway.yaml': FLEET, ...web('shop/web:1') }, { failing: 1 })
    expect(rehearsal.outcome.kind).toBe('failed')
  })

  it('ends a one-shot service, and waits for it', async () => {
    const stage = new Stage()
    const job = `services:\n  migrate:\n    image: shop/job:1\n    restart: 'no'\n  web:\n    image: shop/web:1\n    depends_on: { migrate: { condition: service_completed_successfully } }\n`
    const { outcome, timeline } = await stage.play({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': job })
    expect(outcome.kind).toBe('applied')
    const starts = timeline.filter(({ kind }) => kind === 'start').map(({ slot }) => slot)
    expect(starts).toEqual(['shop/migrate#1', 'shop/web#1'])
  })

  it('is the same each time, byte for byte', async () => {
    const stage = await deployed()
    const [one, two] = [await stage.play(web('shop/web:2')), await stage.play(web('shop/web:2'))]
    const plain = (rehearsal: Rehearsal): string =>
      JSON.stringify({ ...rehearsal, revision: null }).replace(/[0-9a-f]{7,40}/g, '')
    expect(plain(two)).toBe(plain(one))
  })

  it('tells programs the same', async () => {
    const stage = await deployed()
    const rehearsal = await stage.play(web('shop/web:2'), { failing: 9 })
    expect(rehearsalsToJson([rehearsal])).toMatchObject({
      revision: { sha: rehearsal.revision.sha },
      rehearsals: [{ outcome: { kind: 'applied', problems: [] }, assumptions: { failing: 9 }, started: 2 }],
    })
    expect(text(rehearsal)).toContain('only 2 new replicas were started: none of them was the 9th')
    const ofFolder = { ...rehearsal, revision: { ...rehearsal.revision, sha: '0'.repeat(40) } }
    expect(formatRehearsals([ofFolder], 'text')).toContain('✓ the files: applied after')
    expect(formatRehearsals([rehearsal], 'markdown')).toContain('| shop/web | 2 | 2 | 2 |')
  })

  it('of many services stays the plan of all of them', async () => {
    const stage = new Stage()
    const files = {
      'slipway.yaml': FLEET,
      'stacks/shop/compose.yaml': compose({ api: { image: 'a:1' }, web: { image: 'w:1', replicas: 3 } }),
    }
    const { services } = await stage.play(files)
    expect(services.map(({ service, after }) => [service, after])).toEqual([
      ['shop/api', 1],
      ['shop/web', 3],
    ])
  })
})
