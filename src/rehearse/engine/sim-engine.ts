import { fail, ok } from '../../model/index.js'
import type { Way } from '../../driver/index.js'
import { simClient } from './client.js'
import { openPort } from './container-port.js'
import { newEventLog } from './event-log.js'
import { addImage } from './images.js'
import { processEnded } from './lifecycle.js'
import { ENGINE_TIMES, findContainer } from './machine.js'
import type { Machine, SimEngineOptions, SimImage } from './machine.js'
import { builtInNetworks } from './networking.js'
import { routingMesh } from './swarm.js'
import { crashHost, killDaemon, startDaemon, stopDaemon } from './power.js'

/** An engine in memory, with a host around it. It answers what a Docker Engine answers, in virtual time. */
export interface SimEngine {
  /** For whoever looks from outside; changed only through what is below. */
  readonly machine: Machine
  /** How the driver reaches it, as the server of that name. */
  way(server: string): Way
  /** As `docker load`. */
  load(reference: string, image: SimImage): void
  /** Another process of the host takes a port, or lets it go. */
  holdPort(port: number, isHeld: boolean): void
  setFreeDisk(bytes: number): void
  /** The process of a container ends, by id or name; false: it does not run. */
  endProcess(container: string, exitCode: number, isOom?: boolean): boolean
  killDaemon(): void
  stopDaemon(): Promise<void>
  startDaemon(): Promise<void>
  /** The host loses its power; `startDaemon` brings it back. */
  crashHost(): void
}

const MUCH_DISK_BYTES = 1e12

export function simEngine(options: SimEngineOptions): SimEngine {
  const machine = newMachine(options)
  return {
    machine,
    way: (server) => ({
      client: (version) => simClient(machine, server, version),
      openTcp: (host, port) => Promise.resolve(openPort(machine, host, port)),
      openSocket: () => Promise.resolve(fail('there are no sockets in a rehearsal')),
      engineGroup: () => Promise.resolve(ok(0)),
      diskOf: () => Promise.resolve(ok({ freeBytes: machine.freeDiskBytes, totalBytes: MUCH_DISK_BYTES })),
      isNarrow: () => false,
      onLost: () => undefined,
      close: () => Promise.resolve(),
    }),
    load: (reference, image) => addImage(machine, reference, image),
    holdPort(port, isHeld) {
      if (isHeld) machine.takenPorts.add(port)
      else machine.takenPorts.delete(port)
    },
    setFreeDisk(bytes) {
      machine.freeDiskBytes = bytes
    },
    endProcess(key, exitCode, isOom = false) {
      const container = findContainer(machine, key)
      if (container === undefined || container.process === null) return false
      processEnded(machine, container, container.process, exitCode, isOom)
      return true
    },
    killDaemon: () => killDaemon(machine),
    stopDaemon: () => stopDaemon(machine),
    startDaemon: () => startDaemon(machine),
    crashHost: () => crashHost(machine),
  }
}

function newMachine(options: SimEngineOptions): Machine {
  const { newId, swarm } = options
  const networks = [...builtInNetworks(newId), ...(swarm === undefined ? [] : [routingMesh(newId)])]
  return {
    options,
    clock: options.clock,
    times: { ...ENGINE_TIMES, ...options.times },
    events: newEventLog(options.onEvent ?? (() => undefined)),
    containers: new Map(),
    names: new Map(),
    networks: new Map(networks.map((network) => [network.id, network])),
    volumes: new Map(),
    images: new Map(),
    execs: new Map(),
    takenPorts: new Set(),
    freeDiskBytes: options.freeDiskBytes ?? MUCH_DISK_BYTES,
    nextPort: 32_768,
    nextPid: 1_000,
    daemon: 'up',
    isListening: true,
    waits: new Set(),
    calls: new Set(),
  }
}
