import { beginHealth } from './health-monitor.js'
import { processEnded, startContainer, stopContainer } from './lifecycle.js'
import { checkpoint, pause, sayContainer } from './machine.js'
import type { Machine, SimContainer } from './machine.js'
import { detachNetworks } from './networking.js'
import { newRestartManager, nextRestart } from './restart-manager.js'

/** What the engine writes down for an end that it did not see. */
const EXIT_UNSEEN = 255

/** The daemon is gone from one moment to the next; containers run on. */
export function killDaemon(machine: Machine): void {
  machine.daemon = 'down'
  machine.isListening = false
  const [waits, calls] = [[...machine.waits], [...machine.calls]]
  machine.calls.clear()
  for (const forget of waits) forget()
  for (const cut of calls) cut()
  machine.events.cutAll()
  machine.execs.clear()
  for (const container of machine.containers.values()) forgetWork(container)
  machine.names.clear()
  for (const { id, name } of machine.containers.values()) machine.names.set(name, id)
}

/** What was going on in the daemon ended with it. */
function forgetWork(container: SimContainer): void {
  container.lock = Promise.resolve()
  container.waiters.clear()
  container.cancelRestart = null
  if (container.health !== null) container.health.stop = null
}

/** An orderly end: containers are stopped first, unless they may live on. */
export async function stopDaemon(machine: Machine): Promise<void> {
  if (machine.daemon !== 'up') return
  machine.daemon = 'stopping'
  machine.isListening = false
  if (machine.options.liveRestore !== true) {
    await Promise.all([...machine.containers.values()].map((container) => stopContainer(machine, container, null)))
  }
  if (machine.daemon === 'stopping') killDaemon(machine)
}

/** The machine loses its power: daemon and containers are gone. */
export function crashHost(machine: Machine): void {
  killDaemon(machine)
  for (const container of machine.containers.values()) {
    const { process } = container
    if (process !== null) processEnded(machine, container, process, EXIT_UNSEEN)
    for (const network of machine.networks.values()) network.endpoints.delete(container.id)
    container.ports = []
  }
}

/** The daemon comes back: takes stock, starts what its policy wants, and answers from then on. */
export async function startDaemon(machine: Machine): Promise<void> {
  if (machine.daemon !== 'down') return
  machine.daemon = 'up'
  await Promise.all([...machine.containers.values()].map((container) => restore(machine, container)))
  if (machine.daemon === 'up') machine.isListening = true
}

async function restore(machine: Machine, container: SimContainer): Promise<void> {
  const { flags, process } = container
  if (flags.removing) Object.assign(flags, { removing: false, dead: true })
  if (process !== null && machine.options.liveRestore === true) {
    container.isStoppedByHand = false
    beginHealth(machine, container)
    return checkpoint(container)
  }
  if (flags.running) await writeDownEnd(machine, container)
  container.manager = newRestartManager()
  checkpoint(container)
  if (flags.dead) return
  const { exitCode, startedAtMs, finishedAtMs } = flags
  const exit = { exitCode, isStoppedByHand: container.isStoppedByHand, ranMs: finishedAtMs - startedAtMs }
  if (nextRestart(container.manager, container.policy, exit) !== null) await startContainer(machine, container, true)
}

/** Of a container that was running when the daemon went: one that still does is stopped first. */
async function writeDownEnd(machine: Machine, container: SimContainer): Promise<void> {
  const { flags, process } = container
  let exitCode = container.exitWhileAway ?? EXIT_UNSEEN
  if (process !== null) {
    const { stopsAfterMs, stopExitCode } = process.behaviour
    const isPatient = stopsAfterMs !== null && stopsAfterMs <= container.stopTimeoutMs
    await pause(machine, isPatient ? stopsAfterMs : container.stopTimeoutMs)
    exitCode = isPatient ? stopExitCode : 137
    process.cancel()
    container.process = null
  }
  container.exitWhileAway = null
  detachNetworks(machine, container)
  const ended = { running: false, paused: false, restarting: false, pid: 0, exitCode }
  Object.assign(flags, { ...ended, finishedAtMs: machine.clock.nowMs() })
  if (container.health !== null) container.health.status = 'unhealthy'
  checkpoint(container)
  if (process !== null) sayContainer(machine, container, 'die', { exitCode: String(exitCode) })
}
