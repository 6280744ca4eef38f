import { fail, formatLimits, ok } from '../../src/model/index.js'
import type {
  EngineHealth,
  GivenNames,
  Identity,
  ImagePin,
  Problem,
  ProblemCode,
  ResourceLimits,
  Result,
  ServiceSpec,
} from '../../src/model/index.js'
import { failToStart, hasProcess, isUp, limitOf } from './box.js'
import type { Actor, Box, EngineEvents } from './box.js'
import type { SimClock } from './clock.js'
import { Lives } from './lives.js'
import type { SimRegistry } from './registry.js'
import { behaviourOf } from './workload.js'
import type { Behaviour } from './workload.js'

/** A container as a controller asks for it, with what it writes on it. */
export interface Creation {
  readonly name: string
  readonly identity: Identity
  readonly spec: ServiceSpec
  readonly image: ImagePin
  readonly madeLimits: string
  readonly names?: GivenNames
}

const REMOVAL_MS = 60
/** What an engine writes down for an end that it did not see. */
const UNSEEN = 255

/** One server's Docker Engine: containers with names, lives and restart policies, images, networks, volumes, ports and a disk. */
export class SimEngine {
  readonly server: string
  engineId: string
  version = '26.1'
  memoryBytes = 16e9
  /** Where a limit falls below what is used, version 1 refuses, as the lab's does; version 2 kills. */
  controlGroups: 1 | 2 = 1
  readonly boxes = new Map<string, Box>()
  readonly images = new Map<string, ImagePin>()
  readonly networks = new Map<string, string | null>()
  readonly volumes = new Map<string, string | null>()
  /** Ports held by processes of the server that are no containers. */
  readonly takenPorts = new Set<number>()
  isDiskFull = false
  /** Answers 500 to every change. */
  isBroken = false
  /** Cannot remove containers. */
  hasZombies = false
  private readonly lives: Lives
  private installs = 0
  private readonly clock: SimClock
  private readonly registry: SimRegistry
  private readonly events: EngineEvents
  private readonly nextId: () => string

  constructor(server: string, clock: SimClock, registry: SimRegistry, nextId: () => string, events: EngineEvents) {
    this.server = server
    this.clock = clock
    this.registry = registry
    this.nextId = nextId
    this.events = events
    this.engineId = `${server}/0`
    this.lives = new Lives(clock, this.boxes, events, {
      canStart: (box) => this.startProblem(box) === null,
      took: (box) => this.feed(box),
    })
  }

  async pull(image: string, policy: ServiceSpec['pullPolicy']): Promise<Result<ImagePin>> {
    const known = this.images.get(image)
    if (known !== undefined && policy !== 'always') return ok(known)
    const behaviour = behaviourOf(image)
    const refused = this.pullProblem(image, policy, behaviour)
    if (refused !== null) return refused
    await this.clock.wait(behaviour.pull === 'stuck' ? 40 * 60_000 : known === undefined ? behaviour.pullMs : 200)
    if (this.isDiskFull) return this.refuse('DISK_FULL', `no space left on device`)
    const pin = this.registry.resolve(image)
    this.images.set(image, pin)
    if (pin.digest !== null) this.images.set(pin.digest, pin)
    return ok(pin)
  }

  private pullProblem(image: string, policy: string, behaviour: Behaviour): Result<never> | null {
    if (policy === 'never') return this.refuse('IMAGE_NOT_FOUND', `no such image: ${image}`)
    if (this.registry.isDown) return this.refuse('REGISTRY_UNREACHABLE', 'connection refused')
    if (this.registry.isLimiting || behaviour.pull === 'limited')
      return this.refuse('REGISTRY_UNREACHABLE', 'toomanyrequests')
    if (behaviour.pull === 'missing') return this.refuse('IMAGE_NOT_FOUND', `manifest for ${image} not found`)
    return behaviour.pull === 'refused' ? this.refuse('REGISTRY_AUTH', 'denied') : null
  }

  create(actor: Actor, { name, identity, spec, image, madeLimits, names }: Creation): Result<Box> {
    const problem = this.createProblem(name, spec, image)
    if (problem !== null) return problem
    for (const mount of spec.mounts)
      if (mount.kind === 'volume' && !this.volumes.has(mount.source)) this.volumes.set(mount.source, null)
    const ports = spec.ports.flatMap(({ published }) => (published === null ? [] : [published]))
    const box = this.newBox({ name, identity, spec, image, ports, madeLimits })
    if (names !== undefined) box.names = names
    this.events.acting(actor, 'create', box)
    this.boxes.set(box.id, box)
    this.events.changed('create', box)
    return ok(box)
  }

  private createProblem(name: string, spec: ServiceSpec, image: ImagePin): Result<never> | null {
    if (this.isBroken) return this.refuse('ENGINE_ERROR', 'internal error')
    if ([...this.boxes.values()].some((box) => box.name === name))
      return this.refuse('NAME_TAKEN', `the container name ${name} is already in use`)
    if (this.isDiskFull) return this.refuse('DISK_FULL', 'no space left on device')
    if (![...this.images.values()].some((known) => known.id === image.id))
      return this.refuse('IMAGE_NOT_FOUND', `no such image: ${image.id}`)
    return this.networkProblem(spec)
  }

  private networkProblem(spec: ServiceSpec | null): Result<never> | null {
    const missing = spec?.networks.find(({ network }) => !this.networks.has(network))
    return missing === undefined ? null : this.refuse('NETWORK_CONFLICT', `network ${missing.network} not found`)
  }

  private newBox(made: Pick<Box, 'name' | 'identity' | 'spec' | 'image' | 'ports' | 'madeLimits'>): Box {
    return {
      ...made,
      limits: made.madeLimits,
      id: this.nextId(),
      server: this.server,
      createdAtMs: this.clock.nowMs(),
      state: 'created',
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: null,
      takenBytes: 0,
      oom: false,
      restarts: 0,
      pausedMs: 0,
      wellSinceMs: null,
      saidAtMs: 0,
      isHeld: false,
      isHarmed: false,
    }
  }

  /** A container that is not ours: started by a person. With an identity it is a copy of one of ours, labels and all, under another name. */
  plant(name: string, ports: readonly number[], copied: Box | null): Box {
    const image = copied?.image ?? { digest: null, id: 'sha256:foreign' }
    const box = this.newBox({ name, identity: copied?.identity ?? null, spec: null, image, ports, madeLimits: '' })
    box.state = 'running'
    box.startedAtMs = this.clock.nowMs()
    this.boxes.set(box.id, box)
    this.events.changed('start', box)
    return box
  }

  start(actor: Actor, id: string): Result<Box> {
    const box = this.boxes.get(id)
    if (box === undefined) return this.refuse('CONTAINER_GONE', 'no such container')
    if (this.isBroken) return this.refuse('ENGINE_ERROR', 'internal error')
    if (box.state === 'paused') return this.refuse('ENGINE_ERROR', 'cannot start a paused container')
    if (isUp(box)) return ok(box)
    const problem = this.startProblem(box)
    if (problem !== null) {
      failToStart(box)
      return problem
    }
    this.events.acting(actor, 'start', box)
    this.lives.begin(box)
    return ok(box)
  }

  private startProblem(box: Box): Result<never> | null {
    const unjoined = this.networkProblem(box.spec)
    if (unjoined !== null) return unjoined
    const taken = box.ports.find((port) => this.isPortTaken(port, box))
    return taken === undefined ? null : this.refuse('PORT_TAKEN', `port ${taken} is already allocated`)
  }

  private isPortTaken(port: number, by: Box): boolean {
    if (this.takenPorts.has(port)) return true
    return [...this.boxes.values()].some((other) => other !== by && hasProcess(other) && other.ports.includes(port))
  }

  healthOf(box: Box): EngineHealth {
    return this.lives.healthOf(box)
  }

  async stop(actor: Actor, id: string, graceMs: number): Promise<Result<Box>> {
    const box = this.boxes.get(id)
    if (box === undefined) return this.refuse('CONTAINER_GONE', 'no such container')
    if (this.isBroken) return this.refuse('ENGINE_ERROR', 'internal error')
    if (!isUp(box)) return ok(box)
    this.events.acting(actor, 'stop', box)
    box.isHeld = true
    const life = this.lives.of(id)
    if (box.state === 'restarting' || life === undefined) {
      this.giveUp(box)
      return ok(box)
    }
    const isKilled = life.behaviour.stopsAfterMs > graceMs
    await this.lives.awaitEnd(life, isKilled ? graceMs : life.behaviour.stopsAfterMs)
    this.lives.endAs(box, life, isKilled ? 137 : 0)
    return ok(box)
  }

  /** It waited for its next start, which does not come. */
  private giveUp(box: Box): void {
    box.state = 'exited'
    this.events.changed('die', box)
  }

  async remove(actor: Actor, id: string): Promise<Result<Box>> {
    const box = this.boxes.get(id)
    if (box === undefined) return this.refuse('CONTAINER_GONE', 'no such container')
    if (this.isBroken || this.hasZombies) return this.refuse('ENGINE_ERROR', 'driver failed to remove root filesystem')
    if (box.state === 'removing')
      return this.refuse('CONFLICT', `removal of container ${box.name} is already in progress`)
    if (isUp(box)) return this.refuse('ENGINE_ERROR', `cannot remove the running container ${box.name}`)
    this.events.acting(actor, 'remove', box)
    this.lives.end(id)
    box.state = 'removing'
    box.wellSinceMs = null
    this.events.changed('die', box)
    await this.clock.wait(REMOVAL_MS)
    this.boxes.delete(id)
    this.events.changed('remove', box)
    return ok(box)
  }

  update(actor: Actor, id: string, limits: ResourceLimits): Result<Box> {
    const box = this.boxes.get(id)
    if (box === undefined) return this.refuse('CONTAINER_GONE', 'no such container')
    if (this.isBroken) return this.refuse('ENGINE_ERROR', 'internal error')
    const isLess = (limits.memoryBytes ?? Infinity) < box.takenBytes
    if (isLess && this.controlGroups === 1) return this.refuse('ENGINE_ERROR', 'device or resource busy')
    this.events.acting(actor, 'update', box)
    box.limits = formatLimits({ limits })
    this.events.changed('update', box)
    if (isLess) this.starve(box, false)
    return ok(box)
  }

  ensure(what: 'networks' | 'volumes', name: string, fleet: string): Result<void> {
    if (this.isBroken) return this.refuse('ENGINE_ERROR', 'internal error')
    if (!this[what].has(name)) this[what].set(name, fleet)
    return ok(undefined)
  }

  removeNetwork(name: string): Result<void> {
    const isUsed = [...this.boxes.values()].some(
      (box) => hasProcess(box) && box.spec?.networks.some(({ network }) => network === name),
    )
    if (isUsed) return this.refuse('NETWORK_CONFLICT', `network ${name} has active endpoints`)
    this.networks.delete(name)
    return ok(undefined)
  }

  /** Something of the world ends a container's process: a signal by hand, a crash, too little memory. */
  kill(id: string, how: 'crash' | 'by-hand' | 'oom'): void {
    const box = this.boxes.get(id)
    if (box === undefined || !(how === 'by-hand' ? isUp(box) : hasProcess(box))) return
    box.isHarmed = true
    box.isHeld = how === 'by-hand'
    if (box.state === 'restarting') this.giveUp(box)
    else this.lives.goDown(box, 137, how === 'oom')
  }

  /** The kernel kills what has taken more than its limit; where the server has no more, whoever has most. */
  private feed(box: Box): void {
    const mostBytes = limitOf(box, 'memory')
    if (mostBytes > 0 && box.takenBytes > mostBytes) this.starve(box, false)
    for (let hungriest = this.hungriest(); hungriest !== null; hungriest = this.hungriest())
      this.starve(hungriest, true)
  }

  /** Null: there is enough for all. */
  private hungriest(): Box | null {
    const fed = [...this.boxes.values()].filter(hasProcess).sort((a, b) => b.takenBytes - a.takenBytes)
    const takenBytes = fed.reduce((sum, box) => sum + box.takenBytes, 0)
    return takenBytes > this.memoryBytes ? (fed[0] ?? null) : null
  }

  private starve(box: Box, isOfServer: boolean): void {
    if (isOfServer) box.isHarmed = true
    this.events.starved(box, isOfServer)
    this.lives.goDown(box, 137, true)
  }

  /** A person removes a container. */
  erase(id: string): void {
    const box = this.boxes.get(id)
    if (box === undefined) return
    this.lives.end(id)
    this.boxes.delete(id)
    box.wellSinceMs = null
    this.events.changed('remove', box)
  }

  rename(id: string, name: string): void {
    const box = this.boxes.get(id)
    if (box === undefined) return
    box.name = name
    this.events.changed('rename', box)
  }

  pause(id: string): void {
    const box = this.boxes.get(id)
    if (box === undefined || box.state !== 'running') return
    box.state = 'paused'
    box.isHarmed = true
    box.wellSinceMs = null
    this.events.changed('die', box)
  }

  /** The server, or its engine without live-restore, goes down; what was up comes back with `boot`. */
  crash(): void {
    for (const box of this.boxes.values()) {
      if (!isUp(box)) continue
      box.isHarmed = true
      this.lives.end(box.id)
      box.takenBytes = 0
      box.state = 'exited'
      box.exitCode = UNSEEN
      box.finishedAtMs = this.clock.nowMs()
      box.wellSinceMs = null
      this.events.changed('die', box)
    }
  }

  boot(): void {
    for (const box of this.boxes.values()) {
      if (box.state !== 'exited' || !comesBack(box) || this.startProblem(box) !== null) continue
      this.lives.begin(box)
    }
  }

  /** A new engine under the same address: nothing of the old one is there. */
  reinstall(): void {
    this.installs += 1
    this.engineId = `${this.server}/${this.installs}`
    for (const box of [...this.boxes.values()]) this.erase(box.id)
    this.images.clear()
    this.networks.clear()
    this.volumes.clear()
  }

  private refuse(code: ProblemCode, message: string): Result<never> {
    const problem: Problem = { code, server: this.server, message }
    return fail(problem)
  }
}

/** Whether the engine starts it when it comes up itself: only `unless-stopped` knows what was stopped by hand. */
function comesBack({ spec, exitCode, isHeld }: Box): boolean {
  switch (spec?.restart.condition) {
    case 'always':
      return true
    case 'unless-stopped':
      return !isHeld
    case 'on-failure':
      return exitCode !== 0
    default:
      return false
  }
}
