import type { Fact } from '../../src/controller/index.js'
import { canonicalJson } from '../../src/model/index.js'
import type { StackEntry } from '../../src/model/index.js'
import { CLOSED_MINUTES } from './drafts.js'
import { slotOf } from './invariants.js'
import type { Invariant } from './invariants.js'
import type { World } from './world.js'

type Gate = 'signature' | 'window' | 'plan'

interface Accepted {
  readonly sha: string
  /** The revision in force until then; null: none is known. */
  readonly before: string | null
  readonly isApproved: boolean
}

/** What is looked at when a revision is accepted that was not in force. */
function accepting(world: World, fact: Fact, gate: Gate): Accepted | null {
  if (fact.kind !== 'revision-accepted') return null
  const { accepted: before, approved } = world.ledger
  const { sha } = fact.revision
  return before === sha ? null : { sha, before, isApproved: approved.has(`${sha} ${gate}`) }
}

export function hasTrailer(
  world: World,
  { sha, before }: Pick<Accepted, 'sha' | 'before'>,
  name: string,
  value?: string,
): boolean {
  return world.git
    .newer(sha, before)
    .some((one) =>
      world.git.commits
        .get(one)
        ?.letter.trailers.some((trailer) => trailer.name === name && (value === undefined || trailer.value === value)),
    )
}

/** A revision that changes nothing begins no rollout, so no window holds it. A stack that a revision has wrong stays as it was. */
function changesNothing(world: World, { sha, before }: Accepted): boolean {
  const [was, is] = [before, sha].map((one) => {
    const desired = one === null ? null : world.oracle.of(one)
    if (desired === null) return null
    const hashOf = (entry: StackEntry): string | null =>
      entry.kind === 'valid' ? entry.hash : world.ledger.stack(entry.name).desired
    const stacks = desired.stacks.map((entry) => [entry.name, hashOf(entry)])
    return canonicalJson([desired.fleet, stacks])
  })
  return was === is
}

export const G01: Invariant = {
  sentence: 'no revision is accepted that is not signed as the one in force demands, unless a person lets it',
  fact: (world, fact) => {
    const accepted = accepting(world, fact, 'signature')
    if (accepted === null) return null
    const { sha, before, isApproved } = accepted
    const rule = world.oracle.of(before ?? sha)?.fleet.guards.signedBy
    if (rule === undefined || (isApproved && rule.approve)) return null
    const asked = rule.what === 'every' ? world.git.newer(sha, before) : [sha]
    const unsigned = asked.find((one) => world.git.commits.get(one)?.letter.isSigned !== true)
    return unsigned === undefined ? null : `${sha.slice(0, 8)} is accepted and ${unsigned.slice(0, 8)} is not signed`
  },
}

export const G02: Invariant = {
  sentence:
    'no revision is accepted while the windows of the one in force are closed, unless a person or a commit says so',
  fact: (world, fact) => {
    const accepted = accepting(world, fact, 'window')
    if (accepted === null || accepted.before === null || accepted.isApproved) return null
    const { windows } = world.oracle.of(accepted.before)?.fleet ?? {}
    if (windows === undefined || windows.length === 0 || hasTrailer(world, accepted, 'override')) return null
    const minute = Math.floor((world.main.process?.clock.nowMs() ?? 0) / 60_000) % 60
    return minute >= CLOSED_MINUTES || changesNothing(world, accepted)
      ? null
      : `${accepted.sha.slice(0, 8)} is accepted in minute ${minute} of the hour`
  },
}

export const G03: Invariant = {
  sentence: 'no revision is accepted with a plan that nobody was shown, unless a person lets it',
  fact: (world, fact) => {
    const accepted = accepting(world, fact, 'plan')
    if (accepted === null || accepted.before === null || accepted.isApproved) return null
    if (world.oracle.of(accepted.before)?.fleet.guards.plan !== 'pinned' || changesNothing(world, accepted)) return null
    const pin = world.reviews.pins.get(accepted.sha)
    if (pin === undefined) return `${accepted.sha.slice(0, 8)} is accepted and nobody looked at its plan`
    return pin === null || world.reviews.isShown(pin) || hasTrailer(world, accepted, 'plan', pin)
      ? null
      : `${accepted.sha.slice(0, 8)} is accepted with the plan ${pin}, which nobody was shown`
  },
}

export const G04: Invariant = {
  sentence: 'every replica is made of a revision that was accepted',
  performing: (world, _sight, action, controller) => {
    if (action.kind !== 'run' || controller !== world.main.name || world.harm.isContested()) return null
    const { revision } = action.identity
    return world.accepted.has(revision) ? null : `${slotOf(action)} is made of ${revision.slice(0, 8)}, never accepted`
  },
}
