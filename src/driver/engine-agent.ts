import { Agent } from 'node:http'
import type { ClientRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { problemError } from './problem-error.js'
import type { Route } from './route.js'

interface AgentWithRequests {
  addRequest(request: ClientRequest, options: unknown): void
}

/** Keeps streams to the engine open and reuses them. Its own socket limit does not hold for asynchronous sockets: the lanes limit. */
export class EngineAgent extends Agent {
  readonly #route: Route

  constructor(route: Route) {
    super({ keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' })
    this.#route = route
  }

  override createConnection(_options: unknown, done?: (error: Error | null, stream: Duplex) => void): null {
    void this.#route.openEngine().then((opened) => {
      if (opened.ok) done?.(null, opened.value)
      else done?.(problemError(opened.problem), undefined as unknown as Duplex)
    })
    return null
  }

  /**
   * docker-modem follows redirects with plain HTTP from here: a hostile server could make the controller call anything, or end the process with
   * a Location that does not parse. Its follower is the only listener that is there so early.
   */
  addRequest(request: ClientRequest, options: unknown): void {
    request.removeAllListeners('response')
    // Nobody asks an engine for another protocol. Without a listener such an answer would be none, until the deadline.
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      request.emit('error', Object.assign(new Error('it changes the protocol'), { code: 'HPE_UPGRADE' }))
    })
    const parent = Agent.prototype as unknown as AgentWithRequests
    parent.addRequest.call(this, request, options)
  }

  /** docker-modem prints its options to the deepest level before each call, debugging or not; through here that is the whole connection. */
  [inspect.custom](): string {
    return 'EngineAgent'
  }
}
