import type { Replica } from '../model/index.js'
import type { Pending } from './context.js'
import { withPorts, withReplica } from './usage.js'
import type { FleetUsage, ServerUsage } from './usage.js'

/** What servers have given away while one plan is being made: each slot that is placed sees those before it. */
export interface Ledger {
  readonly usage: ReadonlyMap<string, ServerUsage>
  /** Replicas of the service being placed, by server. */
  readonly counts: ReadonlyMap<string, number>
  /** Volumes that this plan makes, by server. */
  readonly volumes: ReadonlyMap<string, ReadonlySet<string>>
  /** Replicas that no slot wants, by container id: what they hold can be handed over to a slot of this plan. */
  readonly leaving: ReadonlyMap<string, Replica>
  /** Replicas that this plan replaces, by container id: what they hold may become free. */
  readonly replaced: ReadonlySet<string>
}

export function openLedger(usage: FleetUsage, leaving: readonly Replica[], pending: readonly Pending[]): Ledger {
  return {
    usage: usage.servers,
    counts: new Map(),
    volumes: new Map(),
    leaving: new Map(leaving.map((replica) => [replica.containerId, replica])),
    replaced: new Set(pending.flatMap(({ from }) => (from === null ? [] : [from.containerId]))),
  }
}

/** The ledger before the first slot of a service: where its replicas are that stay, by server. */
export function forService(ledger: Ledger, replicas: readonly Replica[]): Ledger {
  const counts = new Map<string, number>()
  for (const { server } of replicas) counts.set(server, (counts.get(server) ?? 0) + 1)
  return { ...ledger, counts }
}

/** The ledger after a slot was given a server, and perhaps what a leaving replica holds there. */
export function placed(ledger: Ledger, pending: Pending, server: string, handover: Replica | null): Ledger {
  const { context, slot, from } = pending
  const usage = new Map(ledger.usage)
  const before = usage.get(server)
  const stays = from?.server === server
  if (before !== undefined)
    usage.set(server, stays ? withPorts(before, slot, context.spec) : withReplica(before, slot, context.spec))
  const counts = new Map(ledger.counts)
  if (from !== null) counts.set(from.server, Math.max(0, (counts.get(from.server) ?? 0) - 1))
  counts.set(server, (counts.get(server) ?? 0) + 1)
  return {
    ...ledger,
    usage,
    counts,
    volumes: withVolumes(ledger, pending, server),
    leaving: without(ledger.leaving, handover),
  }
}

/** Replicas of the service on a server, but for the one that this slot has there. */
export function othersAt({ from }: Pending, { counts }: Ledger, server: string): number {
  return (counts.get(server) ?? 0) - (from?.server === server ? 1 : 0)
}

function withVolumes({ volumes }: Ledger, { context }: Pending, server: string): Ledger['volumes'] {
  if (context.volumes.length === 0) return volumes
  const names = [...(volumes.get(server) ?? []), ...context.volumes.map((volume) => volume.name)]
  return new Map([...volumes, [server, new Set(names)]])
}

function without(leaving: Ledger['leaving'], handover: Replica | null): Ledger['leaving'] {
  return handover === null ? leaving : new Map([...leaving].filter(([id]) => id !== handover.containerId))
}
