import type { BenchLab } from './bench-lab.js'
import { sampleOf } from './figures.js'
import type { Figure, Group } from './figures.js'
import { Floor } from './floor.js'
import type { FloorReplica } from './floor.js'
import type { Slipway } from './slipway.js'
import { MONITOR_MS, REPLICAS } from './workload.js'
import type { Gate, Version } from './workload.js'

const PARALLELISMS = [1, 3] as const

/** ms by work: `deploy`, `update 1`, `update 3`. */
type Times = Map<string, number[]>

export interface RolloutPlan {
  readonly runs: number
  /** Whether updates are measured too, or only deployments. */
  readonly updates: boolean
  readonly say: (line: string) => void
}

/** Deployments and rolling updates, Slipway and floor in turn, so that both meet the same weather. */
export async function measureRollouts(bench: BenchLab, plan: RolloutPlan): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const floor = await Floor.on(bench.raw)
  for (const gate of ['probe', 'healthcheck'] as const) {
    const slipway: Times = new Map()
    const lower: Times = new Map()
    for (let run = 1; run <= plan.runs; run += 1) {
      plan.say(`rollouts gated by ${gate}, run ${run} of ${plan.runs}`)
      await runSlipway(bench, gate, plan.updates, slipway)
      await runFloor(bench, floor, gate, plan.updates, lower)
    }
    figures.push(...[...slipway.keys()].map((work) => figureOf(work, gate, slipway, lower)))
  }
  return figures
}

async function runSlipway(bench: BenchLab, gate: Gate, updates: boolean, times: Times): Promise<void> {
  const slipway = await bench.slipway()
  const version: Version = { gate, stack: 'shop', text: bench.freshText(), parallelism: 1 }
  try {
    await rollOut(bench, slipway, version, 'deploy', times)
    for (const parallelism of updates ? PARALLELISMS : []) {
      const next = { ...version, text: bench.freshText(), parallelism }
      await rollOut(bench, slipway, next, `update ${parallelism}`, times)
    }
    await bench.commit(version.stack, null)
    await slipway.rollOut(version.stack)
    await slipway.quiet()
  } finally {
    await slipway.stop()
  }
}

async function rollOut(bench: BenchLab, slipway: Slipway, version: Version, work: string, times: Times): Promise<void> {
  await bench.commit(version.stack, version)
  note(times, work, await slipway.rollOut(version.stack))
  await check(bench, version)
  await slipway.quiet()
}

async function runFloor(bench: BenchLab, floor: Floor, gate: Gate, updates: boolean, times: Times): Promise<void> {
  const version: Version = { gate, stack: 'floor', text: bench.freshText(), parallelism: 1 }
  let replicas: readonly FloorReplica[] = []
  const timed = async (work: string, next: Version, run: () => Promise<readonly FloorReplica[]>): Promise<void> => {
    const beganMs = performance.now()
    replicas = await run()
    note(times, work, performance.now() - beganMs)
    await check(bench, next)
  }
  await timed('deploy', version, () => floor.deploy(version))
  for (const parallelism of updates ? PARALLELISMS : []) {
    const next = { ...version, text: bench.freshText(), parallelism }
    await timed(`update ${parallelism}`, next, () => floor.update(replicas, next))
  }
  await floor.clear(replicas, version.stack)
}

/** What was measured is worth nothing if the work was not done. */
async function check(bench: BenchLab, { stack }: Version): Promise<void> {
  const found = await bench.containers(stack)
  const running = found.filter(({ State }) => State === 'running').length
  if (running !== REPLICAS || found.length !== REPLICAS)
    throw new Error(`${stack} has ${found.length} containers, ${running} of them running, instead of ${REPLICAS}`)
}

function note(times: Times, work: string, ms: number): void {
  times.set(work, [...(times.get(work) ?? []), ms])
}

function figureOf(work: string, gate: Gate, slipway: Times, floor: Times): Figure {
  const [group = 'deploy', parallelism] = work.split(' ')
  const what =
    parallelism === undefined
      ? `deploy ${REPLICAS} replicas`
      : `update ${REPLICAS} replicas, ${parallelism === '1' ? 'one' : 'three'} at a time`
  return {
    group: group as Group,
    what: gate === 'probe' ? `${what}, HTTP probe` : `${what}, healthcheck every 1 s`,
    unit: 'ms',
    slipway: sampleOf(slipway.get(work) ?? []),
    floor: sampleOf(floor.get(work) ?? []),
    floorIs: `${gate === 'probe' ? 'probing without pause' : "the engine's own verdict"}, then ${MONITOR_MS} ms`,
    target: gate === 'probe' ? 1.15 : 1,
  }
}
