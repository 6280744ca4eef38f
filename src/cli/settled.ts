import { formatProblem, formatRevision } from '../model/index.js'
import type { Problem } from '../model/index.js'
import type { FleetStatus, ServicePhase, StackStatus } from '../controller/index.js'

/** How it stands with one revision. `waiting` says for what; every other kind is the end of `apply`. */
export type Settled =
  | { readonly kind: 'waiting'; readonly text: string }
  | { readonly kind: 'applied'; readonly text: string }
  | { readonly kind: 'rolled-back'; readonly text: string; readonly stacks: readonly string[] }
  | {
      readonly kind: 'failed'
      readonly text: string
      readonly stacks: readonly string[]
      readonly problems: readonly Problem[]
    }

type StackEnd = 'waiting' | 'good' | 'rolled-back' | 'failed'

/** What each phase of a stack means to somebody who waits for it. */
const ENDS: Readonly<Record<ServicePhase, StackEnd>> = {
  synced: 'good',
  done: 'good',
  progressing: 'waiting',
  'rolling-back': 'waiting',
  healing: 'waiting',
  unknown: 'waiting',
  blocked: 'failed',
  paused: 'failed',
  unhealthy: 'failed',
  suspended: 'failed',
  invalid: 'failed',
  failed: 'failed',
  'rollback-failed': 'failed',
  rejected: 'rolled-back',
}

/**
 * Judges a status for somebody who waits for a revision: `sha` is a full or short hash, null stands for whatever the ref names.
 * Polls from before `sinceMs` say nothing.
 */
export function settled(status: FleetStatus, sha: string | null, sinceMs: number): Settled {
  const { source } = status
  if (status.problems.length > 0) return failed('the controller holds everything', status.problems)
  if (source.lastPollAtMs === null || source.lastPollAtMs < sinceMs) {
    return source.problem === null ? waiting('Git to be asked') : failed('Git cannot be read', [source.problem])
  }
  if (source.problem !== null) return failed('Git cannot be read', [source.problem])
  const { fetched, held, refused, accepted } = source
  if (fetched === null) return waiting('Git to answer')
  if (sha !== null && !fetched.sha.startsWith(sha)) {
    return failed(`${source.ref} names ${formatRevision(fetched)}, not ${sha}: push it, or apply without a commit`, [])
  }
  if (held !== null) return failed(`${formatRevision(held.revision)} is held`, [held.problem])
  if (refused?.revision.sha === fetched.sha) return failed(`${formatRevision(fetched)} is refused`, refused.problems)
  if (accepted?.sha !== fetched.sha) return waiting(`${formatRevision(fetched)} to be accepted`)
  return settledStacks(status.stacks, formatRevision(fetched))
}

function settledStacks(stacks: readonly StackStatus[], revision: string): Settled {
  const ended = (end: StackEnd): readonly StackStatus[] => stacks.filter((stack) => ENDS[stack.phase] === end)
  const names = (list: readonly StackStatus[]): readonly string[] => list.map(({ name }) => name)
  const bad = ended('failed')
  const busy = ended('waiting')
  // A stack that is stuck must not hide what becomes of the others: the verdict comes when all have ended.
  if (busy.length > 0) return waiting(busy.map(({ sentence }) => sentence).join('; '))
  if (bad.length > 0) {
    return { kind: 'failed', text: `${revision} is not applied: ${listed(bad)}`, stacks: names(bad), problems: [] }
  }
  const back = ended('rolled-back')
  if (back.length > 0) {
    return {
      kind: 'rolled-back',
      text: `${revision} failed and was rolled back in ${listed(back)}`,
      stacks: names(back),
    }
  }
  return { kind: 'applied', text: `${revision} is applied` }
}

function listed(stacks: readonly StackStatus[]): string {
  return stacks.map(({ name, phase }) => `${name} (${phase})`).join(', ')
}

function waiting(text: string): Settled {
  return { kind: 'waiting', text }
}

function failed(text: string, problems: readonly Problem[]): Settled {
  return {
    kind: 'failed',
    text: problems.length === 0 ? text : `${text}: ${problems.map(formatProblem).join('; ')}`,
    stacks: [],
    problems,
  }
}
