import { formatRevision } from '../model/index.js'
import type { Problem, Revision } from '../model/index.js'
import type { ReplicaFailure, StackState } from '../rollout/index.js'
import type { ServicePhase } from './status.js'

/** `4 minutes`, `2 hours`: whole units, largest first. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [amount, unit] =
    seconds < 60
      ? [seconds, 'second']
      : seconds < 3600
        ? [Math.floor(seconds / 60), 'minute']
        : seconds < 86_400
          ? [Math.floor(seconds / 3600), 'hour']
          : [Math.floor(seconds / 86_400), 'day']
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`
}

export interface ServiceFacts {
  readonly mode: string
  readonly image: string
  readonly phase: ServicePhase
  readonly wanted: number
  readonly healthy: number
  readonly revision: Revision | null
  readonly sinceMs: number | null
  readonly problem: Problem | null
  readonly withheld: Problem | null
  readonly failure: ReplicaFailure | undefined
  readonly nowMs: number
}

/** What it runs, since when, from which commit and author, what it waits for and what would unblock it. */
export function serviceSentence(facts: ServiceFacts): string {
  return [runs(facts), doing(facts), waits(facts.problem)].filter((part) => part !== '').join('; ')
}

function runs(facts: ServiceFacts): string {
  if (facts.phase === 'done') return `has run ${facts.image} to its end${from(facts.revision)}`
  if (facts.revision === null) return `wants ${facts.image}, nothing runs yet`
  const since = facts.sinceMs === null ? '' : ` for ${formatAge(facts.nowMs - facts.sinceMs)}`
  return `runs ${facts.image}${since}${from(facts.revision)}, ${facts.healthy} of ${facts.wanted} healthy`
}

function from(revision: Revision | null): string {
  return revision === null ? '' : ` from ${formatRevision(revision)} by ${revision.author}`
}

function doing(facts: ServiceFacts): string {
  switch (facts.phase) {
    case 'progressing':
      return 'is being rolled out'
    case 'rolling-back':
      return `is being rolled back${because(facts.failure)}`
    case 'rejected':
      return `its newest commit is rejected${because(facts.failure)}`
    case 'rollback-failed':
      return `rolling back failed too${because(facts.failure)}; look at it, then commit a fix or run slipway retry`
    case 'failed':
      return `failed${because(facts.failure)}; commit a fix or run slipway retry`
    case 'paused':
      return `its rollout is paused${because(facts.failure)}; commit a fix or run slipway retry`
    case 'healing':
      return 'is being brought back'
    case 'suspended':
      return 'is suspended: left as it is until slipway resume'
    case 'unknown':
      return 'not all of its servers can be seen'
    case 'unhealthy':
      return 'is not well'
    case 'blocked':
    case 'synced':
    case 'invalid':
    case 'done':
      return ''
  }
}

function because(failure: ReplicaFailure | undefined): string {
  return failure === undefined ? '' : `: ${failure.problem.message}`
}

function waits(problem: Problem | null): string {
  if (problem === null) return ''
  if (problem.next?.kind === 'wait' && problem.message.includes(problem.next.until)) return problem.message
  switch (problem.next?.kind) {
    case 'retry':
      return `${problem.message}, tried again in ${formatAge(problem.next.afterMs)}`
    case 'wait':
      return `${problem.message}, goes on when ${problem.next.until}`
    case 'stalled':
      return `${problem.message}: ${problem.next.remedy}`
    case undefined:
      return problem.message
  }
}

export interface StackFacts {
  readonly phase: ServicePhase
  readonly state: StackState
  readonly withheld: Problem | null
  readonly invalid: boolean
  readonly nowMs: number
}

export function stackSentence({ phase, state, withheld, invalid, nowMs }: StackFacts): string {
  const { rollout, proven, desired } = state
  const parts = [
    rollout !== null
      ? `${rollout.direction === 'back' ? 'going back to' : 'rolling out'} ${formatRevision(rollout.revision)}, ${Object.keys(rollout.proven).length} of ${rollout.slots} slots done`
      : '',
    rollout === null && proven !== null ? `runs ${formatRevision(proven.revision)}` : '',
    rollout === null && proven === null && desired !== null ? `is to run ${formatRevision(desired.revision)}` : '',
    rollout !== null && rollout.blocked !== null
      ? `blocked: ${rollout.blocked.problems.map((problem) => problem.message).join('; ')}; nothing that runs was touched, tried again in ${formatAge(rollout.blocked.retryAtMs - nowMs)}`
      : '',
    withheld !== null ? waits(withheld) : '',
    invalid ? 'its newest files are wrong, the last good ones stay' : '',
    phase === 'suspended' ? 'suspended' : '',
  ]
  return parts.filter((part) => part !== '').join('; ')
}
