import { specHash } from '../../src/model/index.js'
import type { Action } from '../../src/model/index.js'
import { isOurs, isUp } from './box.js'
import { slotOf } from './invariants.js'
import { hasTrailer } from './safety-guards.js'
import type { Invariant } from './invariants.js'
import { VIEW_MS, boxesOf, isReachable, isSameSlot, placeOf } from './truth.js'
import { FLEET, nameBox } from './world.js'

const TAKES_AWAY: ReadonlySet<Action['kind']> = new Set(['stop', 'remove'])

export const I10: Invariant = {
  sentence:
    'a slot has at most one action under way, and beside it only the taking away of other containers that it has too many',
  performing: (_world, sight, action) => {
    const slot = slotOf(action)
    const others = slot === null ? [] : (sight.underWay.get(slot) ?? [])
    const id = 'containerId' in action ? action.containerId : null
    const clash = others.find(
      (other) => other.containerId === id || !(TAKES_AWAY.has(action.kind) || TAKES_AWAY.has(other.kind)),
    )
    return clash === undefined ? null : `${action.kind} on ${slot} is sent while ${clash.kind} is under way`
  },
}

export const I11: Invariant = {
  sentence: 'what is not ours by labels and name is never touched',
  acting: (_world, what, box) =>
    what !== 'create' && !isOurs(box, FLEET) ? `${nameBox(box)} is foreign and meets a ${what}` : null,
}

export const I13: Invariant = {
  sentence:
    'only what the revision in force does not have is removed for good, and only on servers that were looked at',
  performing: (_world, sight, action) => {
    if (action.kind !== 'stop' && action.kind !== 'remove') return null
    return sight.looks.has(action.server)
      ? null
      : `${slotOf(action)} meets a ${action.kind} on a server never looked at`
  },
}

export const I14: Invariant = {
  sentence: 'a revision that takes away more than the guard allows waits for a person',
  fact: (world, fact) => {
    if (fact.kind !== 'revision-accepted' || world.harm.isShaken()) return null
    // One that stood still judges by what it saw before.
    if ((world.main.process?.runsForMs() ?? 0) < VIEW_MS) return null
    const { accepted, approved } = world.ledger
    if (accepted === null || accepted === fact.revision.sha || approved.has(`${fact.revision.sha} prune`)) return null
    if (hasTrailer(world, { sha: fact.revision.sha, before: accepted }, 'approve', 'prune')) return null
    const before = world.oracle.of(accepted)
    const desired = world.oracle.of(fact.revision.sha)
    if (before === null || desired === null) return null
    const inUse = new Set(
      world.boxes().flatMap((box) => (isOurs(box, FLEET) ? [`${placeOf(box).stack}/${placeOf(box).service}`] : [])),
    )
    const stays = (key: string): boolean =>
      desired.stacks.some(
        (entry) =>
          key.startsWith(`${entry.name}/`) &&
          (entry.kind === 'invalid' || entry.stack.services.some((spec) => `${entry.name}/${spec.name}` === key)),
      )
    const gone = [...inUse].filter((key) => !stays(key))
    const share = gone.length / Math.max(1, inUse.size)
    return share > before.fleet.guards.prune
      ? `${gone.join(' ')} of ${inUse.size} services are taken away unasked`
      : null
  },
}

export const I16: Invariant = {
  sentence: 'what cannot be read changes nothing: every replica is made of a spec that a valid commit has',
  performing: (world, _sight, action) => {
    if (action.kind !== 'run') return null
    const hash = specHash(action.spec)
    const isKnown = [...world.git.commits.keys()].some((sha) =>
      world.oracle
        .of(sha)
        ?.stacks.some(
          (entry) => entry.kind === 'valid' && entry.stack.services.some((spec) => specHash(spec) === hash),
        ),
    )
    return isKnown && hash === action.identity.specHash
      ? null
      : `${slotOf(action)} is made of a spec that no commit has`
  },
}

export const I18: Invariant = {
  sentence: 'what is wanted comes from exactly one commit: the one on a replica has its very spec',
  performing: (world, _sight, action) => {
    if (action.kind !== 'run') return null
    const { revision, specHash: hash, slot } = action.identity
    const entry = world.oracle.of(revision)?.stacks.find(({ name }) => name === slot.stack)
    const isInIt = entry?.kind === 'valid' && entry.stack.services.some((spec) => specHash(spec) === hash)
    return isInIt ? null : `${slotOf(action)} says it is of ${revision.slice(0, 8)}, which does not have its spec`
  },
}

export const I19: Invariant = {
  sentence: 'a history that was rewritten waits for a person',
  fact: (world, fact) => {
    if (fact.kind !== 'revision-accepted') return null
    const { accepted, approved } = world.ledger
    const { sha } = fact.revision
    if (accepted === null || accepted === sha || approved.has(`${sha} history`)) return null
    const isForward = world.git.ancestors(sha).includes(accepted)
    const isBack = world.git.ancestors(accepted).includes(sha)
    return isForward || isBack ? null : `${sha.slice(0, 8)} is accepted and does not contain ${accepted.slice(0, 8)}`
  },
}

export const I20: Invariant = {
  sentence: 'an older commit than the one in force is never accepted by itself, whatever a mirror serves',
  fact: (world, fact) => {
    if (fact.kind !== 'revision-accepted') return null
    const { accepted, approved } = world.ledger
    const { sha } = fact.revision
    if (accepted === null || accepted === sha || approved.has(`${sha} history`)) return null
    return world.git.ancestors(accepted).includes(sha) ? `${sha.slice(0, 8)} is accepted again, unasked` : null
  },
}

export const I22: Invariant = {
  sentence: 'unreachable is not empty: nothing is made elsewhere for a replica on a server that is not lost',
  performing: (world, _sight, action, controller) => {
    if (action.kind !== 'run' || controller !== world.main.name || world.harm.isContested()) return null
    const inSlot = boxesOf(world, action.slot).filter((box) => isSameSlot(placeOf(box), action.slot))
    // Without its journal a controller takes what it finds in a slot for all there is.
    if (world.harm.isForgetful() && inSlot.some((box) => isReachable(world, box.server))) return null
    const stranded = inSlot.find(
      (box) =>
        isUp(box) &&
        box.server !== action.server &&
        world.draft.servers.includes(box.server) &&
        // Where answers were slow already, a look takes longer to fail.
        world.harm.cutForMs(box.server) > VIEW_MS + (world.links.get(box.server)?.latencyMs[1] ?? 0) &&
        !world.ledger.lost.has(box.server),
    )
    return stranded === undefined
      ? null
      : `${slotOf(action)} is made on ${action.server} while ${nameBox(stranded)} may run`
  },
}

export const I24: Invariant = {
  sentence: 'every change names a container by its id, and means the slot that this container has',
  performing: (world, _sight, action) => {
    if (!('containerId' in action)) return null
    const box = world.engines.get(action.server)?.boxes.get(action.containerId)
    if (box === undefined || box.identity === null) return null
    return isSameSlot(placeOf(box), action.slot) ? null : `${slotOf(action)} is meant and ${nameBox(box)} is named`
  },
}

export const I25: Invariant = {
  sentence: 'after a call without an answer the server is looked at before anything more is done to the slot',
  performing: (world, sight, action) => {
    const slot = slotOf(action)
    const unknown = slot === null ? undefined : sight.unknown.get(slot)
    if (unknown === undefined || world.ledger.lost.has(unknown.server)) return null
    const look = sight.looks.get(unknown.server)
    const isSeen = look !== undefined && look.begunAtMs >= unknown.atMs
    return isSeen ? null : `${action.kind} on ${slot} is sent, and nobody has looked what became of the call before`
  },
}

export const I26: Invariant = {
  sentence: 'no change goes to an engine that is not the one last looked at',
  acting: (world, _what, box) => {
    const engine = world.engines.get(box.server)
    const sight = world.watchers.sight(world.main.process)
    if (engine === undefined || sight === null || world.seats.length > 1) return null
    const seen = [...sight.looks].filter(([server]) => (world.links.get(server)?.leadsTo ?? server) === box.server)
    return seen.length === 0 || seen.some(([, look]) => look.engineId === engine.engineId)
      ? null
      : `${nameBox(box)} is changed in an engine that nobody has looked at`
  },
}

/** Looks come every 15 s, and take some themselves. */
const LOOK_AGE_MS = 20_000

export const I39: Invariant = {
  sentence: 'a server that swallows everything delays the looks at no other',
  observing: (world, { process, begun }) => {
    // After a disturbance a look may still wait for its deadline.
    if (world.harm.isShaken() || process.runsForMs() < VIEW_MS * 3) return null
    const nowMs = world.clock.nowMs()
    const late = [...begun].find(([server, atMs]) => nowMs - atMs > LOOK_AGE_MS && isReachable(world, server))
    return late === undefined ? null : `${late[0]} was not looked at for ${Math.round((nowMs - late[1]) / 1_000)} s`
  },
}

export const I31: Invariant = {
  sentence: 'no change without an intent on the disk',
  performing: (world, _sight, action, controller) => {
    const seat = world.seats.find(({ name }) => name === controller)
    if (seat === undefined) return null
    // Taken away with its call: a second call for the same intent has none (I-33).
    return seat.openIntents.delete(JSON.stringify(action)) ? null : `${action.kind} is sent without an intent`
  },
}

/** What manifests give a rollout without progress, and fleets a server that is away. */
const DEADLINES_MS = { progress: 240_000, lost: 300_000 }

export const G07: Invariant = {
  sentence: 'no deadline of a rollout or of a server passes while the controller stands still or does not run',
  fact: (world, fact) => {
    const awakeForMs = world.main.process?.awakeForMs() ?? 0
    const isLate = fact.kind === 'rollout-failed' && fact.problem.code === 'PROGRESS_DEADLINE'
    if (isLate && awakeForMs < DEADLINES_MS.progress)
      return `${fact.stack} has no time left, and the controller was away until ${awakeForMs} ms ago`
    return fact.kind === 'server-lost' && awakeForMs < DEADLINES_MS.lost
      ? `${fact.server} is lost, and the controller was away until ${awakeForMs} ms ago`
      : null
  },
}

export const I34: Invariant = {
  sentence: 'what is done is in the plan that is shown',
  performing: (world, _sight, action, controller) => {
    const seat = world.seats.find(({ name }) => name === controller)
    if (!('slot' in action) || seat?.controller === undefined || seat.controller === null) return null
    const plan = seat.controller.plans().find(({ stack }) => stack === action.stack)
    const isShown = plan?.changes.some((change) => isSameSlot(change.slot, action.slot))
    return isShown === true ? null : `${action.kind} on ${slotOf(action)} is in no plan`
  },
}
