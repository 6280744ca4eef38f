import { INGRESS_STACK } from '../model/index.js'
import type { Fleet, HostPort, ProxyPeer, Server, ServerView } from '../model/index.js'
import { violatedConstraint } from '../planner/index.js'

/** The others, where they can be reached. A local engine has no address that others know. */
export function peersOf({ servers, ingress }: Fleet, own: string): readonly ProxyPeer[] {
  return servers.flatMap(({ name, address }: Server) =>
    name === own || address.kind !== 'ssh' ? [] : [{ server: name, host: address.host, port: ingress?.meshPort ?? 0 }],
  )
}

/** Whether published ports listen on a server. */
export function isListening({ servers, ingress }: Fleet, name: string, view: ServerView | undefined): boolean {
  const server = servers.find((one) => one.name === name)
  if (server === undefined || ingress === undefined) return false
  const facts = view === undefined ? null : view.kind === 'listed' ? view.listing.facts : view.facts
  return violatedConstraint(ingress.placement, server, facts) === null
}

/** Host ports that containers hold there. */
export function takenPorts({ listing }: Extract<ServerView, { kind: 'listed' }>): readonly HostPort[] {
  const own = listing.replicas.flatMap(({ slot, state, ports }) =>
    slot.stack === INGRESS_STACK || state === 'exited' || state === 'created' ? [] : ports,
  )
  return [...own, ...listing.foreign.flatMap(({ running, ports }) => (running ? ports : []))]
}
