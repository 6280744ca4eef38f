import type { BalancedService } from '../../src/model/index.js'
import { isOurs } from './box.js'
import type { Box } from './box.js'
import type { Invariant } from './invariants.js'
import { EXPOSED_PORT, subnetOf } from './listing.js'
import { isOpen } from './proxies.js'
import { ENTERED_MS, isCalm } from './safety-ingress.js'
import { isReachable, isSettledServer, isStartFirst, placeOf, wantedByAll } from './truth.js'
import { FLEET, nameBox } from './world.js'
import type { World } from './world.js'

export const G05: Invariant = {
  sentence:
    "a service's name has one address for ever, leads to its own ready replicas while there is one, and lets its own stack in alone",
  routed: (world, proxy, server) => {
    for (const service of world.proxies.tableOf(proxy)?.services ?? []) {
      const wrong = service.name === undefined ? null : wrongName(world, service, service.name)
      if (wrong !== null) return `the proxy of ${server} ${wrong}`
    }
    return leftAlone(world, proxy, server)
  },
  performing: (world, _, action) => {
    if (action.kind !== 'run') return null
    for (const { name, address } of action.names?.hosts ?? []) {
      const known = world.proxies.addresses.get(`${action.stack}/${name}`)
      if (known !== undefined && known !== address)
        return `${action.stack} is told ${address} for ${name}, not ${known}`
    }
    return null
  },
}

function wrongName(
  world: World,
  { key, local }: BalancedService,
  name: NonNullable<BalancedService['name']>,
): string | null {
  const service = key.slice(0, key.lastIndexOf(':'))
  const { addresses } = world.proxies
  const known = addresses.get(service) ?? name.address
  addresses.set(service, known)
  if (known !== name.address) return `serves ${service} at ${name.address}, not at ${known}`
  const twin = [...addresses].find(([other, address]) => other !== service && address === known)
  if (twin !== undefined) return `serves ${service} at ${known}, where ${twin[0]} is`
  const stack = service.slice(0, service.indexOf('/'))
  const stranger = name.from.find((subnet) => subnet !== subnetOf(`${stack}_default`))
  if (stranger !== undefined) return `lets ${stranger} in to ${service}`
  for (const { containerId } of local) {
    const slot = world.boxes().find(({ id }) => id === containerId)?.identity?.slot
    if (slot !== undefined && `${slot.stack}/${slot.service}` !== service)
      return `sends who asks for ${service} to ${slot.stack}/${slot.service}`
  }
  return null
}

/** A port that only the image exposes is reached too, by name, where it is open. */
function leftAlone(world: World, proxy: Box, server: string): string | null {
  if (!isCalm(world)) return null
  for (const box of world.boxes()) {
    if (!isOurs(box, FLEET) || !isSettledServer(world, box) || !isReachable(world, box.server)) continue
    const { stack, service } = placeOf(box)
    const key = `${stack}/${service}:${EXPOSED_PORT}`
    if (!isOpen(key) || world.proxies.readyForMs(box.id) < ENTERED_MS) continue
    const wanted = wantedByAll(world, placeOf(box)) ?? []
    if (wanted.length === 0 || !wanted.every(({ spec }) => isStartFirst(spec) && spec.mode !== 'job')) continue
    if (world.proxies.readyAt(proxy, key) === 0)
      return `the proxy of ${server} has no replica of ${key}, and ${nameBox(box)} serves`
  }
  return null
}
