import { formatLimits, serviceHash } from '../../src/model/index.js'
import type { Invariant } from './invariants.js'
import { behaviourOf } from './workload.js'
import { nameBox } from './world.js'
import type { World } from './world.js'
import { isUp } from './box.js'
import type { Box } from './box.js'
import {
  VIEW_MS,
  boxesOf,
  fitsZone,
  isCounted,
  isReachable,
  isSameSlot,
  isSettledServer,
  isStartFirst,
  mostDown,
  placeOf,
  policyOf,
  seemsToServe,
  serves,
  servesSinceMs,
  wantedByAll,
} from './truth.js'

/** Containers that a controller is about to take down although they serve and their slot is wanted. */
function takenFrom(world: World, what: string, box: Box): ReturnType<typeof wantedByAll> {
  if (what !== 'stop' && what !== 'remove') return null
  if (box.identity === null || world.harm.isContested() || world.harm.isForgetful()) return null
  if (!isSettledServer(world, box) || !isReachable(world, box.server)) return null
  return wantedByAll(world, placeOf(box))
}

export const I01: Invariant = {
  sentence:
    'with no fault on old replicas, healthy replicas never fall below the wanted number less the tolerated ones',
  acting: (world, what, box) => {
    const wanted = takenFrom(world, what, box)
    if (wanted === null) return null
    const place = placeOf(box)
    const others = boxesOf(world, place).filter((other) => other !== box)
    if (others.some((other) => isSameSlot(placeOf(other), place) && serves(world, other))) return null
    const most = Math.max(...wanted.map(({ spec }) => mostDown(spec)))
    const least = Math.min(...wanted.map(({ spec }) => spec.replicas))
    if (wanted[0]?.spec.mode !== 'replicated') return null
    let down = 1
    for (let key = 1; key <= least; key += 1) {
      if (String(key) === place.key) continue
      const inSlot = others.filter((other) => placeOf(other).key === String(key))
      const isHarmed = world.harm.wasHarmed({ ...place, key: String(key) })
      if (
        !isHarmed &&
        inSlot.every((other) => isSeen(world, other)) &&
        inSlot.length > 0 &&
        !inSlot.some((other) => serves(world, other) || seemsToServe(world, other) || isNews(world, other))
      )
        down += 1
    }
    return down > most ? `${nameBox(box)} is taken down as number ${down} of at most ${most}` : null
  },
}

/** Its engine said so after the last look that had ended when this call was decided on: a look takes two ways, and a call one. */
function isNews(world: World, { server, saidAtMs }: Box): boolean {
  const callMs = world.links.get(server)?.latencyMs[1] ?? 0
  const look = world.watchers.sight(world.main.process)?.looks.get(server)
  return look === undefined || look.begunAtMs < saidAtMs || world.clock.nowMs() - look.begunAtMs < 3 * callMs
}

/** What became of it on a server that went away a moment ago, nobody can know yet. */
function isSeen(world: World, box: Box): boolean {
  return isReachable(world, box.server) || world.harm.cutForMs(box.server) >= VIEW_MS
}

export const I02: Invariant = {
  sentence: 'no more slots have two replicas than may be in flight, also after a crash',
  changed: (world, event, box) => {
    if (event !== 'start' || box.identity === null || world.harm.isContested() || world.harm.isForgetful()) return null
    const place = placeOf(box)
    const up = boxesOf(world, place).filter((other) => isCounted(world, other))
    const slots = new Map<string, number>()
    for (const other of up) slots.set(placeOf(other).key, (slots.get(placeOf(other).key) ?? 0) + 1)
    const doubled = [...slots.values()].filter((count) => count > 1).length
    const most = world.ledger.mostInFlight(place.stack, (hash) => world.oracle.service(hash, place.service))
    if (doubled > most) return `${place.stack}/${place.service} has ${doubled} slots with two replicas, at most ${most}`
    const here = slots.get(place.key) ?? 0
    return here > 2 ? `${nameBox(box)} is replica number ${here} of its slot` : null
  },
}

export const I03: Invariant = {
  sentence: 'start-first, an old replica is stopped only after its successor has been healthy for the monitored time',
  acting: (world, what, box) => {
    const wanted = takenFrom(world, what, box)
    if (wanted === null) return null
    const place = placeOf(box)
    if (!wanted.every(({ spec }) => spec.mode === 'replicated' && isStartFirst(spec))) return null
    const mates = boxesOf(world, place).filter((other) => other !== box && isSameSlot(placeOf(other), place))
    const successors = mates.filter((other) => serves(world, other))
    // What flaps is taken at the engine's word, which is as old as its last check: of two outdated ones the older stays.
    if (successors.length === 0 && mates.some((other) => flaps(other) && seemsToServe(world, other))) return null
    // Nobody knows of what happened while the call was on its way, or since the last word.
    if (successors.length === 0 && mates.some((other) => endedForMs(world, other) < LAST_WORD_MS)) return null
    if (successors.length === 0) return `${nameBox(box)} is stopped and no other replica serves its slot`
    // A server that returns is fenced: what was replaced meanwhile goes first.
    if (world.harm.wasLost(box.server)) return null
    const isLongEnough = successors.some((other) => {
      const forMs = world.clock.nowMs() - (servesSinceMs(world, other) ?? Infinity)
      return forMs + 50 >= neededMs(world, other)
    })
    return isLongEnough ? null : `${nameBox(box)} is stopped before its successor was healthy for long enough`
  },
}

const LAST_WORD_MS = 400

function endedForMs(world: World, { state, finishedAtMs }: Box): number {
  return state === 'running' || finishedAtMs === 0 ? Infinity : world.clock.nowMs() - finishedAtMs
}

/** The longest disturbance that a step brings, and some more. */
const DISTURBED_MS = 15 * 60_000

function flaps({ spec }: Box): boolean {
  return spec !== null && behaviourOf(spec.image).flapMs !== undefined
}

/** What was proven before needs no watching; without any check, running is watched however well it is known. */
function neededMs(world: World, box: Box): number {
  const { spec } = box
  if (spec === null) return 0
  const { monitorMs } = policyOf(world.ledger.stack(placeOf(box).stack), spec)
  const isKnown = world.ledger.isProvenSpec(placeOf(box).stack, spec.name, box.identity?.specHash ?? '')
  const isChecked = spec.healthcheck !== null || spec.probe !== null
  // What flaps is seen by asking; nobody answers through a link that was disturbed, or asks while the controller stands still.
  return (isKnown && isChecked) || (flaps(box) && world.harm.isShaken(DISTURBED_MS)) ? 0 : monitorMs
}

export const I04: Invariant = {
  sentence: 'an old replica is stopped to be replaced only where the image of its successor is on the server already',
  acting: (world, what, box) => {
    const wanted = takenFrom(world, what, box)
    const [target] = wanted ?? []
    if (wanted === null || target === undefined || wanted.some(({ hash }) => hash === box.identity?.specHash))
      return null
    if (!fitsZone(target.spec, box.server) || world.ledger.drained.has(box.server)) return null
    const engine = world.engines.get(box.server)
    // Once it is pinned it comes by its digest, without the tag: then it is what others of the same spec run, or ran.
    const twins = world.made.filter(({ identity }) => wanted.some(({ hash }) => hash === identity?.specHash))
    const ids = new Set(twins.map(({ image }) => image.id))
    const isHere =
      wanted.some(({ spec }) => engine?.images.has(spec.image)) ||
      [...(engine?.images.values() ?? [])].some(({ id }) => ids.has(id))
    const successors = boxesOf(world, placeOf(box)).filter((other) => other !== box)
    const isMade = successors.some((other) => isSameSlot(placeOf(other), placeOf(box)))
    return isHere || isMade ? null : `${nameBox(box)} is stopped and ${target.spec.image} is not on its server`
  },
}

export const I05: Invariant = {
  sentence: 'once a rollout has failed, nothing is made of what failed until Git or a person changes that',
  performing: (world, _sight, action, controller) => {
    if (action.kind !== 'run' || controller !== world.main.name || world.harm.isForgetful()) return null
    const { stack, service } = action.slot
    const ledger = world.ledger.stack(stack)
    if (ledger.proven === null) return null
    const rejection = ledger.rejections.find((entry) => {
      const spec = world.oracle.service(ledger.desired, entry.service)
      return spec !== null && serviceHash(spec) === entry.serviceHash
    })
    if (rejection === undefined || (rejection.scope === 'service' && rejection.service !== service)) return null
    const { specHash } = action.identity
    // Where one service alone was taken back, what is proven is a mixture that no commit has.
    const isProven =
      world.oracle.stack(ledger.proven) === null
        ? world.ledger.isProvenSpec(stack, service, specHash)
        : specHash === world.oracle.hashIn(ledger.proven, service)
    return isProven ? null : `${service} of a rejected stack is made on ${action.server}`
  },
}

export const I06: Invariant = {
  sentence: 'every replica of one spec runs the same image, however tags move',
  changed: (world, event, box) => {
    if (event !== 'create' || box.identity === null || world.harm.isContested() || world.harm.isForgetful()) return null
    const { specHash } = box.identity
    const other = boxesOf(world, placeOf(box)).find(
      (twin) =>
        twin.identity?.specHash === specHash &&
        twin.image.id !== box.image.id &&
        isCounted(world, twin) &&
        world.ledger.isProvenSpec(placeOf(box).stack, placeOf(box).service, specHash),
    )
    return other === undefined ? null : `${nameBox(box)} runs ${box.image.id} and ${nameBox(other)} ${other.image.id}`
  },
}

export const I07: Invariant = {
  sentence: 'for one revision there is one rollout, and one more for each time a person or Git asks',
  fact: (world, fact) => {
    if (fact.kind !== 'rollout-started' || fact.direction !== 'forward') return null
    const ledger = world.ledger.stack(fact.stack)
    if (fact.hash !== ledger.desired || world.harm.isForgetful()) return null
    return ledger.begun >= ledger.allowed ? `${fact.stack} is rolled out for the ${ledger.begun + 1}th time` : null
  },
}

export const I08: Invariant = {
  sentence: 'a slot whose spec is unchanged is never restarted, made anew or moved, whatever else changes',
  acting: (world, what, box) => {
    const wanted = takenFrom(world, what, box)
    if (wanted === null || box.identity === null) return null
    const { specHash, slot, restart } = box.identity
    // Made while a name led to another server: it is where its slot does not belong.
    if (wanted.some(({ spec }) => spec.mode === 'global') && slot.key !== box.server) return null
    if (!wanted.every(({ hash, spec }) => hash === specHash && fitsZone(spec, box.server))) return null
    const isLimited = wanted.every(({ spec }) => formatLimits(spec) === box.limits)
    if (!isLimited || !world.draft.servers.includes(box.server) || world.ledger.drained.has(box.server)) return null
    const asked = world.ledger.restarts.get(`${slot.stack}/${slot.service}`)
    if (asked !== undefined && restart < new Date(asked).toISOString()) return null
    const hasTwin = boxesOf(world, slot).some((other) => other !== box && isSameSlot(placeOf(other), slot))
    return hasTwin ? null : `${nameBox(box)} is up to date and is taken down (${what})`
  },
}

export const I09: Invariant = {
  sentence: 'a service starts only after what it depends on has started',
  performing: (world, _sight, action, controller) => {
    if (action.kind !== 'run' || controller !== world.main.name || world.harm.isForgetful()) return null
    const ledger = world.ledger.stack(action.stack)
    if (ledger.rollout === null || ledger.proven !== null) return null
    const missing = action.spec.dependsOn.find(({ service }) => {
      const spec = world.oracle.service(ledger.desired, service)
      return (
        spec !== null &&
        spec.mode === 'replicated' &&
        spec.replicas > 0 &&
        !boxesOf(world, { stack: action.stack, service }).some(isUp) &&
        !world.harm.wasUp(action.stack, service, VIEW_MS)
      )
    })
    return missing === undefined ? null : `${action.slot.service} is made before ${missing.service} has started`
  },
}
