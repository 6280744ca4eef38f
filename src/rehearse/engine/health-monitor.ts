import { isoTime } from './iso-time.js'
import { isExcusedAt, isReadyAt } from './behaviour.js'
import { numberOf, listOf } from './reply.js'
import type { Json } from './reply.js'
import { checkpoint, later, sayContainer } from './machine.js'
import type { Health, Machine, SimContainer } from './machine.js'

// As in the engine's own daemon/health.go.
const INTERVAL_MS = 30_000
const TIMEOUT_MS = 30_000
const START_INTERVAL_MS = 5_000
const RETRIES = 3
const LOG_ENTRIES = 5

interface Check {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly startPeriodMs: number
  readonly startIntervalMs: number
  readonly retries: number
}

/** Null where it has none, or one that was switched off. */
function checkOf({ healthcheck }: SimContainer): Check | null {
  const kind = listOf(healthcheck?.['Test'])[0]
  if (healthcheck === null || (kind !== 'CMD' && kind !== 'CMD-SHELL')) return null
  const ms = (key: string): number => numberOf(healthcheck[key]) / 1e6
  return {
    intervalMs: ms('Interval') || INTERVAL_MS,
    timeoutMs: ms('Timeout') || TIMEOUT_MS,
    startPeriodMs: ms('StartPeriod'),
    startIntervalMs: ms('StartInterval') || START_INTERVAL_MS,
    retries: numberOf(healthcheck['Retries']) > 0 ? numberOf(healthcheck['Retries']) : RETRIES,
  }
}

/** After a start: health begins anew, and is looked at from now on. */
export function beginHealth(machine: Machine, container: SimContainer): void {
  if (checkOf(container) === null) return
  endHealth(container)
  container.health = { status: 'starting', failingStreak: 0, log: container.health?.log ?? [], stop: null }
  watchHealth(machine, container)
}

/** Goes on, or begins to look: after a start, and after a pause. */
export function watchHealth(machine: Machine, container: SimContainer): void {
  const check = checkOf(container)
  const { health } = container
  if (check === null || health === null || health.stop !== null) return
  let cancel = (): void => undefined
  const isOver = { value: false }
  health.stop = () => {
    isOver.value = true
    cancel()
  }
  const next = (): void => {
    if (isOver.value) return
    cancel = later(machine, pauseBefore(machine, container, health, check), () => {
      const startedAtMs = machine.clock.nowMs()
      const run = runOf(machine, container, check)
      cancel = later(machine, run.takesMs, () => {
        if (isExcused(machine, container)) return next()
        const exitCode = run.isLate ? -1 : answerOf(machine, container)
        note(machine, container, health, check, { startedAtMs, exitCode, output: run.output })
        next()
      })
    })
  }
  next()
}

/** The engine calls a container that it no longer looks at unhealthy. */
export function endHealth({ health }: SimContainer): void {
  if (health === null || health.stop === null) return
  health.stop()
  health.stop = null
  health.status = 'unhealthy'
}

/** From the end of one check to the start of the next. Only newer engines look more often while a container starts. */
function pauseBefore(machine: Machine, container: SimContainer, { status }: Health, check: Check): number {
  const ageMs = machine.clock.nowMs() - container.flags.startedAtMs
  const isEager = machine.options.version !== '20.10' && ageMs < check.startPeriodMs && status === 'starting'
  return isEager ? check.startIntervalMs : check.intervalMs
}

interface Run {
  readonly takesMs: number
  readonly isLate: boolean
  readonly output: string
}

function runOf(machine: Machine, container: SimContainer, { timeoutMs }: Check): Run {
  const behaviour = container.process?.behaviour
  const checkMs = behaviour?.checkMs ?? null
  const { execMs } = machine.times
  if (checkMs === null || checkMs > timeoutMs)
    return { takesMs: execMs + timeoutMs, isLate: true, output: `Health check exceeded timeout (${timeoutMs}ms)` }
  return { takesMs: execMs + checkMs, isLate: false, output: behaviour?.output ?? '' }
}

function isExcused(machine: Machine, { process }: SimContainer): boolean {
  return process !== null && isExcusedAt(process.behaviour, machine.clock.nowMs() - process.startedAtMs)
}

/** 0: it is well. */
export function answerOf(machine: Machine, { process }: SimContainer): number {
  if (process === null) return 1
  return isReadyAt(process.behaviour, machine.clock.nowMs() - process.startedAtMs) ? 0 : 1
}

interface CheckResult {
  readonly startedAtMs: number
  readonly exitCode: number
  readonly output: string
}

function note(machine: Machine, container: SimContainer, health: Health, check: Check, result: CheckResult): void {
  const before = health.status
  const entry: Json = {
    Start: isoTime(result.startedAtMs),
    End: isoTime(machine.clock.nowMs()),
    ExitCode: result.exitCode,
    Output: result.output,
  }
  health.log = [...health.log, entry].slice(-LOG_ENTRIES)
  if (result.exitCode === 0) {
    health.failingStreak = 0
    health.status = 'healthy'
  } else if (before !== 'starting' || result.startedAtMs - container.flags.startedAtMs >= check.startPeriodMs) {
    health.failingStreak += 1
    if (health.failingStreak >= check.retries) health.status = 'unhealthy'
  }
  checkpoint(container)
  if (health.status !== before) sayContainer(machine, container, `health_status: ${health.status}`)
}
