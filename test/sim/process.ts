import type { Clock } from '../../src/controller/index.js'
import type { SimClock } from './clock.js'

/** Where a controller can be killed, around everything that leaves it. */
export type CrashPoint =
  | 'before call'
  | 'after effect'
  | 'before intent'
  | 'after intent'
  | 'before outcome'
  | 'after outcome'
  | 'before facts'
  | 'after facts'

export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}

/** Between two looks there may be as much. */
const STOOD_STILL_MS = 61_000

/** One process of a controller. Killed, nothing it does has an effect any more; paused, everything that comes to it waits. */
export class SimProcess {
  isAlive = true
  /** What the kernel does with what it held. */
  onDeath: () => void = () => undefined
  /** Called at every crash point; may kill. */
  onPoint: (point: CrashPoint, about: string, process: SimProcess) => void = () => undefined
  readonly clock: Clock
  private resumeAtMs = 0
  private pausedAtMs = 0
  private awakeAtMs: number
  private readonly world: SimClock

  /** `wallOffsetMs` is how wrong the host's clock is when the process starts; jumps while it lives do not reach it. */
  constructor(world: SimClock, wallOffsetMs: number) {
    this.world = world
    this.awakeAtMs = world.nowMs()
    this.clock = {
      nowMs: () => world.nowMs() + wallOffsetMs,
      after: (delayMs, fn) => {
        let cancelled = false
        const cancel = world.after(delayMs, () => this.deliver(() => (cancelled ? undefined : fn())))
        return () => {
          cancelled = true
          cancel()
        }
      },
    }
  }

  kill(): void {
    if (!this.isAlive) return
    this.isAlive = false
    this.onDeath()
  }

  /** SIGSTOP, a frozen machine, a stalled event loop: it knows nothing of it. */
  pause(ms: number): void {
    if (this.runsForMs() >= 0) this.pausedAtMs = this.world.nowMs()
    this.resumeAtMs = Math.max(this.resumeAtMs, this.world.nowMs() + ms)
    if (this.resumeAtMs - this.pausedAtMs > STOOD_STILL_MS) this.awakeAtMs = this.resumeAtMs
  }

  /** How long it has been running without a pause; negative while it is paused. */
  runsForMs(): number {
    return this.world.nowMs() - this.resumeAtMs
  }

  /** How long it has been running without a pause that it must notice. */
  awakeForMs(): number {
    return this.world.nowMs() - this.awakeAtMs
  }

  /** Passes a crash point; false: it died there. */
  pass(point: CrashPoint, about: string): boolean {
    if (this.isAlive) this.onPoint(point, about, this)
    return this.isAlive
  }

  /** What came from outside reaches the process now, when it goes on, or never. */
  async gate<T>(value: T): Promise<T> {
    while (this.isAlive && this.world.nowMs() < this.resumeAtMs)
      await this.world.wait(this.resumeAtMs - this.world.nowMs())
    return this.isAlive ? value : never()
  }

  deliver(fn: () => void): void {
    if (!this.isAlive) return
    const waitMs = this.resumeAtMs - this.world.nowMs()
    if (waitMs <= 0) fn()
    else this.world.after(waitMs, () => this.deliver(fn))
  }
}
