import { ok } from '../model/index.js'
import type { Ports } from '../controller/index.js'
import type { VirtualClock } from './virtual-clock.js'

/** So many requests a second are enough for any step of a canary. */
const REQUESTS_A_SECOND = 1_000

/** Proxies that do at once as they are told, and whose requests all replicas answer equally well. */
export function standInProxies(clock: VirtualClock): NonNullable<Ports['ingress']> {
  const beganMs = clock.nowMs()
  return {
    mesh: { renew: () => Promise.resolve(ok(false)), identity: () => ({ authority: '', certificate: '' }) },
    balancer: {
      balance(_server, _containerId, { services }) {
        const targets = services.flatMap(({ key, local }) =>
          local.map(({ containerId, state }) => {
            const seen = state === 'drain' ? ('drain' as const) : ('up' as const)
            return { key, containerId, state: seen, sessions: 0 }
          }),
        )
        const shared = new Set(
          services.flatMap(({ share, local }) => (share === undefined ? [] : local.map((one) => one.containerId))),
        )
        const requests = Math.floor(((clock.nowMs() - beganMs) * REQUESTS_A_SECOND) / 1_000)
        const replicas = [...shared].map((containerId) => ({ containerId, requests, errors: 0, times: [] }))
        return Promise.resolve(ok({ targets, ...(shared.size === 0 ? {} : { figures: { worker: 1, replicas } }) }))
      },
      certificates: () => Promise.resolve(ok([])),
    },
  }
}
