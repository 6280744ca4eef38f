import type { LogEvent } from '../controller/index.js'

/** How much a follower may fall behind before the oldest events are dropped for it. */
const WAITING_MAX = 10_000

export interface EventBus {
  publish(event: LogEvent): void
  /** Events from now on, until the signal or the bus ends it. */
  follow(signal: AbortSignal): AsyncIterable<LogEvent>
  close(): void
}

/** Hands each event to all who follow; a slow or absent follower holds nobody up. */
export function eventBus(): EventBus {
  const followers = new Set<Follower>()
  return {
    publish: (event) => followers.forEach((follower) => follower.push(event)),
    follow: (signal) => {
      const follower = openFollower()
      followers.add(follower)
      const leave = (): void => {
        followers.delete(follower)
        follower.end()
      }
      signal.addEventListener('abort', leave, { once: true })
      if (signal.aborted) leave()
      return drained(follower, leave)
    },
    close: () => followers.forEach((follower) => follower.end()),
  }
}

interface Follower {
  push(event: LogEvent): void
  end(): void
  /** What waits, or undefined when nothing will come any more. */
  next(): Promise<LogEvent | undefined>
}

function openFollower(): Follower {
  const waiting: LogEvent[] = []
  let ended = false
  let wake: (() => void) | undefined
  const stir = (): void => {
    wake?.()
    wake = undefined
  }
  return {
    push: (event) => {
      if (waiting.length >= WAITING_MAX) waiting.shift()
      waiting.push(event)
      stir()
    },
    end: () => {
      ended = true
      stir()
    },
    next: async () => {
      while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve))
      return waiting.shift()
    },
  }
}

async function* drained(follower: Follower, leave: () => void): AsyncIterable<LogEvent> {
  try {
    for (let event = await follower.next(); event !== undefined; event = await follower.next()) yield event
  } finally {
    leave()
  }
}
