import type { ForeignContainer, Listing, Replica, SwarmFacts } from '../model/index.js'

/** Whether two looks show the same, as far as any decision is concerned. */
export function sameListing(a: Listing, b: Listing): boolean {
  return (
    a.facts.engineId === b.facts.engineId &&
    sameSwarm(a.facts.swarm, b.facts.swarm) &&
    sameInOrder(a.replicas, b.replicas, sameReplica) &&
    sameInOrder(a.foreign, b.foreign, sameForeign) &&
    sameInOrder(a.volumes, b.volumes, (x, y) => x.name === y.name && x.fleet === y.fleet && x.project === y.project) &&
    sameInOrder(a.networks, b.networks, (x, y) => x.name === y.name && x.fleet === y.fleet)
  )
}

function sameSwarm(a: SwarmFacts | undefined, b: SwarmFacts | undefined): boolean {
  return a === b || (a?.node === b?.node && a?.isManager === b?.isManager && a?.managers.join() === b?.managers.join())
}

function sameInOrder<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => same(item, b[index] as T)))
}

function sameReplica(a: Replica, b: Replica): boolean {
  if (a === b) return true
  return (
    a.containerId === b.containerId &&
    a.state === b.state &&
    a.health === b.health &&
    a.exitCode === b.exitCode &&
    a.containerName === b.containerName &&
    a.ports.length === b.ports.length &&
    sameDetail(a.detail, b.detail) &&
    sameAddresses(a.addresses, b.addresses)
  )
}

function sameDetail(a: Replica['detail'], b: Replica['detail']): boolean {
  return a?.startedAtMs === b?.startedAtMs && a?.restartCount === b?.restartCount && a?.oomKilled === b?.oomKilled
}

export function sameAddresses(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

function sameForeign(a: ForeignContainer, b: ForeignContainer): boolean {
  return (
    a.containerId === b.containerId && a.running === b.running && a.name === b.name && a.ports.length === b.ports.length
  )
}
