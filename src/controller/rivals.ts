import type { ServerView } from '../model/index.js'

/**
 * A replica of our fleet that appeared long after our first look, made by somebody else: another controller is at work. What was there from the
 * beginning is adopted, whoever made it; so is what a person takes over from Compose, which no controller made.
 */
export function findRival(
  view: Extract<ServerView, { kind: 'listed' }>,
  before: ServerView | undefined,
  own: { readonly controllerId: string; readonly firstListedAtMs: number; readonly graceMs: number },
  nowMs: number,
): { readonly controller: string; readonly container: string } | null {
  if (before === undefined || nowMs - own.firstListedAtMs <= own.graceMs) return null
  const known = new Set(
    (before.kind === 'listed' ? before.listing.replicas : before.mayHold).map((replica) => replica.containerId),
  )
  const rival = view.listing.replicas.find(
    ({ containerId, controller }) => !known.has(containerId) && controller !== '' && controller !== own.controllerId,
  )
  return rival === undefined ? null : { controller: rival.controller, container: rival.containerName }
}
