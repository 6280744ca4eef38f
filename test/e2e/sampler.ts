import type { Engines, SeenContainer } from './engines.js'

const PERIOD_MS = 50

/** What a service looked like while it was watched. */
export interface Samples {
  readonly count: number
  /** Fewest replicas at once that ran and were healthy by their engines' own verdict. */
  readonly minHealthy: number
  /** Most containers at once that had not exited. */
  readonly maxPresent: number
  /** Longest time that nobody looked. */
  readonly longestGapMs: number
  /** Looks that an engine did not answer; they count for nothing. */
  readonly missed: number
  /** The look with the fewest healthy replicas, for messages. */
  readonly worst: readonly SeenContainer[]
}

/** Looks at one service every 50 ms, straight at the engines: what a controller believes is no evidence. */
export class Sampler {
  private samples: Samples = { count: 0, minHealthy: Infinity, maxPresent: 0, longestGapMs: 0, missed: 0, worst: [] }
  private stopping = false
  private lastAtMs = performance.now()
  private readonly engines: Engines
  private readonly service: string
  private readonly done: Promise<void>

  constructor(engines: Engines, service: string) {
    this.engines = engines
    this.service = service
    this.done = this.loop()
  }

  async stop(): Promise<Samples> {
    this.stopping = true
    await this.done
    return this.samples
  }

  private async loop(): Promise<void> {
    while (!this.stopping) {
      const startedAtMs = performance.now()
      await this.look()
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS - (performance.now() - startedAtMs)))
    }
  }

  private async look(): Promise<void> {
    const before = this.samples
    try {
      const containers = await this.engines.containers(this.service)
      const nowMs = performance.now()
      const healthy = containers.filter(({ state, health }) => state === 'running' && health === 'healthy').length
      const present = containers.filter(({ state }) => state !== 'exited' && state !== 'dead').length
      this.samples = {
        ...before,
        count: before.count + 1,
        minHealthy: Math.min(before.minHealthy, healthy),
        maxPresent: Math.max(before.maxPresent, present),
        longestGapMs: Math.max(before.longestGapMs, nowMs - this.lastAtMs),
        worst: healthy < before.minHealthy ? containers : before.worst,
      }
      this.lastAtMs = nowMs
    } catch {
      this.samples = { ...before, missed: before.missed + 1 }
    }
  }
}
