import { specHash } from '../model/index.js'
import type { Problem, Replica, Slot } from '../model/index.js'
import type { Advice, Facts } from './advice.js'
import type { ChangeContext } from './context.js'
import { retire } from './heal.js'
import { isJobDone, isTolerated } from './progress.js'
import { slotKey } from './state.js'

/** A one-shot service is done when it exits with 0, and failed when it exits otherwise; it is never run twice for one spec. */
export function jobStep(facts: Facts, context: ChangeContext, slot: Slot, replica: Replica): Partial<Advice> {
  const { spec } = context
  if (isJobDone(facts, spec) || isTolerated(facts, slot)) return {}
  if (replica.state !== 'exited' && replica.state !== 'dead')
    return { waiting: [{ service: spec.name, slot: slot.key, problem: running(context, replica) }] }
  const base = {
    atMs: facts.nowMs,
    stack: spec.stack,
    service: spec.name,
    specHash: specHash(spec),
    server: replica.server,
  }
  if (replica.exitCode === 0) return { facts: [{ kind: 'job-finished', ...base, exitCode: 0 }], again: true }
  const failedBefore = facts.state.failedReplicas[slotKey(slot)] === replica.containerId
  if (failedBefore) return facts.state.rollout === null ? {} : retire(facts, replica, spec.stopGraceMs)
  const evidence = facts.evidence.get(replica.containerId)
  if (evidence === undefined) return { diagnoses: [{ server: replica.server, slot, containerId: replica.containerId }] }
  const problem: Problem = {
    code: 'JOB_FAILED',
    server: replica.server,
    stack: spec.stack,
    service: spec.name,
    message: `exited with ${replica.exitCode ?? 'an unknown code'} on ${replica.server}`,
  }
  return {
    facts: [{ kind: 'replica-failed', ...base, slot, containerId: replica.containerId, problem, evidence }],
    again: true,
  }
}

function running(context: ChangeContext, replica: Replica): Problem {
  return {
    code: 'REPLICA_UNHEALTHY',
    server: replica.server,
    stack: context.spec.stack,
    service: context.spec.name,
    message: `runs on ${replica.server}`,
    next: { kind: 'wait', until: 'it has finished' },
  }
}
