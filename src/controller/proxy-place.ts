import { INGRESS_STACK } from '../model/index.js'
import type { Fleet, HostPort, Observation, ProxyPeer, ServerView } from '../model/index.js'
import { violatedConstraint } from '../planner/index.js'

/** A fleet that has proxies. */
export type BalancedFleet = Fleet & Required<Pick<Fleet, 'ingress'>>

export function isBalanced(fleet: Fleet): fleet is BalancedFleet {
  return fleet.ingress !== undefined
}

/** The servers' proxies, where others can reach them. A local engine has no address that others know. */
export function peersOf({ servers, ingress }: BalancedFleet): readonly ProxyPeer[] {
  return servers.flatMap(({ name, address }) =>
    address.kind === 'ssh' ? [{ server: name, host: address.host, port: ingress.meshPort }] : [],
  )
}

/** Whether published ports listen on a server. */
export function isListening({ servers, ingress }: BalancedFleet, name: string, view: ServerView | undefined): boolean {
  const server = servers.find((one) => one.name === name)
  if (server === undefined) return false
  const facts = view === undefined ? null : view.kind === 'listed' ? view.listing.facts : view.facts
  return violatedConstraint(ingress.placement, server, facts) === null
}

/** Each server that listens and can be reached is among those that serve, and there is one. */
export function isServedEverywhere(
  fleet: BalancedFleet,
  observation: Observation,
  serving: ReadonlySet<string>,
): boolean {
  const listening = fleet.servers.filter(({ name }) => {
    const view = observation.get(name)
    return view?.kind === 'listed' && isListening(fleet, name, view)
  })
  return listening.length > 0 && listening.every(({ name }) => serving.has(name))
}

/** Host ports that containers hold there. */
export function takenPorts({ listing }: Extract<ServerView, { kind: 'listed' }>): readonly HostPort[] {
  const own = listing.replicas.flatMap(({ slot, state, ports }) =>
    slot.stack === INGRESS_STACK || state === 'exited' || state === 'created' ? [] : ports,
  )
  return [...own, ...listing.foreign.flatMap(({ running, ports }) => (running ? ports : []))]
}
