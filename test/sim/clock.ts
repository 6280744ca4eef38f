interface Timer {
  readonly atMs: number
  readonly seq: number
  fn: (() => void) | null
}

/** Time of the whole world, which only goes on when nothing is left to do: nobody waits for real. Timers of one moment run in the order they were set. */
export class SimClock {
  private now = 1_700_000_000_000
  private seq = 0
  private readonly heap: Timer[] = []
  /** Called after every timer, when everything that follows from it has been done. */
  settled: () => void = () => undefined

  nowMs(): number {
    return this.now
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer: Timer = { atMs: this.now + Math.max(0, Math.round(delayMs)), seq: (this.seq += 1), fn }
    push(this.heap, timer)
    return () => {
      timer.fn = null
    }
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve))
  }

  /** Runs everything that is due within `ms`; ends early, between two timers, once `isEnough` says so. */
  async run(ms: number, isEnough: () => boolean = () => false): Promise<void> {
    const endMs = this.now + ms
    await quiet()
    while (!isEnough()) {
      const next = this.heap[0]
      if (next === undefined || next.atMs > endMs) {
        this.now = endMs
        return
      }
      pop(this.heap)
      if (next.fn === null) continue
      this.now = next.atMs
      next.fn()
      await quiet()
      this.settled()
    }
  }
}

/** Until every promise that can settle has: an immediate runs after all of them. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.seq < b.seq)
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length
  heap.push(timer)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(timer, heap[parent] as Timer)) break
    heap[at] = heap[parent] as Timer
    at = parent
  }
  heap[at] = timer
}

function pop(heap: Timer[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1
    if (!isBefore(heap[child] as Timer, last)) break
    heap[at] = heap[child] as Timer
    at = child
  }
  heap[at] = last
}
