import { LABELS, formatSlot } from '../model/index.js'
import type { Fact } from '../controller/index.js'
import type { EngineEvent } from './engine/event-log.js'

/** One thing that would happen. `atMs` counts from the beginning. */
export interface TimelineEntry {
  readonly atMs: number
  readonly kind: 'pull' | 'start' | 'healthy' | 'unhealthy' | 'stop' | 'remove' | 'network' | 'rollout'
  readonly stack: string | null
  /** `shop/web#1`; null for what concerns no replica. */
  readonly slot: string | null
  readonly server: string | null
  readonly text: string
}

type Entry = Omit<TimelineEntry, 'atMs'>

/** What an engine told, if anybody wants to know. */
export function entryOfEvent(server: string, { type, action, id, attributes }: EngineEvent): Entry | null {
  if (type === 'image' && action === 'pull')
    return { kind: 'pull', stack: null, slot: null, server, text: `has the image ${id}` }
  if (type === 'network' && (action === 'create' || action === 'destroy'))
    return { kind: 'network', stack: null, slot: null, server, text: `network ${attributes['name']} ${VERBS[action]}` }
  if (type !== 'container') return null
  const slot = slotOf(attributes)
  const stack = attributes[LABELS.stack]
  if (slot === null || stack === undefined) return null
  const revision = shortName(attributes[LABELS.revision] ?? '')
  const about = { stack, slot, server }
  switch (action) {
    case 'start':
      return { kind: 'start', ...about, text: `starts (${revision})` }
    case 'stop':
      return { kind: 'stop', ...about, text: `stopped (${revision})` }
    case 'die':
      return attributes['exitCode'] === '0'
        ? null
        : { kind: 'stop', ...about, text: `exits with ${attributes['exitCode']} (${revision})` }
    case 'destroy':
      return { kind: 'remove', ...about, text: `removed (${revision})` }
    default:
      return null
  }
}

const VERBS = { create: 'made', destroy: 'removed' } as const

function slotOf(labels: Readonly<Record<string, string>>): string | null {
  const [stack, service, key] = [labels[LABELS.stack], labels[LABELS.service], labels[LABELS.slot]]
  return stack && service && key ? formatSlot({ stack, service, key }) : null
}

/** What the controller decided, if anybody wants to know. */
export function entryOfFact(fact: Fact): Entry | null {
  switch (fact.kind) {
    case 'rollout-started':
      return rollout(
        fact.stack,
        fact.direction === 'back' ? `goes back to ${short(fact)}` : `rollout of ${short(fact)} begins`,
      )
    case 'rollout-completed':
      return rollout(
        fact.stack,
        fact.direction === 'back' ? `is back at ${short(fact)}` : `rollout of ${short(fact)} is complete`,
      )
    case 'rollout-failed':
      return rollout(fact.stack, `rollout of ${short(fact)} fails: ${fact.problem.message}`)
    case 'step-begun':
      return rollout(
        fact.stack,
        fact.step < fact.steps
          ? `${fact.service}: step ${fact.step + 1} of ${fact.steps} begins, ${fact.percent} % of the requests`
          : `${fact.service}: its old replicas leave`,
      )
    case 'rollout-blocked':
      return rollout(fact.stack, `is blocked: ${fact.problems.map(({ message }) => message).join('; ')}`)
    case 'slot-proven':
      return replica('healthy', fact, 'is healthy')
    case 'replica-failed':
      return replica('unhealthy', fact, `fails: ${fact.problem.message}`)
    case 'replica-healed':
      return replica('unhealthy', fact, `is healed (${fact.how}): ${fact.reason}`)
    case 'job-finished':
      return rollout(fact.stack, `job ${fact.service} ends with ${fact.exitCode}`)
    case 'stack-removed':
      return rollout(fact.stack, 'is removed')
    default:
      return null
  }
}

function short({ revision }: { readonly revision: { readonly sha: string } }): string {
  return shortName(revision.sha)
}

/** The first digits of a commit; files that are no commit yet have only zeroes. */
export function shortName(sha: string): string {
  return /^0+$/.test(sha) ? 'the files' : sha.slice(0, 7)
}

function rollout(stack: string, text: string): Entry {
  return { kind: 'rollout', stack, slot: null, server: null, text }
}

function replica(
  kind: 'healthy' | 'unhealthy',
  { stack, slot, server }: Extract<Fact, { kind: 'slot-proven' | 'replica-failed' | 'replica-healed' }>,
  text: string,
): Entry {
  return { kind, stack, slot: formatSlot(slot), server, text }
}
