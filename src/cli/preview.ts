import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Controller, memoryJournal, polledAs, readDesired } from '../controller/index.js'
import type { Commit, Journal, LogEvent, MemoryJournalSeed, Source, Workshop } from '../controller/index.js'
import { createLoader } from '../manifest/index.js'
import { ok } from '../model/index.js'
import type { Desired, Problem, Result, Revision } from '../model/index.js'
import type { PlanReport } from '../web/index.js'
import { decided } from './decided.js'
import { folderSource } from './folder-source.js'
import { CommandError, usage, valueOf } from './invocation.js'
import type { Invocation } from './invocation.js'
import { refName, repoOf, withoutUserinfo } from './local-controller.js'
import { reportOf } from './plan-report.js'

const FIRST_LOOK_MS = 20_000
/** More than a login that never ends takes until the driver gives it up. */
const LOOK_DEADLINE_MS = 60_000

/** What a folder's files, or what Git says now, would change on the servers. Writes nothing, neither there nor here. */
export async function previewPlan(invocation: Invocation, folder: string | null): Promise<PlanReport> {
  return withSource(invocation, folder, (source) => planOf(invocation, source, folder))
}

/** Which commit is planned instead of the newest one of the followed branch. */
export interface Proposed {
  /** A branch, tag, ref or commit. Null: the followed branch. */
  readonly ref: string | null
  /** Plan what merging `ref` into this one would do. */
  readonly base: string | null
  /** The branch as it was at this time, in ms since the epoch. */
  readonly atMs: number | null
}

/** What a commit, the merge of one into a branch, or an older state of the branch would change on the servers. */
export async function previewProposed(invocation: Invocation, { ref, base, atMs }: Proposed): Promise<PlanReport> {
  const { interrupted } = invocation.io
  return withWorkshop(invocation, async (workshop) => {
    const head = valueOf(await workshop.bring(ref ?? 'HEAD', interrupted))
    if (base !== null) {
      const before = valueOf(await workshop.bring(base, interrupted))
      const merge = await workshop.merge(before, head, interrupted)
      if (!merge.ok) throw new CommandError(merge.problem)
      return planOf(invocation, merge.value.source, null, before)
    }
    const revision = atMs === null ? head : await stoodAt(workshop, head, atMs, interrupted)
    return planOf(invocation, workshop.at(revision), null)
  })
}

/** The commit that a branch named at a time, as far as its own commits tell: the newest that is not younger. */
async function stoodAt(workshop: Workshop, head: Revision, atMs: number, signal: AbortSignal): Promise<Revision> {
  for (let sha: string | undefined = head.sha; sha !== undefined;) {
    const { revision, parents }: Commit = valueOf(await workshop.commit(sha, signal))
    if (revision.committedAtMs <= atMs) return { ...revision, ref: head.ref }
    sha = parents[0]
  }
  throw usage(`${head.ref} has no commit from before ${new Date(atMs).toISOString()}`)
}

/** `before`: what a merge goes into. It stands for what is in force where nobody remembers that. */
async function planOf(
  invocation: Invocation,
  source: Source,
  folder: string | null,
  before: Revision | null = null,
): Promise<PlanReport> {
  const { parts, settings } = invocation
  const log = quietly(invocation)
  const journal = memoryJournal(await rememberedSeed(invocation))
  const driver = await parts.openDriver(settings, log)
  const isInForce = (): boolean => controller.snapshot().state.accepted !== null
  const followed = before === null ? source : inTurn(before, source, isInForce)
  const ports = { clock: parts.clock, source: followed, loader: createLoader(), driver, journal, log }
  const controller: Controller = new Controller(ports, {
    repository: folder ?? withoutUserinfo(repoOf(settings)),
    ref: refName(settings),
    signedBy: folder === null ? settings.signedBy : null,
    dryRun: true,
    // A plan of servers that were not seen is of no use to whoever asks once: slow ones get time.
    watch: { firstLookMs: FIRST_LOOK_MS },
  })
  try {
    controller.start()
    await controller.poll()
    if (before !== null) await controller.poll()
    await decided(controller, parts.clock, LOOK_DEADLINE_MS, invocation.io.interrupted)
    return reportOf(controller)
  } finally {
    await controller.stop()
    await driver.close()
  }
}

/** Says first what was there before, if nothing is in force. */
function inTurn(before: Revision, then: Source, isInForce: () => boolean): Source {
  let polls = 0
  const isFirst = (): boolean => (polls += 1) === 1
  return polledAs(then, (signal) => (isFirst() && !isInForce() ? Promise.resolve(ok(before)) : then.poll(signal)))
}

/** A clone that nobody else uses, for as long as `use` runs. */
export async function withWorkshop<T>(invocation: Invocation, use: (workshop: Workshop) => Promise<T>): Promise<T> {
  const { parts, settings } = invocation
  const log = quietly(invocation)
  return inOwnFolder((dir) => parts.openWorkshop(settings, repoOf(settings), { dir, log }), use)
}

/** Nothing of it stays, also where the clone could not even be opened. */
async function inOwnFolder<C extends { close(): Promise<void> }, T>(
  open: (dir: string) => Promise<C>,
  use: (clone: C) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-'))
  try {
    const clone = await open(dir)
    try {
      return await use(clone)
    } finally {
      await clone.close()
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Opens a folder, or a clone of the repository that nobody else uses, for as long as `use` runs. */
export async function withSource<T>(
  invocation: Invocation,
  folder: string | null,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const { io, parts, settings } = invocation
  if (folder !== null) return use(folderSource(resolve(folder), io.user, io.nowMs()))
  const log = quietly(invocation)
  return inOwnFolder((dir) => parts.openSource(settings, repoOf(settings), { dir, log }), use)
}

/** Everything that a revision wants: the newest, or one of its history. Ends the command with every problem that it has. */
export async function desiredOf(invocation: Invocation, source: Source, sha: string | null = null): Promise<Desired> {
  const { interrupted } = invocation.io
  // The history is fetched first, whichever of its commits is asked for.
  const newest = valueOf(await source.poll(interrupted))
  const revision = sha === null ? newest : valueOf(await source.revision(sha, interrupted))
  const desired = await readRevision(source, revision, interrupted)
  if (desired.ok) return desired.value
  throw new CommandError(desired.problem)
}

export function readRevision(
  source: Source,
  revision: Revision,
  signal: AbortSignal,
): Promise<Result<Desired, readonly Problem[]>> {
  return readDesired(source, createLoader(), revision, signal)
}

/** What the controller on this data directory remembers, so that a plan counts what it rejected, drained and suspended. */
export async function rememberedSeed({ parts, settings }: Invocation): Promise<MemoryJournalSeed> {
  const stored = await parts.openJournal(settings, { readOnly: true })
  if (!stored.ok) {
    if (stored.problem.code !== 'CONTROLLER_ABSENT') throw new CommandError([stored.problem])
    return { controllerId: randomUUID() }
  }
  const { value: journal } = stored
  try {
    const content = journal.load()
    return { controllerId: journal.controllerId, content, stack: reopened(journal, content) }
  } finally {
    journal.close()
  }
}

/** The stacks that the remembered state names, read while the journal is open. */
function reopened(
  journal: Journal,
  content: ReturnType<Journal['load']>,
): (hash: string) => ReturnType<Journal['stack']> {
  const hashes = new Set(JSON.stringify([content.snapshot, content.facts]).match(/\b[0-9a-f]{20}\b/g) ?? [])
  const stacks = new Map([...hashes].map((hash) => [hash, journal.stack(hash)] as const))
  return (hash) => stacks.get(hash)
}

/** A preview's own events are not news; only what goes wrong is said, on standard error. */
function quietly({ io, format }: Invocation): (event: LogEvent) => void {
  return ({ level, message, fields }) => {
    if (level !== 'error' || format === 'json') return
    io.err(`${message} ${JSON.stringify(fields)}\n`)
  }
}
