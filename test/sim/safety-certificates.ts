import type { Box } from './box.js'
import { papersOf, securedHosts, validUntilMs } from './certified.js'
import { hostOf } from './draft-files.js'
import type { Invariant } from './invariants.js'
import { isCalm } from './safety-ingress.js'
import { isReachable, proxiesOn } from './truth.js'
import type { World } from './world.js'

const MINUTE_MS = 60_000
/** Of its life: renewed a thirtieth of it before two thirds, at the earliest. */
const EARLIEST = 2 / 3 - 1 / 30
/** Proxies that were told, and a controller that has started, know of each other by then. */
const KNOWN_MS = 30_000

/** What was kept is what it was, as far as the world did it. */
function isRemembered(world: World): boolean {
  return isCalm(world) && world.clock.nowMs() - papersOf(world).lostAtMs > 30 * MINUTE_MS && !papersOf(world).isTorn
}

/** Nothing has kept certificates from coming for as long as one lives, and longer. */
function isUntroubled(world: World): boolean {
  const papers = papersOf(world)
  return world.clock.nowMs() - papers.troubledAtMs > 3 * papers.lifeMs
}

export const C01: Invariant = {
  sentence: 'limits of an authority are kept, orders go one at a time, and it is told to look once all proxies answer',
  authority: (world, event) => {
    // What was asked for is remembered by the host's clock: set by a year, nobody knows any more how long ago that was.
    if (event.kind === 'angered') return world.coverage.has('F51') ? null : event.why
    if (event.kind !== 'looks' || !isCalm(world)) return null
    const deaf = world.deafTo(event.token).find((server) => isSound(world, server) && hasSettledProxy(world, server))
    return deaf === undefined ? null : `the authority is told to look at ${event.host}, and ${deaf} does not answer yet`
  },
}

/** Nothing that is said to it gets lost, so the controller cannot take it for one that is away. */
function isSound(world: World, server: string): boolean {
  const losses = Object.values(world.links.get(server)?.losses ?? {})
  return isReachable(world, server) && losses.every((share) => share === 0)
}

function hasSettledProxy(world: World, server: string): boolean {
  return proxiesOn(world, server).every((proxy) => world.clock.nowMs() - proxy.startedAtMs > KNOWN_MS)
}

export const C02: Invariant = {
  sentence: 'who has been served with a certificate is never served without one of his own that is valid',
  routed: (world, proxy, server) => {
    const table = world.proxies.tableOf(proxy)
    if (table === null || !isRemembered(world)) return null
    const bare = securedHosts(table).find(
      (host) => papersOf(world).given.has(host) && validUntilMs(world, table, host) === null,
    )
    return bare === undefined ? null : `the proxy of ${server} serves ${bare} without its certificate`
  },
}

export const C06: Invariant = {
  sentence:
    'no proxy that serves a host with a valid certificate is told to go without, though what was kept here was lost',
  routed: (world, proxy, server) => {
    const [before, now] = [world.proxies.formerOf(proxy), world.proxies.tableOf(proxy)]
    // Two controllers have data directories of their own; what cannot be read for a minute is given up.
    if (before === null || now === null || world.harm.isContested() || !isCalm(world)) return null
    const nowMs = world.clock.nowMs()
    const bare = securedHosts(now).find(
      (host) => (validUntilMs(world, before, host) ?? 0) > nowMs && validUntilMs(world, now, host) === null,
    )
    return bare === undefined
      ? null
      : `the proxy of ${server} had a valid certificate of ${bare}, and is told to go without`
  },
}

export const C03: Invariant = {
  sentence: 'a certificate is exchanged before it ends, unless an authority gives none for longer than it lives',
  observing: (world) => {
    if (!isRemembered(world) || !isUntroubled(world)) return null
    for (const server of world.engines.keys()) {
      if (!isReachable(world, server)) continue
      for (const proxy of proxiesOn(world, server)) {
        const ended = endedOn(world, proxy)
        if (ended !== undefined) return `the proxy of ${server} shows a certificate of ${ended} that has ended`
      }
    }
    return null
  },
}

function endedOn(world: World, proxy: Box): string | undefined {
  const table = world.proxies.tableOf(proxy)
  if (table === null || world.proxies.toldForMs(proxy) > 5 * MINUTE_MS) return undefined
  return securedHosts(table).find((host) => {
    const untilMs = validUntilMs(world, table, host)
    return untilMs !== null && untilMs < world.clock.nowMs()
  })
}

export const C04: Invariant = {
  sentence: 'no certificate is ordered while there is one that is good for long, nor for a host of no revision',
  authority: (world, event) => {
    if (event.kind !== 'opened' || world.harm.isContested()) return null
    const { host } = event
    const papers = papersOf(world)
    const isKnown = [...world.accepted].some((sha) => {
      const stacks = world.drafts.get(sha)?.stacks ?? {}
      return Object.entries(stacks).some(([stack, services]) =>
        Object.entries(services).some(([name, { routed }]) => routed && hostOf(stack, name) === host),
      )
    })
    if (!isKnown) return `a certificate for ${host} is ordered, which no accepted revision has a route for`
    const given = papers.given.get(host)
    if (given === undefined || Math.abs(world.wallOffsetMs) > papers.lifeMs / 100) return null
    const goodUntilMs = given.fromMs + papers.lifeMs * EARLIEST
    return world.clock.nowMs() >= goodUntilMs ? null : `${host} is ordered for again, long before its certificate ends`
  },
}
