import type { Driver, FleetStatus, LogOptions, ReplicaStatus } from '../controller/index.js'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { LogsQuery, ReplicaLine } from '../web/index.js'

/** A reader that is this far behind holds the replicas' streams up instead of filling the memory. */
const WAITING_MAX = 1_000

/** The output of every replica that the query means, as it comes. Problem: REFERENCE_UNKNOWN when there is none. */
export function replicaLogs(
  driver: Pick<Driver, 'logs'>,
  status: FleetStatus,
  query: LogsQuery,
  signal: AbortSignal,
): Result<AsyncIterable<ReplicaLine>> {
  const name = query.service === null ? query.stack : `${query.stack}/${query.service}`
  const services = status.stacks
    .filter((stack) => stack.name === query.stack)
    .flatMap((stack) => stack.services)
    .filter((service) => query.service === null || service.name === query.service)
  if (services.length === 0) {
    const known = status.stacks.flatMap((stack) => stack.services.map((service) => `${stack.name}/${service.name}`))
    return fail({
      code: 'REFERENCE_UNKNOWN',
      message: `there is no ${name}; there are ${known.join(', ') || 'no services'}`,
    })
  }
  const replicas = services.flatMap((service) => service.replicas).filter(({ seen }) => seen)
  if (replicas.length === 0) {
    return fail({ code: 'REFERENCE_UNKNOWN', message: `${name} has no replica on a server that can be reached` })
  }
  return ok(merged(driver, replicas, { tail: query.tail, follow: query.follow }, signal))
}

async function* merged(
  driver: Pick<Driver, 'logs'>,
  replicas: readonly ReplicaStatus[],
  options: LogOptions,
  outer: AbortSignal,
): AsyncIterable<ReplicaLine> {
  const ending = new AbortController()
  const signal = AbortSignal.any([outer, ending.signal])
  const queue = openQueue<ReplicaLine>(replicas.length)
  for (const replica of replicas) void readInto(queue, driver, replica, options, signal)
  try {
    for (let line = await queue.take(); line !== undefined; line = await queue.take()) yield line
  } finally {
    ending.abort()
    queue.release()
  }
}

/** One replica that cannot be read says so in a line of its own; the others go on. */
async function readInto(
  queue: Queue<ReplicaLine>,
  driver: Pick<Driver, 'logs'>,
  { slot, server, containerId }: ReplicaStatus,
  options: LogOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const line of driver.logs(server, containerId, options, signal)) {
      await queue.put({ ...line, slot, server })
      if (signal.aborted) break
    }
  } catch (error) {
    if (!signal.aborted) {
      const text = `(slipway: the log cannot be read on: ${error instanceof Error ? error.message : String(error)})`
      await queue.put({ stream: 'stderr', atMs: null, text, slot, server })
    }
  } finally {
    queue.leave()
  }
}

interface Queue<T> {
  /** Waits while the queue is full. */
  put(item: T): Promise<void>
  /** Undefined when all writers have left and nothing is waiting. */
  take(): Promise<T | undefined>
  leave(): void
  /** Lets writers go that wait for a reader who is gone. */
  release(): void
}

function openQueue<T>(writers: number): Queue<T> {
  const items: T[] = []
  let left = 0
  let released = false
  let waiters: (() => void)[] = []
  const stir = (): void => {
    const all = waiters
    waiters = []
    all.forEach((wake) => wake())
  }
  const change = (): Promise<void> => new Promise((resolve) => waiters.push(resolve))
  return {
    put: async (item) => {
      while (items.length >= WAITING_MAX && !released) await change()
      items.push(item)
      stir()
    },
    take: async () => {
      while (items.length === 0 && left < writers) await change()
      const item = items.shift()
      stir()
      return item
    },
    leave: () => {
      left += 1
      stir()
    },
    release: () => {
      released = true
      stir()
    },
  }
}
