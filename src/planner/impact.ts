import type { Change, Observation, ServiceSpec, StackPlan } from '../model/index.js'
import { groupBy } from './group-by.js'
import { count, formatBytes } from './show-value.js'

/**
 * Services that are worse off while a plan is carried out, or afterwards, each as one sentence: fewer replicas than now, none for a while, none any
 * more. Sorted as the plans are. What starts before it stops costs nothing and is not told.
 */
export function impactOf(plans: readonly StackPlan[]): readonly string[] {
  return plans.flatMap(({ stack, changes }) =>
    [...groupBy(changes, (change) => change.slot.service)].flatMap(([service, own]) => {
      const sentence = impactOn(own)
      return sentence === null ? [] : [`${stack}/${service} ${sentence}`]
    }),
  )
}

function impactOn(changes: readonly Change[]): string | null {
  const running = changes.filter(runsNow).length
  const kept = changes.filter((change) => change.kind !== 'remove' && runsNow(change)).length
  const leaving = changes.filter((change) => change.kind === 'remove' && change.why === 'unwanted').length
  if (running === 0) return null
  if (kept === 0) return leaving > 0 ? `is removed: ${count(leaving, 'replica')} and nothing in their place` : null
  const stopping = changes.filter((change) => change.kind === 'replace' && change.order === 'stop-first')
  const [first] = stopping
  if (first?.kind !== 'replace') return leaving > 0 ? `goes from ${running} to ${count(kept, 'replica')}` : null
  const { parallelism } = first.spec.update
  const down = Math.min(stopping.length, parallelism === 0 ? stopping.length : parallelism)
  const why = `each stops before its successor starts${first.orderReason === '' ? '' : ` (${first.orderReason})`}`
  return down >= kept
    ? `has downtime: ${kept === 1 ? 'its only replica' : 'all its replicas'} at once, ${why}`
    : `runs with ${kept - down} of ${count(kept, 'replica')} meanwhile: ${why}`
}

function runsNow(change: Change): boolean {
  switch (change.kind) {
    case 'create':
    case 'blocked':
    case 'restart':
      return false
    default:
      return true
  }
}

/** What each server will have promised, beside what it has; servers without a promise are left out. */
export function capacityAfter(plans: readonly StackPlan[], observation: Observation): readonly string[] {
  const promised = new Map<string, { cpus: number; memoryBytes: number }>()
  for (const change of plans.flatMap(({ changes }) => changes)) {
    if (change.kind === 'remove' || change.kind === 'blocked') continue
    const { cpus, memoryBytes } = reservationsOf(change.spec)
    const before = promised.get(change.server) ?? { cpus: 0, memoryBytes: 0 }
    promised.set(change.server, { cpus: before.cpus + cpus, memoryBytes: before.memoryBytes + memoryBytes })
  }
  return [...promised].sort().flatMap(([server, { cpus, memoryBytes }]) => {
    const view = observation.get(server)
    const facts = view === undefined ? null : view.kind === 'listed' ? view.listing.facts : view.facts
    const parts = [
      ...(cpus > 0 ? [`${round(cpus)}${facts === null ? '' : ` of ${facts.cpus}`} cpus`] : []),
      ...(memoryBytes > 0
        ? [`${inMiB(memoryBytes)}${facts === null ? '' : ` of ${inMiB(facts.memoryBytes)}`} memory`]
        : []),
    ]
    return parts.length === 0 ? [] : [`${server}: ${parts.join(', ')}`]
  })
}

function reservationsOf({ reservations, mode }: ServiceSpec): ServiceSpec['reservations'] {
  return mode === 'job' ? { cpus: 0, memoryBytes: 0 } : reservations
}

function round(cpus: number): number {
  return Math.round(cpus * 1000) / 1000
}

/** Whole mebibytes: a server's memory is never a round number. */
function inMiB(bytes: number): string {
  return formatBytes(Math.floor(bytes / 1024 ** 2) * 1024 ** 2)
}
