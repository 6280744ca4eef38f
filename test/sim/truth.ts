import { INGRESS_SERVICE, INGRESS_STACK, specHash } from '../../src/model/index.js'
import type { ServiceSpec, UpdatePolicy } from '../../src/model/index.js'
import { isOurs, isUp } from './box.js'
import type { Box } from './box.js'
import { zoneOf } from './drafts.js'
import type { StackLedger } from './ledger.js'
import { FLEET } from './world.js'
import type { World } from './world.js'

/** How old a controller's view may be while its looks come through. */
export const VIEW_MS = 30_000

export interface Place {
  readonly stack: string
  readonly service: string
  readonly key: string
}

export function placeOf(box: Box): Place {
  if (box.identity === null) throw new Error(`${box.name} has no slot`)
  return box.identity.slot
}

export function isSameSlot(a: Place, b: Place): boolean {
  return a.stack === b.stack && a.service === b.service && a.key === b.key
}

/** Our containers of a service, wherever they are. */
export function boxesOf(world: World, place: Pick<Place, 'stack' | 'service'>): readonly Box[] {
  return world
    .boxes()
    .filter((box) => isOurs(box, FLEET) && placeOf(box).stack === place.stack && placeOf(box).service === place.service)
}

/** Since when a container serves without a break, by what it truly is; null: it does not. */
export function servesSinceMs(world: World, box: Box): number | null {
  if (box.state !== 'running') return null
  const { spec } = box
  const isChecked = spec !== null && (spec.healthcheck !== null || spec.probe !== null)
  if (!isChecked) return box.startedAtMs
  const says = world.engines.get(box.server)?.healthOf(box)
  return says === 'unhealthy' ? null : box.wellSinceMs
}

export function serves(world: World, box: Box): boolean {
  return servesSinceMs(world, box) !== null
}

/** What the engine says of it, which may be behind what it is. */
export function seemsToServe(world: World, box: Box): boolean {
  const says = world.engines.get(box.server)?.healthOf(box)
  return box.state === 'running' && (says === 'healthy' || says === 'none')
}

/** Served for so long that every controller must have seen it. */
export function isSettledServer(world: World, box: Box): boolean {
  const since = servesSinceMs(world, box)
  return since !== null && world.clock.nowMs() - since >= VIEW_MS
}

export interface Wanted {
  readonly spec: ServiceSpec
  readonly hash: string
}

/** What the slot may rightly run: by the revision in force, and by the one proven last. Null: that one does not have the slot. */
export function wantedIn(world: World, place: Place): readonly (Wanted | null)[] {
  const ledger = world.ledger.stack(place.stack)
  const hashes = [ledger.desired, ledger.proven].filter((hash) => hash !== null)
  return [...new Set(hashes)].map((hash) => {
    const spec = world.oracle.service(hash, place.service)
    if (spec === null || !hasSlot(world, spec, place.key)) return null
    return { spec, hash: specHash(spec) }
  })
}

function hasSlot(world: World, spec: ServiceSpec, key: string): boolean {
  if (spec.mode === 'global') return world.draft.servers.includes(key) && fitsZone(spec, key)
  return Number(key) >= 1 && Number(key) <= (spec.mode === 'job' ? 1 : spec.replicas)
}

export function fitsZone(spec: ServiceSpec, server: string): boolean {
  return spec.placement.constraints.every(({ op, value }) => (zoneOf(server) === value) === (op === '=='))
}

/** Wanted by everything that could be the target, and the same in all: then there is no reason to touch it. */
export function wantedByAll(world: World, place: Place): readonly Wanted[] | null {
  const wanted = wantedIn(world, place)
  return wanted.length > 0 && wanted.every((entry) => entry !== null) ? wanted : null
}

export function policyOf(ledger: StackLedger, spec: ServiceSpec): UpdatePolicy {
  return ledger.rollout?.direction === 'back' ? spec.rollback : spec.update
}

/** On the way forward and back: where only one service is taken back, the others may go either way. */
export function isStartFirst(spec: ServiceSpec): boolean {
  const publishes = spec.ports.some(({ published }) => published !== null)
  const writes = spec.mounts.some((mount) => mount.kind !== 'tmpfs' && mount.kind !== 'anonymous')
  if (publishes) return false
  return [spec.update, spec.rollback].every(({ order }) => (order === null ? !writes : order === 'start-first'))
}

export function mostDown(spec: ServiceSpec): number {
  return Math.max(spec.update.parallelism || Infinity, spec.rollback.parallelism || Infinity)
}

/** A server whose calls come through, in time. */
export function isReachable(world: World, server: string): boolean {
  const link = world.links.get(server)
  return link !== undefined && link.cut === null && link.leadsTo === null && link.latencyMs[1] < 1_000
}

/** A second copy on a server that was given up is there until the server is fenced. */
export function isCounted(world: World, box: Box): boolean {
  return isUp(box) && isReachable(world, box.server) && !world.harm.wasLost(box.server)
}

/** Proxies that run on a server: two of them while one takes the place of the other. */
export function proxiesOn(world: World, server: string): readonly Box[] {
  const boxes = [...(world.engines.get(server)?.boxes.values() ?? [])]
  return boxes.filter((box) => isOurs(box, FLEET) && isProxy(box) && box.state === 'running')
}

function isProxy(box: Box): boolean {
  return box.identity?.slot.stack === INGRESS_STACK && box.identity.slot.service === INGRESS_SERVICE
}
