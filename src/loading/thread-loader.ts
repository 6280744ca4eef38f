import { Worker } from 'node:worker_threads'
import type { Clock, ManifestLoader, SourceTree } from '../controller/index.js'
import type { Loaded, ReadContent } from '../manifest/index.js'
import type { Problem, StackEntry } from '../model/index.js'
import { packTree } from './messages.js'
import type { Answer, Round } from './messages.js'

export interface ThreadLoaderOptions {
  readonly clock: Clock
  /** Of one round. A cold load of 1,000 stacks takes seconds; what takes this long is an attack or a bug. Default 60 s. */
  readonly deadlineMs?: number
  /** Of the thread's memory. Default 512 MiB. */
  readonly memoryMiB?: number
  /** The thread's program; only tests have another. */
  readonly program?: URL
}

const DEADLINE_MS = 60_000
const MEMORY_MIB = 512

/** Loads manifests in a thread that can be killed. It is started at once, so that it is there when Git has answered. */
export function threadLoader(options: ThreadLoaderOptions): ManifestLoader & { close(): Promise<void> } {
  let thread: Thread | null = startThread(options)
  const end = async (): Promise<void> => {
    const ended = thread
    thread = null
    await ended?.worker.terminate()
  }
  const loadRound: ThreadLoad = async (tree, read, signal) => {
    if (thread?.hasEnded === true) thread = null
    thread ??= startThread(options)
    const answer = await exchange(thread, nextRound(thread, tree, read), options, signal)
    if (answer.kind === 'failed') {
      // It may hang, and what it remembers is not to be trusted: the next load gets a fresh one.
      await end()
      return { kind: 'refused', problems: [answer.problem] }
    }
    return unpack(answer, thread, tree)
  }
  /** Rounds take turns; those of two revisions may come in between each other. */
  let turn: Promise<unknown> = Promise.resolve()
  return {
    load: (tree, read, signal) => {
      const next = (): Promise<Loaded> => loadRound(tree, read, signal)
      const round = turn.then(next, next)
      turn = round
      return round
    },
    close: end,
  }
}

type ThreadLoad = (...round: Parameters<ManifestLoader['load']>) => Promise<Loaded>

interface Thread {
  readonly worker: Worker
  /** By itself, while nobody asked it anything. */
  hasEnded: boolean
  /** The files of the revision that the thread has. */
  entries: SourceTree['entries'] | null
  /** What it asked for, by revision: all of it is handed over again when another revision came in between. */
  readonly asked: WeakMap<SourceTree['entries'], readonly string[]>
  /** The last of that, which it has not got yet. */
  missing: readonly string[]
  known: ReadonlyMap<number, StackEntry>
}

function startThread(options: ThreadLoaderOptions): Thread {
  const worker = new Worker(options.program ?? new URL('./thread.js', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: options.memoryMiB ?? MEMORY_MIB },
    // Manifests say everything themselves; the thread that reads them has no environment to leak.
    env: {},
  })
  // It never keeps the process alive; one that ends between two loads is replaced at the next one.
  worker.unref()
  worker.on('error', () => undefined)
  const thread: Thread = {
    worker,
    hasEnded: false,
    entries: null,
    asked: new WeakMap(),
    missing: [],
    known: new Map(),
  }
  worker.once('exit', () => (thread.hasEnded = true))
  return thread
}

function nextRound(thread: Thread, tree: SourceTree, read: ReadContent): Round {
  const isSame = thread.entries === tree.entries
  const contents = (isSame ? thread.missing : (thread.asked.get(tree.entries) ?? [])).flatMap((oid) => {
    const bytes = read(oid)
    return bytes === undefined ? [] : [[oid, bytes] as const]
  })
  thread.entries = tree.entries
  return { tree: isSame ? null : packTree(tree), contents }
}

type Failed = { readonly kind: 'failed'; readonly problem: Problem }

function exchange(
  { worker }: Thread,
  round: Round,
  { clock, deadlineMs = DEADLINE_MS, memoryMiB = MEMORY_MIB }: ThreadLoaderOptions,
  signal: AbortSignal,
): Promise<Answer | Failed> {
  return new Promise((resolve) => {
    const settle = (answer: Answer | Failed): void => {
      cancel()
      signal.removeEventListener('abort', aborted)
      worker.off('message', settle).off('error', failed).off('exit', exited).unref()
      resolve(answer)
    }
    const costly = (why: string): void =>
      settle({ kind: 'failed', problem: { code: 'MANIFEST_TOO_COSTLY', message: `${why}; ${REMEDY}` } })
    const failed = (error: Error & { readonly code?: string }): void => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') costly(`reading the manifests takes more than ${memoryMiB} MiB`)
      else
        settle({ kind: 'failed', problem: { code: 'BUG', message: `reading the manifests broke: ${error.message}` } })
    }
    const exited = (): void => costly('the thread that reads the manifests ended in the middle')
    const aborted = (): void => costly('reading the manifests was interrupted')
    const cancel = clock.after(deadlineMs, () =>
      costly(`reading the manifests takes more than ${deadlineMs / 1_000} s`),
    )
    worker.on('message', settle).on('error', failed).on('exit', exited).ref()
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) aborted()
    else worker.postMessage(round)
  })
}

const REMEDY = 'what runs stays as it is; look for what the newest commits made very large or deeply nested'

function unpack(answer: Answer, thread: Thread, { entries }: SourceTree): Loaded {
  if (answer.kind === 'needs') {
    thread.missing = answer.oids
    thread.asked.set(entries, [...(thread.asked.get(entries) ?? []), ...answer.oids])
    return answer
  }
  // The thread has let go of the contents too.
  thread.missing = []
  thread.asked.delete(entries)
  if (answer.kind === 'refused') return answer
  const known = new Map<number, StackEntry>()
  for (const packed of answer.desired.stacks) {
    const entry = 'entry' in packed ? packed.entry : thread.known.get(packed.number)
    if (entry === undefined) throw new Error(`the thread names stack ${packed.number}, which it never sent`)
    known.set(packed.number, entry)
  }
  thread.known = known
  return { kind: 'loaded', desired: { ...answer.desired, stacks: [...known.values()] } }
}
