import { canonicalJson } from '../model/index.js'
import { at } from './engine.js'

type Fields = Readonly<Record<string, unknown>>

/**
 * What a network that `docker compose` made has otherwise than the stack wants, in Compose's words; null where it is as wanted. What the stack does not
 * say is the engine's to choose: it chose when Compose said nothing either.
 */
export function composedDifference(wanted: Fields, found: Fields): string | null {
  const flags: readonly (readonly [field: string, wanted: unknown, found: unknown])[] = [
    ['driver', wanted['Driver'], found['Driver']],
    ['internal', wanted['Internal'] ?? false, found['Internal'] ?? false],
    ['attachable', wanted['Attachable'] ?? false, found['Attachable'] ?? false],
    ['enable_ipv6', wanted['EnableIPv6'] ?? false, found['EnableIPv6'] ?? false],
    ['enable_ipv4', wanted['EnableIPv4'] ?? true, found['EnableIPv4'] ?? true],
    ['driver_opts', canonicalJson(wanted['Options'] ?? {}), canonicalJson(found['Options'] ?? {})],
  ]
  const flag = flags.find(([, want, has]) => want !== has)
  if (flag !== undefined) return flag[0]
  return isIpamWanted(wanted['IPAM'], found['IPAM']) ? null : 'ipam'
}

function isIpamWanted(wanted: unknown, found: unknown): boolean {
  if (wanted === undefined) return true
  const driver = at(wanted, 'Driver') ?? 'default'
  if (driver !== (at(found, 'Driver') ?? 'default')) return false
  if (canonicalJson(at(wanted, 'Options') ?? {}) !== canonicalJson(at(found, 'Options') ?? {})) return false
  const pools = poolsOf(wanted)
  const there = poolsOf(found)
  return pools.every((pool) => there.some((other) => hasAll(pool, other)))
}

function poolsOf(ipam: unknown): readonly Fields[] {
  const config = at(ipam, 'Config')
  return Array.isArray(config) ? (config as readonly Fields[]) : []
}

/** The engine fills in a gateway where none is said. */
function hasAll(wanted: Fields, found: Fields): boolean {
  return Object.entries(wanted).every(([field, value]) => canonicalJson(value) === canonicalJson(found[field]))
}
