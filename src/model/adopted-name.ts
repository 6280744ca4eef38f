import { createHash } from 'node:crypto'
import type { Slot } from './slot.js'
import type { SpecHash } from './spec-hash.js'

/** What is known of a container that something else made and Slipway took over. */
export interface AdoptedIdentity {
  readonly fleet: string
  readonly slot: Slot
  /** {@link OTHER_SPEC} where it is not what the manifest says. */
  readonly specHash: SpecHash
  /** Full hash of the commit that says the same; {@link OTHER_REVISION} where none does. */
  readonly revision: string
  /** The limits it was made with, as `formatLimits` prints them. */
  readonly limits: string
  readonly containerId: string
}

/** Of a container that was taken over to be replaced: no manifest has this hash. */
export const OTHER_SPEC: SpecHash = '0'.repeat(20)
export const OTHER_REVISION = '0'.repeat(40)

/**
 * A running container can be given no labels, but a name: so the name says all of it, and nothing else has to be remembered. It ends with a hash over
 * everything and the container's own id, so that no other container can have it by accident, or because it was copied. It tells how long stack and service
 * are, since both may hold the dash that parts them, and a container that Compose did not make has no label that tells.
 */
export function adoptedName(identity: AdoptedIdentity): string {
  const { slot, specHash, revision, limits } = identity
  const said = limits === '' ? '' : `-${limits.replaceAll('=', '.').replaceAll(' ', '_')}`
  const lengths = `${slot.stack.length}.${slot.service.length}`
  return `${slot.stack}-${slot.service}-${slot.key}-adopted-${lengths}-${specHash}-${revision}${said}-${checkOf(identity)}`
}

function checkOf({ fleet, slot, specHash, revision, limits, containerId }: AdoptedIdentity): string {
  const all = [fleet, slot.stack, slot.service, slot.key, specHash, revision, limits, containerId]
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 8)
}

/** What a name says of the container that has it; null where it is not one that {@link adoptedName} gave it in this fleet. */
export function readAdoptedName(
  name: string,
  { fleet, containerId }: { readonly fleet: string; readonly containerId: string },
): AdoptedIdentity | null {
  const match =
    /^(.+)-adopted-([0-9]{1,3})\.([0-9]{1,3})-([0-9a-f]{20})-([0-9a-f]{40})(?:-([a-z0-9._-]+))?-[0-9a-f]{8}$/.exec(name)
  if (match === null) return null
  const [, slotName = '', stackLength, serviceLength, specHash = '', revision = '', said = ''] = match
  const stack = slotName.slice(0, Number(stackLength))
  const service = slotName.slice(stack.length + 1).slice(0, Number(serviceLength))
  const key = slotName.slice(stack.length + service.length + 2)
  const limits = said
    .split('_')
    .map((part) => part.replace('.', '='))
    .join(' ')
  const identity = { fleet, slot: { stack, service, key }, specHash, revision, limits, containerId }
  return adoptedName(identity) === name ? identity : null
}
