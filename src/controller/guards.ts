import type { Desired, Observation, Problem, Revision } from '../model/index.js'

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
    next: { kind: 'stalled', remedy: `slipway approve ${revision.sha.slice(0, 12)}, or a commit that keeps them` },
  }
}

function shortList(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}

export function rewrittenProblem(accepted: Revision, found: Revision): Problem {
  return {
    code: 'HISTORY_REWRITTEN',
    message: `${found.ref} was rewritten: ${found.sha.slice(0, 8)} does not contain the accepted revision ${accepted.sha.slice(0, 8)}`,
    next: { kind: 'stalled', remedy: `slipway approve ${found.sha.slice(0, 12)}, or push the accepted revision again` },
  }
}
