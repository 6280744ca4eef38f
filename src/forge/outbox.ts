import { createHash } from 'node:crypto'
import type { Clock, LogEvent } from '../controller/index.js'
import { growingPauseMs } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import type { Ledger } from './ledger.js'

/** One thing to be told. A newer one with the same key takes its place. */
export interface Message {
  /** What it is about: `status 9f1c…`, `comment 17`. */
  readonly key: string
  /** What it says; the same is not told twice. */
  readonly content: string
  readonly send: (signal: AbortSignal) => Promise<Result<void>>
}

export interface Outbox {
  put(message: Message): void
  /** Nothing waits and nothing is under way. */
  isEmpty(): boolean
  close(): void
}

const RETRY_FIRST_MS = 5_000
const RETRY_MOST_MS = 10 * 60_000
/** About a day of trying. */
const ATTEMPTS_MAX = 150
const WAITING_MAX = 500

interface Waiting {
  readonly message: Message
  readonly digest: string
  attempts: number
  notBeforeMs: number
}

/**
 * Tells one message after the other, in the order in which they came; one that fails waits, longer each time, and holds up none but itself. Nobody
 * waits for the outbox: what it cannot tell is lost for whoever reads there, and for nobody else.
 */
export function openOutbox(clock: Clock, ledger: Ledger, log: (event: LogEvent) => void): Outbox {
  const waiting = new Map<string, Waiting>()
  const closing = new AbortController()
  let sending: string | null = null
  let cancel: () => void = () => undefined

  function next(): void {
    if (sending !== null || closing.signal.aborted) return
    cancel()
    const nowMs = clock.nowMs()
    const ready = [...waiting.entries()].find(([, { notBeforeMs }]) => notBeforeMs <= nowMs)
    if (ready !== undefined) return void send(...ready)
    const times = [...waiting.values()].map(({ notBeforeMs }) => notBeforeMs)
    if (times.length > 0) cancel = clock.after(Math.min(...times) - nowMs, next)
  }

  async function send(key: string, item: Waiting): Promise<void> {
    sending = key
    const result = await attempt(item.message, closing.signal)
    sending = null
    if (closing.signal.aborted) return
    if (result.ok) {
      ledger.set(key, item.digest)
      if (waiting.get(key) === item) waiting.delete(key)
    } else failed(key, item, result.problem)
    next()
  }

  function failed(key: string, item: Waiting, problem: Problem): void {
    item.attempts += 1
    const isOver = problem.code === 'FORGE_REFUSED' || item.attempts >= ATTEMPTS_MAX
    if (isOver && waiting.get(key) === item) waiting.delete(key)
    const asked = problem.next?.kind === 'retry' ? problem.next.afterMs : 0
    const backoff = growingPauseMs(item.attempts, RETRY_FIRST_MS, RETRY_MOST_MS)
    item.notBeforeMs = clock.nowMs() + Math.max(asked, backoff)
    // The first failure is news, the ones after it are not.
    if (item.attempts > 1 && !isOver) return
    const fields = { about: key, code: problem.code, problem: problem.message, givenUp: isOver }
    log({ atMs: clock.nowMs(), level: 'warn', message: 'forge not told', fields })
  }

  return {
    put(message) {
      const digest = createHash('sha256').update(message.content).digest('hex').slice(0, 20)
      const before = waiting.get(message.key)
      const isTold = before === undefined && ledger.get(message.key) === digest
      if (isTold || before?.digest === digest || closing.signal.aborted) return
      // A forge that is down is asked no sooner because there is more to say.
      const { attempts = 0, notBeforeMs = 0 } = before ?? {}
      if (before === undefined && waiting.size >= WAITING_MAX) waiting.delete([...waiting.keys()][0] ?? '')
      waiting.set(message.key, { message, digest, attempts, notBeforeMs })
      next()
    },
    isEmpty: () => waiting.size === 0 && sending === null,
    close() {
      closing.abort()
      cancel()
    },
  }
}

/** A sender that throws is a bug of its own and holds nothing up. */
async function attempt(message: Message, signal: AbortSignal): Promise<Result<void>> {
  try {
    return await message.send(signal)
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown error'
    return { ok: false, problem: { code: 'FORGE_REFUSED', message: `telling it failed: ${reason}` } }
  }
}
