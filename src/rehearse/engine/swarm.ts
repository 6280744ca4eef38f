import { OVERLAY } from '../../model/index.js'
import type { SwarmFacts } from '../../model/index.js'
import type { Machine, SimNetwork } from './machine.js'
import type { Json } from './reply.js'

/** The Swarm that an engine is a node of. `networks` is one map for all of its engines, by name. */
export interface SimNode extends SwarmFacts {
  readonly networks: Map<string, SimNetwork>
}

/** Every node has it, whoever uses it. */
export function routingMesh(newId: () => string): SimNetwork {
  return {
    id: newId(),
    name: 'ingress',
    driver: OVERLAY,
    labels: {},
    options: {},
    internal: false,
    subnet: '10.0.0.0/24',
    endpoints: new Map(),
  }
}

/** Managers see all networks of the Swarm, workers those that a container of theirs is on. */
export function seenNetworks({ networks, options: { swarm } }: Machine): readonly SimNetwork[] {
  const own = [...networks.values()]
  if (swarm?.isManager !== true) return own
  const ids = new Set(own.map(({ id }) => id))
  return [...own, ...[...swarm.networks.values()].filter(({ id }) => !ids.has(id))]
}

export function printNode({ node, isManager, managers }: SimNode): Json {
  const remote = managers.map((id) => ({ NodeID: id, Addr: '' }))
  return { NodeID: node, LocalNodeState: 'active', ControlAvailable: isManager, RemoteManagers: remote, Error: '' }
}
