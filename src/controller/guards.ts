import { formatVerdict } from '../model/index.js'
import type {
  Desired,
  Observation,
  Problem,
  ProblemCode,
  Result,
  Revision,
  SignatureVerdict,
  SignedBy,
} from '../model/index.js'
import type { NewCommit } from './ports.js'
import { formatZoned } from './windows.js'
import type { WindowState } from './windows.js'

/**
 * Whether a revision takes away more than the guard allows, counted in services (and servers) that are in use now. Replicas do not count: fewer
 * of them is what a manifest says on purpose.
 */
export function pruneProblem(limit: number, desired: Desired, observation: Observation): Problem | null {
  const running = servicesInUse(observation)
  const kept = keptServices(desired)
  const removed = [...running]
    .filter((key) => !kept.services.has(key) && !kept.stacks.has(key.slice(0, key.indexOf('/'))))
    .sort()
  if (running.size > 0 && removed.length / running.size > limit)
    return held(
      desired.revision,
      `removes ${removed.length} of ${running.size} services (${shortList(removed)})`,
      limit,
    )
  const used = serversInUse(observation)
  const names = new Set(desired.fleet.servers.map((server) => server.name))
  const left = used.filter((server) => !names.has(server))
  if (used.length > 0 && left.length / used.length > limit)
    return held(desired.revision, `removes ${left.length} of ${used.length} servers in use (${shortList(left)})`, limit)
  return null
}

/** Services that stay: those of valid stacks, and whole stacks whose file is wrong, since their last good one stays. */
function keptServices(desired: Desired): {
  readonly services: ReadonlySet<string>
  readonly stacks: ReadonlySet<string>
} {
  const services = desired.stacks.flatMap((entry) =>
    entry.kind === 'valid' ? entry.stack.services.map((spec) => `${entry.name}/${spec.name}`) : [],
  )
  return {
    services: new Set(services),
    stacks: new Set(desired.stacks.filter((entry) => entry.kind === 'invalid').map((entry) => entry.name)),
  }
}

export function servicesInUse(observation: Observation): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const view of observation.values()) {
    const replicas = view.kind === 'listed' ? view.listing.replicas : view.mayHold
    for (const { slot } of replicas) keys.add(`${slot.stack}/${slot.service}`)
  }
  return keys
}

function serversInUse(observation: Observation): readonly string[] {
  return [...observation.values()]
    .filter((view) => (view.kind === 'listed' ? view.listing.replicas : view.mayHold).length > 0)
    .map((view) => view.server)
}

function held(revision: Revision, what: string, limit: number): Problem {
  return {
    code: 'PRUNE_GUARD',
    message: `revision ${revision.sha.slice(0, 8)} ${what}, more than guards.prune (${Math.round(limit * 100)}%) allows`,
    next: {
      kind: 'stalled',
      remedy: `slipway approve ${revision.sha.slice(0, 12)}, a commit with the trailer Slipway-Approve: prune, or one that keeps them`,
    },
  }
}

function shortList(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}

/** `rewound`: an older commit; `unrelated`: a history with a beginning of its own; `diverged`: any other that lacks the accepted one. */
export type Rewrite = 'rewound' | 'unrelated' | 'diverged'

export function rewrittenProblem(accepted: Revision, found: Revision, how: Rewrite): Problem {
  const [was, is] = [accepted.sha.slice(0, 8), found.sha.slice(0, 8)]
  const messages: Readonly<Record<Rewrite, string>> = {
    rewound: `${found.ref} went back to ${is}, which the accepted revision ${was} contains: commits were taken off it, or a mirror lags behind`,
    unrelated: `${found.ref} was replaced: ${is} comes from another beginning than the accepted revision ${was}`,
    diverged: `${found.ref} was rewritten: ${is} does not contain the accepted revision ${was}`,
  }
  return {
    code: 'HISTORY_REWRITTEN',
    message: messages[how],
    next: { kind: 'stalled', remedy: `slipway approve ${found.sha.slice(0, 12)}, or push the accepted revision again` },
  }
}

const CODE_OF: Readonly<Record<SignatureVerdict['kind'], ProblemCode>> = {
  // By somebody, but not by one of those that the rule names.
  trusted: 'SIGNATURE_UNTRUSTED',
  unsigned: 'SIGNATURE_MISSING',
  unknown: 'SIGNATURE_UNTRUSTED',
  expired: 'SIGNATURE_UNTRUSTED',
  revoked: 'SIGNATURE_UNTRUSTED',
  tampered: 'SIGNATURE_INVALID',
  unreadable: 'SIGNATURE_INVALID',
}

/** Whether a commit, or the tag, is not signed as the rule wants it. What could not be looked at is not signed. */
export function signatureProblem(
  rule: SignedBy,
  revision: Revision,
  news: Result<readonly NewCommit[]>,
): Problem | null {
  const short = revision.sha.slice(0, 12)
  const remedy = `push a commit on it that is signed so${rule.what === 'every' ? ' throughout' : ''}${rule.approve ? `, or slipway approve ${short}` : ''}`
  const held = (code: ProblemCode, message: string): Problem => ({ code, message, next: { kind: 'stalled', remedy } })
  if (!news.ok) {
    const message = `the signatures of ${short} cannot be checked: ${news.problem.message}`
    return { code: 'SIGNATURE_INVALID', message, next: news.problem.next ?? { kind: 'retry', afterMs: 60_000 } }
  }
  for (const { sha, subject, author, signature, expected } of news.value) {
    if (signature === null || isSignedBy(rule, signature)) continue
    const what = rule.what === 'tag' ? `the tag ${revision.ref}` : `commit ${sha.slice(0, 8)} (${subject}) by ${author}`
    const who = rule.signers.length > 0 ? rule.signers.join(', ') : expected
    return held(CODE_OF[signature.kind], `${what} is ${formatVerdict(signature)}; guards.signed_by expects ${who}`)
  }
  return null
}

function isSignedBy({ signers }: SignedBy, verdict: SignatureVerdict): boolean {
  return verdict.kind === 'trusted' && (signers.length === 0 || signers.some((name) => verdict.names.includes(name)))
}

/** It is asked again: what differs may be a replica that is healed by then. */
export function pinProblem(revision: Revision, pin: string, named: readonly string[]): Problem {
  const short = revision.sha.slice(0, 12)
  const shown = named.length === 0 ? 'which nobody was shown' : `not ${named.join(' or ')}, which its commits name`
  const remedy = `slipway approve ${short}, or a commit with the trailer Slipway-Plan: ${pin}, lets it go`
  return {
    code: 'PLAN_NOT_SHOWN',
    message: `revision ${revision.sha.slice(0, 8)} is held by guards.plan: its plan is ${pin}, ${shown}; ${remedy}`,
    next: { kind: 'wait', until: 'its plan is one that was shown' },
  }
}

/** Why it waits, and until when, in the time zone of the window. */
export function windowProblem(
  revision: Revision,
  { by, opensAtMs }: Extract<WindowState, { kind: 'closed' }>,
  timeZone: string,
): Problem {
  const short = revision.sha.slice(0, 12)
  const why = by === null ? 'no window is open' : by.reason === '' ? 'a window forbids it' : `${by.reason} forbids it`
  const now = `slipway approve ${short}, or a commit with the trailer Slipway-Override: <reason>, lets it go at once`
  const message = `revision ${revision.sha.slice(0, 8)} waits: ${why}`
  if (opensAtMs === null)
    return {
      code: 'WINDOW_CLOSED',
      message: `${message} now, and none opens within a year`,
      next: { kind: 'stalled', remedy: now },
    }
  const until = formatZoned(opensAtMs, timeZone)
  return { code: 'WINDOW_CLOSED', message: `${message} until ${until}; ${now}`, next: { kind: 'wait', until } }
}
