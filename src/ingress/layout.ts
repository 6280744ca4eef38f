import { isIP } from 'node:net'
import { compareText, dnsLabel, meshZone } from '../model/index.js'
import type { BalancedService, NamedPlace, ProxyTable, ProxyTarget, ServiceProtocol } from '../model/index.js'
import { isInRange, parseRange } from '../names/index.js'
import type { AddressRange } from '../names/index.js'
import { canaryOf } from './canary.js'
import type { CanaryLayout } from './canary.js'
import { mannerOf } from './manner.js'
import type { Manner } from './manner.js'
import { haproxyWeights } from './weights.js'
import type { ProxyState, SlotSeen } from './read-state.js'

/** A table as proxies see it: names that HAProxy takes, addresses that are some, and for each replica the slot that it has or gets. */
export interface Layout {
  readonly services: readonly ServiceLayout[]
  readonly peers: readonly PeerLayout[]
  readonly mesh: { readonly port: number; readonly zone: string } | null
  /** Of the names' addresses. */
  readonly range: string | null
}

export interface ServiceLayout {
  readonly key: string
  readonly id: string
  readonly protocol: ServiceProtocol
  readonly listen: readonly Listener[]
  /** What is done with requests of its routes: a backend for each, sorted by name. */
  readonly manners: readonly Manner[]
  /** Clients are to stay with a replica. */
  readonly isSticky: boolean
  readonly name: NamedPlace | null
  /** New replicas are let in step by step. */
  readonly canary: CanaryLayout | null
  readonly slots: readonly (Seat | null)[]
  /** Peers that have replicas, with weight 0 others that may get some. */
  readonly remotes: readonly RemoteLayout[]
}

/** `weight` is HAProxy's; `fresh` what the new ones there weigh in the table. */
export interface RemoteLayout {
  readonly peer: PeerLayout
  readonly weight: number
  readonly fresh: number
}

/** `address`: empty for all. */
export interface Listener {
  readonly address: string
  readonly port: number
}

/** `weight` is the table's, the others HAProxy's in both backends; 0 where it drains, and where it is held. */
export interface Seat {
  readonly address: string
  readonly port: number
  readonly isDraining: boolean
  readonly isFresh: boolean
  readonly weight: number
  readonly localWeight: number
  readonly wholeWeight: number
}

export interface PeerLayout {
  readonly id: string
  readonly zone: string
  readonly host: string
  readonly port: number
}

const LEAST_SLOTS = 4
const FEW_PEERS = 8
const NO_PEERS: readonly PeerLayout[] = Object.freeze([])

const PREFIXES: Readonly<Record<ServiceProtocol, string>> = { tcp: 'tcp', http: 'http', h2: 'http2' }

/** Backends of a service: that with the replicas of this server alone, and those that clients of this server reach, by ports and by routes. */
export function localBackend({ protocol, id }: Pick<ServiceLayout, 'protocol' | 'id'>): string {
  return `${PREFIXES[protocol]}_${id}`
}

/** Whether clients of this server reach it by a port or by its name. */
export function isReached({ listen, name }: Pick<ServiceLayout, 'listen' | 'name'>): boolean {
  return listen.length > 0 || name !== null
}

export function wholeBackend({ id }: Pick<ServiceLayout, 'id'>): string {
  return `all_${id}`
}

export function routeBackend({ id }: Pick<ServiceLayout, 'id'>, { suffix }: Pick<Manner, 'suffix'>): string {
  return `to_${id}${suffix}`
}

/** All that clients of this server reach it by. */
export function wholeBackends(service: Pick<ServiceLayout, 'id' | 'listen' | 'name' | 'manners'>): readonly string[] {
  const routed = service.manners.map((manner) => routeBackend(service, manner))
  return isReached(service) ? [wholeBackend(service), ...routed] : routed
}

export function slotName(index: number): string {
  return `s${index + 1}`
}

export function remoteName({ id }: PeerLayout): string {
  return `r_${id}`
}

/** The same peer once more, for when checks say that nobody is left: they may be wrong, as where all of a busy machine is slow. */
export function resortName({ id }: PeerLayout): string {
  return `x_${id}`
}

const laidOutTables = new WeakMap<ProxyState, { readonly table: ProxyTable; readonly layout: Layout }>()

/** What makes no sense for HAProxy (a host that is none, a port out of range) is left out: it could not be reached anyway. */
export function layOut(table: ProxyTable, state: ProxyState | null): Layout {
  const known = state === null ? undefined : laidOutTables.get(state)
  if (known?.table === table) return known.layout
  const layout = layOutAnew(table, state)
  // What is planned, what was taken and how it stands is asked about one moment.
  if (state !== null) laidOutTables.set(state, { table, layout })
  return layout
}

function layOutAnew(table: ProxyTable, state: ProxyState | null): Layout {
  const mesh = table.mesh === null || !isPort(table.mesh.port) ? null : table.mesh.port
  const peers = mesh === null ? NO_PEERS : peersOf(table)
  const own = [mesh, table.front?.httpPort ?? null, table.front?.httpsPort ?? null]
  const taken = new Set(own.map((port) => listenerKey({ address: '', port: port ?? 0 })))
  const services = [...table.services].sort((a, b) => compareText(a.key, b.key))
  const range = table.range === undefined ? null : parseRange(table.range)
  return {
    services: unique(services, ({ key }) => key).map((service) =>
      layOutService(service, { peers, range, taken, state, isFront: table.front !== undefined }),
    ),
    peers,
    mesh: mesh === null ? null : { port: mesh, zone: meshZone(table.server) },
    range: range === null ? null : (table.range ?? null),
  }
}

interface Surroundings {
  readonly peers: readonly PeerLayout[]
  /** Of the names' addresses. */
  readonly range: AddressRange | null
  /** Where somebody listens already. */
  readonly taken: Set<string>
  readonly state: ProxyState | null
  /** Routes are served here. */
  readonly isFront: boolean
}

/** What a service was laid out as last, and from what beside itself. */
interface LaidOut {
  readonly peers: readonly PeerLayout[]
  readonly about: string
  readonly layout: ServiceLayout
}

const laidOut = new WeakMap<BalancedService, LaidOut>()

/** While the table and the proxy say the same of it, it is the same object: what was made of that is known. */
function layOutService(service: BalancedService, { peers, range, taken, state, isFront }: Surroundings): ServiceLayout {
  const known = laidOut.get(service)
  const id = known?.layout.id ?? dnsLabel(service.key)
  const { protocol } = service
  const listen = listenersOf(service, taken)
  const name = placeOf(service.name, range, taken)
  const manners = isFront ? mannersOf(service) : []
  const seen = state?.servers.get(localBackend({ protocol, id })) ?? NOTHING_SEEN
  const reached = wholeBackends({ id, listen, name, manners }).map((backend) => state?.servers.get(backend))[0]
  const about = aboutOf({ listen, name, isFront }, seen, peers.length > FEW_PEERS ? reached : undefined)
  if (known?.peers === peers && known.about === about) return known.layout
  const { seats, remotes } = weigh(service, peers)
  const layout = {
    key: service.key,
    id,
    protocol,
    listen,
    name,
    manners,
    isSticky: protocol !== 'tcp' && (service.routes ?? []).some(({ manner }) => mannerOf(manner).sticky !== null),
    canary: canaryOf(service),
    slots: seat(seats, seen),
    remotes: entriesOf(remotes, reached),
  }
  laidOut.set(service, { peers, about, layout })
  return layout
}

const NOTHING_SEEN: ReadonlyMap<string, SlotSeen> = new Map()

/** All that a service's layout leans on beside the service and the peers. */
function aboutOf(
  around: Pick<ServiceLayout, 'listen' | 'name'> & { readonly isFront: boolean },
  seen: ReadonlyMap<string, SlotSeen>,
  entries: ReadonlyMap<string, SlotSeen> | undefined,
): string {
  let about = JSON.stringify(around)
  for (const [slot, { address, isFree }] of seen) about += ` ${slot}${isFree ? '-' : '='}${address}`
  for (const entry of entries?.keys() ?? []) about += ` ${entry}`
  return about
}

/**
 * Of few peers each has an entry, so that a replica which moves is no reason for a reload. Each costs HAProxy some memory and time to start (24,500
 * of them 4 s), so of many only those with replicas, and those that are there already while they are not too many.
 */
function entriesOf(
  all: ServiceLayout['remotes'],
  seen: ReadonlyMap<string, SlotSeen> | undefined,
): ServiceLayout['remotes'] {
  if (all.length <= FEW_PEERS) return all
  const wanted = all.filter(({ weight }) => weight > 0)
  const kept = all.filter(({ peer, weight }) => weight > 0 || seen?.has(remoteName(peer)) === true)
  return kept.length <= 2 * (wanted.length + FEW_PEERS) ? kept : wanted
}

/** Connections have no paths. */
function mannersOf({ protocol, routes = [] }: BalancedService): readonly Manner[] {
  const served = protocol === 'tcp' ? [] : routes.filter(({ redirect }) => redirect.kind !== 'to')
  const all = served.map(({ manner }) => mannerOf(manner)).sort((a, b) => compareText(a.suffix, b.suffix))
  return unique(all, ({ suffix }) => suffix)
}

/** Two that listen in one place would share its connections by chance: the first has it. */
function listenersOf(service: BalancedService, taken: Set<string>): readonly Listener[] {
  return service.listen.flatMap(({ hostIp, port }) => {
    const listener = { address: hostIp, port }
    if (!isPort(port) || (hostIp !== '' && isIP(hostIp) === 0) || hostIp.includes('%')) return []
    if (taken.has(listenerKey(listener)) || taken.has(listenerKey({ address: '', port }))) return []
    taken.add(listenerKey(listener))
    return [listener]
  })
}

/** Null where HAProxy could make nothing of it, or another listens there. */
function placeOf(name: NamedPlace | undefined, range: AddressRange | null, taken: Set<string>): NamedPlace | null {
  if (
    name === undefined ||
    range === null ||
    !isInRange(range, name.address) ||
    !isPort(name.port) ||
    taken.has(listenerKey(name))
  )
    return null
  taken.add(listenerKey(name))
  return { ...name, from: name.from.filter(isSubnet) }
}

function isSubnet(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && !address.includes('%') && /^[0-9]{1,3}$/.test(length) && Number(length) <= most
}

function listenerKey({ address, port }: Pick<Listener, 'address' | 'port'>): string {
  return `${address} ${port}`
}

type Weighed = Omit<Seat, 'localWeight' | 'wholeWeight'>

/** An address is one replica's. Where the table has it twice, the one that is ready has got it from the one that was stopped. */
function placesOf(targets: readonly ProxyTarget[]): readonly Weighed[] {
  const byAddress = new Map<string, Weighed>()
  for (const target of targets) {
    const known = byAddress.get(seatKey(target))
    if (!isTarget(target) || (target.state === 'drain' && known?.isDraining === false)) continue
    const { address, port, weight = 1, isFresh = false } = target
    const isDraining = target.state === 'drain'
    byAddress.set(seatKey(target), { address, port, isDraining, isFresh, weight: isDraining ? 0 : weight })
  }
  return [...byAddress.values()]
}

/**
 * Peers are sent to by the sum of what their replicas weigh. What they still send here while they are told of another share is never refused: where the replicas here
 * are to get nothing, their own backend has them all.
 */
function weigh(
  service: BalancedService,
  peers: readonly PeerLayout[],
): { readonly seats: readonly Seat[]; readonly remotes: readonly RemoteLayout[] } {
  const places = placesOf(service.local)
  const isShared = service.share !== undefined
  const theirs = new Map(service.remote.map((one) => [dnsLabel(one.server), one]))
  const sums = peers.map(({ id }) => theirs.get(id)?.weight ?? 0)
  const whole = haproxyWeights([...places.map(({ weight }) => weight), ...sums], isShared)
  const own = haproxyWeights(
    places.map(({ weight }) => weight),
    isShared,
  )
  const isHeld = own.every((weight) => weight === 0)
  const seats = places.map((place, at): Seat => {
    const localWeight = place.isDraining ? 0 : isHeld ? 1 : (own[at] ?? 0)
    return { ...place, localWeight, wholeWeight: whole[at] ?? 0 }
  })
  const remotes = peers.map((peer, at): RemoteLayout => {
    return { peer, weight: whole[places.length + at] ?? 0, fresh: theirs.get(peer.id)?.fresh ?? 0 }
  })
  return { seats, remotes }
}

export function isTarget({ address, port }: Pick<ProxyTarget, 'address' | 'port'>): boolean {
  return isIP(address) !== 0 && !address.includes('%') && isPort(port)
}

/** As HAProxy prints it. */
export function seatKey({ address, port }: Pick<ProxyTarget, 'address' | 'port'>): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`
}

/** Who has a slot keeps it; others get free ones; where they do not suffice there are twice as many. */
function seat(seats: readonly Seat[], seen: ReadonlyMap<string, SlotSeen>): readonly (Seat | null)[] {
  const count = slotCount(seats.length, seen.size)
  const slots: (Seat | null)[] = Array.from({ length: count }, () => null)
  const standing: Seat[] = []
  for (const one of seats) {
    const index = slots.findIndex((slot, at) => slot === null && seen.get(slotName(at))?.address === seatKey(one))
    if (index >= 0) slots[index] = one
    else standing.push(one)
  }
  // One that is free in HAProxy before one that is to become so: its last connections still count there.
  const isFree = (index: number): boolean => seen.get(slotName(index))?.isFree !== false
  for (const one of standing) {
    const free = slots.findIndex((slot, at) => slot === null && isFree(at))
    slots[free >= 0 ? free : slots.indexOf(null)] = one
  }
  return slots
}

/** A rolling update has one replica more than before, which is no reason for a reload. */
function slotCount(wanted: number, there: number): number {
  if (there > 0 && there >= wanted && there <= 8 * Math.max(wanted, LEAST_SLOTS)) return there
  let count = LEAST_SLOTS
  while (count <= wanted) count *= 2
  return count
}

const laidOutPeers = new WeakMap<
  ProxyTable['peers'],
  { readonly server: string; readonly peers: readonly PeerLayout[] }
>()

/** The same object while the table's is. */
function peersOf(table: ProxyTable): readonly PeerLayout[] {
  const known = laidOutPeers.get(table.peers)
  if (known?.server === table.server) return known.peers
  const others = table.peers.flatMap(({ server, host, port }) =>
    isHost(host) && isPort(port) && server !== table.server
      ? [{ id: dnsLabel(server), zone: meshZone(server), host, port }]
      : [],
  )
  const peers = unique(
    others.sort((a, b) => compareText(a.id, b.id)),
    ({ id }) => id,
  )
  laidOutPeers.set(table.peers, { server: table.server, peers })
  return peers
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}

function isHost(host: string): boolean {
  return (isIP(host) !== 0 && !host.includes('%')) || /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/.test(host)
}

export function unique<T>(sorted: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const seen = new Set<string>()
  return sorted.filter((item) => !seen.has(keyOf(item)) && seen.add(keyOf(item)))
}
