import type { EngineHealth } from '../../src/model/index.js'
import { failToStart, isUp } from './box.js'
import type { Box, EngineEvents } from './box.js'
import type { SimClock } from './clock.js'
import { HealthRun } from './health.js'
import { behaviourOf, isWell } from './workload.js'
import type { Behaviour } from './workload.js'

/** What the engine and its kernel say to a life. */
interface Host {
  canStart(box: Box): boolean
  /** It takes memory. */
  took(box: Box): void
}

interface Life {
  readonly health: HealthRun | null
  readonly behaviour: Behaviour
  /** Counts starts: what was set up for an earlier one is over. */
  readonly start: number
  /** Who waits for its end. */
  readonly waiting: (() => void)[]
}

const RESTART_FIRST_MS = 100
const RESTART_MOST_MS = 60_000
const RESTART_FORGIVEN_MS = 10_000

/** The processes in an engine's containers: they start, get well or ill, are checked, end, and are started again by policy. */
export class Lives {
  private readonly running = new Map<string, Life>()
  private starts = 0
  private readonly clock: SimClock
  private readonly boxes: ReadonlyMap<string, Box>
  private readonly events: EngineEvents
  private readonly host: Host

  constructor(clock: SimClock, boxes: ReadonlyMap<string, Box>, events: EngineEvents, host: Host) {
    this.host = host
    this.clock = clock
    this.boxes = boxes
    this.events = events
  }

  /** By hand, or with the engine. */
  begin(box: Box): void {
    box.isHeld = false
    box.restarts = 0
    box.pausedMs = 0
    this.goUp(box)
  }

  private goUp(box: Box): void {
    const behaviour = behaviourOf(box.spec?.image ?? '')
    const check = box.spec?.healthcheck ?? null
    this.starts += 1
    const life: Life = {
      behaviour,
      start: this.starts,
      waiting: [],
      health: check === null ? null : new HealthRun(check, behaviour),
    }
    this.running.set(box.id, life)
    box.state = 'running'
    box.startedAtMs = this.clock.nowMs()
    box.wellSinceMs = null
    box.oom = false
    box.takenBytes = 0
    this.watchWellness(box, life)
    this.watchHealth(box, life)
    const { exits, takes } = behaviour
    if (box.spec !== null)
      this.later(box, life, takes.afterMs, () => {
        box.takenBytes = takes.bytes
        this.host.took(box)
      })
    if (exits !== undefined && box.spec !== null)
      this.later(box, life, exits.afterMs, () => this.goDown(box, exits.code, exits.oom === true))
    this.events.changed('start', box)
  }

  /** Keeps `wellSinceMs` true to what the container is, healthcheck or not. */
  private watchWellness(box: Box, life: Life): void {
    const { behaviour } = life
    const note = (): void => {
      const well = isWell(behaviour, this.ageMs(box))
      if (well && box.wellSinceMs === null) box.isHarmed = false
      box.wellSinceMs = well ? (box.wellSinceMs ?? this.clock.nowMs()) : null
      this.events.changed('health', box)
    }
    for (const atMs of [behaviour.wellAfterMs, behaviour.illAfterMs])
      if (atMs !== null && atMs !== undefined) this.later(box, life, atMs, note)
    const flap = (): void => {
      note()
      this.later(box, life, behaviour.flapMs ?? 0, flap)
    }
    if (behaviour.flapMs !== undefined) this.later(box, life, behaviour.flapMs, flap)
  }

  private watchHealth(box: Box, life: Life): void {
    const nextMs = life.health?.nextChangeMs() ?? null
    if (nextMs === null) return
    this.later(box, life, nextMs - this.ageMs(box), () => {
      life.health?.advance(this.ageMs(box))
      box.saidAtMs = this.clock.nowMs()
      this.events.changed('health', box)
      this.watchHealth(box, life)
    })
  }

  private later(box: Box, life: Life, delayMs: number, fn: () => void): void {
    this.clock.after(delayMs, () => {
      if (this.running.get(box.id)?.start === life.start && this.boxes.has(box.id)) fn()
    })
  }

  private ageMs(box: Box): number {
    return this.clock.nowMs() - box.startedAtMs
  }

  healthOf(box: Box): EngineHealth {
    const health = this.running.get(box.id)?.health ?? null
    if (health === null) return 'none'
    if (box.state !== 'running') return 'none'
    health.advance(this.ageMs(box))
    return health.status
  }

  /** The main process ends: by itself, by a signal, or with its server. The restart policy has its say. */
  goDown(box: Box, code: number, oom: boolean): void {
    const ranMs = this.ageMs(box)
    for (const done of this.running.get(box.id)?.waiting ?? []) done()
    this.running.delete(box.id)
    box.state = 'exited'
    box.takenBytes = 0
    box.exitCode = code
    box.oom = oom
    box.finishedAtMs = this.clock.nowMs()
    box.wellSinceMs = null
    if (ranMs >= RESTART_FORGIVEN_MS) box.pausedMs = 0
    if (this.restartsItself(box)) {
      box.state = 'restarting'
      box.restarts += 1
      box.pausedMs = box.pausedMs === 0 ? RESTART_FIRST_MS : Math.min(RESTART_MOST_MS, box.pausedMs * 2)
      const endedAtMs = box.finishedAtMs
      this.clock.after(box.pausedMs, () => this.startAgain(box, endedAtMs))
    }
    this.events.changed('die', box)
  }

  /** After the end that it waits for: it may have been started by hand meanwhile, and ended again. */
  private startAgain(box: Box, endedAtMs: number): void {
    if (box.state !== 'restarting' || box.finishedAtMs !== endedAtMs || !this.boxes.has(box.id)) return
    if (this.host.canStart(box)) return this.goUp(box)
    // Its port or network is gone: the engine gives up.
    failToStart(box)
    this.events.changed('die', box)
  }

  private restartsItself(box: Box): boolean {
    if (box.isHeld || box.spec === null) return false
    const { condition, maxAttempts } = box.spec.restart
    if (condition === 'no') return false
    if (condition === 'on-failure') return box.exitCode !== 0 && (maxAttempts === 0 || box.restarts < maxAttempts)
    return true
  }

  of(id: string): Life | undefined {
    return this.running.get(id)
  }

  /** Waits for so long, or until it has ended by itself. */
  async awaitEnd({ waiting }: Life, ms: number): Promise<void> {
    await Promise.race([this.clock.wait(ms), new Promise<void>((resolve) => waiting.push(resolve))])
  }

  end(id: string): void {
    this.running.delete(id)
  }

  /** Ends the process that runs now, unless it has ended or another was started meanwhile. */
  endAs(box: Box, life: Life, code: number): void {
    if (this.running.get(box.id)?.start === life.start && isUp(box)) this.goDown(box, code, false)
  }
}
