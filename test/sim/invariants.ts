import type { Fact } from '../../src/controller/index.js'
import type { Action, ActionResult, Result } from '../../src/model/index.js'
import type { Box, BoxEvent } from './box.js'
import type { AuthorityEvent } from './papers.js'
import { SAFETY } from './safety.js'
import type { SimProcess } from './process.js'
import type { World } from './world.js'

export interface UnderWay {
  readonly kind: Action['kind']
  readonly containerId: string | null
}

/** What a check may lean on besides the world: what this process has sent and seen. */
export interface Sight {
  readonly process: SimProcess
  /** Server → when a look at it was last begun and succeeded, and which engine that was. */
  readonly looks: Map<string, { readonly begunAtMs: number; readonly engineId: string }>
  readonly begun: Map<string, number>
  /** Slot → the actions under way. */
  readonly underWay: Map<string, readonly UnderWay[]>
  /** Slot → when the answer of an action on it got lost. */
  readonly unknown: Map<string, { readonly server: string; readonly atMs: number }>
}

/** One invariant: a number, its sentence, and what it looks at. Each answers what is wrong, or null. */
export interface Invariant {
  readonly sentence: string
  /** Before a controller's change takes effect on a container. */
  readonly acting?: (world: World, what: string, box: Box) => string | null
  /** After anything changed in an engine. */
  readonly changed?: (world: World, event: BoxEvent, box: Box) => string | null
  /** When a controller sends an action. */
  readonly performing?: (world: World, sight: Sight, action: Action, controller: string) => string | null
  /** When a controller begins a look at a server. */
  readonly observing?: (world: World, sight: Sight) => string | null
  /** After a proxy was told what to do. */
  readonly routed?: (world: World, proxy: Box, server: string) => string | null
  /** Before, or after, an authority of the main seat does something. */
  readonly authority?: (world: World, event: AuthorityEvent) => string | null
  /** When a fact is on the disk. */
  readonly fact?: (world: World, fact: Fact) => string | null
}

/** Runs every invariant at every step. */
export class Watchers {
  private readonly sights = new Map<SimProcess, Sight>()
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  booted(process: SimProcess): void {
    const maps = { looks: new Map(), begun: new Map(), underWay: new Map(), unknown: new Map() }
    this.sights.set(process, { process, ...maps })
  }

  sight(process: SimProcess | null): Sight | null {
    return process === null ? null : (this.sights.get(process) ?? null)
  }

  private each(run: (invariant: Invariant) => string | null | undefined): void {
    for (const [id, invariant] of Object.entries(SAFETY)) {
      const wrong = run(invariant)
      if (wrong !== null && wrong !== undefined) this.world.blame(id, wrong)
    }
  }

  acting(what: string, box: Box): void {
    this.each((invariant) => invariant.acting?.(this.world, what, box))
  }

  changed(event: BoxEvent, box: Box): void {
    this.each((invariant) => invariant.changed?.(this.world, event, box))
  }

  routed(proxy: Box, server: string): void {
    this.each((invariant) => invariant.routed?.(this.world, proxy, server))
  }

  authority(event: AuthorityEvent): void {
    this.each((invariant) => invariant.authority?.(this.world, event))
  }

  fact(fact: Fact): void {
    this.each((invariant) => invariant.fact?.(this.world, fact))
  }

  performing(process: SimProcess, controller: string, action: Action): void {
    const sight = this.sights.get(process)
    if (sight === undefined) return
    this.each((invariant) => invariant.performing?.(this.world, sight, action, controller))
    const slot = slotOf(action)
    if (slot !== null) sight.underWay.set(slot, [...(sight.underWay.get(slot) ?? []), underWay(action)])
  }

  performed(process: SimProcess, action: Action, result: Result<ActionResult>): void {
    const sight = this.sights.get(process)
    const slot = slotOf(action)
    if (sight === undefined || slot === null) return
    const mine = underWay(action)
    const left = (sight.underWay.get(slot) ?? []).filter(
      (other) => other.kind !== mine.kind || other.containerId !== mine.containerId,
    )
    if (left.length === 0) sight.underWay.delete(slot)
    else sight.underWay.set(slot, left)
    const isUnknown = !result.ok && ['CALL_TIMEOUT', 'CONNECTION_LOST'].includes(result.problem.code)
    if (isUnknown) sight.unknown.set(slot, { server: action.server, atMs: this.world.clock.nowMs() })
    else sight.unknown.delete(slot)
  }

  observing(process: SimProcess, server: string): void {
    const sight = this.sights.get(process)
    if (sight === undefined) return
    sight.begun.set(server, this.world.clock.nowMs())
    this.each((invariant) => invariant.observing?.(this.world, sight))
  }

  observed(process: SimProcess, server: string, engineId: string): void {
    const sight = this.sights.get(process)
    const begunAtMs = sight?.begun.get(server)
    if (begunAtMs !== undefined) sight?.looks.set(server, { begunAtMs, engineId })
  }
}

export function slotOf(action: Action): string | null {
  return 'slot' in action ? `${action.slot.stack}/${action.slot.service}#${action.slot.key}` : null
}

function underWay(action: Action): UnderWay {
  return { kind: action.kind, containerId: 'containerId' in action ? action.containerId : null }
}
