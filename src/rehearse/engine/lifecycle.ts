import { beginHealth, endHealth, watchHealth } from './health-monitor.js'
import { takeLater } from './hunger.js'
import { checkpoint, later, locked, pause, sayContainer } from './machine.js'
import type { Machine, SimContainer, SimProcess } from './machine.js'
import { attachNetworks, detachNetworks, takePorts } from './networking.js'
import { mountVolumes, unmountVolumes } from './objects.js'
import { done, refuse } from './reply.js'
import type { Reply } from './reply.js'
import { newRestartManager, nextRestart } from './restart-manager.js'

/** What the engine writes down for a start that failed before there was an exit code. */
const EXIT_UNKNOWN = 128
const KILLED = 137
/** How long the engine waits for a process that it has killed. */
const KILL_WAIT_MS = 10_000

/** Starts a container; `isByHand`: asked for, rather than by its restart policy. Null: done. */
export function startContainer(machine: Machine, container: SimContainer, isByHand: boolean): Promise<Reply | null> {
  return locked(container, async () => {
    const { flags } = container
    if (isByHand && flags.running) return null
    if (flags.removing || flags.dead) return markedForRemoval()
    await pause(machine, machine.times.startMs / 2)
    const failure = await launch(machine, container, isByHand)
    if (failure === null) return null
    flags.error = String((failure.body as { message: string }).message)
    if (flags.exitCode === 0) flags.exitCode = EXIT_UNKNOWN
    checkpoint(container)
    release(machine, container)
    return failure
  })
}

export function markedForRemoval(): Reply {
  return refuse(409, 'container is marked for removal and cannot be started')
}

async function launch(machine: Machine, container: SimContainer, isByHand: boolean): Promise<Reply | null> {
  const { clock, options } = machine
  const { flags, id, name, image, labels, starts } = container
  mountVolumes(machine, container)
  const refusal = attachNetworks(machine, container) ?? takePorts(machine, container)
  if (refusal !== null) return refusal
  if (isByHand) {
    container.manager = newRestartManager()
    container.isStoppedByHand = false
    container.restartCount = 0
  }
  const behaviour = options.behaviour({ id, name, image: image.split('@')[0] ?? image, labels, starts })
  await pause(machine, machine.times.startMs / 2)
  if (behaviour.startError !== null) {
    flags.exitCode = /not found|no such file/i.test(behaviour.startError) ? 127 : EXIT_UNKNOWN
    return refuse(flags.exitCode === 127 ? 400 : 500, behaviour.startError)
  }
  container.starts += 1
  container.isRestartedByHand = false
  const startedAtMs = clock.nowMs()
  const process: SimProcess = {
    pid: machine.nextPid++,
    behaviour,
    startedAtMs,
    cancel: () => undefined,
    isFrozen: false,
    takenBytes: 0,
  }
  container.process = process
  Object.assign(flags, { running: true, paused: false, restarting: false, exitCode: 0, error: '', oomKilled: false })
  Object.assign(flags, { pid: process.pid, startedAtMs })
  if (behaviour.output !== '') container.logs += `${behaviour.output}\n`
  if (behaviour.ends !== null) endLater(machine, container, process, behaviour.ends.afterMs, behaviour.ends)
  takeLater(machine, container, process, () => processEnded(machine, container, process, KILLED, true))
  beginHealth(machine, container)
  checkpoint(container)
  sayContainer(machine, container, 'start')
  return null
}

/** The process ends at that time, whether a daemon is there or not. The first end counts. */
function endLater(
  machine: Machine,
  container: SimContainer,
  process: SimProcess,
  afterMs: number,
  { exitCode, isOom }: { readonly exitCode: number; readonly isOom: boolean },
): void {
  const before = process.cancel
  const cancel = machine.clock.after(afterMs, () => {
    process.cancel()
    processEnded(machine, container, process, exitCode, isOom)
  })
  process.cancel = () => {
    before()
    cancel()
  }
}

/** The process is gone. A daemon that is away learns of it when it comes back. */
export function processEnded(
  machine: Machine,
  container: SimContainer,
  process: SimProcess,
  exitCode: number,
  isOom = false,
): void {
  if (container.process !== process) return
  process.cancel()
  container.process = null
  if (machine.daemon === 'down') {
    container.exitWhileAway = exitCode
    return
  }
  if (isOom) {
    container.flags.oomKilled = true
    checkpoint(container)
    sayContainer(machine, container, 'oom')
  }
  void handleExit(machine, container, exitCode)
}

/** What the daemon does about an end. The two engines write it down and tell it in different order. */
export function handleExit(machine: Machine, container: SimContainer, exitCode: number): Promise<void> {
  return locked(container, async () => {
    const { clock, times, options } = machine
    endHealth(container)
    endExecs(machine, container)
    const ranMs = clock.nowMs() - container.flags.startedAtMs
    const isStoppedByHand = machine.daemon !== 'up' || container.isStoppedByHand
    const pauseMs = nextRestart(container.manager, container.policy, { exitCode, isStoppedByHand, ranMs })
    const settle = (): void => {
      if (pauseMs !== null) restartLater(machine, container, pauseMs)
      const { flags } = container
      Object.assign(flags, { paused: false, exitCode, pid: 0, finishedAtMs: clock.nowMs() })
      Object.assign(flags, { running: pauseMs !== null, restarting: pauseMs !== null })
      if (pauseMs !== null) container.restartCount += 1
    }
    const tell = (): void => sayContainer(machine, container, 'die', { exitCode: String(exitCode) })
    if (options.version === '20.10') {
      settle()
      tell()
      await pause(machine, times.cleanUpMs)
      release(machine, container)
      checkpoint(container)
      wake(container)
    } else {
      await pause(machine, times.cleanUpMs)
      release(machine, container)
      settle()
      checkpoint(container)
      wake(container)
      // Whoever waited for the end says so before the end itself is told.
      await pause(machine, 1)
      tell()
    }
  })
}

function wake(container: SimContainer): void {
  if (container.flags.running) return
  const waiting = [...container.waiters]
  container.waiters.clear()
  for (const waiter of waiting) waiter()
}

function restartLater(machine: Machine, container: SimContainer, pauseMs: number): void {
  const cancel = later(machine, pauseMs, () => {
    container.cancelRestart = null
    void startContainer(machine, container, false).then((failure) => {
      if (failure !== null) giveUpRestart(container)
    })
  })
  container.cancelRestart = () => {
    cancel()
    container.cancelRestart = null
    giveUpRestart(container)
  }
}

function giveUpRestart(container: SimContainer): void {
  Object.assign(container.flags, { running: false, restarting: false })
  checkpoint(container)
  wake(container)
}

function release(machine: Machine, container: SimContainer): void {
  detachNetworks(machine, container)
  unmountVolumes(machine, container)
}

function endExecs(machine: Machine, container: SimContainer): void {
  for (const exec of machine.execs.values()) if (exec.container === container) exec.end?.(KILLED)
}

/** A signal to its process. Null: sent. */
export function signalContainer(machine: Machine, container: SimContainer, signal: string): Reply | null {
  const { flags } = container
  if (!flags.running) return notRunning(machine, container)
  const isStop = container.stopSignal === '' || signal === 'SIGKILL' || signal === container.stopSignal
  const wasPaused = flags.paused
  if (isStop) container.manager.isCancelled = true
  if (machine.daemon === 'up') container.isStoppedByHand = true
  if (flags.restarting) {
    if (isStop) container.cancelRestart?.()
    return null
  }
  // What is to end must run again first.
  if (isStop && container.process !== null) container.process.isFrozen = false
  deliver(machine, container, signal)
  sayContainer(machine, container, 'kill', { signal: String(SIGNALS[signal] ?? 0) })
  if (isStop && wasPaused) resumeSoon(machine, container)
  return null
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
}

/** `9`, `KILL` and `SIGKILL` are the same; null: there is none of that name. */
export function signalNamed(text: string): string | null {
  const byNumber = Object.entries(SIGNALS).find(([, number]) => String(number) === text)?.[0]
  if (byNumber !== undefined) return byNumber
  const name = text.toUpperCase().startsWith('SIG') ? text.toUpperCase() : `SIG${text.toUpperCase()}`
  return Object.hasOwn(SIGNALS, name) ? name : null
}

export function notRunning(machine: Machine, { id }: SimContainer): Reply {
  return refuse(409, `${machine.options.version === '20.10' ? 'C' : 'c'}ontainer ${id} is not running`)
}

function deliver(machine: Machine, container: SimContainer, signal: string): void {
  const { process } = container
  if (process === null) return
  if (signal === 'SIGKILL') {
    // Not in the same breath: the engine tells the kill before the end.
    endLater(machine, container, process, 1, { exitCode: KILLED, isOom: false })
    return
  }
  const { stopsAfterMs, stopExitCode } = process.behaviour
  if (stopsAfterMs === null || process.isFrozen) return
  const isStop = signal === (container.stopSignal || 'SIGTERM')
  if (!isStop) return
  endLater(machine, container, process, Math.max(1, stopsAfterMs), { exitCode: stopExitCode, isOom: false })
}

/** True: it no longer runs; false: it still does after that time. */
function awaitEnd(machine: Machine, container: SimContainer, ms: number): Promise<boolean> {
  if (!container.flags.running) return Promise.resolve(true)
  return new Promise((resolve) => {
    const waiter = (): void => {
      cancel()
      resolve(true)
    }
    const cancel = later(machine, ms, () => {
      container.waiters.delete(waiter)
      resolve(false)
    })
    container.waiters.add(waiter)
  })
}

/** SIGKILL, and waits for the end. Null: done. */
export async function killContainer(machine: Machine, container: SimContainer): Promise<Reply | null> {
  const refusal = signalContainer(machine, container, 'SIGKILL')
  if (refusal !== null) return refusal
  await awaitEnd(machine, container, KILL_WAIT_MS)
  return null
}

export async function stopContainer(machine: Machine, container: SimContainer, graceMs: number | null): Promise<void> {
  if (!container.flags.running) return
  signalContainer(machine, container, container.stopSignal || 'SIGTERM')
  const isOver = await awaitEnd(machine, container, graceMs ?? container.stopTimeoutMs)
  if (!isOver) await killContainer(machine, container)
  sayContainer(machine, container, 'stop')
}

export async function restartContainer(
  machine: Machine,
  container: SimContainer,
  graceMs: number | null,
): Promise<Reply | null> {
  if (container.flags.running) {
    container.isRestartedByHand = true
    await stopContainer(machine, container, graceMs)
  }
  const refusal = await startContainer(machine, container, true)
  if (refusal !== null) {
    const { message } = refusal.body as { readonly message: string }
    return refuse(500, `Cannot restart container ${container.name}: ${message}`)
  }
  sayContainer(machine, container, 'restart')
  return null
}

export function freeze(machine: Machine, container: SimContainer): Reply {
  const { flags, process } = container
  if (!flags.running) return notRunning(machine, container)
  if (flags.paused) return refuse(409, `Container ${container.id} is already paused`)
  if (flags.restarting)
    return refuse(409, `Container ${container.id} is restarting, wait until the container is running`)
  flags.paused = true
  if (process !== null) process.isFrozen = true
  endHealth(container)
  checkpoint(container)
  sayContainer(machine, container, 'pause')
  return done(204)
}

export function thaw(machine: Machine, container: SimContainer): Reply {
  if (!container.flags.paused) return refuse(500, `Container ${container.id} is not paused`)
  resume(machine, container)
  return done(204)
}

/** The engine tells that it runs again only if it did not end meanwhile. */
function resumeSoon(machine: Machine, container: SimContainer): void {
  later(machine, 2, () => {
    void locked(container, () => {
      if (container.flags.paused) resume(machine, container)
      return Promise.resolve()
    })
  })
}

function resume(machine: Machine, container: SimContainer): void {
  container.flags.paused = false
  if (container.process !== null) container.process.isFrozen = false
  watchHealth(machine, container)
  checkpoint(container)
  sayContainer(machine, container, 'unpause')
}
