import type { Cause, ResourceLimits } from '../model/index.js'
import { formatBytes } from './show-value.js'

/** Reads what `formatLimits` prints. */
function parseLimits(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(' ').flatMap((part) => (part.includes('=') ? [splitOnce(part)] : [])))
}

function splitOnce(part: string): readonly [string, string] {
  const at = part.indexOf('=')
  return [part.slice(0, at), part.slice(at + 1)]
}

/** Whether the engine can go from one to the other in a running container: it can change a limit, not take it away. */
export function canUpdateInPlace(before: string, after: string): boolean {
  const left = parseLimits(after)
  return [...parseLimits(before).keys()].every((name) => left.has(name))
}

const LIMITS = [
  { name: 'cpus', field: 'deploy.resources.limits.cpus', of: (limits) => limits.cpus },
  { name: 'memory', field: 'deploy.resources.limits.memory', of: (limits) => limits.memoryBytes },
  { name: 'pids', field: 'deploy.resources.limits.pids', of: (limits) => limits.pids },
  { name: 'memswap', field: 'memswap_limit', of: (limits) => limits.memorySwapBytes ?? null },
  {
    name: 'reserved',
    field: 'deploy.resources.reservations.memory',
    of: (limits) => limits.memoryReservedBytes ?? null,
  },
] as const satisfies readonly { name: string; field: string; of: (limits: ResourceLimits) => number | null }[]

/** What changes between the limits a container has and those it should have, in Compose's words. */
export function limitCauses(before: string, limits: ResourceLimits): readonly Cause[] {
  const had = parseLimits(before)
  return LIMITS.flatMap(({ name, field, of }) => {
    const from = had.get(name) ?? null
    const wanted = of(limits)
    const to = wanted === null ? null : String(wanted)
    return from === to ? [] : [{ field, from: show(name, from), to: show(name, to) }]
  })
}

function show(name: string, value: string | null): string | null {
  const isSize = name !== 'cpus' && name !== 'pids' && value !== '-1'
  return value !== null && isSize ? formatBytes(Number(value)) : value
}
