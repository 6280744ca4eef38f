import { DRAIN_DEFAULT_MS } from '../../src/model/index.js'
import { isOurs } from './box.js'
import type { Box } from './box.js'
import type { Invariant } from './invariants.js'
import { isReachable, isSettledServer, isStartFirst, placeOf, proxiesOn, serves, wantedByAll } from './truth.js'
import { FLEET, nameBox } from './world.js'
import type { World } from './world.js'

/** Nothing kept the controller from telling the proxies, as far as the world did it. */
export function isCalm(world: World): boolean {
  return !world.harm.isContested() && !world.harm.isForgetful() && !world.harm.isShaken()
}

/** From the word of its own proxy to that of all others. */
export const ENTERED_MS = 5_000

export const I35: Invariant = {
  sentence:
    'a replica is withdrawn and drained before it is stopped; a proxy is never without one while one is healthy',
  acting: (world, what, box) => {
    if (what !== 'stop' || box.identity === null || box.spec?.balanced === undefined || !serves(world, box)) return null
    if (!isCalm(world) || !isReachable(world, box.server)) return null
    // Nobody waits longer than that for a proxy that cannot be told.
    const proxy = proxiesOn(world, box.server).find(
      (one) => world.proxies.sendsTo(one, box.id) && world.proxies.toldForMs(one) < DRAIN_DEFAULT_MS,
    )
    return proxy === undefined ? null : `${nameBox(box)} is stopped while the proxy ${proxy.id} sends to it`
  },
  routed: (world, proxy, server) => {
    if (!isCalm(world)) return null
    const keys = new Map<string, Box>()
    const routes = new Map<string, { readonly boxes: Box[]; readonly host: string; readonly path: string }>()
    for (const box of world.boxes()) {
      if (!isOurs(box, FLEET) || !isSettledServer(world, box) || !isReachable(world, box.server)) continue
      // Whoever comes back because its successor fell ill is let in by its own proxy first.
      if (world.proxies.readyForMs(box.id) < ENTERED_MS) continue
      const { stack, service } = placeOf(box)
      // A port that a commit takes away goes with the replicas that had it.
      const wanted = wantedByAll(world, placeOf(box)) ?? []
      if (!wanted.every(({ spec }) => isStartFirst(spec))) continue
      const targets = wanted.map(({ spec }) => (spec.balanced ?? []).map((port) => port.target))
      for (const target of targets[0] ?? [])
        if (targets.every((all) => all.includes(target))) keys.set(`${stack}/${service}:${target}`, box)
      // Of routes the one that every commit had.
      const paths = wanted.map(({ spec }) =>
        (spec.routes ?? []).flatMap((route) =>
          // Of what is shared nothing needs to come to it.
          route.weight === 0 ? [] : route.hosts.map((host) => `${host} ${route.path}`),
        ),
      )
      for (const one of paths[0] ?? []) {
        const [host = '', path = ''] = one.split(' ')
        if (!paths.every((all) => all.includes(one))) continue
        routes.set(one, { boxes: [...(routes.get(one)?.boxes ?? []), box], host, path })
      }
    }
    // Nobody lacks a way in that nobody had before: replicas that run are let in at it by their own proxies first.
    const isNew = (way: string): boolean => world.proxies.knownForMs(way) < ENTERED_MS
    for (const [key, box] of keys)
      if (world.proxies.readyAt(proxy, key) === 0 && !isNew(key))
        return `the proxy of ${server} has no replica of ${key}, and ${nameBox(box)} serves`
    for (const { boxes, host, path } of routes.values()) {
      if (world.proxies.reachedBy(proxy, host, path) !== 0) continue
      const box = boxes.find(({ id }) => world.proxies.routedForMs(proxy, host, path, id) >= ENTERED_MS)
      if (box !== undefined) return `the proxy of ${server} sends ${host}${path} to nobody, and ${nameBox(box)} serves`
    }
    return null
  },
}
