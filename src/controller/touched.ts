import type { Replica, ServerView } from '../model/index.js'
import { sameAddresses } from './same-listing.js'

/** Stacks that a look at a server concerns; `all` where the server came or went. */
export interface Touched {
  readonly all: boolean
  readonly stacks: ReadonlySet<string>
}

export function touchedStacks(view: ServerView, before: ServerView | undefined): Touched {
  if (before?.kind !== 'listed' || view.kind !== 'listed') return { all: true, stacks: new Set() }
  const known = new Map(before.listing.replicas.map((replica) => [replica.containerId, replica]))
  const stacks = new Set<string>()
  for (const replica of view.listing.replicas) {
    if (!isSame(known.get(replica.containerId), replica)) stacks.add(replica.slot.stack)
    known.delete(replica.containerId)
  }
  for (const gone of known.values()) stacks.add(gone.slot.stack)
  return { all: false, stacks }
}

/** The server is listed, and what was known of its engine may not hold: nothing was, it was away, or it is another one. */
export function isAnotherEngine(view: ServerView, before: ServerView | undefined): boolean {
  if (view.kind !== 'listed') return false
  return before?.kind !== 'listed' || before.listing.facts.engineId !== view.listing.facts.engineId
}

function isSame(before: Replica | undefined, now: Replica): boolean {
  if (before === now) return true
  return (
    before !== undefined &&
    before.state === now.state &&
    before.health === now.health &&
    before.exitCode === now.exitCode &&
    // Started again so fast that no look saw it, it may be elsewhere.
    sameAddresses(before.addresses, now.addresses)
  )
}
