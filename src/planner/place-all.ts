import type { Change, Replica } from '../model/index.js'
import { joinedServices } from '../payload/index.js'
import { blocked } from './away.js'
import type { Pending, PlanInput } from './context.js'
import { groupBy } from './group-by.js'
import { forService, openLedger, placed } from './ledger.js'
import type { Ledger } from './ledger.js'
import { orderFor } from './order.js'
import { placementFor } from './placement.js'
import type { Placement } from './placement.js'
import { claimedPorts, formatHostPort } from './host-ports.js'

/** Gives a server to every slot that awaits one, in order, each seeing those before it. Returns the whole plan, unsorted. */
export function placeAll(input: PlanInput, settled: readonly Change[], pending: readonly Pending[]): Change[] {
  const services = groupBy(joinedFirst(pending), (slot) => slot.slot.service)
  const made: Change[] = []
  let ledger = openLedger(input, settled, pending)
  for (const [service, slots] of services) {
    ledger = forService(ledger, staying(input, service, settled))
    for (const slot of slots) {
      const placement = placementFor(slot, ledger)
      made.push(changeFor(slot, placement))
      if (placement.kind === 'at') ledger = placed(ledger, slot, placement.server, placement.handover)
    }
  }
  return [...settled.filter((change) => !isHandedOver(change, ledger)), ...made]
}

/** Who joins a container goes where that one is, so that one is placed first. Circles do not load. */
function joinedFirst(pending: readonly Pending[]): readonly Pending[] {
  const joins = new Map(pending.map(({ context: { spec } }) => [spec.name, joinedServices(spec)]))
  if ([...joins.values()].every((services) => services.length === 0)) return pending
  const depth = (service: string, most = joins.size): number =>
    most === 0 ? 0 : Math.max(0, ...(joins.get(service) ?? []).map((other) => 1 + depth(other, most - 1)))
  return [...pending].sort((a, b) => depth(a.slot.service) - depth(b.slot.service))
}

/** Replicas of a service that count for where others go: all that no change of the plan takes away. */
function staying({ stack, usage }: PlanInput, service: string, settled: readonly Change[]): readonly Replica[] {
  const seen = usage.replicas.get(stack.name)?.get(service)
  if (seen === undefined) return []
  const going = new Set<string>()
  for (const change of settled) {
    if (change.kind === 'remove') going.add(change.replica.containerId)
    if (change.kind === 'replace') going.add(change.from.containerId)
  }
  return [...seen.listed, ...seen.held.map(({ replica }) => replica)].filter(
    (replica) => !going.has(replica.containerId),
  )
}

function changeFor(pending: Pending, placement: Placement): Change {
  const { context, slot, from, causes, requested } = pending
  const { spec } = context
  if (placement.kind === 'nowhere') return blocked(context, slot, placement.problem, causes)
  const { server, handover } = placement
  if (handover !== null) return handOver(pending, server, handover)
  if (from === null) return { kind: 'create', slot, server, spec, causes }
  const { order, reason } = orderFor(spec, from.server === server, context.input.isGoingBack)
  return { kind: 'replace', slot, server, spec, from, successor: null, order, orderReason: reason, requested, causes }
}

/** A port changes hands between services: the one that leaves goes first, since both cannot hold it. */
function handOver({ context, slot, causes }: Pending, server: string, from: Replica): Change {
  const { spec } = context
  const ports = claimedPorts(spec).map(formatHostPort).join(', ')
  const orderReason = `stop-first: takes host port ${ports} over from ${from.slot.service}#${from.slot.key}, which leaves`
  return {
    kind: 'replace',
    slot,
    server,
    spec,
    from,
    successor: null,
    order: 'stop-first',
    orderReason,
    requested: false,
    causes,
  }
}

function isHandedOver(change: Change, { leaving }: Ledger): boolean {
  return change.kind === 'remove' && change.why === 'unwanted' && !leaving.has(change.replica.containerId)
}
