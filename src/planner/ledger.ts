import type { Change, Replica, Slot } from '../model/index.js'
import type { Pending, PlanInput } from './context.js'
import { groupBy } from './group-by.js'
import { larger, reservedBy, withoutReservation, withReplica, withSuccessor } from './usage.js'
import type { ServerUsage } from './usage.js'

/** What servers have given away while one plan is being made: each slot that is placed sees those before it. */
export interface Ledger {
  readonly usage: ReadonlyMap<string, ServerUsage>
  /** Replicas of the service being placed, by server. */
  readonly counts: ReadonlyMap<string, number>
  /** Volumes that this plan makes, by server. */
  readonly volumes: ReadonlyMap<string, ReadonlySet<string>>
  /** Where slots are that have a server, by `service#key`. */
  readonly servers: ReadonlyMap<string, string>
  /** Replicas that no slot wants, by container id: what they hold can be handed over to a slot of this plan. */
  readonly leaving: ReadonlyMap<string, Replica>
  /** Replicas that this plan replaces, by container id: what they hold may become free. */
  readonly replaced: ReadonlySet<string>
}

/** What replicas reserve that go with this plan is given away anew: their removal comes last, and would wait for those who wait for them. */
export function openLedger(input: PlanInput, settled: readonly Change[], pending: readonly Pending[]): Ledger {
  const removals = settled.flatMap((change) => (change.kind === 'remove' ? [change] : []))
  const unwanted = removals.filter((change) => change.why === 'unwanted').map((change) => change.replica)
  return {
    usage: freed(
      input,
      removals.map((change) => change.replica),
    ),
    counts: new Map(),
    volumes: new Map(),
    servers: new Map(
      settled.flatMap((change) =>
        change.kind === 'remove' || change.kind === 'blocked' ? [] : [[slotName(change.slot), change.server] as const],
      ),
    ),
    leaving: new Map(unwanted.map((replica) => [replica.containerId, replica])),
    replaced: new Set(pending.flatMap(({ from }) => (from === null ? [] : [from.containerId]))),
  }
}

/** A slot gives back what it reserves on a server once all its replicas there go. */
function freed({ stack, usage, specOf }: PlanInput, going: readonly Replica[]): Ledger['usage'] {
  const ids = new Set(going.map(({ containerId }) => containerId))
  const servers = new Map(usage.servers)
  for (const own of groupBy(going, ({ slot, server }) => `${slotName(slot)} ${server}`).values()) {
    const reserved = own.flatMap((replica) => reservedBy(replica, specOf(replica.specHash)) ?? [])
    const [first] = own
    const server = first === undefined ? undefined : servers.get(first.server)
    if (first === undefined || server === undefined || reserved.length === 0) continue
    const { slot } = first
    const stays = usage.replicas
      .get(stack.name)
      ?.get(slot.service)
      ?.listed.some(
        (other) =>
          other.slot.key === slot.key &&
          other.server === first.server &&
          !ids.has(other.containerId) &&
          reservedBy(other, specOf(other.specHash)) !== null,
      )
    if (stays !== true) servers.set(first.server, withoutReservation(server, reserved.reduce(larger)))
  }
  return servers
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
  if (before !== undefined)
    usage.set(
      server,
      from?.server === server
        ? withSuccessor(before, slot, context.spec, reservedBy(from, context.input.specOf(from.specHash)))
        : withReplica(before, slot, context.spec),
    )
  const counts = new Map(ledger.counts)
  if (from !== null) counts.set(from.server, Math.max(0, (counts.get(from.server) ?? 0) - 1))
  counts.set(server, (counts.get(server) ?? 0) + 1)
  return {
    ...ledger,
    usage,
    counts,
    volumes: withVolumes(ledger, pending, server),
    servers: new Map([...ledger.servers, [slotName(slot), server]]),
    leaving: without(ledger.leaving, handover),
  }
}

function slotName({ service, key }: Slot): string {
  return `${service}#${key}`
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
