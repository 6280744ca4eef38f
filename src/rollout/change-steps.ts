import { growingPauseMs, specHash } from '../model/index.js'
import type { Change, Problem, Replica, ServiceSpec, Slot } from '../model/index.js'
import { revisionOf } from './advice.js'
import type { Advice, Facts, RunFailure } from './advice.js'
import { bothStay, keepOld } from './beside.js'
import { healAtMs, retire } from './heal.js'
import type { ChangeContext } from './context.js'
import { judged, judgedAnew } from './judged.js'
import { jobStep } from './job-step.js'
import { openNeeds, preparedImage } from './prepare.js'
import { isHealthy, isProven, isTolerated, isUp } from './progress.js'
import { awaitEntry, onFreshWord } from './rotation.js'
import { slotKey, specKey } from './state.js'
import { waitingFor } from './waits.js'

type CreateChange = Extract<Change, { kind: 'create' }>
type ReplaceChange = Extract<Change, { kind: 'replace' }>
type UnchangedChange = Extract<Change, { kind: 'unchanged' }>

/** New slots are not bound by parallelism: nothing old is at stake. */
export function createStep(facts: Facts, context: ChangeContext, change: CreateChange): Partial<Advice> {
  if (context.occupied || isTolerated(facts, change.slot)) return {}
  const spec = specForLost(facts, change)
  if (context.frozen && spec === change.spec && !isProvenSlot(facts, change.slot)) return {}
  if (context.unmet !== null && spec === change.spec) return waitingFor(context, change.slot, context.unmet)
  if (spec === change.spec && context.stage?.slots.has(change.slot.key) === false) return {}
  return runIn(facts, context, change.slot, spec, change.server)
}

function isProvenSlot(facts: Facts, slot: Slot): boolean {
  return facts.state.provenReplicas[slotKey(slot)] !== undefined
}

/** A replica lost during a rollout comes back with the spec its slot had, unless the slot has proven the new one. */
function specForLost(facts: Facts, change: CreateChange): ServiceSpec {
  const { rollout } = facts.state
  if (rollout === null || rollout.proven[slotKey(change.slot)] !== undefined) return change.spec
  const before = facts.proven?.services.find((spec) => spec.name === change.slot.service)
  const hadSlot = before !== undefined && change.spec.mode !== 'job' && hasSlot(before, change.slot)
  const wasLost = hadSlot && isProvenSlot(facts, change.slot)
  return wasLost && specHash(before) !== specHash(change.spec) ? before : change.spec
}

/** Slots are remembered beyond a scaling down, after which the image may have changed with nobody running it. */
function hasSlot(spec: ServiceSpec, slot: Slot): boolean {
  return spec.mode === 'global' || (spec.mode === 'replicated' && Number(slot.key) <= spec.replicas)
}

/** Makes the container, after what it needs is on the server. `from`: the one that it takes the place of. */
function runIn(
  facts: Facts,
  context: ChangeContext,
  slot: Slot,
  spec: ServiceSpec,
  server: string,
  from: Replica | null = null,
): Partial<Advice> {
  const failure = facts.runFailures.get(context.key)
  if (failure !== undefined && failure.specHash === specHash(spec)) {
    const held = afterRunFailure(facts, context, slot, server, failure)
    if (held !== null) return held
  }
  const open = openNeeds(facts, spec, server)
  if (open.length > 0) return prepareHere(facts, context, slot, open)
  const image = preparedImage(facts, spec, server)
  if (image === null) return {}
  const hash = specHash(spec)
  const restart = besides(from, hash, restartToken(facts, spec))
  const identity = {
    fleet: facts.fleet,
    slot,
    specHash: hash,
    revision: revisionOf(facts, specKey(spec.name, hash)),
    restart,
    controller: facts.controller,
  }
  return { actions: [{ kind: 'run', server, stack: spec.stack, slot, spec, image, identity }] }
}

/**
 * A container that takes the place of one with the same spec, as a limit that was taken away wants it, needs another name beside it. What is added sorts
 * after this request and before the next.
 */
function besides(from: Replica | null, hash: string, restart: string): string {
  return from?.specHash === hash && from.restart === restart ? `${restart} again` : restart
}

function restartToken(facts: Facts, spec: ServiceSpec): string {
  const commanded = facts.restarts.get(`${spec.stack}/${spec.name}`) ?? ''
  const declared = spec.restartAt ?? ''
  return commanded > declared ? commanded : declared
}

/** Of the way to the server, or of where it leads: nothing is said about the replica. */
const TRANSIENT: ReadonlySet<Problem['code']> = new Set([
  'CALL_TIMEOUT',
  'CONNECTION_LOST',
  'SERVER_UNREACHABLE',
  'SERVER_AUTH',
  'HOST_KEY_UNKNOWN',
  'HOST_KEY_MISMATCH',
  'ENGINE_UNREACHABLE',
  'ENGINE_CHANGED',
  'ENGINE_SHARED',
  'ENGINE_TOO_OLD',
])

/** What was made sure of when the rollout was prepared is not there any more: somebody took it away, which is not the revision's fault. */
const VANISHED: ReadonlySet<Problem['code']> = new Set(['IMAGE_NOT_FOUND', 'NETWORK_CONFLICT', 'VOLUME_CONFLICT'])
const VANISHED_TRIES = 3

/** In a rollout a container that cannot be made is a failed replica; otherwise, or when the way there broke, it is tried again after a pause. */
function afterRunFailure(
  facts: Facts,
  context: ChangeContext,
  slot: Slot,
  server: string,
  failure: RunFailure,
): Partial<Advice> | null {
  const isOfNobody =
    TRANSIENT.has(failure.problem.code) || (VANISHED.has(failure.problem.code) && failure.alike <= VANISHED_TRIES)
  const judgedByRollout = facts.state.rollout !== null && !isOfNobody
  if (judgedByRollout && failure.atMs >= facts.state.rollout.startedAtMs) {
    const { spec } = context
    const fact = {
      kind: 'replica-failed',
      atMs: facts.nowMs,
      stack: spec.stack,
      service: spec.name,
      slot,
      server,
      containerId: '',
      specHash: failure.specHash,
      problem: failure.problem,
      evidence: null,
    } as const
    return { facts: [fact], again: true }
  }
  const retryAtMs = failure.atMs + growingPauseMs(failure.count, isOfNobody ? 1_000 : 10_000, 5 * 60_000)
  if (facts.nowMs >= retryAtMs) return null
  return {
    wakeAtMs: retryAtMs,
    waiting: [
      {
        service: context.spec.name,
        slot: slot.key,
        problem: { ...failure.problem, next: { kind: 'retry', afterMs: retryAtMs - facts.nowMs } },
      },
    ],
  }
}

const PREPARE_AGAIN_MS = 15_000

function prepareHere(
  facts: Facts,
  context: ChangeContext,
  slot: Slot,
  open: ReturnType<typeof openNeeds>,
): Partial<Advice> {
  const failed = open
    .map((need) => facts.prepared.get(need.key))
    .find((answer) => answer?.kind === 'failed' && facts.nowMs < answer.atMs + PREPARE_AGAIN_MS)
  if (failed?.kind === 'failed') {
    return {
      wakeAtMs: failed.atMs + PREPARE_AGAIN_MS,
      waiting: [{ service: context.spec.name, slot: slot.key, problem: failed.problem }],
    }
  }
  return { actions: open.filter((need) => !facts.preparing.has(need.key)).map((need) => need.action) }
}

export function replaceStep(facts: Facts, context: ChangeContext, change: ReplaceChange): Partial<Advice> {
  if (context.frozen) return {}
  return change.successor === null
    ? beginReplace(facts, context, change)
    : finishReplace(facts, context, change, change.successor)
}

function beginReplace(facts: Facts, context: ChangeContext, change: ReplaceChange): Partial<Advice> {
  if (context.occupied || isTolerated(facts, change.slot)) return {}
  if (context.leaving.has(change.slot.key)) return retire(facts, change.from, context.spec.stopGraceMs)
  if (context.unmet !== null) return waitingFor(context, change.slot, context.unmet)
  if (context.stage !== null)
    return context.stage.slots.has(change.slot.key)
      ? runIn(facts, context, change.slot, change.spec, change.server, change.from)
      : keepOld(facts, context, change)
  const underway = change.order === 'stop-first' && !isUp(change.from)
  if (underway) return runIn(facts, context, change.slot, change.spec, change.server, change.from)
  if (context.budget <= 0) return {}
  const pauseEndsMs = context.lastProvenAtMs + context.policy.delayMs
  if (facts.nowMs < pauseEndsMs) return { wakeAtMs: pauseEndsMs }
  if (change.order === 'start-first') return runIn(facts, context, change.slot, change.spec, change.server, change.from)
  const costsOne = isHealthy(change.from)
  if (costsOne && context.down >= context.tolerableDown)
    return { waiting: [{ service: context.spec.name, slot: change.slot.key, problem: tooFewServe(context) }] }
  // The old one is not stopped before the new one can be made at once.
  const open = openNeeds(facts, change.spec, change.server)
  if (open.length > 0) return prepareHere(facts, context, change.slot, open)
  return retire(facts, change.from, context.spec.stopGraceMs)
}

function tooFewServe(context: ChangeContext): Problem {
  const { spec } = context
  return {
    code: 'REPLICA_UNHEALTHY',
    stack: spec.stack,
    service: spec.name,
    message: 'another replica does not serve now; no further one is stopped',
    next: { kind: 'wait', until: 'it is healthy' },
  }
}

/**
 * The old replica goes only after its successor is proven, and while that is still well: what was proven a while ago may have fallen ill since, where the
 * stop did not come through or a server returned with the old one.
 */
function finishReplace(
  facts: Facts,
  context: ChangeContext,
  change: ReplaceChange,
  successor: Replica,
): Partial<Advice> {
  if (context.stage?.isOver === false) return bothStay(facts, context, change, successor)
  const judgement = judged(facts, context, change.slot, successor)
  // What failed is not well whatever the engine says now, or it and the old one would leave by turns.
  const isUnwatched = judgement.verdict !== 'settled' && isWellUnwatched(facts, successor)
  const isWell = judgement.verdict === 'proven' || isUnwatched
  if (isProven(facts, change.slot, successor) && (isWell || !isHealthy(change.from))) {
    const watched = [successor]
    const entry = isHealthy(change.from) ? awaitEntry(facts, context, successor) : null
    if (entry !== null) return { ...entry, watched }
    const left = retire(facts, change.from, context.spec.stopGraceMs)
    return {
      ...(isHealthy(change.from) ? onFreshWord(facts, context, { from: change.from, successor }, left) : left),
      watched,
    }
  }
  if (judgement.verdict !== 'settled') return judgement.advice
  // Where the rollout goes on regardless, or none runs, a failed successor makes way for the old one that still serves. One that does not serve
  // either makes way itself, or both would stay for good and nobody would heal the slot.
  return retireLater(facts, context, isHealthy(change.from) ? successor : change.from)
}

/** Nobody has watched it since this controller began: the engine's word counts. */
function isWellUnwatched(facts: Facts, replica: Replica): boolean {
  return !facts.tracks.has(replica.containerId) && isHealthy(replica)
}

function retireLater(facts: Facts, context: ChangeContext, replica: Replica): Partial<Advice> {
  const atMs = facts.state.rollout === null ? healAtMs(facts, context.key) : facts.nowMs
  return facts.nowMs < atMs ? { wakeAtMs: atMs } : retire(facts, replica, context.spec.stopGraceMs)
}

export function unchangedStep(facts: Facts, context: ChangeContext, change: UnchangedChange): Partial<Advice> {
  if (change.spec.mode === 'job') return context.frozen ? {} : jobStep(facts, context, change.slot, change.replica)
  if (isProven(facts, change.slot, change.replica)) return {}
  const judgement = judged(facts, context, change.slot, change.replica)
  if (context.frozen) return {}
  if (judgement.verdict !== 'settled' || isTolerated(facts, change.slot)) return judgement.advice
  const recovered = isHealthy(change.replica) ? judgedAnew(facts, context, change.slot, change.replica) : null
  if (recovered !== null) return recovered
  // It failed in an earlier attempt: this one begins with a new container.
  if (facts.state.rollout !== null) return retire(facts, change.replica, context.spec.stopGraceMs)
  const atMs = healAtMs(facts, context.key)
  if (facts.nowMs < atMs) return { wakeAtMs: atMs, watched: [change.replica] }
  const base = {
    server: change.replica.server,
    stack: context.spec.stack,
    slot: change.slot,
    containerId: change.replica.containerId,
  }
  return {
    facts: [
      {
        kind: 'replica-healed',
        atMs: facts.nowMs,
        stack: context.spec.stack,
        service: context.spec.name,
        slot: change.slot,
        server: change.replica.server,
        how: 'restarted',
        reason: 'not healthy',
      },
    ],
    actions: [{ kind: 'restart', ...base, graceMs: context.spec.stopGraceMs }],
  }
}
