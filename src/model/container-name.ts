import { createHash } from 'node:crypto'
import type { Identity } from './action.js'

/**
 * `shop-web-3-1a2b3c4d`: derived from slot, spec and restart request, so that a repeated create collides instead of doubling.
 * A slot that does not fit the engine's 63 usable characters of a host name is still unique by its hash.
 */
export function containerName(identity: Pick<Identity, 'fleet' | 'slot' | 'specHash' | 'restart'>): string {
  const { fleet, slot, specHash, restart } = identity
  const tail = createHash('sha256')
    .update(JSON.stringify([fleet, specHash, restart]))
    .digest('hex')
    .slice(0, 8)
  return `${slot.stack}-${slot.service}-${slot.key}-${tail}`
}
