import { newTrack, trackAnswer, trackLook } from '../rollout/index.js'
import type { Ask, Diagnosis, FailureEvidence, HealthTrack } from '../rollout/index.js'
import type { Replica } from '../model/index.js'
import { problemOf } from './performer.js'
import type { Clock, Driver } from './ports.js'

/** Failed replicas whose evidence is kept in memory at once. */
const EVIDENCE_KEPT = 1_000

/** Asks replicas and remembers what they said: health tracks and evidence, by container id. Reading only; lost with the controller. */
export class Asker {
  readonly tracks = new Map<string, HealthTrack>()
  readonly evidence = new Map<string, FailureEvidence | null>()
  private readonly asking = new Set<string>()
  private readonly driver: Driver
  private readonly clock: Clock
  private readonly signal: AbortSignal
  private readonly answered: (stack: string) => void

  constructor(driver: Driver, clock: Clock, signal: AbortSignal, answered: (stack: string) => void) {
    this.driver = driver
    this.clock = clock
    this.signal = signal
    this.answered = answered
  }

  get isIdle(): boolean {
    return this.asking.size === 0
  }

  /** A replica that is new to us. */
  begin(replica: Replica, probed: boolean, isKnown: boolean): void {
    const nowMs = this.clock.nowMs()
    if (this.tracks.has(replica.containerId)) return
    this.tracks.set(
      replica.containerId,
      trackLook(newTrack(replica.containerId, nowMs, isKnown), replica, probed, nowMs),
    )
  }

  /** Whether the replica is tracked; if it is, the look counts. */
  looked(replica: Replica, probed: boolean, begunAtMs: number): boolean {
    const track = this.tracks.get(replica.containerId)
    if (track === undefined) return false
    this.tracks.set(replica.containerId, trackLook(track, replica, probed, this.clock.nowMs(), begunAtMs))
    return true
  }

  /** It was started anew, or nobody waits for it any more. */
  forget(containerId: string): void {
    this.tracks.delete(containerId)
    this.evidence.delete(containerId)
  }

  keepOnly(watched: ReadonlySet<string>): void {
    for (const id of this.tracks.keys()) if (!watched.has(id)) this.forget(id)
    if (this.evidence.size > EVIDENCE_KEPT) this.evidence.clear()
  }

  async ask({ server, replica, probe, healthcheck }: Ask): Promise<void> {
    const id = replica.containerId
    const isAsked = await this.once(id, async () => {
      const begunAtMs = this.clock.nowMs()
      const result = await this.driver.ask(server, { replica, probe, healthcheck }, this.signal)
      const track = this.tracks.get(id)
      if (track === undefined) return
      const { verdict, output } = result.ok
        ? result.value
        : ({ verdict: 'unknown', output: result.problem.message } as const)
      this.tracks.set(id, trackAnswer(track, verdict, output, this.clock.nowMs(), begunAtMs))
    })
    if (isAsked) this.answered(replica.slot.stack)
  }

  async diagnose({ server, slot, containerId }: Diagnosis): Promise<void> {
    const isAsked = await this.once(containerId, async () => {
      const result = await this.driver.diagnose(server, containerId, this.signal)
      const output = this.tracks.get(containerId)?.output ?? ''
      this.evidence.set(containerId, result.ok ? withProbe(result.value, output) : null)
    })
    if (isAsked) this.answered(slot.stack)
  }

  /** False: it is being asked already, and that answer will count. */
  private async once(id: string, work: () => Promise<void>): Promise<boolean> {
    if (this.asking.has(id)) return false
    this.asking.add(id)
    try {
      await work()
    } catch (error) {
      // A port that throws is a bug of ours; the replica counts as asked in vain, and its deadline decides.
      const track = this.tracks.get(id)
      if (track !== undefined)
        this.tracks.set(id, trackAnswer(track, 'unknown', problemOf(error).message, this.clock.nowMs()))
      else this.evidence.set(id, null)
    } finally {
      this.asking.delete(id)
    }
    return true
  }
}

/** What the probe said counts where the engine knows nothing. */
function withProbe(evidence: FailureEvidence, output: string): FailureEvidence {
  return evidence.healthOutput === '' && output !== '' ? { ...evidence, healthOutput: output } : evidence
}
