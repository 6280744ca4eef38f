import { localBackend, remoteName, resortName, seatKey, slotName, wholeBackends } from './layout.js'
import type { Layout, Seat, ServiceLayout } from './layout.js'
import type { ProxyState, SlotSeen } from './read-state.js'

/**
 * What to tell a proxy of the same structure so that it does as the layout says; nothing where it does. Those that come stand before those that
 * go, so that nobody is left without in between.
 */
export function liveCommands(layout: Layout, state: ProxyState): readonly string[] {
  const coming: string[] = []
  const leaving: string[] = []
  for (const service of layout.services) {
    const backends = [localBackend(service), ...wholeBackends(service)]
    for (const backend of backends) {
      const seen = state.servers.get(backend)
      service.slots.forEach((seat, index) => {
        const commands = slotCommands(`${backend}/${slotName(index)}`, seat, seen?.get(slotName(index)))
        if (seat === null || seat.isDraining) leaving.push(...commands)
        else coming.push(...commands)
      })
    }
    for (const backend of wholeBackends(service)) remoteCommands(service, backend, state, coming, leaving)
  }
  return [...coming, ...leaving]
}

function slotCommands(name: string, seat: Seat | null, seen: SlotSeen | undefined): readonly string[] {
  if (seat === null) return seen?.isFree === false ? [`set server ${name} state maint`] : []
  const weight = seat.isDraining ? 0 : 1
  return [
    ...(seen?.address === seatKey(seat) ? [] : [`set server ${name} addr ${seat.address} port ${seat.port}`]),
    ...(seen?.weight === weight ? [] : [`set server ${name} weight ${weight}`]),
    ...(seen?.isFree === false ? [] : [`set server ${name} state ready`]),
  ]
}

function remoteCommands(
  service: ServiceLayout,
  backend: string,
  state: ProxyState,
  coming: string[],
  leaving: string[],
): void {
  for (const { peer, weight } of service.remotes)
    for (const entry of [remoteName(peer), resortName(peer)]) {
      const seen = state.servers.get(backend)?.get(entry)
      const name = `${backend}/${entry}`
      if (weight === 0) {
        if (seen?.isFree === false) leaving.push(`set server ${name} state maint`)
        continue
      }
      if (seen?.weight !== weight) coming.push(`set server ${name} weight ${weight}`)
      if (seen?.isFree !== false) coming.push(`set server ${name} state ready`)
    }
}
