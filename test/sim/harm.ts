import { isUp } from './box.js'
import type { Box, BoxEvent } from './box.js'
import type { SimClock } from './clock.js'
import type { SimEngine } from './engine.js'
import type { Ledger } from './ledger.js'
import type { SimLink } from './link.js'
import type { Slot } from '../../src/model/index.js'

/** What a record is kept of. */
export interface Recorded {
  readonly clock: SimClock
  readonly engines: ReadonlyMap<string, SimEngine>
  readonly links: ReadonlyMap<string, SimLink>
  readonly seats: readonly unknown[]
  readonly ledger: Ledger
}

/** What the world did to everybody lately, so that nobody is blamed for it. */
export class Harm {
  private shakenAtMs = -Infinity
  private contestedAtMs = -Infinity
  private forgotAtMs = -Infinity
  private readonly volumes = new Map<string, Set<string>>()
  private readonly harmed = new Set<string>()
  private readonly cutAt = new Map<string, number>()
  private readonly lostAt = new Map<string, number>()
  private readonly upAt = new Map<string, number>()
  private readonly world: Recorded

  constructor(world: Recorded) {
    this.world = world
  }

  /** Servers or containers were tampered with a moment ago: views are behind. */
  isShaken(withinMs = 90_000): boolean {
    return this.world.clock.nowMs() - this.shakenAtMs < withinMs
  }

  shake(): void {
    this.shakenAtMs = this.world.clock.nowMs()
  }

  /** The controller cannot know what was proven or rejected before it lost its journal. */
  isForgetful(): boolean {
    return this.world.clock.nowMs() - this.forgotAtMs < 30 * 60_000
  }

  /** Two controllers are at work, or were until a moment ago: each is right for itself. */
  isContested(): boolean {
    if (this.world.seats.length > 1 || this.world.ledger.hasRival) this.contestedAtMs = this.world.clock.nowMs()
    return this.world.clock.nowMs() - this.contestedAtMs < 10 * 60_000
  }

  wasLost(server: string): boolean {
    return this.world.clock.nowMs() - (this.lostAt.get(server) ?? -Infinity) < 15 * 60_000
  }

  /** How long a server has been out of reach. */
  cutForMs(server: string): number {
    const link = this.world.links.get(server)
    if (link === undefined || link.cut === null) {
      this.cutAt.delete(server)
      return 0
    }
    const sinceMs = this.cutAt.get(server) ?? this.world.clock.nowMs()
    this.cutAt.set(server, sinceMs)
    return this.world.clock.nowMs() - sinceMs
  }

  /** The world struck this slot, and it has not served since. */
  wasHarmed({ stack, service, key }: Slot): boolean {
    return this.harmed.has(`${stack}/${service}#${key}`)
  }

  wasUp(stack: string, service: string, withinMs: number): boolean {
    return this.world.clock.nowMs() - (this.upAt.get(`${stack}/${service}`) ?? -Infinity) <= withinMs
  }

  /** Named volumes that were there once, on an engine that was not installed anew since. */
  lostVolumes(): readonly string[] {
    return [...this.world.engines.values()].flatMap((engine) => {
      const before = this.volumes.get(engine.engineId) ?? new Set<string>()
      const now = new Set(engine.volumes.keys())
      this.volumes.set(engine.engineId, new Set([...before, ...now]))
      return [...before].filter((name) => !now.has(name)).map((name) => `${name} on ${engine.server}`)
    })
  }

  /** After every change of a container. */
  remember(event: BoxEvent, box: Box): void {
    if (box.identity === null) return
    const { stack, service, key } = box.identity.slot
    const slot = `${stack}/${service}#${key}`
    if (isUp(box)) this.upAt.set(`${stack}/${service}`, this.world.clock.nowMs())
    else if (this.upAt.has(`${stack}/${service}`) && event === 'die')
      this.upAt.set(`${stack}/${service}`, this.world.clock.nowMs())
    if (box.isHarmed) this.harmed.add(slot)
    else if (box.wellSinceMs !== null) this.harmed.delete(slot)
  }

  /** The journal was taken away or put back: what it remembered is not known any more. */
  forget(): void {
    this.forgotAtMs = this.world.clock.nowMs()
  }

  noteLost(server: string): void {
    this.lostAt.set(server, this.world.clock.nowMs())
  }

  harm(box: Box): void {
    if (box.identity === null) return
    const { stack, service, key } = box.identity.slot
    this.harmed.add(`${stack}/${service}#${key}`)
  }
}
