import type { Clock } from '../controller/index.js'
import { EngineAgent } from './engine-agent.js'
import { engineClient } from './engine-client.js'
import type { EngineClient } from './engine-client.js'
import type { Route } from './route.js'

/** How calls reach one server: HTTP over a route, or an engine that exists only in memory. */
export interface Way extends Pick<
  Route,
  'openTcp' | 'openSocket' | 'engineGroup' | 'diskOf' | 'isNarrow' | 'onLost' | 'close'
> {
  /** A client of its engine in one API version (`v1.45`); null before negotiation. */
  client(version: string | null): EngineClient
}

export interface HttpWayOptions {
  readonly server: string
  readonly route: Route
  readonly clock: Clock
  readonly errorBytes: number
}

/** The engine's HTTP API over streams of a route, which are kept and reused. */
export function httpWay(options: HttpWayOptions): Way {
  const { route } = options
  const agent = new EngineAgent(route)
  return {
    client: (version) => engineClient({ ...options, agent, version }),
    openTcp: (host, port) => route.openTcp(host, port),
    openSocket: (path) => route.openSocket(path),
    engineGroup: () => route.engineGroup(),
    diskOf: (path) => route.diskOf(path),
    isNarrow: () => route.isNarrow(),
    onLost: (listener) => route.onLost(listener),
    close() {
      agent.destroy()
      return route.close()
    },
  }
}
