import type { EngineHealth, HealthcheckSpec } from '../../src/model/index.js'
import { isWell, steadyAfterMs } from './workload.js'
import type { Behaviour } from './workload.js'

/** The healthcheck of one started container, as moby counts: a probe each interval after the last one ended; failures count after the start period. */
export class HealthRun {
  status: EngineHealth = 'starting'
  private streak = 0
  private nextMs: number
  private readonly intervalMs: number
  private readonly quickMs: number
  private readonly timeoutMs: number
  private readonly retries: number
  private readonly graceMs: number
  private readonly behaviour: Behaviour

  constructor(check: HealthcheckSpec, behaviour: Behaviour) {
    this.behaviour = behaviour
    this.intervalMs = check.intervalMs ?? 30_000
    this.timeoutMs = check.timeoutMs ?? 30_000
    this.retries = check.retries ?? 3
    this.graceMs = check.startPeriodMs ?? 0
    this.quickMs = this.graceMs > 0 ? (check.startIntervalMs ?? 5_000) : this.intervalMs
    this.nextMs = this.pauseMs(0)
  }

  /** Counts every probe that ended until this age; returns whether the status changed. */
  advance(ageMs: number): boolean {
    const before = this.status
    while (this.endMs() <= ageMs && !this.isFinal()) this.probe()
    return before !== this.status
  }

  /** Age at which the status changes next; null when it does not within reach. */
  nextChangeMs(): number | null {
    if (this.isFinal()) return null
    const ahead = Object.assign(Object.create(HealthRun.prototype) as HealthRun, this)
    for (let probes = 0; probes < 5_000 && !ahead.isFinal(); probes += 1) {
      const endMs = ahead.endMs()
      ahead.probe()
      if (ahead.status !== this.status) return endMs
    }
    return null
  }

  private endMs(): number {
    return this.nextMs + (this.behaviour.hangs === true ? this.timeoutMs : 0)
  }

  private probe(): void {
    const endMs = this.endMs()
    const passed = this.behaviour.hangs !== true && isWell(this.behaviour, this.nextMs)
    if (passed) {
      this.streak = 0
      this.status = 'healthy'
    } else if (this.status !== 'starting' || this.nextMs >= this.graceMs) {
      this.streak += 1
      if (this.streak >= this.retries) this.status = 'unhealthy'
    }
    this.nextMs = endMs + this.pauseMs(endMs)
  }

  private pauseMs(ageMs: number): number {
    return this.status === 'starting' && ageMs < this.graceMs ? this.quickMs : this.intervalMs
  }

  /** Nothing that comes will change it any more. */
  private isFinal(): boolean {
    if (this.nextMs < steadyAfterMs(this.behaviour)) return false
    const well = this.behaviour.hangs !== true && isWell(this.behaviour, this.nextMs)
    return well ? this.status === 'healthy' && this.streak === 0 : this.status === 'unhealthy'
  }
}
