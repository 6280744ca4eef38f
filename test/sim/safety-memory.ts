import { isOurs, isUp, limitOf } from './box.js'
import type { Box } from './box.js'
import type { Invariant } from './invariants.js'
import { VIEW_MS, isSameSlot, placeOf, wantedByAll } from './truth.js'
import { FLEET, nameBox } from './world.js'
import type { World } from './world.js'

/** What a slot is promised on the server of a container that runs there; nothing, once its slot is to go: then it is promised anew. */
function promised(world: World, box: Box): number {
  const wanted = wantedByAll(world, placeOf(box)) ?? []
  const bytes = wanted.map(({ spec }) => (spec.mode === 'job' ? 0 : spec.reservations.memoryBytes))
  return wanted.length === 0 ? 0 : Math.min(limitOf(box, 'reserved'), ...bytes)
}

/** What the controller cannot have seen yet is not held against it. */
function isSeen(world: World, box: Box): boolean {
  return isOurs(box, FLEET) && isUp(box) && world.clock.nowMs() - box.startedAtMs >= VIEW_MS
}

export const M01: Invariant = {
  sentence: 'a replica is made only where its server has memory left for what it reserves; two in one slot count once',
  changed: (world, event, box) => {
    if (event !== 'create' || !isOurs(box, FLEET) || world.harm.isContested() || world.harm.isForgetful()) return null
    const own = promised(world, box)
    const engine = world.engines.get(box.server)
    if (own === 0 || engine === undefined || world.harm.wasLost(box.server)) return null
    const bySlot = new Map<string, number>()
    for (const other of engine.boxes.values()) {
      // What grew in place moves nobody: who takes its place may have as much, also where more is promised than there is.
      if (
        other !== box &&
        isSeen(world, other) &&
        isSameSlot(placeOf(other), placeOf(box)) &&
        promised(world, other) >= own
      )
        return null
      if (!isSeen(world, other)) continue
      const { stack, service, key } = placeOf(other)
      const slot = `${stack}/${service}#${key}`
      bySlot.set(slot, Math.max(bySlot.get(slot) ?? 0, promised(world, other)))
    }
    const { stack, service, key } = placeOf(box)
    bySlot.set(`${stack}/${service}#${key}`, own)
    const sum = [...bySlot.values()].reduce((all, one) => all + one, 0)
    return sum > engine.memoryBytes
      ? `${nameBox(box)} makes it ${Math.round(sum / 1e6)} MB of ${Math.round(engine.memoryBytes / 1e6)} that are reserved`
      : null
  },
}
