import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { compareText } from '../model/index.js'

/** IPv4 addresses that belong together. */
export interface AddressRange {
  readonly first: number
  readonly size: number
}

const LEAST_PREFIX = 8
/** Names need some room, or many of them would have each other's first place. */
const MOST_PREFIX = 24

/** `198.18.0.0/16`; null for what is no range, is too small, or does not begin where it says. */
export function parseRange(text: string): AddressRange | null {
  const [address = '', length = '', ...more] = text.split('/')
  if (more.length > 0 || !isIPv4(address) || !/^[0-9]{1,2}$/.test(length)) return null
  const prefix = Number(length)
  if (prefix < LEAST_PREFIX || prefix > MOST_PREFIX) return null
  const size = 2 ** (32 - prefix)
  const first = numberOf(address)
  return first % size === 0 ? { first, size } : null
}

export function isInRange({ first, size }: AddressRange, address: string): boolean {
  if (!isIPv4(address)) return false
  const number = numberOf(address)
  return number > first && number < first + size - 1
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}

/** So many places are tried by hash; then the next that is free. */
const HASHED_TRIES = 16

/**
 * An address for each service (`shop/web`). Who holds one keeps it; the others get that of their hash, in the order of their names, or the next one of
 * it where another has that already. So the same services have the same addresses wherever nothing is remembered, except that of two with one hash
 * the first to come has it. A service gets none where the range is full.
 */
export function assignAddresses(
  range: AddressRange,
  services: readonly string[],
  held: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const given = new Map<string, string>()
  const taken = new Set<string>()
  const sorted = [...services].sort(compareText)
  for (const service of sorted) {
    const address = held.get(service)
    if (address === undefined || !isInRange(range, address) || taken.has(address)) continue
    given.set(service, address)
    taken.add(address)
  }
  for (const service of sorted) {
    const address = given.has(service) ? null : freeAddress(range, service, taken)
    if (address === null) continue
    given.set(service, address)
    taken.add(address)
  }
  return given
}

function freeAddress(range: AddressRange, service: string, taken: ReadonlySet<string>): string | null {
  // The first and the last are no hosts' where somebody takes it for a network.
  const room = range.size - 2
  if (taken.size >= room) return null
  let place = 0
  for (let nth = 0; nth < HASHED_TRIES; nth += 1) {
    place = createHash('sha256').update(`${service}#${nth}`).digest().readUInt32BE(0) % room
    const address = addressOf(range.first + 1 + place)
    if (!taken.has(address)) return address
  }
  for (let step = 1; step < room; step += 1) {
    const address = addressOf(range.first + 1 + ((place + step) % room))
    if (!taken.has(address)) return address
  }
  return null
}
