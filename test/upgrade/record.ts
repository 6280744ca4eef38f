import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Memory } from '../../src/controller/memory.js'
import { openDatabase } from '../../src/store/open-database.js'
import { sqliteJournal } from '../../src/store/index.js'
import { FLEET, createWorld } from '../controller/world.js'
import { bundleRelease } from './bundle.js'
import type { Recorded } from './recorded.js'

/**
 * `npx tsx test/upgrade/record.ts 0.1.0`: what this release leaves on disk and on servers, for later ones to read, and itself, for worlds that later
 * ones take over from it. Run once a release, when all is committed. With a commit, only that commit's rooms are packed, beside what was recorded.
 */
const [release, commit] = process.argv.slice(2)
if (release === undefined) throw new Error('name the release')
bundleRelease(release, commit ?? 'HEAD')
if (commit !== undefined) process.exit()

const shop = (web: string, api: string): string => `
services:
  web:
    image: ${web}
    environment: { A: "1", B: two }
    healthcheck: { test: [CMD, "true"], interval: 5s, retries: 2 }
    depends_on: { api: { condition: service_healthy } }
    labels: { team: shop }
    deploy: { replicas: 3, update_config: { parallelism: 2, order: start-first } }
    x-slipway: { rollout: { healthy_deadline: 20s } }
  api:
    image: ${api}
    command: serve --all
    volumes: ["data:/data"]
    healthcheck: { test: [CMD, "true"] }
    deploy: { replicas: 1, placement: { constraints: ["node.hostname == lon-1"] } }
volumes: { data: {} }
`
const PATH = 'stacks/shop/compose.yaml'
const commits: Recorded['commits'] = [
  { subject: 'first', files: { 'slipway.yaml': FLEET, [PATH]: shop('web:1', 'api:1') } },
  { subject: 'update', files: { [PATH]: shop('web:2', 'api:1') } },
  { subject: 'bad', files: { [PATH]: shop('web:bad', 'api:1') } },
  { subject: 'fix', files: { [PATH]: shop('web:2', 'api:2') } },
]

const dir = mkdtempSync(join(tmpdir(), 'slipway-upgrade-'))
const opened = sqliteJournal({ dir })
if (!opened.ok) throw new Error(opened.problem.message)
const journal = opened.value
const world = createWorld()
world.driver.behaviours.set('web:bad', { never: true })
for (const [at, { subject, files }] of commits.entries()) {
  world.source.commit(files, subject)
  const controller = world.boot({}, journal)
  await world.clock.run(300_000)
  await controller.stop()
  const { snapshot, facts } = journal.load()
  // What came after the last snapshot is read from facts.
  if (at < commits.length - 1) new Memory(journal, snapshot, facts, () => undefined).compact()
}
const into = join(import.meta.dirname, release)
for (const file of ['world.json', 'journal.db']) rmSync(join(into, file), { force: true })
mkdirSync(into, { recursive: true })
const recorded: Recorded = { commits, nowMs: world.clock.nowMs(), containers: [...world.driver.containers] }
writeFileSync(join(into, 'world.json'), `${JSON.stringify(recorded, null, 2)}\n`)
journal.close()
const db = openDatabase(join(dir, 'journal.db'), {})
db.exec(`VACUUM INTO '${join(into, 'journal.db')}'`)
db.close()
rmSync(dir, { recursive: true })
