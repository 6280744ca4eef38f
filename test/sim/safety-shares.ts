import type { Invariant } from './invariants.js'
import { freshShareOf } from './proxy-figures.js'
import { isCalm } from './safety-ingress.js'
import { isReachable, placeOf, serves } from './truth.js'
import { nameBox } from './world.js'

export const G06: Invariant = {
  sentence:
    'while old replicas serve, the new ones get no more of a proxy’s requests than their share, and of a share of 0 nothing',
  routed: (world, proxy, server) => {
    for (const service of world.proxies.tableOf(proxy)?.services ?? []) {
      const { share, local, remote, key } = service
      const got = freshShareOf(service)
      if (share === undefined || got === null) continue
      const hasOld =
        local.some(({ state, isFresh }) => state === 'ready' && isFresh !== true) ||
        remote.some(({ weight, fresh = 0 }) => weight - fresh > 1e-9)
      if ((hasOld || share.percent === 0) && got > share.percent / 100 + 1e-9)
        return `the proxy of ${server} gives the new replicas of ${key} ${got} of its requests, and their share is ${share.percent} %`
    }
    return null
  },
}

export const G08: Invariant = {
  sentence: 'while a new version comes by a strategy, the old replicas that serve are not stopped',
  acting: (world, what, box) => {
    if (what !== 'stop' || box.identity === null || !isCalm(world) || !serves(world, box)) return null
    if (!isReachable(world, box.server) || world.harm.wasLost(box.server)) return null
    const { stack, service, key } = placeOf(box)
    const { stages, desired, proven, rollout } = world.ledger.stack(stack)
    const spec = desired === null ? null : world.oracle.service(desired, service)
    // Between a commit, or a failure, and the next rollout nothing is under way.
    if (spec === null || desired === null || proven === null || rollout?.hash !== desired) return null
    const isUnderWay = stages.get(service) === world.oracle.hashIn(desired, service)
    const isOld = box.identity.specHash === world.oracle.hashIn(proven, service)
    const isWanted = spec.mode !== 'replicated' || Number(key) <= spec.replicas
    return isUnderWay && isOld && isWanted ? `${nameBox(box)} is stopped amid the steps of its successor` : null
  },
}
