import type { Action, Change, Replica, ServiceSpec, Slot } from '../model/index.js'
import { NOTHING, combine } from './advice.js'
import type { Advice, Facts } from './advice.js'
import { createStep, replaceStep, unchangedStep } from './change-steps.js'
import type { ServiceContext } from './context.js'
import { healStep, retire } from './heal.js'
import { progressDeadlineAtMs } from './lifecycle.js'
import { dependencyOrder, unmetDependency } from './order.js'
import {
  byService,
  isDone,
  isHealthy,
  isProven,
  isServerLost,
  isTolerated,
  isUp,
  measureProgress,
  servingReplica,
} from './progress.js'
import { leavingSlots } from './rotation.js'
import { stageWaits } from './stage-views.js'
import { stageOf } from './strategy.js'
import { slotKey } from './state.js'

/** What may happen now: the rollout's changes in their order, healing always, removals last. */
export function step(facts: Facts): Advice {
  const phase = facts.state.rollout?.phase
  const frozen = phase === 'paused' || phase === 'stopped'
  const progress = measureProgress(facts)
  const changes = byService(facts.plan.changes)
  const pieces = dependencyOrder(facts.target.stack).map((spec) => {
    const own = changes.get(spec.name) ?? []
    return stepService(facts, serviceContext(facts, spec, own, frozen, unmetDependency(spec, progress)), own)
  })
  const removals = frozen ? [] : unwantedRemovals(facts)
  const advice = combine([...pieces, ...removals, ...stageWaits(facts), { wakeAtMs: progressDeadlineAtMs(facts) }])
  return { ...advice, actions: eachOnce(advice.actions) }
}

/** Slots that need the same image or network ask for it once: some engines, asked twice at once, make two networks of one name. */
function eachOnce(actions: readonly Action[]): readonly Action[] {
  return [...new Map(actions.map((action) => [JSON.stringify(action), action])).values()]
}

function serviceContext(
  facts: Facts,
  spec: ServiceSpec,
  changes: readonly Change[],
  frozen: boolean,
  unmet: ServiceContext['unmet'],
): ServiceContext {
  const back = facts.state.rollout?.direction === 'back'
  const policy = back ? spec.rollback : spec.update
  const wanted = changes.filter((change) => change.kind !== 'remove')
  const doubled = doubledAway(facts, spec)
  const tolerableDown = policy.parallelism === 0 ? Infinity : policy.parallelism
  const leaving = leavingSlots(facts, wanted, tolerableDown)
  // A slot that still has to lose one of its replicas counts too, or a commit that pre-empts another would add one on top.
  const inFlight = new Set(
    changes
      .filter(
        (change) =>
          isSurplus(facts, change) ||
          (change.kind === 'replace' && isInFlight(facts, change, leaving)) ||
          (change.kind === 'blocked' && isBegun(facts, change)) ||
          // What a plan that was given up has begun.
          (change.kind === 'unchanged' && facts.busySlots.has(slotKey(change.slot))) ||
          doubled.has(change.slot.key),
      )
      .map((change) => change.slot.key),
  ).size
  return {
    spec,
    policy,
    frozen,
    unmet,
    stage: stageOf(facts, spec, changes),
    budget: tolerableDown - inFlight,
    tolerableDown,
    down: wanted.filter((change) => servingReplica(facts, change) === null || leaving.has(change.slot.key)).length,
    leaving,
    lastProvenAtMs: Math.max(
      0,
      ...Object.entries(facts.state.rollout?.proven ?? {})
        .filter(([key]) => key.startsWith(`${spec.name}#`))
        .map(([, atMs]) => atMs),
    ),
  }
}

/** One replica too many in its slot: replaced, doubled or superseded; also in a slot that is to go, where one of two may stay until the end. */
function isSurplus(facts: Facts, change: Change): boolean {
  if (change.kind !== 'remove' || !isUp(change.replica)) return false
  if (change.why === 'surplus') return true
  const twins = facts.plan.changes.filter(
    (other) =>
      other.kind === 'remove' && other.why === 'unwanted' && isUp(other.replica) && isSameSlot(other.slot, change.slot),
  )
  if (isHeldElsewhere(facts, change)) return true
  const stays = twins.find((twin) => twin.kind === 'remove' && isProven(facts, twin.slot, twin.replica)) ?? twins[0]
  return stays !== undefined && stays !== change
}

/** Another one serves in its slot, where it belongs: what was made while a name led to another server. */
function isHeldElsewhere(facts: Facts, { slot }: Change): boolean {
  return facts.plan.changes.some(
    (other) => other.kind !== 'remove' && isSameSlot(other.slot, slot) && servingReplica(facts, other) !== null,
  )
}

function isSameSlot(a: Slot, b: Slot): boolean {
  return a.key === b.key && a.service === b.service
}

/** A slot is in flight from the first thing done to it until its new replica is proven and the old one has stopped. */
function isInFlight(facts: Facts, change: Extract<Change, { kind: 'replace' }>, leaving: ReadonlySet<string>): boolean {
  // One of two makes way after a failure, and is there until it has stopped.
  if (isTolerated(facts, change.slot)) return change.successor !== null && isUp(change.successor) && isUp(change.from)
  const isBusy = facts.busySlots.has(slotKey(change.slot))
  if (change.successor === null)
    return (
      isBusy ||
      leaving.has(change.slot.key) ||
      (change.order === 'stop-first' && !isUp(change.from) && isProven(facts, change.slot, change.from))
    )
  return !isProven(facts, change.slot, change.successor) || isUp(change.from)
}

/** What was begun is not over because the plan has no place for the slot any more. Once its server is lost nobody waits for it. */
function isBegun(facts: Facts, change: Extract<Change, { kind: 'blocked' }>): boolean {
  const isLost = change.problem.code === 'SERVER_UNREACHABLE' && isServerLost(facts, change)
  return !isLost && facts.busySlots.has(slotKey(change.slot))
}

/** Slots of which two replicas may be up, one of them at least on a server where nobody can look just now and that is not lost yet. */
function doubledAway(facts: Facts, { stack, name }: ServiceSpec): ReadonlySet<string> {
  const isOwn = (replica: Replica): boolean =>
    replica.slot.stack === stack && replica.slot.service === name && isUp(replica)
  const views = [...facts.observation.values()]
  const away = views.flatMap((view) =>
    view.kind === 'unreachable' && view.phase !== 'lost' ? view.mayHold.filter(isOwn) : [],
  )
  if (away.length === 0) return new Set()
  const seen = views.flatMap((view) => (view.kind === 'listed' ? view.listing.replicas.filter(isOwn) : []))
  const all = [...away, ...seen].map(({ slot }) => slot.key)
  const isDoubled = (key: string): boolean => all.indexOf(key) !== all.lastIndexOf(key)
  return new Set(away.map(({ slot }) => slot.key).filter(isDoubled))
}

function stepService(facts: Facts, context: ServiceContext, changes: readonly Change[]): Advice {
  if (facts.suspended.has(context.spec.name)) return NOTHING
  const blockedSlots = new Set(
    changes.flatMap((change) => (change.kind === 'remove' && change.why === 'surplus' ? [slotKey(change.slot)] : [])),
  )
  const pieces: Partial<Advice>[] = []
  let { budget, down } = context
  for (const change of inTurn(facts, changes)) {
    const piece = stepChange(facts, { ...context, budget, down }, change, blockedSlots)
    pieces.push(piece)
    if (startsReplacing(context, change, piece)) {
      budget -= 1
      if (change.kind === 'replace' && isHealthy(change.from) && piece.actions?.[0]?.kind !== 'run') down += 1
    }
  }
  return combine(pieces)
}

/** Slots whose old replica does not serve anyway come first: nothing is lost by replacing them. */
function inTurn(facts: Facts, changes: readonly Change[]): readonly Change[] {
  const broken = (change: Change): boolean => change.kind === 'replace' && servingReplica(facts, change) === null
  return [...changes.filter(broken), ...changes.filter((change) => !broken(change))]
}

function startsReplacing({ leaving }: ServiceContext, change: Change, piece: Partial<Advice>): boolean {
  if (change.kind !== 'replace' || change.successor !== null || leaving.has(change.slot.key)) return false
  const begins = (piece.actions ?? []).some((action) => action.kind === 'run' || action.kind === 'stop')
  return begins || (piece.drains ?? []).length > 0
}

function stepChange(
  facts: Facts,
  context: ServiceContext,
  change: Change,
  blockedSlots: ReadonlySet<string>,
): Partial<Advice> {
  const key = slotKey(change.slot)
  if (facts.busySlots.has(key)) return watchOnly(facts, change)
  if (change.kind === 'blocked')
    return { waiting: [{ service: context.spec.name, slot: change.slot.key, problem: change.problem }] }
  if (change.kind === 'remove' && change.why === 'surplus' && isOnlyOneProven(facts, change)) return {}
  if (change.kind === 'remove')
    return (change.why === 'surplus' || isSurplus(facts, change)) && !context.frozen
      ? retire(facts, change.replica, context.spec.stopGraceMs)
      : {}
  const here = { ...context, key, occupied: blockedSlots.has(key) }
  switch (change.kind) {
    case 'create':
      return createStep(facts, here, change)
    case 'replace':
      return replaceStep(facts, here, change)
    case 'unchanged':
      return unchangedStep(facts, here, change)
    case 'restart':
      return healStep(facts, here, change)
    case 'update-in-place':
      return context.frozen
        ? {}
        : {
            actions: [
              {
                kind: 'update',
                server: change.server,
                stack: context.spec.stack,
                slot: change.slot,
                containerId: change.replica.containerId,
                limits: change.spec.limits,
              },
            ],
          }
  }
}

/** It serves, and the twin that stays in its slot is not proven yet: both were made for the same, one by a rollout that was given up. */
function isOnlyOneProven(facts: Facts, change: Extract<Change, { kind: 'remove' }>): boolean {
  const stays = facts.plan.changes.find((other) => other.kind === 'unchanged' && isSameSlot(other.slot, change.slot))
  return isHealthy(change.replica) && stays?.kind === 'unchanged' && !isProven(facts, stays.slot, stays.replica)
}

/** A successor is watched until the old one is gone: should that not be stopped after all, it must be known whether the new one still serves. */
function watchOnly(facts: Facts, change: Change): Partial<Advice> {
  if (change.kind === 'replace') return change.successor === null ? {} : { watched: [change.successor] }
  const isNew = change.kind === 'unchanged' && !isProven(facts, change.slot, change.replica)
  return isNew ? { watched: [change.replica] } : {}
}

/** Removal comes last: when everything that stays is proven. Both for services that are gone and for slots beyond the count. */
function unwantedRemovals(facts: Facts): readonly Partial<Advice>[] {
  const unwanted = facts.plan.changes.filter((change) => change.kind === 'remove' && change.why === 'unwanted')
  if (unwanted.length === 0) return []
  const isLast = facts.plan.changes.every((change) => change.kind === 'remove' || isDone(facts, change))
  const staying = new Set(facts.target.stack.services.map((spec) => spec.name))
  return unwanted.map((change) => {
    if (change.kind !== 'remove' || facts.busySlots.has(slotKey(change.slot))) return {}
    // One too many of a service that stays has been seen to with its service.
    const isExtra = isSurplus(facts, change)
    if (staying.has(change.slot.service) ? isExtra || !isLast : !isExtra && !isLast) return {}
    const spec =
      facts.proven?.services.find((known) => known.name === change.slot.service) ??
      facts.target.stack.services.find((known) => known.name === change.slot.service)
    return retire(facts, change.replica, spec?.stopGraceMs ?? 10_000)
  })
}
