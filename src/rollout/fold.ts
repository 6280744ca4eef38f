import { assertNever } from '../model/index.js'
import type { RolloutFact } from './facts.js'
import { givenUp, noteBeside, stepBegun, stepReached } from './fold-stages.js'
import { slotKey, specKey } from './state.js'
import type { Rejection, Rollout, StackState } from './state.js'

/** How many rejections, and how many specs of one service, are remembered. */
const REJECTIONS_KEPT = 20
const SPECS_KEPT = 12
/** Healing is forgiven after this long without any. */
export const HEAL_FORGIVEN_MS = 10 * 60_000

/** State after one more fact. Facts are the only way that state changes. */
export function foldRollout(state: StackState, fact: RolloutFact): StackState {
  switch (fact.kind) {
    case 'rollout-started':
      return { ...state, attempted: fact.revision, recovering: false, rollout: startedRollout(fact) }
    case 'rollout-blocked':
      return onRollout(state, {
        blocked: { problems: fact.problems, retryAtMs: fact.retryAtMs, attempt: fact.attempt },
      })
    case 'rollout-prepared':
      return onRollout(state, { phase: 'updating', blocked: null, highWaterAtMs: fact.atMs })
    case 'image-pinned':
      return {
        ...state,
        pins: keepNewest(
          state.pins,
          specKey(fact.service, fact.specHash),
          { image: fact.image, digest: fact.digest, ids: fact.ids },
          fact.service,
        ),
      }
    case 'slot-proven':
      return slotProven(state, fact)
    case 'replica-failed':
      return replicaFailed(state, fact)
    case 'job-finished':
      return fact.exitCode === 0 ? jobDone(state, fact) : state
    case 'rollout-completed':
      return completed(state, fact)
    case 'rollout-failed':
      return rolloutFailed(state, fact)
    case 'step-begun':
      return stepBegun(state, fact)
    case 'step-reached':
      return stepReached(state, fact)
    case 'rollout-superseded':
      return {
        ...state,
        ...givenUp(state),
        rollout: null,
        recovering: true,
        ended: {
          atMs: fact.atMs,
          outcome: 'superseded',
          direction: state.rollout?.direction ?? 'forward',
          revision: fact.revision,
        },
      }
    case 'rollout-delayed':
      return onRollout(state, { highWaterAtMs: fact.atMs })
    case 'stack-adopted':
      return adopted(state, fact)
    case 'stack-removed':
      return { ...state, proven: null, rollout: null, recovering: false, desired: null }
    case 'replica-healed':
      return healed(state, fact)
    case 'limits-updated':
      return { ...state, limits: bounded({ ...state.limits, [fact.containerId]: fact.limits }, 20_000) }
    default:
      return assertNever(fact)
  }
}

function startedRollout(fact: Extract<RolloutFact, { kind: 'rollout-started' }>): Rollout {
  return {
    revision: fact.revision,
    hash: fact.hash,
    direction: fact.direction,
    fast: fact.fast,
    startedAtMs: fact.atMs,
    slots: fact.slots,
    services: fact.services,
    from: fact.from,
    phase: 'preparing',
    blocked: null,
    proven: {},
    highWaterAtMs: fact.atMs,
    failed: {},
  }
}

function onRollout(state: StackState, patch: Partial<Rollout>): StackState {
  return state.rollout === null ? state : { ...state, rollout: { ...state.rollout, ...patch } }
}

function slotProven(state: StackState, fact: Extract<RolloutFact, { kind: 'slot-proven' }>): StackState {
  const key = slotKey(fact.slot)
  const next = { ...noteBeside(state, fact), provenReplicas: { ...state.provenReplicas, [key]: fact.containerId } }
  if (state.rollout === null || state.rollout.proven[key] !== undefined) return next
  return onRollout(next, { proven: { ...state.rollout.proven, [key]: fact.atMs }, highWaterAtMs: fact.atMs })
}

function replicaFailed(state: StackState, fact: Extract<RolloutFact, { kind: 'replica-failed' }>): StackState {
  const next = {
    ...state,
    failures: { ...state.failures, [fact.service]: fact },
    failedReplicas: { ...state.failedReplicas, [slotKey(fact.slot)]: fact.containerId },
  }
  if (state.rollout === null) return countHeal(next, slotKey(fact.slot), fact.atMs)
  return onRollout(next, { failed: { ...state.rollout.failed, [slotKey(fact.slot)]: fact.atMs } })
}

function jobDone(state: StackState, fact: Extract<RolloutFact, { kind: 'job-finished' }>): StackState {
  const key = specKey(fact.service, fact.specHash)
  const others = state.jobsDone.filter((done) => done !== key)
  return onRollout({ ...state, jobsDone: [...others, key].slice(-200) }, { highWaterAtMs: fact.atMs })
}

function completed(
  { takenBack: _over, ...state }: StackState,
  fact: Extract<RolloutFact, { kind: 'rollout-completed' }>,
): StackState {
  return {
    ...state,
    proven: { hash: fact.hash, revision: fact.revision },
    provenSpecs: fact.specs.reduce(
      (specs, entry) =>
        specs[specKey(entry.service, entry.specHash)] === undefined
          ? keepNewest(specs, specKey(entry.service, entry.specHash), entry.revision, entry.service)
          : specs,
      state.provenSpecs,
    ),
    provenReplicas: onlyServices(state.provenReplicas, fact.specs),
    failedReplicas: onlyServices(state.failedReplicas, fact.specs),
    heals: onlyServices(state.heals, fact.specs),
    failures: fact.direction === 'back' ? state.failures : {},
    // What Git wants now runs: what failed before it is history, and may come again.
    rejected: fact.hash === state.desired?.hash ? [] : state.rejected,
    restarts: { ...onlyServices(state.restarts, fact.specs), ...fact.restarts },
    rollout: null,
    recovering: false,
    ended: { atMs: fact.atMs, outcome: 'completed', direction: fact.direction, revision: fact.revision },
  }
}

function onlyServices<T>(
  entries: Readonly<Record<string, T>>,
  specs: readonly { readonly service: string }[],
): Readonly<Record<string, T>> {
  const services = new Set(specs.map((entry) => entry.service))
  return Object.fromEntries(Object.entries(entries).filter(([key]) => services.has(key.slice(0, key.lastIndexOf('#')))))
}

function rolloutFailed(state: StackState, fact: Extract<RolloutFact, { kind: 'rollout-failed' }>): StackState {
  const rejection: Rejection = {
    atMs: fact.atMs,
    hash: fact.hash,
    revision: fact.revision,
    service: fact.service,
    serviceHash: fact.serviceHash,
    scope: fact.scope,
    problem: fact.problem,
  }
  const ended = {
    atMs: fact.atMs,
    outcome: 'failed',
    direction: state.rollout?.direction ?? 'forward',
    revision: fact.revision,
  } as const
  // A failed rollback rejects nothing: what it went back to is proven, it is the fleet that a person must look at.
  const rejected =
    fact.then === 'rollback' || (fact.then === 'stop' && ended.direction === 'forward')
      ? [...state.rejected, rejection].slice(-REJECTIONS_KEPT)
      : state.rejected
  if (fact.then === 'rollback')
    return {
      ...state,
      ...givenUp(state, fact.scope === 'service' ? fact.service : null),
      rejected,
      rollout: null,
      recovering: true,
      ended,
    }
  return onRollout({ ...state, rejected, ended }, { phase: fact.then === 'pause' ? 'paused' : 'stopped' })
}

function adopted(state: StackState, fact: Extract<RolloutFact, { kind: 'stack-adopted' }>): StackState {
  const pins = fact.pins.reduce<StackState['pins']>((known, entry) => {
    const key = specKey(entry.service, entry.specHash)
    const before = known[key]
    return {
      ...known,
      [key]: {
        image: entry.image,
        digest: before?.digest ?? entry.pin.digest,
        ids: { ...before?.ids, [entry.server]: entry.pin.id },
      },
    }
  }, state.pins)
  const completedState = completed(
    { ...state, pins },
    { ...fact, kind: 'rollout-completed', direction: 'forward', failedSlots: 0, restarts: {} },
  )
  return {
    ...completedState,
    attempted: fact.revision,
    provenReplicas: { ...completedState.provenReplicas, ...fact.replicas },
    ended: { atMs: fact.atMs, outcome: 'adopted', direction: 'forward', revision: fact.revision },
  }
}

function healed(state: StackState, fact: Extract<RolloutFact, { kind: 'replica-healed' }>): StackState {
  return countHeal(state, slotKey(fact.slot), fact.atMs)
}

function countHeal(state: StackState, key: string, atMs: number): StackState {
  const before = state.heals[key]
  const count = before !== undefined && atMs - before.atMs < HEAL_FORGIVEN_MS ? before.count + 1 : 1
  return { ...state, heals: { ...state.heals, [key]: { count, atMs } } }
}

/** Adds an entry and drops the oldest of the same service beyond the bound. Insertion order is age. */
function keepNewest<T>(
  entries: Readonly<Record<string, T>>,
  key: string,
  value: T,
  service: string,
): Readonly<Record<string, T>> {
  const { [key]: _replaced, ...rest } = entries
  const next: Record<string, T> = { ...rest, [key]: value }
  const same = Object.keys(next).filter((other) => other.startsWith(`${service}:`))
  const dropped = new Set(same.slice(0, Math.max(0, same.length - SPECS_KEPT)))
  return dropped.size === 0 ? next : Object.fromEntries(Object.entries(next).filter(([other]) => !dropped.has(other)))
}

function bounded<T>(entries: Readonly<Record<string, T>>, limit: number): Readonly<Record<string, T>> {
  const all = Object.entries(entries)
  return all.length <= limit ? entries : Object.fromEntries(all.slice(all.length - limit))
}
