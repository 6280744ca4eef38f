import { serviceHash, stackHash } from '../model/index.js'
import type { Problem, Revision, Stack } from '../model/index.js'
import { specKey } from './state.js'
import type { Rejection, StackState, StackVersion } from './state.js'

/** What a stack should run now, and why that is not what Git says where it differs. */
export interface Target {
  readonly version: StackVersion
  readonly stack: Stack
  /** Why Git's newest is not the target. */
  readonly withheld: Problem | null
}

/**
 * A rollback is not a second engine: a stack that was rejected, or that contains a spec known to be bad, is planned towards what was last
 * proven. With `scope: service` only the bad service keeps its proven spec, or goes where it has none. Where nothing of the stack was ever proven there
 * is nothing to go back to, and what runs is left as it is. Null: there is nothing to run and nothing to compare with.
 */
export function targetOf(state: StackState, desired: Stack | null, proven: Stack | null): Target | null {
  const provenTarget =
    state.proven !== null && proven !== null ? { version: state.proven, stack: proven, withheld: null } : null
  if (state.desired === null || desired === null) return provenTarget
  const wanted: Target = { version: state.desired, stack: desired, withheld: null }
  const whole = state.rejected.find(
    (rejection) => rejection.scope === 'stack' && isRejectedBy(rejection, state.desired, desired),
  )
  if (whole !== undefined)
    return provenTarget !== null
      ? { ...provenTarget, withheld: withheldBecause(whole, state.desired.revision) }
      : wanted
  return withoutRejectedServices(state, wanted, proven)
}

/** Whether what is planned now is a rollback: one that runs, or one that a failure has made due. */
export function isGoingBack(state: StackState, target: Target): boolean {
  return state.rollout === null ? state.recovering && target.withheld !== null : state.rollout.direction === 'back'
}

function isRejectedBy(rejection: Rejection, desired: StackVersion | null, stack: Stack): boolean {
  if (rejection.hash === desired?.hash) return true
  const service = stack.services.find((spec) => spec.name === rejection.service)
  return service !== undefined && serviceHash(service) === rejection.serviceHash
}

function withheldBecause(rejection: Rejection, wanted: Revision): Problem {
  const same = rejection.revision.sha === wanted.sha
  const subject = same
    ? `revision ${wanted.sha.slice(0, 8)}`
    : `revision ${wanted.sha.slice(0, 8)} still has what failed in ${rejection.revision.sha.slice(0, 8)}: it`
  return {
    code: 'REVISION_REJECTED',
    stack: '',
    service: rejection.service,
    message: `${subject} is rejected: ${rejection.service}: ${rejection.problem.message}`,
    next: { kind: 'stalled', remedy: 'fix it in a commit, revert it, or run slipway retry' },
  }
}

function withoutRejectedServices(state: StackState, wanted: Target, proven: Stack | null): Target {
  if (proven === null) return wanted
  const bad = state.rejected.filter((rejection) => rejection.scope === 'service')
  const isBad = new Map(bad.map((rejection) => [specKey(rejection.service, rejection.serviceHash), rejection]))
  const held = wanted.stack.services.filter((spec) => isBad.has(specKey(spec.name, serviceHash(spec))))
  const first = held[0] !== undefined ? isBad.get(specKey(held[0].name, serviceHash(held[0]))) : undefined
  if (first === undefined) return wanted
  const names = new Set(held.map((spec) => spec.name))
  const services = wanted.stack.services.flatMap((spec) => {
    if (!names.has(spec.name)) return [spec]
    const good = proven.services.find((known) => known.name === spec.name)
    return good === undefined ? [] : [good]
  })
  const stack = { ...wanted.stack, services }
  return {
    version: { hash: stackHash(stack), revision: wanted.version.revision },
    stack,
    withheld: withheldBecause(first, wanted.version.revision),
  }
}
