import { localBackend, remoteName, resortName, seatKey, slotName, wholeBackends } from './layout.js'
import type { Layout, Seat, ServiceLayout } from './layout.js'
import type { ProxyState, SlotSeen } from './read-state.js'

/** In the order in which they are told. */
interface Told {
  /** Addresses and weights of those that get something. */
  readonly weights: string[]
  /** Those among them that had nothing enter when all weigh what they are to: their share is never more than it is to be. */
  readonly entering: string[]
  readonly leaving: string[]
}

/**
 * What to tell a proxy of the same structure so that it does as the layout says; nothing where it does. Those that come stand before those that
 * go, so that nobody is left without in between.
 */
export function liveCommands(layout: Layout, state: ProxyState): readonly string[] {
  const told: Told = { weights: [], entering: [], leaving: [] }
  for (const service of layout.services) {
    const own = localBackend(service)
    const whole = wholeBackends(service)
    for (const backend of [own, ...whole]) {
      const seen = state.servers.get(backend)
      service.slots.forEach((seat, index) => {
        const weight = (backend === own ? seat?.localWeight : seat?.wholeWeight) ?? 0
        const now = seen?.get(slotName(index))
        if (!isSlotSo(seat, weight, now)) slotCommands(`${backend}/${slotName(index)}`, seat, weight, now, told)
      })
    }
    for (const backend of whole) remoteCommands(service, backend, state, told)
  }
  return [...told.weights, ...told.entering, ...told.leaving]
}

/** Mostly: then not even its name is made, as there are thousands. */
function isSlotSo(seat: Seat | null, weight: number, seen: SlotSeen | undefined): boolean {
  if (seat === null) return seen?.isFree !== false
  return seen?.isFree === false && seen.weight === weight && seen.address === seatKey(seat)
}

function slotCommands(name: string, seat: Seat | null, weight: number, seen: SlotSeen | undefined, told: Told): void {
  if (seat === null) {
    if (seen?.isFree === false) told.leaving.push(`set server ${name} state maint`)
    return
  }
  const [first, then] = weight === 0 ? [told.leaving, told.leaving] : [told.weights, told.entering]
  if (seen?.address !== seatKey(seat)) first.push(`set server ${name} addr ${seat.address} port ${seat.port}`)
  if (seen?.weight !== weight) first.push(`set server ${name} weight ${weight}`)
  if (seen?.isFree !== false) then.push(`set server ${name} state ready`)
}

function remoteCommands(service: ServiceLayout, backend: string, state: ProxyState, told: Told): void {
  const entries = state.servers.get(backend)
  for (const { peer, weight } of service.remotes)
    for (const entry of [remoteName(peer), resortName(peer)]) {
      const seen = entries?.get(entry)
      if (weight === 0 ? seen?.isFree !== false : seen?.isFree === false && seen.weight === weight) continue
      const name = `${backend}/${entry}`
      if (weight === 0) {
        told.leaving.push(`set server ${name} state maint`)
        continue
      }
      if (seen?.weight !== weight) told.weights.push(`set server ${name} weight ${weight}`)
      if (seen?.isFree !== false) told.entering.push(`set server ${name} state ready`)
    }
}
