import { serviceHash, specHash } from '../model/index.js'
import type { Change, Problem, ServiceSpec } from '../model/index.js'
import type { Facts } from './advice.js'
import { isGoingBack } from './effective.js'
import type { AdoptedPin, ProvenSpec, RolloutFact } from './facts.js'
import { byService, isDone, isHealthy, isProvenSpec, isServerLost } from './progress.js'
import { heldServices, stageFacts, worseCanary } from './stage-facts.js'
import { slotKey } from './state.js'
import type { Rollout } from './state.js'

/** Beginnings and ends of rollouts. Empty while a rollout runs its course, and while none is needed. */
export function lifecycle(facts: Facts): readonly RolloutFact[] {
  const { rollout } = facts.state
  if (rollout === null) return begin(facts)
  if (rollout.hash !== facts.target.version.hash || isAskedFor(facts, rollout)) return [supersede(facts, rollout)]
  const aborted = abortOf(facts, rollout)
  if (aborted !== null) return [aborted]
  if (rollout.phase === 'paused' || rollout.phase === 'stopped') return []
  const failed = failureOf(facts, rollout)
  if (failed !== null) return [failed]
  if (rollout.phase !== 'updating') return []
  return isComplete(facts) ? [complete(facts, rollout)] : stageFacts(facts)
}

/** A rollback that failed, and Git says by now what it went back to: somebody reverted the commit, and that is to be tried. */
function isAskedFor({ target }: Facts, rollout: Rollout): boolean {
  return rollout.phase === 'stopped' && rollout.direction === 'back' && target.withheld === null
}

function begin(facts: Facts): readonly RolloutFact[] {
  const { state, target, plan } = facts
  if (isGone(facts))
    return [{ kind: 'stack-removed', atMs: facts.nowMs, stack: target.stack.name, revision: target.version.revision }]
  const settled = !state.recovering && state.proven?.hash === target.version.hash
  if (settled) return []
  const unchanged = plan.changes.every(
    (change) =>
      change.kind === 'unchanged' && (change.spec.mode === 'job' ? isDone(facts, change) : isHealthy(change.replica)),
  )
  // A first deployment of nothing is not an adoption: with services and no change, what runs is what is wanted.
  if (unchanged && !state.recovering && (plan.changes.length > 0 || target.stack.services.length === 0))
    return [adopt(facts)]
  return [start(facts)]
}

function isGone(facts: Facts): boolean {
  return facts.target.stack.services.length === 0 && facts.plan.changes.length === 0
}

function start(facts: Facts): RolloutFact {
  const { state, target, plan } = facts
  const changed = plan.changes.filter((change) => change.kind !== 'unchanged' && change.kind !== 'remove')
  const services = Object.fromEntries([...byService(changed)].map(([name, changes]) => [name, changes.length]))
  const specs = target.stack.services.filter((spec) => services[spec.name] !== undefined)
  return {
    kind: 'rollout-started',
    atMs: facts.nowMs,
    stack: target.stack.name,
    revision: target.version.revision,
    hash: target.version.hash,
    direction: isGoingBack(state, target) ? 'back' : 'forward',
    fast: specs.every((spec) => isProvenSpec(facts, spec)),
    slots: changed.length,
    services,
    from: state.proven,
  }
}

function adopt(facts: Facts): RolloutFact {
  const seen = facts.plan.changes.filter((change) => change.kind === 'unchanged')
  return {
    kind: 'stack-adopted',
    atMs: facts.nowMs,
    stack: facts.target.stack.name,
    revision: facts.target.version.revision,
    hash: facts.target.version.hash,
    pins: seen.map(adoptedPin),
    specs: provenSpecs(facts),
    replicas: Object.fromEntries(seen.map((change) => [slotKey(change.slot), change.replica.containerId])),
  }
}

function adoptedPin(change: Extract<Change, { kind: 'unchanged' }>): AdoptedPin {
  const { replica, spec } = change
  const digest = replica.image.includes('@sha256:') ? replica.image : null
  return {
    service: spec.name,
    specHash: specHash(spec),
    image: spec.image,
    pin: { digest, id: replica.imageId },
    server: replica.server,
  }
}

/** The revision on the containers: the first that had the spec, which the replicas that run it say. */
function provenSpecs(facts: Facts): readonly ProvenSpec[] {
  return facts.target.stack.services.map((spec) => ({
    service: spec.name,
    specHash: specHash(spec),
    revision: labelRevision(facts, spec),
  }))
}

function labelRevision(facts: Facts, spec: ServiceSpec): ProvenSpec['revision'] {
  const { revision } = facts.target.version
  const seen = facts.plan.changes.find((change) => change.kind === 'unchanged' && change.slot.service === spec.name)
  const sha = seen?.kind === 'unchanged' ? seen.replica.revision : revision.sha
  return sha === revision.sha ? revision : { ...revision, sha }
}

function supersede(facts: Facts, rollout: Rollout): RolloutFact {
  return {
    kind: 'rollout-superseded',
    atMs: facts.nowMs,
    stack: facts.target.stack.name,
    revision: rollout.revision,
    hash: rollout.hash,
    by: facts.target.version.revision,
  }
}

function isComplete(facts: Facts): boolean {
  return facts.busySlots.size === 0 && facts.plan.changes.every((change) => isDone(facts, change))
}

function complete(facts: Facts, rollout: Rollout): RolloutFact {
  return {
    kind: 'rollout-completed',
    atMs: facts.nowMs,
    stack: facts.target.stack.name,
    revision: rollout.revision,
    hash: rollout.hash,
    direction: rollout.direction,
    failedSlots: Object.keys(rollout.failed).length,
    restarts: dependentRestarts(facts, rollout),
    specs: provenSpecs(facts),
  }
}

/** Those that ask to be restarted after a dependency was updated, and were not made anew themselves. */
function dependentRestarts(facts: Facts, rollout: Rollout): Readonly<Record<string, string>> {
  const before = new Map((facts.proven?.services ?? []).map((spec) => [spec.name, specHash(spec)]))
  const updated = new Set(
    facts.target.stack.services
      .filter((spec) => before.has(spec.name) && before.get(spec.name) !== specHash(spec))
      .map((spec) => spec.name),
  )
  const dependents = facts.target.stack.services.filter(
    (spec) =>
      spec.mode !== 'job' &&
      rollout.services[spec.name] === undefined &&
      spec.dependsOn.some((dependency) => dependency.restart && updated.has(dependency.service)),
  )
  return Object.fromEntries(dependents.map((spec) => [spec.name, facts.nowIso]))
}

function failureOf(facts: Facts, rollout: Rollout): RolloutFact | null {
  for (const spec of facts.target.stack.services) {
    const policy = rollout.direction === 'back' ? spec.rollback : spec.update
    const failed = Object.keys(rollout.failed).filter((key) => key.slice(0, key.lastIndexOf('#')) === spec.name).length
    if (failed === 0) continue
    // A job has no replicas to tolerate the loss of: what depends on it cannot go on.
    const goesOn =
      spec.mode !== 'job' &&
      rollout.stages?.[spec.name] === undefined &&
      (policy.failureAction === 'continue' ||
        failed / Math.max(rollout.services[spec.name] ?? failed, failed) <= policy.maxFailureRatio)
    const cause = facts.state.failures[spec.name]
    if (!goesOn && cause !== undefined) return fail(facts, rollout, spec, cause.problem)
  }
  const worse = worseCanary(facts)
  if (worse !== null) return fail(facts, rollout, worse.spec, worse.problem)
  return rollout.phase === 'updating' ? stalledFailure(facts, rollout) : null
}

/** A person gave it up: all that the revision changed in the stack is taken back, whoever is to blame. */
function abortOf(facts: Facts, rollout: Rollout): RolloutFact | null {
  const { aborted } = rollout
  const { services } = facts.target.stack
  const names = [...Object.keys(rollout.stages ?? {}), ...Object.keys(rollout.services)]
  const spec = names.flatMap((name) => services.find((one) => one.name === name) ?? [])[0] ?? services[0]
  if (aborted === undefined || rollout.direction === 'back' || facts.state.proven === null || spec === undefined)
    return null
  const problem: Problem = {
    code: 'ROLLOUT_ABORTED',
    stack: spec.stack,
    message: `given up by ${aborted.by}`,
  }
  return { ...fail(facts, rollout, spec, problem), scope: 'stack', then: 'rollback' }
}

/** Flapping cannot extend this: only a slot proven for the first time moves the high-water mark. */
function stalledFailure(facts: Facts, rollout: Rollout): RolloutFact | null {
  const undone = facts.plan.changes.filter((change) => !isDone(facts, change))
  const held = heldServices(facts)
  const others = undone.filter((change) => !held.has(change.slot.service))
  const open = others.length > 0 ? others : undone
  // Waiting for a server that may come back is not the revision's fault.
  const spec = facts.target.stack.services.find((service) =>
    open.some((change) => change.slot.service === service.name),
  )
  if (spec === undefined) return null
  const quietMs = facts.nowMs - quietSinceMs(facts, rollout)
  const waits = others.length === 0 || open.some((change) => isAway(change) || facts.suspended.has(change.slot.service))
  if (waits && quietMs > spec.rollout.progressDeadlineMs / 2)
    return { kind: 'rollout-delayed', atMs: facts.nowMs, stack: spec.stack }
  if (waits || quietMs <= spec.rollout.progressDeadlineMs) return null
  const minutes = Math.round(spec.rollout.progressDeadlineMs / 6_000) / 10
  return fail(facts, rollout, spec, {
    code: 'PROGRESS_DEADLINE',
    stack: spec.stack,
    service: spec.name,
    message: `no further replica became healthy for ${minutes} min`,
  })
}

function isAway(change: Change): boolean {
  return change.kind === 'blocked' && change.problem.code === 'SERVER_UNREACHABLE'
}

/** Time in which the controller stood still, or did not run, says nothing about the revision. */
function quietSinceMs({ awakeSinceMs }: Facts, { highWaterAtMs }: Rollout): number {
  return Math.max(highWaterAtMs, awakeSinceMs)
}

/** When the next time-based failure may be due; null when none can. */
export function progressDeadlineAtMs(facts: Facts): number | null {
  const { rollout } = facts.state
  if (rollout?.phase !== 'updating') return null
  const open = facts.plan.changes.filter(
    (change) => !isDone(facts, change) && !(change.kind === 'blocked' && isServerLost(facts, change)),
  )
  const deadlines = facts.target.stack.services
    .filter((spec) => open.some((change) => change.slot.service === spec.name))
    .map((spec) => spec.rollout.progressDeadlineMs)
  if (deadlines.length === 0) return null
  const deadlineMs = Math.min(...deadlines)
  // Half-way it is looked whether time counts at all. Past both, what is waited for marks the stack by itself.
  const times = [deadlineMs / 2, deadlineMs].map((part) => quietSinceMs(facts, rollout) + Math.ceil(part) + 1)
  return times.find((atMs) => atMs > facts.nowMs) ?? null
}

type Failed = Extract<RolloutFact, { kind: 'rollout-failed' }>

function fail(facts: Facts, rollout: Rollout, spec: ServiceSpec, problem: Problem): Failed {
  const policy = rollout.direction === 'back' ? spec.rollback : spec.update
  return {
    kind: 'rollout-failed',
    atMs: facts.nowMs,
    stack: facts.target.stack.name,
    revision: rollout.revision,
    hash: rollout.hash,
    service: spec.name,
    serviceHash: serviceHash(spec),
    scope: spec.rollout.scope,
    problem: rollout.direction === 'back' ? rollbackProblem(problem) : problem,
    then:
      rollout.direction === 'back' || facts.state.proven === null
        ? 'stop'
        : policy.failureAction === 'pause'
          ? 'pause'
          : 'rollback',
  }
}

function rollbackProblem(problem: Problem): Problem {
  const remedy = 'look at its evidence; commit a fix, or run slipway retry'
  return {
    ...problem,
    code: 'ROLLBACK_FAILED',
    message: `going back failed too: ${problem.message}`,
    next: { kind: 'stalled', remedy },
  }
}
