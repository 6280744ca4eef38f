import { planProxy } from '../../src/ingress/index.js'
import { dnsLabel } from '../../src/model/index.js'
import type { BalancedService, ProxyTable } from '../../src/model/index.js'
import { SHARED_HOST } from './draft-files.js'
import type { Invariant } from './invariants.js'
import { ENTERED_MS, isCalm } from './safety-ingress.js'
import { isReachable, isSettledServer, isStartFirst, placeOf, wantedByAll } from './truth.js'
import { nameBox } from './world.js'
import type { World } from './world.js'

interface Sharer {
  readonly key: string
  readonly weight: number
  readonly label: string
}

export const G09: Invariant = {
  sentence: 'services that share a path get what the weights of their manifests say; who weighs nothing gets nothing',
  routed: (world, proxy, server) => {
    const table = world.proxies.tableOf(proxy)
    if (table?.front === undefined) return null
    const sharers = table.services.flatMap(sharersIn)
    if (sharers.length === 0) return null
    const parts = partsOf(table, sharers)
    const all = sharers.filter(({ key }) => parts.has(key)).reduce((sum, { weight }) => sum + weight, 0)
    for (const { key, weight } of sharers) {
      const [part, share] = [parts.get(key) ?? 0, all === 0 ? 1 / parts.size : weight / all]
      const known = weightsOf(world, key)
      // Of a stack that was removed nobody knows any.
      if (isCalm(world) && known.length > 0 && !known.includes(weight))
        return `the proxy of ${server} has a weight of ${weight} for ${key}, which no manifest says`
      if (weight === 0 && part > 0 && sharers.some((other) => other.weight > 0))
        return `the proxy of ${server} sends ${part} to ${key}, whose weight is 0`
      if (part > 0 && Math.abs(part - share) > 1e-5)
        return `the proxy of ${server} gives ${key} ${part} of its requests, and its weight is ${weight} of ${all}`
    }
    return isCalm(world) ? starved(world, server, sharers, parts) : null
  },
}

function sharersIn({ key, routes = [] }: BalancedService): readonly Sharer[] {
  return routes.flatMap(({ hosts, weight }) =>
    weight !== undefined && hosts.includes(SHARED_HOST) ? [{ key, weight, label: dnsLabel(key) }] : [],
  )
}

/** By key: what of all requests the proxy's own files give to each. */
function partsOf(table: ProxyTable, sharers: readonly Sharer[]): ReadonlyMap<string, number> {
  const map = planProxy(table, null).files.find(({ name }) => name === 'routes.map')?.content ?? ''
  const prefix = `http://${SHARED_HOST}/ `
  const value =
    map
      .split('\n')
      .find((line) => line.startsWith(prefix))
      ?.slice(prefix.length) ?? ''
  const fields = value.startsWith('split|') ? value.split('|').slice(2) : ['1000000', value]
  const parts = new Map<string, number>()
  let before = 0
  for (let at = 0; at < fields.length; at += 2) {
    const [most, label] = [Number(fields[at]) / 1e6, fields[at + 1]?.split('_')[1]]
    const sharer = sharers.find((one) => one.label === label)
    parts.set(sharer?.key ?? '', most - before)
    before = most
  }
  return parts
}

/** What any revision says that its stack is to be, was proven with, or was to be lately. */
function weightsOf(world: World, key: string): readonly number[] {
  const [stack = '', service = ''] = (key.split(':')[0] ?? '').split('/')
  const { desired, proven, recent } = world.ledger.stack(stack)
  return [desired, proven, ...recent].flatMap((hash) =>
    (world.oracle.service(hash, service)?.routes ?? []).flatMap(({ weight }) => (weight === undefined ? [] : [weight])),
  )
}

/** A service that serves, and whose revisions all give it something, has its part. */
function starved(
  world: World,
  server: string,
  sharers: readonly Sharer[],
  parts: ReadonlyMap<string, number>,
): string | null {
  for (const box of world.boxes()) {
    if (box.identity === null || !isSettledServer(world, box) || !isReachable(world, box.server)) continue
    if (world.proxies.readyForMs(box.id) < ENTERED_MS) continue
    const { stack, service } = placeOf(box)
    const wanted = wantedByAll(world, placeOf(box)) ?? []
    const isSharing = ({ routes = [] }: (typeof wanted)[number]['spec']): boolean =>
      routes.some(({ weight }) => weight !== undefined && weight > 0)
    if (wanted.length === 0 || !wanted.every(({ spec }) => isSharing(spec) && isStartFirst(spec))) continue
    const own = sharers.find(({ key }) => key.startsWith(`${stack}/${service}:`))
    if (own === undefined)
      return `the proxy of ${server} has no share for ${stack}/${service}, and ${nameBox(box)} serves`
    if (own.weight > 0 && !parts.has(own.key))
      return `the proxy of ${server} sends nothing to ${own.key}, and ${nameBox(box)} serves`
  }
  return null
}
