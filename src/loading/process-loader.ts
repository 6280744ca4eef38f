import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Clock, ManifestLoader, SourceTree } from '../controller/index.js'
import type { Loaded, ReadContent } from '../manifest/index.js'
import type { Problem, StackEntry } from '../model/index.js'
import { packTree, unpackStacks } from './messages.js'
import type { Answer, Round } from './messages.js'

export interface ProcessLoaderOptions {
  readonly clock: Clock
  /** Of one round. A cold load of 1,000 stacks takes seconds; what takes this long is an attack or a bug. Default 60 s. */
  readonly deadlineMs?: number
  /** Of the process's heap. Default 512 MiB. */
  readonly memoryMiB?: number
  /** What the process runs; only tests have another. */
  readonly program?: URL
}

const DEADLINE_MS = 60_000
const MEMORY_MIB = 512

/** Loads manifests in a process that can be killed. It is started at once, so that it is there when Git has answered. */
export function processLoader(options: ProcessLoaderOptions): ManifestLoader & { close(): Promise<void> } {
  let reader: Reader | null = startReader(options)
  const end = async (): Promise<void> => {
    const ended = reader
    reader = null
    if (ended === null || ended.hasEnded) return
    const gone = new Promise<void>((resolve) => ended.child.once('exit', () => resolve()))
    keepAlive(ended.child, true)
    ended.child.kill('SIGKILL')
    await gone
  }
  const loadRound: RoundLoad = async (tree, read, signal) => {
    if (reader?.hasEnded === true) reader = null
    reader ??= startReader(options)
    const answer = await exchange(reader, nextRound(reader, tree, read), options, signal)
    if (answer.kind === 'failed') {
      // It may hang, and what it remembers is not to be trusted: the next load gets a fresh one.
      await end()
      return { kind: 'refused', problems: [answer.problem] }
    }
    return unpack(answer, reader, tree)
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

type RoundLoad = (...round: Parameters<ManifestLoader['load']>) => Promise<Loaded>

interface Reader {
  readonly child: ChildProcess
  /** By itself, while nobody asked it anything. */
  hasEnded: boolean
  /** The end of what it complained of. */
  complaint: string
  /** The files of the revision that it has. */
  entries: SourceTree['entries'] | null
  /** What it asked for, by revision: all of it is handed over again when another revision came in between. */
  readonly asked: WeakMap<SourceTree['entries'], readonly string[]>
  /** The last of that, which it has not got yet. */
  missing: readonly string[]
  known: ReadonlyMap<number, StackEntry>
}

const COMPLAINT_CHARS = 4_000

function startReader({ program, memoryMiB = MEMORY_MIB }: ProcessLoaderOptions): Reader {
  const child = fork(fileURLToPath(program ?? new URL('./reader.js', import.meta.url)), [], {
    serialization: 'advanced',
    // Manifests say everything themselves: what reads them has no environment to leak.
    env: {},
    execArgv: [`--max-old-space-size=${memoryMiB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const reader: Reader = {
    child,
    hasEnded: false,
    complaint: '',
    entries: null,
    asked: new WeakMap(),
    missing: [],
    known: new Map(),
  }
  child.on('exit', () => (reader.hasEnded = true)).on('error', () => (reader.hasEnded = true))
  child.stderr?.on('data', (chunk: Buffer) => {
    reader.complaint = (reader.complaint + chunk.toString('utf8')).slice(-COMPLAINT_CHARS)
  })
  keepAlive(child, false)
  return reader
}

/** Between two loads it does not keep this process alive. */
function keepAlive(child: ChildProcess, isWanted: boolean): void {
  const parts = [child, child.channel, child.stderr as Socket | null]
  for (const part of parts) {
    if (isWanted) part?.ref()
    else part?.unref()
  }
}

function nextRound(reader: Reader, tree: SourceTree, read: ReadContent): Round {
  const isSame = reader.entries === tree.entries
  const contents = (isSame ? reader.missing : (reader.asked.get(tree.entries) ?? [])).flatMap((oid) => {
    const bytes = read(oid)
    return bytes === undefined ? [] : [[oid, bytes] as const]
  })
  reader.entries = tree.entries
  return { tree: isSame ? null : packTree(tree), contents }
}

type Failed = { readonly kind: 'failed'; readonly problem: Problem }

function exchange(
  reader: Reader,
  round: Round,
  { clock, deadlineMs = DEADLINE_MS, memoryMiB = MEMORY_MIB }: ProcessLoaderOptions,
  signal: AbortSignal,
): Promise<Answer | Failed> {
  const { child } = reader
  return new Promise((resolve) => {
    const settle = (answer: Answer | Failed): void => {
      cancel()
      signal.removeEventListener('abort', aborted)
      child.off('message', settle).off('error', broke).off('close', ended)
      keepAlive(child, false)
      resolve(answer)
    }
    const costly = (why: string): void =>
      settle({ kind: 'failed', problem: { code: 'MANIFEST_TOO_COSTLY', message: `${why}; ${REMEDY}` } })
    const broke = ({ message }: Pick<Error, 'message'>): void =>
      settle({ kind: 'failed', problem: { code: 'BUG', message: `reading the manifests broke: ${message}` } })
    // Not before all that it said is there.
    const ended = (): void => {
      const thrown = /^(?:Uncaught )?\w*Error(?: \[\w+\])?: (.*)$/m.exec(reader.complaint)?.[1]
      if (/heap out of memory|heap limit/.test(reader.complaint))
        costly(`reading the manifests takes more than ${memoryMiB} MiB`)
      else if (thrown !== undefined) broke({ message: thrown })
      else costly('the process that reads the manifests ended in the middle')
    }
    const aborted = (): void => costly('reading the manifests was interrupted')
    const cancel = clock.after(deadlineMs, () =>
      costly(`reading the manifests takes more than ${deadlineMs / 1_000} s`),
    )
    child.on('message', settle).on('error', broke).on('close', ended)
    keepAlive(child, true)
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) aborted()
    else child.send(round, () => undefined)
  })
}

const REMEDY = 'what runs stays as it is; look for what the newest commits made very large or deeply nested'

function unpack(answer: Answer, reader: Reader, { entries }: SourceTree): Loaded {
  if (answer.kind === 'needs') {
    reader.missing = answer.oids
    reader.asked.set(entries, [...(reader.asked.get(entries) ?? []), ...answer.oids])
    return answer
  }
  // The reader has let go of the contents too.
  reader.missing = []
  reader.asked.delete(entries)
  if (answer.kind === 'refused') return answer
  const known = new Map<number, StackEntry>()
  for (const packed of unpackStacks(answer.desired.stacks)) {
    const entry = 'entry' in packed ? packed.entry : reader.known.get(packed.number)
    if (entry === undefined) throw new Error(`the reader names stack ${packed.number}, which it never sent`)
    known.set(packed.number, entry)
  }
  reader.known = known
  return { kind: 'loaded', desired: { ...answer.desired, stacks: [...known.values()] } }
}
