import { describeContainers } from './engines.js'
import type { Engines, SeenContainer } from './engines.js'

const PERIOD_MS = 50
const ENDED: ReadonlySet<string> = new Set(['exited', 'dead', 'removing'])

/** What a service looked like while it was watched. */
export interface Samples {
  readonly count: number
  /** Fewest replicas at once that ran and were healthy by their engines' own verdict. */
  readonly minHealthy: number
  /** Fewest that ran, whatever their health: Slipway asks a replica of a proven spec itself, and does not wait for the engine's verdict. */
  readonly minRunning: number
  /** Most containers at once that had not ended; one that is being removed has. */
  readonly maxPresent: number
  /** Looks that an engine did not answer; they count for nothing. */
  readonly missed: number
  /** Where each extreme was seen, for messages. */
  readonly worst: { readonly healthy: string; readonly running: string; readonly present: string }
}

interface Look {
  readonly containers: readonly SeenContainer[]
  readonly healthy: ReadonlySet<string>
  readonly running: ReadonlySet<string>
  readonly present: ReadonlySet<string>
}

const NOTHING: Samples = {
  count: 0,
  minHealthy: Infinity,
  minRunning: Infinity,
  maxPresent: 0,
  missed: 0,
  worst: { healthy: '', running: '', present: '' },
}

/**
 * Looks at one service every 50 ms, straight at the engines: what a controller believes is no evidence. One look asks several engines and
 * so spans a moment in which a replica may go here and come there; what two looks in a row agree on was so at the instant between them.
 */
export class Sampler {
  private samples = NOTHING
  private last: Look | null = null
  private stopping = false
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
    const containers = await this.engines.containers(this.service).catch(() => null)
    if (containers === null) {
      this.samples = { ...this.samples, missed: this.samples.missed + 1 }
      this.last = null
      return
    }
    const look = lookAt(containers)
    if (this.last !== null) this.samples = between(this.samples, this.last, look)
    this.last = look
  }
}

function lookAt(containers: readonly SeenContainer[]): Look {
  const idsOf = (some: readonly SeenContainer[]): ReadonlySet<string> => new Set(some.map(({ id }) => id))
  return {
    containers,
    healthy: idsOf(containers.filter(({ state, health }) => state === 'running' && health === 'healthy')),
    running: idsOf(containers.filter(({ state }) => state === 'running')),
    present: idsOf(containers.filter(({ state }) => !ENDED.has(state))),
  }
}

function between(samples: Samples, before: Look, after: Look): Samples {
  const healthy = new Set([...before.healthy, ...after.healthy]).size
  const running = new Set([...before.running, ...after.running]).size
  const present = [...before.present].filter((id) => after.present.has(id)).length
  const scene = (): string => `${describeContainers(before.containers)}\nthen\n${describeContainers(after.containers)}`
  return {
    ...samples,
    count: samples.count + 1,
    minHealthy: Math.min(samples.minHealthy, healthy),
    minRunning: Math.min(samples.minRunning, running),
    maxPresent: Math.max(samples.maxPresent, present),
    worst: {
      healthy: healthy < samples.minHealthy ? scene() : samples.worst.healthy,
      running: running < samples.minRunning ? scene() : samples.worst.running,
      present: present > samples.maxPresent ? scene() : samples.worst.present,
    },
  }
}
