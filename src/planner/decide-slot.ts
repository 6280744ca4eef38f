import { ailmentOf } from '../model/index.js'
import type { Ailment, Cause, Change, Replica, Slot } from '../model/index.js'
import { awayVerdict, blocked, goneCauses, mayBeAnywhere } from './away.js'
import { evictionCause, sentence } from './context.js'
import type { Draft, ServiceContext } from './context.js'
import { byNewest, byOldest, byPlace } from './fitness.js'
import { canUpdateInPlace, limitCauses } from './limits.js'
import { orderFor } from './order.js'
import { specCauses, unknownSpecCause } from './spec-causes.js'
import type { HeldReplica } from './usage.js'

/** The replicas of one slot, on servers that were listed and on those that may still hold them. */
export interface SlotReplicas {
  readonly listed: readonly Replica[]
  readonly held: readonly HeldReplica[]
}

/** Whether a replica is what its slot wants, and where. Called for every replica of every tick: no allocation here. */
export function isCurrent(context: ServiceContext, replica: Replica): boolean {
  return (
    replica.specHash === context.hash &&
    replica.restart >= context.restart &&
    replica.state !== 'created' &&
    replica.state !== 'dead' &&
    replica.state !== 'removing' &&
    evictionCause(context, replica.server) === null &&
    (limitsOf(context, replica) === context.limits || canUpdateInPlace(limitsOf(context, replica), context.limits))
  )
}

/** What a slot with exactly one replica, a current one, needs. */
export function settle(context: ServiceContext, replica: Replica): Change {
  const { spec } = context
  const { slot, server } = replica
  const why = ailmentOf(context.spec.restart, replica)
  if (why !== null) return { kind: 'restart', slot, server, spec, replica, why, causes: [ailmentCause(replica, why)] }
  const limits = limitsOf(context, replica)
  if (limits === context.limits) return { kind: 'unchanged', slot, server, spec, replica }
  return { kind: 'update-in-place', slot, server, spec, replica, causes: limitCauses(limits, spec.limits) }
}

/** What any other slot of a replicated or global service needs. */
export function decideSlot(context: ServiceContext, slot: Slot, { listed, held }: SlotReplicas): Draft {
  const current = listed.filter((replica) => isCurrent(context, replica)).sort(byNewest)
  const useless = listed.filter((replica) => replica.state === 'created' || replica.state === 'dead').sort(byPlace)
  const outdated = listed
    .filter((replica) => !useless.includes(replica) && !current.includes(replica) && replica.state !== 'removing')
    .sort(byOldest)
  const swept = useless.map((replica) => surplus(context, replica, uselessCause(replica)))
  const best = current[0]
  if (best !== undefined)
    return { changes: [...settleAmong(context, best, current.slice(1), outdated), ...swept], pending: null }
  const verdict = awayVerdict(context, slot, held)
  if (verdict.kind === 'wait') return waiting(context, slot, verdict.problem, listed)
  const from = outdated[0]
  if (from !== undefined) return replaceSlot(context, slot, from, outdated.slice(1), swept)
  return createSlot(context, slot, listed, useless, swept, goneCauses(verdict))
}

/** The engine's limits of a replica: those it was made with, or was given since. */
function limitsOf({ input }: ServiceContext, replica: Replica): string {
  return input.limitsInPlace.get(replica.containerId) ?? replica.limits
}

function ailmentCause(replica: Replica, why: Ailment): Cause {
  if (why === 'exited') return sentence(replica.exitCode === null ? 'exited' : `exited with ${replica.exitCode}`)
  return sentence(why === 'paused' ? 'paused by hand' : 'unhealthy, says its healthcheck')
}

function settleAmong(
  context: ServiceContext,
  best: Replica,
  doubles: readonly Replica[],
  outdated: readonly Replica[],
): readonly Change[] {
  const duplicates = [...doubles].sort(byPlace).map((replica) => surplus(context, replica, sentence('duplicate')))
  const [from, ...others] = outdated
  if (from === undefined) return [settle(context, best), ...duplicates]
  const { order, reason } = orderFor(context.spec, from.server === best.server, context.input.isGoingBack)
  const replace: Change = {
    kind: 'replace',
    slot: best.slot,
    server: best.server,
    spec: context.spec,
    from,
    successor: best,
    order,
    orderReason: reason,
    requested: isRequested(context, from),
    causes: outdatedCauses(context, from),
  }
  return [replace, ...duplicates, ...others.map((replica) => surplus(context, replica, sentence('outdated duplicate')))]
}

function surplus({ spec }: ServiceContext, replica: Replica, cause: Cause): Change {
  const { slot, server } = replica
  return {
    kind: 'remove',
    slot: { stack: spec.stack, service: spec.name, key: slot.key },
    server,
    replica,
    why: 'surplus',
    causes: [cause],
  }
}

function uselessCause(replica: Replica): Cause {
  return sentence(replica.state === 'dead' ? 'dead: the engine could not remove it' : 'created but never started')
}

/** Nothing of the slot is touched; what it would change is said. */
function waiting(
  context: ServiceContext,
  slot: Slot,
  problem: Parameters<typeof blocked>[2],
  listed: readonly Replica[],
): Draft {
  const outdated = [...listed].sort(byOldest)[0]
  return {
    changes: [blocked(context, slot, problem, outdated === undefined ? [] : outdatedCauses(context, outdated))],
    pending: null,
  }
}

function replaceSlot(
  context: ServiceContext,
  slot: Slot,
  from: Replica,
  others: readonly Replica[],
  swept: readonly Change[],
): Draft {
  const changes = [...others.map((replica) => surplus(context, replica, sentence('outdated duplicate'))), ...swept]
  const causes = outdatedCauses(context, from)
  const only = context.spec.mode === 'global' ? slot.key : null
  return {
    changes,
    pending: { context, slot, from, requested: isRequested(context, from), stay: from.server, only, causes },
  }
}

function createSlot(
  context: ServiceContext,
  slot: Slot,
  listed: readonly Replica[],
  useless: readonly Replica[],
  swept: readonly Change[],
  gone: readonly Cause[],
): Draft {
  const only = context.spec.mode === 'global' ? slot.key : null
  const leaving = listed.find((replica) => replica.state === 'removing' && replica.specHash === context.hash)
  if (leaving !== undefined)
    return { changes: [blocked(context, slot, beingRemoved(leaving), []), ...swept], pending: null }
  // A global slot can only have been on its own server.
  if (listed.length === 0 && only === null && context.survey.neverListed.length > 0 && gone.length === 0) {
    return { changes: [blocked(context, slot, mayBeAnywhere(context, slot), [])], pending: null }
  }
  const [first] = useless
  const causes = first !== undefined ? [uselessCause(first)] : gone
  return {
    changes: swept,
    pending: { context, slot, from: null, requested: false, stay: first?.server ?? null, only, causes },
  }
}

/** Its name is the new replica's name: the engine would refuse it. */
function beingRemoved({ server, slot, containerName }: Replica): Parameters<typeof blocked>[2] {
  return {
    code: 'NAME_TAKEN',
    server,
    stack: slot.stack,
    service: slot.service,
    message: `${containerName} is just being removed on ${server}`,
    next: { kind: 'wait', until: 'the engine has removed it' },
  }
}

/** Only the restart is wanted: the spec is the same. */
function isRequested(context: ServiceContext, replica: Replica): boolean {
  return replica.specHash === context.hash && replica.restart < context.restart
}

/** Everything that makes a replica outdated. */
function outdatedCauses(context: ServiceContext, replica: Replica): readonly Cause[] {
  const { input, spec, hash } = context
  const eviction = evictionCause(context, replica.server)
  const old = replica.specHash === hash ? null : input.specOf(replica.specHash)
  const limits = limitsOf(context, replica)
  return [
    ...(eviction === null ? [] : [eviction]),
    ...(old === null ? [] : old === undefined ? [unknownSpecCause(replica.specHash, hash)] : specCauses(old, spec)),
    ...(old === null && limits !== context.limits ? limitCauses(limits, spec.limits) : []),
    ...(replica.restart < context.restart ? [restartCause(context, replica)] : []),
  ]
}

function restartCause({ spec, restart }: ServiceContext, replica: Replica): Cause {
  if (spec.restartAt !== restart) return sentence(`restart requested at ${restart}`)
  return { field: 'x-slipway.restart_at', from: replica.restart === '' ? null : replica.restart, to: restart }
}
