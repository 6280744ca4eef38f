import { parentPort, workerData } from 'node:worker_threads'
import { whatIsWrong } from './check.js'
import { inputOf } from './mutate.js'
import { shrink } from './shrink.js'
import { TARGETS } from './targets.js'
import type { Target } from './target.js'

/** Cases of one target, by number. */
export interface Batch {
  readonly target: string
  readonly seed: number
  readonly from: number
  readonly count: number
  /** In place of what the seed makes, by the number of the case. */
  readonly inputs: readonly Uint8Array[] | null
}

export type Told =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly slowest: readonly { readonly index: number; readonly ms: number }[] }
  | { readonly kind: 'failed'; readonly index: number; readonly why: string; readonly smallest: Uint8Array }

/** Where the parent reads which case is under way: it can be asked when this thread no longer answers. */
const progress = new Int32Array(workerData as SharedArrayBuffer)
const SLOW_MS = 500
const SHRINK_TRIES = 3_000

parentPort?.on('message', (batch: Batch) => void run(batch).then(tell))
tell({ kind: 'ready' })

async function run({ target: name, seed, from, count, inputs }: Batch): Promise<Told> {
  const target = TARGETS.find((one) => one.name === name)
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const slowest: { index: number; ms: number }[] = []
  for (let index = from; index < from + count; index++) {
    Atomics.store(progress, 0, index)
    Atomics.add(progress, 1, 1)
    const input = inputs === null ? inputOf(target, seed, index) : Buffer.from(inputs[index] ?? [])
    const startMs = performance.now()
    const why = await whatIsWrong(target, input)
    const ms = performance.now() - startMs
    if (why !== null) return { kind: 'failed', index, why, smallest: await smallestOf(target, input, why) }
    if (ms > SLOW_MS) slowest.push({ index, ms })
  }
  return { kind: 'done', slowest }
}

/** The same failure, not just any: what is left must still teach about the one that was found. */
function smallestOf(target: Target, input: Buffer, why: string): Promise<Buffer> {
  const sort = (text: string): string => text.replace(/[0-9]+|["'].*?["']/g, '').slice(0, 40)
  const fails = async (smaller: Buffer): Promise<boolean> => {
    Atomics.add(progress, 1, 1)
    const now = await whatIsWrong(target, smaller)
    return now !== null && sort(now) === sort(why)
  }
  return shrink(input, fails, SHRINK_TRIES)
}

function tell(told: Told): void {
  parentPort?.postMessage(told)
}
