import type { Problem, Revision } from '../model/index.js'
import type { FleetStatus, StackStatus } from './status.js'

/** How far the newest revision is, for somebody who waits for it. Everything but `pending` is an end. */
export type Settlement =
  | { readonly kind: 'pending' }
  | { readonly kind: 'applied'; readonly revision: Revision }
  /** The revision failed; what was proven before runs again. */
  | { readonly kind: 'rolled-back'; readonly problems: readonly Problem[] }
  /** The revision failed and nothing was there to go back to, or going back failed. */
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }
  /** Preparation failed; nothing that runs was touched. */
  | { readonly kind: 'blocked'; readonly problems: readonly Problem[] }
  | { readonly kind: 'held'; readonly problems: readonly Problem[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** The revision `sha`, or the newest one where it is null. */
export function settlementOf(status: FleetStatus, sha: string | null): Settlement {
  const { source } = status
  if (source.held !== null && (sha === null || source.held.revision.sha === sha))
    return { kind: 'held', problems: [source.held.problem] }
  if (source.refused !== null && (sha === null || source.refused.revision.sha === sha))
    return { kind: 'refused', problems: source.refused.problems }
  if (status.problems.length > 0) return { kind: 'held', problems: status.problems }
  const { accepted } = source
  if (accepted === null || (sha !== null && accepted.sha !== sha))
    return source.problem !== null ? { kind: 'refused', problems: [source.problem] } : { kind: 'pending' }
  const ends = status.stacks.map(stackSettlement)
  const worst = (['failed', 'rolled-back', 'refused', 'held', 'blocked'] as const).find((kind) => ends.includes(kind))
  if (ends.includes('pending')) return { kind: 'pending' }
  if (worst === undefined) return { kind: 'applied', revision: accepted }
  return { kind: worst, problems: status.stacks.filter((_stack, index) => ends[index] === worst).flatMap(problemsOf) }
}

function stackSettlement(stack: StackStatus): Settlement['kind'] {
  switch (stack.phase) {
    case 'synced':
    case 'done':
      return 'applied'
    case 'progressing':
    case 'rolling-back':
    case 'healing':
    case 'unhealthy':
    // A server that is away comes back or is lost; both are news, neither is an end.
    case 'unknown':
      return 'pending'
    case 'rejected':
      return 'rolled-back'
    case 'failed':
    case 'rollback-failed':
    case 'paused':
      return 'failed'
    case 'blocked':
      return 'blocked'
    case 'suspended':
      return 'held'
    case 'invalid':
      return 'refused'
  }
}

function problemsOf(stack: StackStatus): readonly Problem[] {
  const waiting = stack.services.flatMap((service) => [
    ...(service.problem !== null ? [service.problem] : []),
    ...(service.failure !== null ? [service.failure.problem] : []),
  ])
  return stack.problems.length > 0 ? stack.problems : waiting
}
