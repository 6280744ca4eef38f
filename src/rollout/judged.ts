import { specHash } from '../model/index.js'
import type { Problem, Replica, Slot } from '../model/index.js'
import { askOf } from './advice.js'
import type { Advice, Facts } from './advice.js'
import type { ChangeContext } from './context.js'
import { healthyDeadlineMs, judge, newTrack, trackLook } from './health.js'
import type { HealthTrack, Verdict } from './health.js'
import { isProven, isProvenSpec, isTolerated } from './progress.js'
import { slotKey } from './state.js'

export interface Judgement {
  readonly verdict: Verdict['kind'] | 'settled'
  readonly advice: Partial<Advice>
}

/**
 * One new replica: wait, ask, call it proven, or call it failed, with evidence gathered before anything is taken away. `settled` means that its
 * failure has been recorded and somebody else decides.
 */
export function judged(facts: Facts, context: ChangeContext, slot: Slot, replica: Replica): Judgement {
  if (isTolerated(facts, slot) || facts.state.failedReplicas[slotKey(slot)] === replica.containerId)
    return { verdict: 'settled', advice: {} }
  return judgedNow(facts, context, slot, replica)
}

/** Whatever it was judged before: it may have recovered, or been started anew. Null: it fails again. */
export function judgedAnew(facts: Facts, context: ChangeContext, slot: Slot, replica: Replica): Partial<Advice> | null {
  const { verdict, advice } = judgedNow(facts, context, slot, replica)
  return verdict === 'failed' ? null : advice
}

function judgedNow(facts: Facts, context: ChangeContext, slot: Slot, replica: Replica): Judgement {
  const { spec } = context
  const track =
    facts.tracks.get(replica.containerId) ??
    trackLook(
      newTrack(replica.containerId, facts.nowMs, isProven(facts, slot, replica)),
      replica,
      spec.probe !== null,
      facts.nowMs,
    )
  const policy = {
    monitorMs: isFast(facts, context) ? 0 : context.policy.monitorMs,
    deadlineMs: isKeptBeside(facts, context, slot, replica) ? Infinity : healthyDeadlineMs(spec),
  }
  const verdict = judge(track, replica, spec, policy, facts.nowMs)
  switch (verdict.kind) {
    case 'proven':
      return {
        verdict: 'proven',
        advice: {
          facts: [
            {
              kind: 'slot-proven',
              atMs: facts.nowMs,
              slot,
              stack: spec.stack,
              service: spec.name,
              specHash: specHash(spec),
              server: replica.server,
              containerId: replica.containerId,
            },
          ],
          again: true,
        },
      }
    case 'failed':
      return { verdict: 'failed', advice: failed(facts, context, slot, replica, verdict.problem) }
    case 'waiting': {
      const due = verdict.then !== 'wait' && verdict.untilMs <= facts.nowMs
      return {
        verdict: 'waiting',
        advice: {
          watched: [replica],
          asks: due && verdict.then === 'ask' ? [askOf(replica, spec)] : [],
          looks: due && verdict.then === 'look' ? [replica.server] : [],
          wakeAtMs: due ? null : Math.max(verdict.untilMs, facts.nowMs + 1),
          waiting: [
            { service: spec.name, slot: slot.key, problem: startingUp(context, replica, track, policy.monitorMs) },
          ],
        },
      }
    }
  }
}

/** Proven, and still beside the old one. */
function isKeptBeside(facts: Facts, { stage }: ChangeContext, slot: Slot, replica: Replica): boolean {
  return stage !== null && !stage.isOver && isProven(facts, slot, replica)
}

/**
 * What was proven before is not watched again beyond its health: a revert, a rollback, one more replica of the same. Not everything in a rollback is:
 * where only one service is taken back, the others go on to specs that nobody has seen yet.
 */
function isFast(facts: Facts, context: ChangeContext): boolean {
  return facts.state.rollout?.fast === true || isProvenSpec(facts, context.spec)
}

function failed(facts: Facts, context: ChangeContext, slot: Slot, replica: Replica, problem: Problem): Partial<Advice> {
  const { spec } = context
  const evidence = facts.evidence.get(replica.containerId)
  if (evidence === undefined)
    return { watched: [replica], diagnoses: [{ server: replica.server, slot, containerId: replica.containerId }] }
  const base = {
    atMs: facts.nowMs,
    stack: spec.stack,
    service: spec.name,
    slot,
    server: replica.server,
    containerId: replica.containerId,
    specHash: specHash(spec),
  }
  return { facts: [{ kind: 'replica-failed', ...base, problem, evidence }], again: true }
}

/** A replica that answers is only watched; one that does not says why, in one line. */
function startingUp({ spec }: ChangeContext, replica: Replica, track: HealthTrack, monitorMs: number): Problem {
  const about = { code: 'REPLICA_UNHEALTHY', server: replica.server, stack: spec.stack, service: spec.name } as const
  if (track.readySinceMs !== null) {
    const until = `it has been healthy for ${Math.ceil(monitorMs / 1_000)} s`
    return { ...about, message: 'a new replica is healthy and watched', next: { kind: 'wait', until } }
  }
  const said = track.output.replace(/\s+/g, ' ').trim().slice(0, 200)
  const message = said === '' ? 'a new replica is not healthy yet' : `a new replica is not healthy yet: ${said}`
  return { ...about, message, next: { kind: 'wait', until: 'it is healthy' } }
}
