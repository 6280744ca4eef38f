import { ServerLogs } from '../test/e2e/server-logs.js'
import type { BenchLab } from './bench-lab.js'
import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import type { Version } from './workload.js'

const INTERVAL_MS = 500
const LOOKS_EACH = 4

/** What three servers are asked while nothing is to be done, as they wrote it down themselves. */
export async function measureTick(
  bench: BenchLab,
  runs: number,
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  say('ticks with nothing to do')
  const version: Version = { gate: 'probe', stack: 'tick', text: bench.freshText(), parallelism: 1 }
  const slipway = await bench.slipway({ observeIntervalMs: INTERVAL_MS })
  const lists: number[] = []
  const others: number[] = []
  try {
    await bench.commit(version.stack, version)
    await slipway.rollOut(version.stack)
    await slipway.quiet()
    for (let run = 1; run <= runs; run += 1) {
      const logs = new ServerLogs(bench.lab)
      const before = slipway.looks
      while (slipway.looks - before < bench.raw.length * LOOKS_EACH) await pause(10)
      const looks = slipway.looks - before
      const { calls } = logs.read()
      const listing = calls.filter(({ path }) => path.includes('/containers/json')).length
      lists.push(listing / looks)
      others.push(calls.length - listing)
      await pause(INTERVAL_MS / 2)
    }
    await bench.commit(version.stack, null)
    await slipway.rollOut(version.stack)
    await slipway.quiet()
  } finally {
    await slipway.stop()
  }
  const common = { group: 'tick', unit: 'calls', floor: null, floorIs: '' } as const
  return [
    { ...common, what: 'nothing to do: list calls a server and look', slipway: sampleOf(lists), target: 1 },
    { ...common, what: 'nothing to do: any other call', slipway: sampleOf(others), target: 0 },
  ]
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
