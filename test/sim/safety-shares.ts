import type { Invariant } from './invariants.js'
import { freshShareOf } from './proxy-figures.js'

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
