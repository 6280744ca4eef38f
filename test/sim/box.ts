import { containerName } from '../../src/model/index.js'
import type { ContainerState, GivenNames, Identity, ImagePin, ServiceSpec } from '../../src/model/index.js'

/** A container as it truly is, whoever made it. */
export interface Box {
  readonly id: string
  name: string
  readonly server: string
  /** Null: made by somebody else. */
  readonly identity: Identity | null
  readonly spec: ServiceSpec | null
  readonly image: ImagePin
  /** What it was told of names when it was made. */
  names?: GivenNames
  readonly createdAtMs: number
  readonly ports: readonly number[]
  /** What the label says; an update in place does not change it. */
  readonly madeLimits: string
  limits: string
  state: ContainerState
  startedAtMs: number
  finishedAtMs: number
  exitCode: number | null
  /** Memory that its process has taken. */
  takenBytes: number
  oom: boolean
  /** By its policy, since it was last started by hand. */
  restarts: number
  /** How long the engine waited before the last of them; 0: it begins anew. */
  pausedMs: number
  /** Since when it has been well without a break, by what it truly is; null: it is not. */
  wellSinceMs: number | null
  /** When its engine last said something else of its health. */
  saidAtMs: number
  /** Stopped on purpose: its restart policy rests. */
  isHeld: boolean
  /** Hit by the world since it was last well: a fault of nobody's code. */
  isHarmed: boolean
}

export type BoxEvent = 'create' | 'start' | 'die' | 'health' | 'update' | 'remove' | 'rename'

/** Who does something to an engine. Controllers are told apart, for a world may have two. */
export type Actor = { readonly controller: string } | 'person' | 'world'

export interface EngineEvents {
  /** Before a container is stopped, started, removed or changed. */
  acting(actor: Actor, what: 'create' | 'start' | 'stop' | 'remove' | 'update', box: Box): void
  /** After something about a container changed. */
  changed(event: BoxEvent, box: Box): void
  /** Killed by the kernel, for its own limit, or because its server has no memory left. */
  starved(box: Box, isOfServer: boolean): void
}

export function isUp(box: Box): boolean {
  return box.state === 'running' || box.state === 'restarting' || box.state === 'paused'
}

/** The bytes that a limit says, as `formatLimits` prints it; 0: none. */
export function limitOf({ limits }: Box, name: 'memory' | 'reserved'): number {
  return Number(new RegExp(`(?:^| )${name}=(\\d+)`).exec(limits)?.[1] ?? 0)
}

/** Holds its ports and networks; between two starts of its policy it does not. */
export function hasProcess(box: Box): boolean {
  return box.state === 'running' || box.state === 'paused'
}

/** What is written down when the engine cannot start it. */
export function failToStart(box: Box): void {
  if ((box.exitCode ?? 0) === 0) box.exitCode = 128
  if (box.state !== 'created') box.state = 'exited'
}

/** Ours is what carries our labels and the name that belongs to them. */
export function isOurs(box: Box, fleet: string): boolean {
  return box.identity !== null && box.identity.fleet === fleet && box.name === containerName(box.identity)
}
