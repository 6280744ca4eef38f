import { GitFailure } from './failure.js'

/**
 * Runs `work` until it ends, `ms` have passed or `signal` is aborted, whichever is first. Work that does not listen to the signal
 * it is given (a hung network file system) is left behind: the caller goes on.
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  ms: number,
  late: () => GitFailure,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(stopped())
  if (signal.aborted) throw stopped()
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => controller.abort(late()), ms)
  const cut = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(reasonOf(controller.signal)), { once: true })
  })
  try {
    return await Promise.race([work(controller.signal), cut])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    cut.catch(() => undefined)
  }
}

/** Throws what cut the work short, if something did. */
export function checkpoint(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal)
}

/** Lets timers and sockets have their turn, at most every few milliseconds of a long computation. */
export function makePause(signal: AbortSignal): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < 8) return undefined
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        since = performance.now()
        if (signal.aborted) reject(reasonOf(signal))
        else resolve()
      })
    })
  }
}

function reasonOf(signal: AbortSignal): GitFailure {
  return signal.reason instanceof GitFailure ? signal.reason : stopped()
}

function stopped(): GitFailure {
  return new GitFailure('GIT_TIMEOUT', 'reading Git was stopped before it finished; the last good revision stays')
}
