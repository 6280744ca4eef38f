import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.js'
import { NO_FAULTS } from './fault-table.js'
import { commitNow, failure } from './failure.js'
import { playLongLife, playPairs, playSmallWorlds } from './modes.js'
import { play } from './play.js'
import { SAFETY, ELSEWHERE } from './safety.js'
import { certifiedOf, scenarioOf, upgradeOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const HELP = `npm run sim -- [options]: plays simulated worlds, one seed each, until one breaks an invariant.

  --worlds N    how many (default 1000)
  --seed S      the first seed (default 1)
  --state FILE  where a stopped run goes on (Ctrl-C stops at the next world)
  --keep-going  collects failures instead of stopping at the first
  --trace       prints everything that happened, for a single world
  --upgrade     worlds that the release before this one begins, and that this one takes over
  --certificates  worlds whose routes have certificates of an authority
  --list        prints the invariants and faults, with those tried elsewhere

Instead of seeded worlds:

  --small       every way in which at most two things go otherwise (a message held or lost, a container crashed, the controller
                killed) while three replicas of two services on two servers are rolled out; --depth N for another number
  --pairs       the controller killed at every pair of points of each small workflow
  --long-life   a month of fifty servers with daily commits, crashes and boots: what is kept must stay bounded;
                --days N and --servers N for another life`

interface State {
  readonly commit: string
  readonly seed: number
  readonly done: number
  readonly failed: readonly number[]
  readonly coverage: unknown
}

const REPORT_EVERY_MS = 10_000

/** What was asked for; null where that cannot be understood. */
function readOptions() {
  try {
    return parse()
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
    return null
  }
}

function parse() {
  return parseArgs({
    options: {
      worlds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      state: { type: 'string' },
      depth: { type: 'string', default: '2' },
      days: { type: 'string', default: '30' },
      servers: { type: 'string', default: '50' },
      'keep-going': { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      upgrade: { type: 'boolean', default: false },
      certificates: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      small: { type: 'boolean', default: false },
      pairs: { type: 'boolean', default: false },
      'long-life': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values
}

async function main(): Promise<number> {
  const values = readOptions()
  if (values === null) return 1
  if (values.help) return say(HELP)
  if (values.list) return list()
  const [worlds, seed, depth, days, servers] = [
    values.worlds,
    values.seed,
    values.depth,
    values.days,
    values.servers,
  ].map(Number) as [number, number, number, number, number]
  if (![worlds, seed, depth, days, servers].every((number) => Number.isInteger(number) && number >= 0) || worlds < 1) {
    console.error(`numbers are whole and not negative, and there is one world at least\n\n${HELP}`)
    return 1
  }
  if (values.small) return playSmallWorlds(depth)
  if (values.pairs) return playPairs()
  if (values['long-life']) return playLongLife({ servers, days, seed })
  const scenarioAt = values.upgrade ? upgradeOf : values.certificates ? certifiedOf : scenarioOf
  return run({ worlds, seed, scenarioAt, file: values.state, goesOn: values['keep-going'], traces: values.trace })
}

function say(text: string): number {
  console.log(text)
  return 0
}

function list(): number {
  for (const [id, { sentence }] of Object.entries(SAFETY)) console.log(`${id} ${sentence}`)
  for (const [id, where] of Object.entries(ELSEWHERE)) console.log(`${id} not at every step: ${where}`)
  for (const [id, where] of Object.entries(NO_FAULTS)) console.log(`${id} not injected: ${where}`)
  return 0
}

interface Night {
  readonly worlds: number
  readonly seed: number
  readonly scenarioAt: (seed: number) => Scenario
  readonly file: string | undefined
  readonly goesOn: boolean
  readonly traces: boolean
}

async function run({ worlds, seed, scenarioAt, file, goesOn, traces }: Night): Promise<number> {
  const before = readState(file, seed)
  const coverage = before === null ? new Coverage() : Coverage.from(before.coverage)
  const failed = [...(before?.failed ?? [])]
  let done = before?.done ?? 0
  let isStopped = false
  process.once('SIGINT', () => (isStopped = true))
  const [startedAtMs, startedAt] = [performance.now(), done]
  let reportedAtMs = startedAtMs
  const rate = (): string => (((done - startedAt) * 1_000) / (performance.now() - startedAtMs)).toFixed(1)
  while (done < worlds && !isStopped) {
    const scenario = scenarioAt(seed + done)
    const world = await play(scenario)
    coverage.add(world)
    done += 1
    if (traces) console.log(world.trace.join('\n'))
    if (world.violations.length > 0) {
      failed.push(scenario.seed)
      console.log(await failure(scenario, world))
      if (!goesOn) break
    }
    if (performance.now() - reportedAtMs < REPORT_EVERY_MS) continue
    reportedAtMs = performance.now()
    console.error(
      `${done} of ${worlds} worlds, ${rate()} a second, ${leftOf((worlds - done) / Number(rate()))} left, ${failed.length} failed, ${coverage.rarerThan(0.01).length} faults rarer than 1%`,
    )
    writeState(file, { commit: commitNow(), seed, done, failed, coverage: coverage.toJson() })
  }
  writeState(file, { commit: commitNow(), seed, done, failed, coverage: coverage.toJson() })
  console.log(coverage.table())
  if (isStopped && done < worlds)
    console.log(file === undefined ? 'stopped; with --state the next run goes on' : 'stopped; the same line goes on')
  console.log(
    `${done} of ${worlds} worlds from seed ${seed} at ${commitNow()}, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(' ')}` : ''}`,
  )
  return failed.length > 0 ? 1 : 0
}

function leftOf(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'who knows how long'
  return seconds < 5_400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`
}

function readState(file: string | undefined, seed: number): State | null {
  if (file === undefined || !existsSync(file)) return null
  const state = JSON.parse(readFileSync(file, 'utf8')) as State
  if (state.seed === seed) {
    const changed = state.commit === commitNow() ? '' : `; its first ones were played at ${state.commit}`
    console.error(`${file}: ${state.done} worlds are played${changed}`)
    return state
  }
  console.error(`${file} is of a run from seed ${state.seed}; it is begun anew`)
  return null
}

function writeState(file: string | undefined, state: State): void {
  if (file !== undefined) writeFileSync(file, JSON.stringify(state))
}

process.exitCode = await main()
