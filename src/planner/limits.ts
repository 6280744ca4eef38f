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

const FIELDS: Readonly<Record<'cpus' | 'memory' | 'pids', string>> = {
  cpus: 'deploy.resources.limits.cpus',
  memory: 'deploy.resources.limits.memory',
  pids: 'deploy.resources.limits.pids',
}

/** What changes between the limits a container has and those it should have, in Compose's words. */
export function limitCauses(before: string, limits: ResourceLimits): readonly Cause[] {
  const had = parseLimits(before)
  const wanted = { cpus: limits.cpus, memory: limits.memoryBytes, pids: limits.pids }
  return (['cpus', 'memory', 'pids'] as const).flatMap((name) => {
    const from = had.get(name) ?? null
    const to = wanted[name] === null ? null : String(wanted[name])
    return from === to ? [] : [{ field: FIELDS[name], from: show(name, from), to: show(name, to) }]
  })
}

function show(name: string, value: string | null): string | null {
  return value !== null && name === 'memory' ? formatBytes(Number(value)) : value
}
