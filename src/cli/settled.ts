import { formatRevision } from '../model/index.js'
import type { Problem } from '../model/index.js'
import { settlementOf } from '../controller/index.js'
import type { FleetStatus, Settlement } from '../controller/index.js'

/** How it stands with the revision that somebody waits for. `waiting` says for what; every other kind is the end of `apply`. */
export interface Settled {
  readonly kind: 'waiting' | 'applied' | 'rolled-back' | 'failed'
  readonly text: string
  readonly problems: readonly Problem[]
}

/** What each end means, after the revision's name. */
const ENDS: Readonly<Record<Exclude<Settlement['kind'], 'pending'>, readonly [kind: Settled['kind'], text: string]>> = {
  applied: ['applied', 'is applied'],
  'rolled-back': ['rolled-back', 'failed and was rolled back'],
  failed: ['failed', 'failed'],
  blocked: ['failed', 'is blocked, and nothing that runs was touched'],
  held: ['failed', 'is held'],
  refused: ['failed', 'is refused'],
}

/**
 * Judges a status for somebody who waits for a revision: `sha` is a full or short hash, null stands for whatever the ref names.
 * A look at Git from before `sinceMs` says nothing: the commit in question may have come since.
 */
export function settled(status: FleetStatus, sha: string | null, sinceMs: number): Settled {
  const { source } = status
  if (source.lastPollAtMs === null || source.lastPollAtMs < sinceMs) return waiting('Git')
  if (source.problem !== null) return { kind: 'failed', text: 'Git cannot be read', problems: [source.problem] }
  if (source.fetched === null) return waiting('Git')
  const name = formatRevision(source.fetched)
  if (sha !== null && !source.fetched.sha.startsWith(sha)) {
    return { kind: 'failed', text: `${source.ref} names ${name}, not ${sha}: push it, or name no commit`, problems: [] }
  }
  const settlement = settlementOf(status, source.fetched.sha)
  if (settlement.kind === 'pending') return waiting(busyWith(status, name))
  const [kind, text] = ENDS[settlement.kind]
  const isInForce = settlement.kind === 'refused' && source.accepted?.sha === source.fetched.sha
  return {
    kind,
    text: `${name} ${isInForce ? 'is in force, but for stacks whose files are wrong' : text}`,
    problems: settlement.kind === 'applied' ? [] : settlement.problems,
  }
}

function busyWith({ stacks, source }: FleetStatus, name: string): string {
  if (source.accepted?.sha !== source.fetched?.sha) return `${name} to be accepted`
  const busy = stacks.filter(({ phase }) => phase !== 'synced' && phase !== 'done')
  return busy.map((stack) => `${stack.name} (${stack.sentence})`).join('; ')
}

function waiting(text: string): Settled {
  return { kind: 'waiting', text, problems: [] }
}
