import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGitServer } from '../test/lab/index.js'
import type { Counts, Order } from './fake-engines.js'
import { sampleOf } from './figures.js'
import type { Figure, Group } from './figures.js'
import { Helper, Program, cpuMs, residentMb } from './processes.js'
import { SERVER_COUNT, simulateFleet } from './simulated-fleet.js'
import type { SimulatedFleet } from './simulated-fleet.js'

/** The shortest that the program takes. What a sweep costs does not depend on how often it comes. */
const OBSERVE_MS = 1_000
const SWEEPS_EACH = 5
/** Until a process has warmed up, and what it used for starting is collected. */
const WARM_UP_MS = 15_000
const DEADLINE_MS = 120_000
const STACKS = 100

/** 1,000 services × 10 replicas on 100 servers: what one sweep over all of them costs, and the memory that it takes to know them. */
export async function measureSimulated(
  runs: number,
  groups: ReadonlySet<Group>,
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-bench-fleet-'))
  const git = await startGitServer(join(dir, 'git'))
  const engines = new Helper('fake-engines.ts')
  try {
    say('a simulated fleet of 100 servers')
    const fleet = await simulateFleet(dir)
    await engines.ask({ kind: 'serve', engines: fleet.engines } satisfies Order)
    const repository = await git.createRepo('fleet')
    await repository.commit(fleet.files, 'everything')
    const found: Figure[] = []
    if (groups.has('tick')) found.push(...(await sweeps(fleet, dir, git.url(repository.name), engines, runs, say)))
    if (groups.has('memory')) found.push(await atRest(dir, git.url(repository.name), runs, say))
    return found
  } finally {
    await engines.end()
    await git.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function sweeps(
  fleet: SimulatedFleet,
  dir: string,
  url: string,
  engines: Helper,
  runs: number,
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  say('sweeps over the simulated fleet')
  const program = await startProgram(dir, url, { SLIPWAY_OBSERVE: `${OBSERVE_MS / 1000}s` })
  const costs: SweepCost[] = []
  try {
    await pause(WARM_UP_MS)
    for (const varies of [true, false]) {
      await engines.ask({ kind: 'vary', on: varies } satisfies Order)
      await pause(2 * OBSERVE_MS)
      costs.push(await costOf(program, engines, runs))
    }
  } finally {
    await program.end()
  }
  say('parsing the same lists, and nothing else')
  const bodies = fleet.engines.map((engine) => engine.containers)
  const parse = sampleOf(await parseTimes(dir, bodies, runs))
  const size = sampleOf([bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0) / 1e6])
  const [varied, same] = costs
  if (varied === undefined || same === undefined) throw new Error('nothing was measured')
  const sweep = 'sweep of 100 servers, 10,000 containers'
  const cpu = { group: 'tick', unit: 'ms', floor: parse, floorIs: 'parsing that JSON', target: 2 } as const
  return [
    { ...cpu, what: `${sweep}: CPU`, slipway: sampleOf(varied.cpuMs) },
    { ...cpu, what: `${sweep}, unchanged: CPU`, slipway: sampleOf(same.cpuMs) },
    { ...cpu, unit: 'MB', what: `${sweep}: bytes`, slipway: sampleOf(varied.mb), floor: size, floorIs: 'the lists' },
    {
      group: 'tick',
      unit: 'calls',
      what: `${sweep}: calls other than the lists`,
      slipway: sampleOf([...varied.others, ...same.others]),
      floor: null,
      floorIs: '',
      target: 0,
    },
  ]
}

/** Of one sweep, in each run. */
interface SweepCost {
  readonly cpuMs: readonly number[]
  readonly mb: readonly number[]
  readonly others: readonly number[]
}

async function costOf(program: Program, engines: Helper, runs: number): Promise<SweepCost> {
  const cost = { cpuMs: [] as number[], mb: [] as number[], others: [] as number[] }
  const count = (): Promise<Counts> => engines.ask({ kind: 'count' } satisfies Order)
  for (let run = 1; run <= runs; run += 1) {
    const [before, cpuBefore] = [await count(), cpuMs(program.pid)]
    await pause(OBSERVE_MS * SWEEPS_EACH)
    const [after, cpuAfter] = [await count(), cpuMs(program.pid)]
    const swept = (after.lists - before.lists) / SERVER_COUNT
    cost.cpuMs.push((cpuAfter - cpuBefore) / swept)
    cost.mb.push((after.bytes - before.bytes) / swept / 1e6)
    cost.others.push(after.others - before.others)
  }
  return cost
}

async function parseTimes(dir: string, bodies: readonly string[], runs: number): Promise<readonly number[]> {
  const path = join(dir, 'bodies.json')
  writeFileSync(path, JSON.stringify(bodies))
  const parser = new Helper('parse-floor.ts', [path, String(OBSERVE_MS)])
  const count = (): Promise<number> => parser.ask({ kind: 'count' })
  const times: number[] = []
  try {
    await pause(WARM_UP_MS)
    for (let run = 1; run <= runs; run += 1) {
      const [before, cpuBefore] = [await count(), cpuMs(parser.pid)]
      await pause(OBSERVE_MS * SWEEPS_EACH)
      const [after, cpuAfter] = [await count(), cpuMs(parser.pid)]
      times.push((cpuAfter - cpuBefore) / (after - before))
    }
    return times
  } finally {
    await parser.end()
  }
}

async function atRest(dir: string, url: string, runs: number, say: (line: string) => void): Promise<Figure> {
  say('memory at rest with the simulated fleet')
  const values: number[] = []
  for (let run = 1; run <= runs; run += 1) {
    const program = await startProgram(dir, url, {})
    try {
      await pause(WARM_UP_MS + 5_000)
      values.push(residentMb(program.pid))
    } finally {
      await program.end()
    }
  }
  const what = 'resident, simulated fleet of 100 servers, 10,000 containers'
  return { group: 'memory', what, unit: 'MB', slipway: sampleOf(values), floor: null, floorIs: '', target: null }
}

/** A controller with a journal of its own that has adopted the whole fleet. */
async function startProgram(dir: string, url: string, env: Readonly<Record<string, string>>): Promise<Program> {
  const data = mkdtempSync(join(dir, 'data-'))
  const program = new Program(['run'], { HOME: dir, SLIPWAY_REPO: url, SLIPWAY_DATA: data, ...env })
  try {
    await program.logged('"stack adopted"', STACKS, DEADLINE_MS)
    return program
  } catch (error) {
    await program.end()
    throw error
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
