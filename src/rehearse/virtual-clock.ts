import type { Clock } from '../controller/index.js'

interface Timer {
  readonly atMs: number
  readonly seq: number
  readonly fn: () => void
  isCancelled: boolean
}

/** Time that passes only when it is told to: nothing waits, and what is due runs in order. */
export interface VirtualClock extends Clock {
  /** Runs everything that is due within `ms`, letting promises settle in between. */
  run(ms: number): Promise<void>
  /** Lets time pass until the work is done, and not a moment longer; false: it is not done within `ms`. */
  until(work: Promise<unknown>, ms: number): Promise<boolean>
}

/**
 * `settle` lets all promises settle that wait for nothing but each other (a turn of the event loop): a pure room cannot do so itself.
 * Timers of the same time run in the order in which they were set.
 */
export function virtualClock(startMs: number, settle: () => Promise<void>): VirtualClock {
  const heap: Timer[] = []
  let now = startMs
  let seq = 0
  /** Runs what is due next, if it is due by `untilMs`; false: nothing was. */
  const step = (untilMs: number): boolean => {
    let next = heap[0]
    for (; next?.isCancelled === true; next = heap[0]) pop(heap)
    if (next === undefined || next.atMs > untilMs) return false
    pop(heap)
    now = Math.max(now, next.atMs)
    next.fn()
    return true
  }
  return {
    nowMs: () => now,
    after(delayMs, fn) {
      seq += 1
      const timer: Timer = { atMs: now + Math.max(0, delayMs), seq, fn, isCancelled: false }
      push(heap, timer)
      return () => {
        timer.isCancelled = true
      }
    },
    async run(ms) {
      const endMs = now + ms
      do await settle()
      while (step(endMs))
      now = endMs
    },
    async until(work, ms) {
      const endMs = now + ms
      let isDone = false
      const done = (): void => void (isDone = true)
      work.then(done, done)
      do await settle()
      while (!isDone && step(endMs))
      return isDone
    },
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.seq < b.seq)
}

function push(heap: Timer[], timer: Timer): void {
  let index = heap.push(timer) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent]
    if (above === undefined || !isBefore(timer, above)) break
    heap[index] = above
    index = parent
  }
  heap[index] = timer
}

function pop(heap: Timer[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let index = 0
  for (;;) {
    const left = index * 2 + 1
    const [a, b] = [heap[left], heap[left + 1]]
    if (a === undefined) break
    const isRight = b !== undefined && isBefore(b, a)
    const child = isRight ? b : a
    if (!isBefore(child, last)) break
    heap[index] = child
    index = isRight ? left + 1 : left
  }
  heap[index] = last
}
