import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { inputOf } from './mutate.js'
import type { Target } from './target.js'
import type { Batch, Told } from './worker.js'

export interface Failure {
  readonly target: string
  readonly seed: number
  readonly index: number
  readonly why: string
  readonly input: Buffer
}

export interface Budget {
  readonly seed: number
  readonly from: number
  /** Cases, or until the time is over. */
  readonly cases: number
  readonly endsAtMs: number
  /** A case that takes longer is killed. Generous: a busy machine is slow, a hang is for ever. */
  readonly killMs: number
}

export interface Ran {
  readonly cases: number
  readonly failures: readonly Failure[]
  /** Cases worth being measured alone. */
  readonly suspects: readonly { readonly index: number; readonly ms: number }[]
}

const BATCH = 200
const MOST_FAILURES = 10
/** A parser may take 256 MiB; what the rest of a worker holds is less than as much again. */
const HEAP_MIB = 512
/** Buffers are outside the heap: a case that makes the process grow by more is stopped. */
const GROWTH_BYTES = 768 * 1024 * 1024
const LOOK_MS = 50

/** Runs cases in a worker that can be killed: a hang and a flood of memory are findings, not the end of the run. */
export interface Fuzzer {
  run(target: Target, budget: Budget): Promise<Ran>
  /** Inputs that failed once. Returns what is wrong with each that fails again. */
  runKept(target: Target, inputs: readonly Buffer[], killMs: number): Promise<readonly Failure[]>
  end(): Promise<void>
}

export function newFuzzer(): Fuzzer {
  let worker: FuzzWorker | null = null
  const runBatch = async (batch: Batch, killMs: number): Promise<Ended> => {
    worker ??= await startWorker()
    const ended = await worker.run(batch, killMs)
    if (ended.kind === 'killed') worker = null
    return ended
  }
  return {
    async run(target, budget) {
      const failures: Failure[] = []
      const suspects: { index: number; ms: number }[] = []
      const { seed, killMs } = budget
      let next = budget.from
      const end = budget.from + budget.cases
      while (next < end && Date.now() < budget.endsAtMs && failures.length < MOST_FAILURES) {
        const count = Math.min(BATCH, end - next)
        const told = await runBatch({ target: target.name, seed, from: next, count, inputs: null }, killMs)
        if (told.kind === 'done') suspects.push(...told.slowest)
        else failures.push(failureOf(target, seed, told, inputOf(target, seed, told.index)))
        next = told.kind === 'done' ? next + count : told.index + 1
      }
      return { cases: next - budget.from, failures, suspects }
    },
    async runKept(target, inputs, killMs) {
      const failures: Failure[] = []
      for (let next = 0; next < inputs.length;) {
        const batch = { target: target.name, seed: 0, from: next, count: inputs.length - next, inputs }
        const told = await runBatch(batch, killMs)
        if (told.kind === 'done') break
        failures.push(failureOf(target, 0, told, inputs[told.index] ?? Buffer.alloc(0)))
        next = told.index + 1
      }
      return failures
    },
    async end() {
      await worker?.end()
      worker = null
    },
  }
}

function failureOf(target: Target, seed: number, told: Exclude<Ended, { kind: 'done' }>, input: Buffer): Failure {
  const smallest = told.kind === 'failed' ? Buffer.from(told.smallest) : input
  return { target: target.name, seed, index: told.index, why: told.why, input: smallest }
}

type Ended =
  Exclude<Told, { kind: 'ready' }> | { readonly kind: 'killed'; readonly index: number; readonly why: string }

interface FuzzWorker {
  run(batch: Batch, killMs: number): Promise<Ended>
  end(): Promise<unknown>
}

async function startWorker(): Promise<FuzzWorker> {
  const shared = new SharedArrayBuffer(8)
  const progress = new Int32Array(shared)
  const worker = new Worker(join(import.meta.dirname, 'worker.mjs'), {
    workerData: shared,
    // Not the parent's, which under vitest know nothing of TypeScript.
    execArgv: ['--import', 'tsx'],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  })
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
  })
  const floor = process.memoryUsage.rss()
  return {
    end: () => worker.terminate(),
    run: (batch, killMs) =>
      new Promise((resolve) => {
        let beat = Atomics.load(progress, 1)
        let beatAtMs = Date.now()
        const settle = (ended: Ended): void => {
          clearInterval(timer)
          worker.off('message', onMessage)
          worker.off('error', onError)
          resolve(ended)
        }
        const kill = (why: string): void => {
          clearInterval(timer)
          const index = Atomics.load(progress, 0)
          void worker.terminate().then(() => settle({ kind: 'killed', index, why }))
        }
        const timer = setInterval(() => {
          const now = Atomics.load(progress, 1)
          if (now !== beat) [beat, beatAtMs] = [now, Date.now()]
          else if (Date.now() - beatAtMs > killMs) kill(`did not end within ${killMs} ms`)
          if (process.memoryUsage.rss() - floor > GROWTH_BYTES) kill('made the process grow by 768 MiB')
        }, LOOK_MS)
        const onMessage = (told: Told): void => {
          if (told.kind !== 'ready') settle(told)
        }
        const onError = (error: unknown): void =>
          settle({ kind: 'killed', index: Atomics.load(progress, 0), why: `ended the worker: ${String(error)}` })
        worker.on('message', onMessage)
        worker.on('error', onError)
        worker.postMessage(batch)
      }),
  }
}
