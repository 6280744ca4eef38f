import { compareText, formatSlot, portsClash } from '../model/index.js'
import type { Constraint, HostPort, Replica, Server } from '../model/index.js'
import type { EngineNeed } from '../payload/index.js'
import { violatedConstraint } from './constraints.js'
import { factsOf } from './context.js'
import type { Pending } from './context.js'
import { formatHostPort } from './host-ports.js'
import { othersAt } from './ledger.js'
import type { Ledger } from './ledger.js'
import { growth, reservedBy, toMicro } from './usage.js'
import type { HeldPort, PortHolder, ServerUsage } from './usage.js'
import { isHome, isOurs } from './volume-homes.js'
import type { VolumeHomes } from './volume-homes.js'

/** What a slot asks of a server, worked out once for all of them. */
export interface Request {
  readonly pending: Pending
  readonly ledger: Ledger
  readonly ports: readonly HostPort[]
  readonly containerName: string
  readonly homes: VolumeHomes
  readonly needs: readonly EngineNeed[]
  /** The services whose containers are joined, each with the server of the one that is. */
  readonly joins: readonly Join[]
  /** The servers that networks of Swarm are on; null: it has none of those. */
  readonly swarm: readonly string[] | null
}

export interface Join {
  readonly service: string
  readonly server: string | null
}

/** Why a slot cannot go to a server: the first filter that it fails. */
export type Misfit = { readonly server: string } & (
  | {
      readonly kind:
        'unreachable' | 'drained' | 'cpus' | 'memory' | 'max-per-server' | 'volume-elsewhere' | 'name' | 'no-swarm'
    }
  | { readonly kind: 'constraint'; readonly constraint: Constraint }
  | { readonly kind: 'engine'; readonly need: EngineNeed; readonly version: string }
  | { readonly kind: 'joined-elsewhere'; readonly service: string; readonly at: string | null }
  | { readonly kind: 'port'; readonly port: HostPort; readonly holder: PortHolder }
  | { readonly kind: 'composed' | 'volume' | 'volume-missing' | 'network'; readonly name: string }
)

export type Fit =
  | { readonly kind: 'fits'; readonly server: Server; readonly usage: ServerUsage; readonly handover: Replica | null }
  | { readonly kind: 'misfit'; readonly misfit: Misfit }

/** Filters in the order of the design: each server is counted at the first that it fails. */
export function fitOf(request: Request, server: Server): Fit {
  const usage = request.ledger.usage.get(server.name)
  if (usage?.view.kind !== 'listed') return misfit({ server: server.name, kind: 'unreachable' })
  const why = staticMisfit(request, server)
  if (why !== null) return misfit(why)
  const name = composedBy(request, usage)
  if (name !== undefined) return misfit({ server: server.name, kind: 'composed', name })
  const shortage = shortageOf(request, usage)
  if (shortage !== null) return misfit({ server: server.name, kind: shortage })
  const port = portOf(request, usage)
  if (port.kind === 'taken') return misfit({ server: server.name, kind: 'port', ...port.held })
  const late = isFull(request, server.name)
    ? ({ kind: 'max-per-server' } as const)
    : isHome(request.homes, server.name)
      ? foreignOf(request, usage)
      : ({ kind: 'volume-elsewhere' } as const)
  if (late !== null) return misfit({ server: server.name, ...late })
  return { kind: 'fits', server, usage, handover: port.handover }
}

function misfit(why: Misfit): Fit {
  return { kind: 'misfit', misfit: why }
}

/** What does not depend on who else is there. */
function staticMisfit(request: Request, server: Server): Misfit | null {
  const { pending } = request
  const { input, spec } = pending.context
  if (input.drained.has(server.name)) return { server: server.name, kind: 'drained' }
  const facts = factsOf(input, server.name)
  const constraint = violatedConstraint(spec.placement.constraints, server, facts)
  if (constraint !== null) return { server: server.name, kind: 'constraint', constraint }
  const need = facts === null ? undefined : request.needs.find(({ apiMinor }) => minorOf(facts.apiVersion) < apiMinor)
  if (need !== undefined && facts !== null)
    return { server: server.name, kind: 'engine', need, version: `${facts.engineVersion} (API ${facts.apiVersion})` }
  if (request.swarm !== null && !request.swarm.includes(server.name)) return { server: server.name, kind: 'no-swarm' }
  const join = request.joins.find((one) => one.server !== server.name)
  return join === undefined
    ? null
    : { server: server.name, kind: 'joined-elsewhere', service: join.service, at: join.server }
}

/**
 * A second one beside what `docker compose` runs would write to the same data, and answer to the same name. A slot that has a replica there is past
 * that: it is updated.
 */
function composedBy({ pending }: Request, usage: ServerUsage): string | undefined {
  const { stack, name } = pending.context.spec
  return pending.from?.server === usage.server ? undefined : usage.composed.get(`${stack}/${name}`)
}

function minorOf(apiVersion: string): number {
  return Number(apiVersion.split('.')[1] ?? 0)
}

/**
 * Reservations are what is promised for good: while one replica takes another's place on a server, they count once. Who asks for no more than the one
 * before makes nothing worse, also where more is promised than there is.
 */
function shortageOf({ pending }: Request, usage: ServerUsage): 'cpus' | 'memory' | null {
  const { spec, input } = pending.context
  const facts = factsOf(input, usage.server)
  const { cpus, memoryBytes } = spec.reservations
  if (facts === null || (cpus === 0 && memoryBytes === 0)) return null
  const { from } = pending
  const own = from?.server === usage.server ? reservedBy(from, input.specOf(from.specHash)) : null
  const more = growth(own, spec.reservations)
  if (more.microCpus > 0 && usage.microCpus + more.microCpus > toMicro(facts.cpus)) return 'cpus'
  return more.memoryBytes > 0 && usage.memoryBytes + more.memoryBytes > facts.memoryBytes ? 'memory' : null
}

type PortFit =
  { readonly kind: 'taken'; readonly held: HeldPort } | { readonly kind: 'free'; readonly handover: Replica | null }

/** A replica that leaves with this plan may hand its ports over, one to one slot, where the slot replaces nothing else. */
function portOf({ pending, ledger, ports }: Request, usage: ServerUsage): PortFit {
  if (ports.length === 0) return FREE
  const clashing = usage.ports.filter(
    (held) => !isOwn(pending, held.holder) && ports.some((port) => portsClash(port, held.port)),
  )
  const [first] = clashing.sort((a, b) => compareText(holderKey(a), holderKey(b)))
  if (first === undefined) return FREE
  const leavers = clashing.map(({ holder }) =>
    holder.kind === 'replica' ? ledger.leaving.get(holder.replica.containerId) : undefined,
  )
  const [leaver] = leavers
  const isHandover = leaver !== undefined && pending.from === null && leavers.every((other) => other === leaver)
  return isHandover ? { kind: 'free', handover: leaver } : { kind: 'taken', held: first }
}

/** Containers are listed in any order; the one that is named must always be the same. */
function holderKey({ port, holder }: HeldPort): string {
  const name =
    holder.kind === 'foreign' ? holder.name : formatSlot(holder.kind === 'replica' ? holder.replica.slot : holder.slot)
  return `${holder.kind} ${name} ${holder.kind === 'replica' ? holder.replica.containerId : ''} ${formatHostPort(port)}`
}

const FREE: PortFit = Object.freeze({ kind: 'free', handover: null })

function isOwn({ slot }: Pending, holder: PortHolder): boolean {
  if (holder.kind === 'foreign') return false
  const other = holder.kind === 'replica' ? holder.replica.slot : holder.slot
  return other.key === slot.key && other.service === slot.service && other.stack === slot.stack
}

function isFull({ pending, ledger }: Request, server: string): boolean {
  const { maxPerServer } = pending.context.spec.placement
  return maxPerServer > 0 && othersAt(pending, ledger, server) >= maxPerServer
}

type ForeignMisfit =
  { readonly kind: 'name' } | { readonly kind: 'volume' | 'volume-missing' | 'network'; readonly name: string }

/** What stands in the way on the server and is not ours to touch. */
function foreignOf({ pending, ledger, containerName }: Request, usage: ServerUsage): ForeignMisfit | null {
  const { context } = pending
  const { stack } = context.input
  if (usage.foreignNames.has(containerName)) return { kind: 'name' }
  for (const { name, external } of context.volumes) {
    const seen = usage.volumes?.get(name)
    if (external && seen === undefined && ledger.volumes.get(usage.server)?.has(name) !== true)
      return { kind: 'volume-missing', name }
    if (!external && seen !== undefined && !isOurs(seen, context.input)) return { kind: 'volume', name }
  }
  for (const { network } of context.spec.networks) {
    const seen = usage.networks.get(network)
    const isExternal = stack.networks.some((declared) => declared.name === network && declared.external)
    if (seen !== undefined && !isExternal && !isOurs(seen, context.input)) return { kind: 'network', name: network }
  }
  return null
}
