import type { Problem, Result } from '../model/index.js'

export type Verdict = 'pending' | 'success' | 'failure'

/** What is shown beside a commit. A later one with the same context takes its place. */
export interface CommitStatus {
  readonly sha: string
  readonly state: Verdict
  /** `slipway/acme`: one a fleet. */
  readonly context: string
  /** One line, at most 140 characters. */
  readonly description: string
}

/** A change that is proposed as a pull request. */
export interface PullRequest {
  readonly branch: string
  readonly base: string
  readonly title: string
  readonly body: string
}

/**
 * A place where people review commits. Every call ends within its deadline and may be repeated.
 * Problems: FORGE_UNREACHABLE (with when to try again), FORGE_AUTH, FORGE_REFUSED for what trying again does not help.
 */
export interface Forge {
  readonly name: string
  setStatus(status: CommitStatus, signal: AbortSignal): Promise<Result<void>>
  /** Whether there can be comments on a proposal: a branch that is planned by itself has no pull request. */
  takesComments(key: string): boolean
  /** Whether a pull request is open; null where nobody can tell. */
  isOpen(key: string, signal: AbortSignal): Promise<Result<boolean | null>>
  /** Writes the one comment that begins with `marker`: edits it where it is there, makes it where not. */
  comment(key: string, marker: string, body: string, signal: AbortSignal): Promise<Result<void>>
  propose(request: PullRequest, signal: AbortSignal): Promise<Result<void>>
}

export type ForgeKind = 'github' | 'gitlab' | 'gitea' | 'webhook'

/** What a proposal would change on the servers, ready to be shown. Nothing in it is secret. */
export interface ProposalPlan {
  /** `2 to replace, 1 to create`. */
  readonly summary: string
  readonly markdown: string
  /** Services that have fewer replicas, or none, for a while, and why. */
  readonly impact: readonly string[]
  /** What servers have promised afterwards. */
  readonly capacity: readonly string[]
  /** Its name for `guards.plan`; null where it is not whole. */
  readonly pin: string | null
  readonly errors: readonly Problem[]
  readonly guards: readonly Problem[]
}
