import { createHash } from 'node:crypto'
import type { Identity } from './action.js'

/**
 * `shop-web-3-1a2b3c4d`: derived from slot, spec and restart request, so that a repeated create collides instead of doubling.
 * A slot that does not fit the engine's 63 usable characters of a host name is still unique by its hash.
 */
export function containerName(identity: Pick<Identity, 'fleet' | 'slot' | 'specHash' | 'restart'>): string {
  const { fleet, slot, specHash, restart } = identity
  return `${slot.stack}-${slot.service}-${slot.key}-${tailOf(JSON.stringify([fleet, specHash, restart]))}`
}

/** All replicas of a service share it, and it is asked for at every look. */
const TAILS_KEPT = 1_000
const tails = new Map<string, string>()

function tailOf(text: string): string {
  const known = tails.get(text)
  if (known !== undefined) return known
  const tail = createHash('sha256').update(text).digest('hex').slice(0, 8)
  if (tails.size >= TAILS_KEPT) tails.clear()
  tails.set(text, tail)
  return tail
}
