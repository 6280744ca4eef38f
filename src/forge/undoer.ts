import type { Clock, LogEvent, Snapshot, Workshop } from '../controller/index.js'
import type { Problem, Result, Stack } from '../model/index.js'
import type { Ledger } from './ledger.js'
import type { Outbox } from './outbox.js'
import type { Forge } from './ports.js'
import { REVERT_AUTHOR, revertMessage, revertedBy, undoRange } from './revert-commit.js'

export interface UndoerOptions {
  readonly clock: Clock
  readonly workshop: Workshop
  readonly ledger: Ledger
  readonly outbox: Outbox
  /** Where the branch is proposed; null: it is only pushed. */
  readonly forge: Forge | null
  readonly log: (event: LogEvent) => void
  /** The followed branch. */
  readonly branch: string
  readonly snapshot: () => Snapshot
  /** Called when Git has something new because of us. */
  readonly onPushed: () => void
}

type StackState = Snapshot['state']['stacks'][string]
type Rejection = StackState['rejected'][number]

interface Failed {
  readonly stack: string
  readonly state: StackState
  readonly rejection: Rejection
  readonly content: Stack
  readonly how: 'revert' | 'pull-request'
}

const RETRY_MS = 60_000

/**
 * Makes rollbacks visible in Git where the manifest asks for it. A failed revision is taken back once: only while it is the newest one, only by moving
 * the branch forward, never because of a commit of ours. What cannot be done is said and left to people.
 */
export class Undoer {
  readonly #options: UndoerOptions
  readonly #closing = new AbortController()
  readonly #notBefore = new Map<string, number>()
  #work: Promise<void> | null = null
  #cancel: () => void = () => undefined

  constructor(options: UndoerOptions) {
    this.#options = options
  }

  /** Called whenever the state may have changed; by level. */
  look(): void {
    if (this.#work !== null || this.#closing.signal.aborted) return
    const failed = this.#next()
    if (failed === null) return
    this.#work = this.#undo(failed)
      .catch((error: unknown) => this.#later(failed, error instanceof Error ? error.message : 'unknown error'))
      .finally(() => {
        this.#work = null
        this.look()
      })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancel()
    await this.#work
  }

  #next(): Failed | null {
    const { snapshot, ledger, clock } = this.#options
    const { state, stack } = snapshot()
    for (const [name, own] of Object.entries(state.stacks)) {
      const rejection = own.rejected.at(-1)
      if (rejection === undefined || !isRolledBack(own, rejection)) continue
      if (ledger.get(keyOf(rejection)) !== undefined) continue
      if ((this.#notBefore.get(rejection.revision.sha) ?? 0) > clock.nowMs()) continue
      const content = stack(rejection.hash)
      const how = content?.services.find((spec) => spec.name === rejection.service)?.rollout.onRollback
      if (content === undefined || (how !== 'revert' && how !== 'pull-request')) continue
      return { stack: name, state: own, rejection, content, how }
    }
    return null
  }

  async #undo(failed: Failed): Promise<void> {
    const { workshop, branch } = this.#options
    const { signal } = this.#closing
    const { revision } = failed.rejection
    const tip = await workshop.bring(`refs/heads/${branch}`, signal)
    if (!tip.ok) return this.#later(failed, tip.problem.message)
    if (tip.value.sha !== revision.sha) return this.#end(failed, 'a newer commit is there')
    const commit = await workshop.commit(revision.sha, signal)
    if (!commit.ok) return this.#later(failed, commit.problem.message)
    // Taking our own revert back would bring back what failed before it, and so on without end.
    if (revertedBy(commit.value) !== null) return this.#end(failed, 'it is a revert of ours already')
    const good = failed.state.proven?.revision.sha ?? null
    const range = await undoRange(workshop, revision.sha, good, folderOf(failed.content), signal)
    if (!range.ok) return this.#end(failed, range.problem.message)
    const message = messageOf(failed, this.#options.snapshot().state.accepted?.fleet.name ?? null)
    const request = { ...range.value, tip: tip.value, message, author: REVERT_AUTHOR, atMs: failed.rejection.atMs }
    const undone = await workshop.undo(request, signal)
    if (!undone.ok) return this.#end(failed, undone.problem[0]?.message ?? 'no reason')
    if (undone.value.paths.length === 0) return this.#end(failed, 'it changed nothing here')
    const isBranch = failed.how === 'pull-request'
    const ref = isBranch ? branchOf(revision.sha) : branch
    const pushed = await undone.value.push(`refs/heads/${ref}`, isBranch ? null : tip.value.sha, signal)
    if (!pushed.ok) return this.#notPushed(failed, pushed.problem)
    this.#pushed(failed, undone.value.sha, ref, message)
  }

  #pushed(failed: Failed, sha: string, ref: string, message: string): void {
    const { ledger, log, clock, forge, outbox, branch, onPushed } = this.#options
    ledger.set(keyOf(failed.rejection), sha)
    const fields = { stack: failed.stack, revision: failed.rejection.revision.sha, commit: sha, branch: ref }
    log({ atMs: clock.nowMs(), level: 'info', message: 'rollback pushed to Git', fields })
    onPushed()
    if (failed.how !== 'pull-request' || forge === null) return
    const [title = '', ...rest] = message.split('\n')
    const request = {
      branch: ref,
      base: branch,
      title,
      body: `\`\`\`text\n${rest.join('\n').trim().replaceAll('`', "'")}\n\`\`\``,
    }
    const send = (signal: AbortSignal): Promise<Result<void>> => forge.propose(request, signal)
    outbox.put({ key: `propose ${ref}`, content: title, send })
  }

  /** What a person must change is not tried again; what passes is. */
  #notPushed(failed: Failed, problem: Problem): void {
    const isFinal = problem.code === 'PUSH_REFUSED' || problem.code === 'GIT_AUTH'
    if (isFinal) this.#end(failed, problem.message)
    else this.#later(failed, problem.message)
  }

  #end(failed: Failed, why: string): void {
    this.#options.ledger.set(keyOf(failed.rejection), 'left to people')
    this.#say(failed, why, false)
  }

  #later(failed: Failed, why: string): void {
    const { clock } = this.#options
    const { sha } = failed.rejection.revision
    if (!this.#notBefore.has(sha)) this.#say(failed, why, true)
    this.#notBefore.set(sha, clock.nowMs() + RETRY_MS)
    this.#cancel()
    if (!this.#closing.signal.aborted) this.#cancel = clock.after(RETRY_MS, () => this.look())
  }

  #say({ stack, rejection }: Failed, problem: string, again: boolean): void {
    const { log, clock } = this.#options
    const fields = { stack, revision: rejection.revision.sha, problem, again }
    log({ atMs: clock.nowMs(), level: 'warn', message: 'rollback not pushed to Git', fields })
  }
}

/** What was proven before runs again, and nothing is under way. */
function isRolledBack({ rollout, recovering, ended, proven, desired }: StackState, { hash }: Rejection): boolean {
  const isBack = ended?.direction === 'back' && ended.outcome === 'completed'
  return rollout === null && !recovering && isBack && proven !== null && desired?.hash === hash
}

function messageOf({ stack, state, rejection }: Failed, fleet: string | null): string {
  const { revision, problem, service } = rejection
  const failure = state.failures[service]
  const { evidence = null, server } = failure ?? {}
  const facts = [
    ...(server === undefined ? [] : [`on ${server}`]),
    ...(evidence === null ? [] : [evidence.state]),
    ...(evidence?.exitCode === null || evidence?.exitCode === undefined ? [] : [`exit code ${evidence.exitCode}`]),
    ...(evidence?.oomKilled === true ? ['killed for lack of memory'] : []),
  ]
  const told = { ...problem, stack, service }
  return revertMessage({
    fleet,
    revision,
    by: null,
    problem: told,
    evidence: facts.length === 0 ? [] : [facts.join(', ')],
  })
}

function keyOf({ revision }: Rejection): string {
  return `undone ${revision.sha}`
}

export function branchOf(sha: string): string {
  return `slipway/revert-${sha.slice(0, 12)}`
}

/** The folder of a stack's Compose file, with a slash at its end; empty where it is the followed folder itself. */
function folderOf({ path }: Stack): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}
