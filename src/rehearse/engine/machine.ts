import type { Clock } from '../../controller/index.js'
import type { HostPort } from '../../model/index.js'
import type { Behaviour } from './behaviour.js'
import type { EngineEvent, EventLog } from './event-log.js'
import type { EnginePolicy, RestartManager } from './restart-manager.js'
import type { SimNode } from './swarm.js'
import type { Json } from './reply.js'

/** Which engine is played: they differ in the order of what they tell, and in what they know. */
export type EngineVersion = '20.10' | '26.1'

/** How long the engine takes for what, in ms. */
export interface EngineTimes {
  readonly readMs: number
  readonly createMs: number
  readonly startMs: number
  /** From the end of a process until networks and volumes are let go. */
  readonly cleanUpMs: number
  readonly removeMs: number
  readonly changeMs: number
  readonly execMs: number
}

export const ENGINE_TIMES: EngineTimes = Object.freeze({
  readMs: 1,
  createMs: 40,
  startMs: 200,
  cleanUpMs: 100,
  removeMs: 30,
  changeMs: 30,
  execMs: 20,
})

/** An image as a registry or an engine has it. */
export interface SimImage {
  /** `sha256:…` */
  readonly id: string
  /** `sha256:…` of the manifest; null: no registry knows it. */
  readonly digest: string | null
  readonly bytes: number
  /** `Config` of the image: Env, Cmd, Entrypoint, Healthcheck, ExposedPorts, StopSignal, Volumes. */
  readonly config: Json
}

/** What a registry says of a reference: the image and how long it takes to fetch, or its refusal. */
export type Pull =
  | { readonly kind: 'image'; readonly image: SimImage; readonly pullMs: number }
  /** Said at once, with a status. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  /** Said in the middle of the transfer. */
  | { readonly kind: 'broken'; readonly afterMs: number; readonly message: string }

/** What is known of a container when it starts, to choose what it does. */
export interface Starting {
  readonly id: string
  readonly name: string
  /** As it was created, without a digest behind the tag: `web:1`; an id, where it was created from one. */
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
  /** How often it was started before. */
  readonly starts: number
}

export interface SimEngineOptions {
  readonly clock: Clock
  readonly version: EngineVersion
  readonly engineId: string
  readonly hostname: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly os?: string
  /** In Go's words: amd64, arm64. */
  readonly arch?: string
  readonly apiVersion?: string
  readonly engineVersion?: string
  readonly freeDiskBytes?: number
  readonly liveRestore?: boolean
  readonly times?: Partial<EngineTimes>
  /** 64 hexadecimal digits, never the same twice. */
  readonly newId: () => string
  readonly registry: (reference: string) => Pull
  readonly behaviour: (starting: Starting) => Behaviour
  /** Absent: it is in none. */
  readonly swarm?: SimNode
  /** Called with everything that the engine tells, whether anybody listens or not. */
  readonly onEvent?: (event: EngineEvent) => void
}

export interface SimNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly labels: Readonly<Record<string, string>>
  readonly options: Json
  readonly internal: boolean
  /** `10.1.2.0/24`; addresses are given from its beginning. */
  readonly subnet: string
  /** Address by container id. */
  readonly endpoints: Map<string, string>
}

export interface SimVolume {
  readonly name: string
  readonly driver: string
  readonly labels: Readonly<Record<string, string>>
  readonly options: Json
  readonly createdAtMs: number
}

export interface Health {
  status: 'starting' | 'healthy' | 'unhealthy'
  failingStreak: number
  log: readonly Json[]
  /** Ends the monitor; null: none runs. */
  stop: (() => void) | null
}

/** The process of a container, and what it will do by itself. */
export interface SimProcess {
  readonly pid: number
  readonly behaviour: Behaviour
  readonly startedAtMs: number
  /** Cancels what was going to happen to it. */
  cancel: () => void
  isFrozen: boolean
  /** Memory that it has taken. */
  takenBytes: number
}

/** The state of a container in the engine's own flags. */
export interface Flags {
  running: boolean
  paused: boolean
  restarting: boolean
  dead: boolean
  removing: boolean
  exitCode: number
  error: string
  oomKilled: boolean
  pid: number
  startedAtMs: number
  finishedAtMs: number
}

export interface SimContainer {
  readonly id: string
  name: string
  readonly image: string
  readonly imageId: string
  readonly createdAtMs: number
  /** The body of its creation. */
  readonly config: Json
  hostConfig: Json
  policy: EnginePolicy
  readonly labels: Readonly<Record<string, string>>
  readonly stopSignal: string
  readonly stopTimeoutMs: number
  readonly healthcheck: Json | null
  /** Network names it is attached to. */
  readonly networks: Set<string>
  readonly volumes: readonly string[]
  readonly flags: Flags
  /** What the list shows: the flags as they were last written down. */
  listed: Flags & { readonly health: Health['status'] | null }
  health: Health | null
  process: SimProcess | null
  manager: RestartManager
  restartCount: number
  starts: number
  isStoppedByHand: boolean
  isRestartedByHand: boolean
  ports: readonly (HostPort & { readonly target: number })[]
  logs: string
  /** Woken when it no longer runs. */
  readonly waiters: Set<() => void>
  /** Ends the pause before a restart. */
  cancelRestart: (() => void) | null
  /** Starts and ends of one container wait for each other. */
  lock: Promise<void>
  /** How its process ended while no daemon was there to see it. */
  exitWhileAway: number | null
}

export interface SimExec {
  readonly id: string
  readonly container: SimContainer
  readonly body: Json
  running: boolean
  exitCode: number | null
  end: ((exitCode: number) => void) | null
}

/** Everything of one engine and its host. */
export interface Machine {
  readonly options: SimEngineOptions
  readonly clock: Clock
  readonly times: EngineTimes
  readonly events: EventLog
  readonly containers: Map<string, SimContainer>
  /** Names are taken before the container can be seen. */
  readonly names: Map<string, string>
  /** By id: an old engine may have two of one name. */
  readonly networks: Map<string, SimNetwork>
  readonly volumes: Map<string, SimVolume>
  /** By reference, and by id. */
  readonly images: Map<string, SimImage>
  readonly execs: Map<string, SimExec>
  /** Ports of the host that something else than a container holds. */
  readonly takenPorts: Set<number>
  freeDiskBytes: number
  nextPort: number
  nextPid: number
  daemon: 'up' | 'stopping' | 'down'
  /** Whether calls are taken. */
  isListening: boolean
  /** What the daemon waits for; it is forgotten when it goes. */
  readonly waits: Set<() => void>
  /** Open streams and calls, cut off when the daemon goes. */
  readonly calls: Set<() => void>
}

/** A wait of the daemon: when the daemon goes, it never ends. */
export function pause(machine: Machine, ms: number): Promise<void> {
  return new Promise((resolve) => {
    later(machine, ms, resolve)
  })
}

/** As the clock's `after`, for as long as the daemon lives. */
export function later(machine: Machine, ms: number, fn: () => void): () => void {
  const cancel = machine.clock.after(ms, () => {
    machine.waits.delete(forget)
    fn()
  })
  const forget = (): void => {
    machine.waits.delete(forget)
    cancel()
  }
  machine.waits.add(forget)
  return forget
}

/** Work on one container, one after the other. */
export async function locked<T>(container: SimContainer, work: () => Promise<T>): Promise<T> {
  const before = container.lock
  let free = (): void => undefined
  container.lock = new Promise((resolve) => (free = resolve))
  await before
  try {
    return await work()
  } finally {
    free()
  }
}

export function sayContainer(
  machine: Machine,
  container: SimContainer,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { id, name, image, labels } = container
  const atMs = machine.clock.nowMs()
  machine.events.say({ atMs, type: 'container', action, id, attributes: { ...labels, ...attributes, image, name } })
}

/** Writes down what the list is made from. */
export function checkpoint(container: SimContainer): void {
  container.listed = { ...container.flags, health: container.health?.status ?? null }
}

export function stateOf(flags: Flags): string {
  if (flags.running) return flags.paused ? 'paused' : flags.restarting ? 'restarting' : 'running'
  if (flags.removing) return 'removing'
  if (flags.dead) return 'dead'
  return flags.startedAtMs === 0 ? 'created' : 'exited'
}

/** By id, name, or the beginning of an id. */
export function findContainer(machine: Machine, key: string): SimContainer | undefined {
  const exact = machine.containers.get(key) ?? machine.containers.get(machine.names.get(key.replace(/^\//, '')) ?? '')
  if (exact !== undefined) return exact
  if (!/^[0-9a-f]{4,}$/.test(key)) return undefined
  const matching = [...machine.containers.values()].filter(({ id }) => id.startsWith(key))
  return matching.length === 1 ? matching[0] : undefined
}
