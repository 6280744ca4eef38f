import { growingPauseMs } from '../model/index.js'
import type { Change, Replica } from '../model/index.js'
import type { Advice, Facts } from './advice.js'
import type { ChangeContext } from './context.js'
import { judged } from './judged.js'
import { HEAL_FORGIVEN_MS } from './fold.js'
import { isProven, isTolerated, isUp } from './progress.js'
import { leaveFirst } from './rotation.js'
import { slotKey } from './state.js'

/** Kubernetes' numbers: 10 s, doubled to 5 min, forgiven after 10 min. The first time does not wait. */
const HEAL_FIRST_MS = 10_000
const HEAL_MOST_MS = 5 * 60_000

/** When a slot may be healed again. */
export function healAtMs(facts: Facts, key: string): number {
  const before = facts.state.heals[key]
  if (before === undefined || facts.nowMs - before.atMs >= HEAL_FORGIVEN_MS) return facts.nowMs
  return before.atMs + growingPauseMs(before.count, HEAL_FIRST_MS, HEAL_MOST_MS)
}

/** Docker restarts what crashes; what it does not restart (killed by hand, unhealthy) is ours, with backoff. */
export function healStep(
  facts: Facts,
  context: ChangeContext,
  change: Extract<Change, { kind: 'restart' }>,
): Partial<Advice> {
  const { replica } = change
  if (isProven(facts, change.slot, replica) || facts.state.rollout === null || change.why === 'paused')
    return heal(facts, context, change)
  const { verdict, advice } = judged(facts, context, change.slot, replica)
  if (verdict !== 'settled' || context.frozen || isTolerated(facts, change.slot)) return advice
  // It failed in an earlier attempt: this one begins with a new container.
  return retire(facts, replica, context.spec.stopGraceMs)
}

/** Whatever runs besides. */
export function heal(
  facts: Facts,
  context: ChangeContext,
  change: Extract<Change, { kind: 'restart' }>,
): Partial<Advice> {
  const { replica } = change
  const atMs = healAtMs(facts, context.key)
  if (facts.nowMs < atMs)
    return {
      wakeAtMs: atMs,
      waiting: [{ service: context.spec.name, slot: change.slot.key, problem: backoff(facts, context, replica, atMs) }],
    }
  const how = change.why === 'exited' ? (facts.runFailures.has(context.key) ? 'recreated' : 'started') : 'restarted'
  const reason = change.why === 'exited' ? `exited with ${replica.exitCode ?? 'an unknown code'}` : change.why
  return {
    facts: [
      {
        kind: 'replica-healed',
        atMs: facts.nowMs,
        stack: context.spec.stack,
        service: context.spec.name,
        slot: change.slot,
        server: replica.server,
        how,
        reason,
      },
    ],
    actions: [healAction(facts, context, replica, how)],
  }
}

function healAction(
  _facts: Facts,
  context: ChangeContext,
  replica: Replica,
  how: 'started' | 'restarted' | 'recreated',
): NonNullable<Advice['actions']>[number] {
  const base = {
    server: replica.server,
    stack: replica.slot.stack,
    slot: replica.slot,
    containerId: replica.containerId,
  }
  switch (how) {
    case 'started':
      return { kind: 'start', ...base }
    case 'restarted':
      return { kind: 'restart', ...base, graceMs: context.spec.stopGraceMs }
    // It could not be started: another container takes its place at the next look.
    case 'recreated':
      return { kind: 'remove', ...base }
  }
}

function backoff(
  facts: Facts,
  context: ChangeContext,
  replica: Replica,
  atMs: number,
): NonNullable<Advice['waiting']>[number]['problem'] {
  return {
    code: replica.state === 'running' ? 'REPLICA_UNHEALTHY' : 'REPLICA_CRASHED',
    server: replica.server,
    stack: context.spec.stack,
    service: context.spec.name,
    message: `restarted ${facts.state.heals[context.key]?.count ?? 0} times and not well yet`,
    next: { kind: 'retry', afterMs: atMs - facts.nowMs },
  }
}

/** Out of the proxies, stop, look, remove: a container is never removed while it runs. */
export function retire(facts: Facts, replica: Replica, graceMs: number): Partial<Advice> {
  if (facts.busySlots.has(slotKey(replica.slot))) return {}
  const base = {
    server: replica.server,
    stack: replica.slot.stack,
    slot: replica.slot,
    containerId: replica.containerId,
  }
  if (replica.state === 'removing') return {}
  if (!isUp(replica)) return { actions: [{ kind: 'remove', ...base }] }
  return leaveFirst(facts, replica) ?? { actions: [{ kind: 'stop', ...base, graceMs }] }
}
