import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { sqliteJournal } from '../../src/store/index.js'
import type { Journal } from '../../src/controller/index.js'
import { createWorld } from '../controller/world.js'
import type { World } from '../controller/world.js'
import type { Recorded } from './recorded.js'

const releases = readdirSync(import.meta.dirname, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
)
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

function recordedBy(release: string): Recorded {
  return JSON.parse(readFileSync(join(import.meta.dirname, release, 'world.json'), 'utf8')) as Recorded
}

/** The world as the release left it. */
async function leftBy(release: string): Promise<World> {
  const recorded = recordedBy(release)
  const world = createWorld()
  await world.clock.run(recorded.nowMs - world.clock.nowMs())
  for (const { files, subject } of recorded.commits) world.source.commit(files, subject)
  for (const [id, container] of recorded.containers) world.driver.containers.set(id, container)
  return world
}

function journalOf(release: string): Journal {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-upgrade-'))
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  copyFileSync(join(import.meta.dirname, release, 'journal.db'), join(dir, 'journal.db'))
  const opened = sqliteJournal({ dir })
  if (!opened.ok) throw new Error(opened.problem.message)
  cleanups.push(() => opened.value.close())
  return opened.value
}

describe.each(releases)('after %s', (release) => {
  it('goes on from its journal and its labels, and touches nothing', async () => {
    const world = await leftBy(release)
    const controller = world.boot({}, journalOf(release))
    await world.clock.run(600_000)
    expect(world.driver.calls).toEqual([])
    expect(controller.status().stacks.map(({ name, phase }) => `${name} ${phase}`)).toEqual(['shop synced'])
    expect(world.driver.containers.size).toBe(4)
    // An update goes through as ever.
    const { commits } = recordedBy(release)
    const files = Object.entries(commits.at(-1)?.files ?? {}).map(([path, text]) => [
      path,
      text.replace('web:2', 'web:3'),
    ])
    world.source.commit(Object.fromEntries(files) as Record<string, string>, 'next')
    await world.clock.run(300_000)
    expect([...world.driver.containers.values()].filter(({ image }) => image === 'web:3')).toHaveLength(3)
  })

  it('adopts what its labels say when its journal is lost, and restarts nothing', async () => {
    const world = await leftBy(release)
    world.boot()
    await world.clock.run(600_000)
    expect(world.driver.calls.filter((call) => !call.startsWith('pull '))).toEqual([])
    expect(world.driver.containers.size).toBe(4)
  })
})
