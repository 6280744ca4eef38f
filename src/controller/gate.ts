import { canonicalJson } from '../model/index.js'
import type { Desired, Observation, Problem, Revision, SignedBy } from '../model/index.js'
import { isApproved, signatureRules } from './approvals.js'
import type { Gate, Release } from './approvals.js'
import { pinProblem, pruneProblem, rewrittenProblem, signatureProblem, windowProblem } from './guards.js'
import type { NewCommit, Ports } from './ports.js'
import type { Pins } from './pins.js'
import type { State } from './state.js'
import { windowState } from './windows.js'

/** What a revision is judged by. */
export interface GateInput {
  readonly ports: Ports
  readonly state: State
  readonly desired: Desired
  /** What the controller itself demands, whatever the repository says. */
  readonly signedBy: SignedBy | null
  readonly observed: (signal: AbortSignal) => Promise<Observation>
  readonly pins: Pins | null
}

export interface Hold {
  readonly problem: Problem
  /** When it ends by itself; null: it does not, or nobody knows. */
  readonly untilMs: number | null
}

export interface Judgement {
  /** Null: nothing holds it. */
  readonly hold: Hold | null
  /** Guards that would hold it, if its commits did not say otherwise. */
  readonly releases: readonly Release[]
}

/**
 * What holds a revision. A guard that was approved for it is not asked again; the others are. The window comes last: it opens by itself, and until
 * then a person can do what the others want of him.
 */
export async function judge(input: GateInput, signal: AbortSignal): Promise<Judgement> {
  const releases: Release[] = []
  const problem =
    (await historyHold(input, signal)) ??
    (await signatureHold(input, signal)) ??
    (await pruneHold(input, releases, signal)) ??
    (await pinHold(input, releases, signal))
  return { hold: problem === null ? await windowHold(input, releases, signal) : { problem, untilMs: null }, releases }
}

async function historyHold({ ports, state, desired }: GateInput, signal: AbortSignal): Promise<Problem | null> {
  const { accepted } = state
  const { revision } = desired
  if (accepted?.fleet.guards.history !== 'fast-forward' || isApproved(state, revision.sha, 'history')) return null
  const isAncestor = async (from: Revision, to: Revision): Promise<boolean> => {
    const found = await ports.source.isAncestor(from.sha, to.sha, signal)
    return found.ok && found.value
  }
  if (await isAncestor(accepted.revision, revision)) return null
  if (await isAncestor(revision, accepted.revision)) return rewrittenProblem(accepted.revision, revision, 'rewound')
  const news = await ports.source.news({ sha: revision.sha, since: accepted.revision.sha, signed: null }, signal)
  const isUnrelated = news.ok && news.value.some(({ isRoot }) => isRoot)
  return rewrittenProblem(accepted.revision, revision, isUnrelated ? 'unrelated' : 'diverged')
}

async function signatureHold(
  { ports, state, desired, signedBy }: GateInput,
  signal: AbortSignal,
): Promise<Problem | null> {
  const { accepted } = state
  const { revision } = desired
  // The first revision of all is judged by its own rule: there is none before it.
  for (const rule of signatureRules(signedBy, (accepted?.fleet ?? desired.fleet).guards)) {
    if (rule.approve && isApproved(state, revision.sha, 'signature')) continue
    const since = accepted?.revision.sha ?? null
    const news = await ports.source.news({ sha: revision.sha, since, signed: rule.what }, signal)
    const problem = signatureProblem(rule, revision, news)
    if (problem !== null) return problem
  }
  return null
}

async function pruneHold(input: GateInput, releases: Release[], signal: AbortSignal): Promise<Problem | null> {
  const { state, desired, observed } = input
  const { accepted } = state
  if (accepted === null || isApproved(state, desired.revision.sha, 'prune')) return null
  const problem = pruneProblem(accepted.fleet.guards.prune, desired, await observed(signal))
  if (problem === null) return null
  const allows = ({ name, value }: Trailer): boolean => name === 'approve' && value.split(/[\s,]+/).includes('prune')
  return isReleased('prune', await newCommits(input, signal), allows, releases) ? null : problem
}

async function pinHold(input: GateInput, releases: Release[], signal: AbortSignal): Promise<Problem | null> {
  const { state, desired, observed, pins } = input
  const { accepted } = state
  const { revision } = desired
  if (accepted?.fleet.guards.plan !== 'pinned' || pins === null) return null
  if (isApproved(state, revision.sha, 'plan') || isSame(accepted, desired)) return null
  // What is planned now must not be less than the servers have.
  await observed(signal)
  const pin = await pins.pinOf(revision, signal)
  if (pin === null || pins.isShown(pin)) return null
  const commits = await newCommits(input, signal)
  if (isReleased('plan', commits, ({ name, value }) => name === 'plan' && value === pin, releases)) return null
  const trailers = commits.flatMap((commit) => commit.trailers)
  const named = trailers.filter(({ name }) => name === 'plan').map(({ value }) => value)
  return pinProblem(revision, pin, named)
}

/** Nothing is held before the first revision is accepted: without one, nothing would be healed. */
async function windowHold(input: GateInput, releases: Release[], signal: AbortSignal): Promise<Hold | null> {
  const { ports, state, desired } = input
  const { accepted } = state
  const { revision } = desired
  if (accepted === null || isApproved(state, revision.sha, 'window') || isSame(accepted, desired)) return null
  const windows = windowState(accepted.fleet.windows ?? [], ports.clock.nowMs())
  if (windows.kind === 'open') return null
  const overrides = ({ name, value }: Trailer): boolean => name === 'override' && value !== ''
  if (isReleased('window', await newCommits(input, signal), overrides, releases)) return null
  const zone = (windows.by ?? accepted.fleet.windows?.find(({ kind }) => kind === 'allow'))?.timeZone ?? 'UTC'
  return { problem: windowProblem(revision, windows, zone), untilMs: windows.opensAtMs }
}

/** A revision that changes nothing here begins no rollout. */
function isSame(accepted: NonNullable<State['accepted']>, desired: Desired): boolean {
  const stacks = desired.stacks.map((entry) => [entry.name, entry.kind === 'valid' ? entry.hash : null] as const)
  return (
    canonicalJson(accepted.fleet) === canonicalJson(desired.fleet) &&
    canonicalJson(accepted.stacks) === canonicalJson(Object.fromEntries(stacks))
  )
}

type Trailer = NewCommit['trailers'][number]

/** What the revision brings; where that cannot be read, nobody says anything. */
async function newCommits({ ports, state, desired }: GateInput, signal: AbortSignal): Promise<readonly NewCommit[]> {
  const question = { sha: desired.revision.sha, since: state.accepted?.revision.sha ?? null, signed: null }
  const news = await ports.source.news(question, signal)
  return news.ok ? news.value : []
}

/** Whether one of the commits says so itself; which one and why is noted. */
function isReleased(
  guard: Gate,
  commits: readonly NewCommit[],
  says: (trailer: Trailer) => boolean,
  releases: Release[],
): boolean {
  const commit = commits.find(({ trailers }) => trailers.some(says))
  if (commit === undefined) return false
  const reason = commit.trailers.find(says)?.value ?? ''
  releases.push({ guard, commit: commit.sha, author: commit.author, reason })
  return true
}
