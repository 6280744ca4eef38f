import { countedIn, isSameInput, isSameSet, tableOf } from '../ingress/index.js'
import type { RoutedReplica, Routing, TableInput, TableParts } from '../ingress/index.js'
import { INGRESS_SERVICE, INGRESS_STACK } from '../model/index.js'
import type { Fleet, Problem, ProxySeen, ServerView, ProxyTable, TargetSeen } from '../model/index.js'
import type { Rotation } from '../rollout/index.js'

const POLL_FIRST_MS = 50
const POLL_MOST_MS = 1_000

interface Made {
  readonly input: TableInput
  readonly table: ProxyTable
  readonly parts: TableParts
  /** Replicas on other servers that it sends to, as `key id`. */
  readonly counted: ReadonlySet<string>
}

/** What is known of one proxy. Changed as calls end and looks show it. */
export interface Proxy {
  readonly containerId: string
  readonly server: string
  /** Its server was looked at last. */
  isReachable: boolean
  isBusy: boolean
  /** The table that it has; null: nobody knows. */
  table: ProxyTable | null
  /** The last table that was made for it, and what of. */
  made: Made | null
  /** Its last answer; null: it never gave one. */
  acked: Acked | null
  /** Whether it has the table of its last answer: not while another is under way, nor after one that was not answered. */
  isSure: boolean
  problem: Problem | null
  /** Keys that are not reached by their names there. */
  unserved: readonly string[]
  failures: number
  retryAtMs: number
  /** When it is asked again though its table is the same. */
  dueAtMs: number
  pollMs: number
}

export interface Acked {
  readonly atMs: number
  /** By `key containerId`. */
  readonly targets: ReadonlyMap<string, TargetSeen>
  /** Since when it has told of each of them. */
  readonly sinceMs: ReadonlyMap<string, number>
  /** Replicas on its own server that it sends to. */
  readonly local: ReadonlySet<string>
  /** Replicas on other servers that it sends to, as `key id`. */
  readonly counted: ReadonlySet<string>
}

/** What it does for certain; null: nobody knows. That a replica has left must be certain; that it has come, the last answer says. */
export function surely({ acked, isSure }: Proxy): Acked | null {
  return isSure ? acked : null
}

export function isUp({ targets }: Acked, key: string, id: string): boolean {
  return targets.get(`${key} ${id}`)?.state === 'up'
}

export interface BalancedReplica {
  readonly id: string
  readonly server: string
  readonly keys: readonly string[]
  readonly optional: ReadonlySet<string>
  /** Null while it is not leaving. */
  readonly leaving: Leaving | null
}

/** A replica that leaves. */
export interface Leaving {
  readonly sinceMs: number
  /** Since when no proxy that can be asked gives it anything new; null: some may. Noted when it is first known. */
  quietSinceMs: number | null
}

/** A port that nobody published is given so long to be found open: proxies look each second. */
const OPTIONAL_MS = 3_000

/** Up, or known to be closed. */
function isDecided(acked: Acked, key: string, id: string, isOptional: boolean): boolean {
  if (isUp(acked, key, id)) return true
  const sinceMs = isOptional ? acked.sinceMs.get(`${key} ${id}`) : undefined
  return sinceMs !== undefined && acked.atMs - sinceMs >= OPTIONAL_MS
}

/** Of replicas that nobody published all of, as `key id`: ports where their own proxy finds nobody. */
export function shutPorts(proxies: Iterable<Proxy>, replicas: Routing['replicas']): ReadonlySet<string> {
  const targets = optionalTargets(replicas)
  const shut = new Set<string>()
  for (const { acked, server } of proxies)
    for (const target of acked === null ? [] : (targets.get(server) ?? []))
      if (acked?.targets.get(target)?.state === 'down') shut.add(target)
  return shut
}

const optionals = new WeakMap<Routing['replicas'], ReadonlyMap<string, readonly string[]>>()

/** By server, as `key id`: what nobody published. Each turn asks for it. */
function optionalTargets(replicas: Routing['replicas']): ReadonlyMap<string, readonly string[]> {
  const known = optionals.get(replicas)
  if (known !== undefined) return known
  const targets = new Map<string, string[]>()
  for (const [id, { server, optional }] of replicas)
    for (const key of optional) {
      const own = targets.get(server) ?? []
      own.push(`${key} ${id}`)
      targets.set(server, own)
    }
  optionals.set(replicas, targets)
  return targets
}

/**
 * Replicas that other proxies may send to, as `key id`: their own proxy reaches them, or nobody knows better. On a server that runs no proxy nobody could let
 * others in.
 */
export function countedBy(
  { replicas }: Routing,
  { servers }: Fleet,
  proxies: Iterable<Proxy>,
  isReached: (server: string) => boolean,
): ReadonlySet<string> {
  const meshed = new Set(servers.flatMap(({ name, address }) => (address.kind === 'ssh' ? [name] : [])))
  const byServer = new Map<string, Proxy[]>()
  for (const proxy of proxies) byServer.set(proxy.server, [...(byServer.get(proxy.server) ?? []), proxy])
  const countedOf = (id: string, replica: RoutedReplica): readonly string[] => {
    const own = byServer.get(replica.server) ?? []
    if (!meshed.has(replica.server) || (own.length === 0 && isReached(replica.server))) return []
    return replica.keys.filter((key) => letsIn(own, id, key, replica)).map((key) => `${key} ${id}`)
  }
  return new Set([...replicas].flatMap(([id, replica]) => countedOf(id, replica)))
}

/** Whether its own proxies let others in to a replica under a key. One that a service gets while it runs takes nothing from the others. */
function letsIn(own: readonly Proxy[], id: string, key: string, { optional }: RoutedReplica): boolean {
  return own.every(
    ({ acked }) => acked === null || isUp(acked, key, id) || (optional.has(key) && acked.targets.has(`${key} ${id}`)),
  )
}

/** How a replica stands, by what the proxies that can be asked said last. `isReached`: its own server was looked at. */
export function phaseOf(
  replica: BalancedReplica,
  asked: readonly Proxy[],
  isReached: boolean,
  nowMs: number,
): Rotation {
  const own = asked.filter(({ server }) => server === replica.server)
  const others = asked.filter(({ server }) => server !== replica.server)
  const sessions = own.map((proxy) => sessionsOf(replica, proxy)).reduce((sum, count) => sum + count, 0)
  const { leaving } = replica
  if (leaving !== null) {
    const open = [
      ...own.filter((proxy) => !isDrained(replica, proxy)),
      ...others.filter((one) => sendsTo(replica, one)),
    ]
    if (open.length === 0) leaving.quietSinceMs ??= nowMs
    const isOut = open.length === 0 && sessions === 0
    return {
      phase: isOut ? 'out' : 'leaving',
      leavingSinceMs: leaving.sinceMs,
      quietSinceMs: leaving.quietSinceMs,
      sessions,
      waitsFor: null,
    }
  }
  const missing = [
    ...own.filter((proxy) => !reaches(replica, proxy)),
    // Nobody can be told to send to a server that is away.
    ...(own.length > 0 || !isReached
      ? others.filter(({ acked }) => !replica.keys.every((key) => acked?.counted.has(`${key} ${replica.id}`)))
      : []),
  ]
  const isIn = missing.length === 0 || !isReached
  const waitsFor = isIn ? null : reasonOf(missing)
  return { phase: isIn ? 'in' : 'entering', leavingSinceMs: null, quietSinceMs: null, sessions, waitsFor }
}

function sessionsOf({ id, keys }: BalancedReplica, { acked }: Proxy): number {
  return keys.reduce((sum, key) => sum + (acked?.targets.get(`${key} ${id}`)?.sessions ?? 0), 0)
}

function reaches({ id, keys, optional }: BalancedReplica, { acked }: Proxy): boolean {
  return acked !== null && keys.every((key) => isDecided(acked, key, id, optional.has(key)))
}

/** The proxy of its own server gives it nothing new. */
function isDrained({ id, keys, optional }: BalancedReplica, proxy: Proxy): boolean {
  const acked = surely(proxy)
  if (acked === null) return false
  return keys.every((key) => {
    const state = acked.targets.get(`${key} ${id}`)?.state ?? 'drain'
    return state === 'drain' || (state === 'down' && optional.has(key))
  })
}

/** The proxy of another server may send to it. */
function sendsTo({ id, keys }: BalancedReplica, proxy: Proxy): boolean {
  const acked = surely(proxy)
  return acked === null || keys.some((key) => acked.counted.has(`${key} ${id}`))
}

function reasonOf(missing: readonly Proxy[]): string {
  const [first] = missing
  if (first === undefined) return ''
  const others = missing.length > 1 ? ` and of ${missing.length - 1} more servers` : ''
  const why = first.problem === null ? '' : `: ${first.problem.message}`
  return `the proxy of ${first.server}${others} does not send to the new replica yet${why}`
}

/** The proxies that run on a server, as they are known or new. Those of a server that cannot be looked at are remembered. */
export function proxiesIn(view: ServerView, known: ReadonlyMap<string, Proxy>): readonly Proxy[] {
  const isReachable = view.kind === 'listed'
  const running = (isReachable ? view.listing.replicas : view.mayHold).filter(
    ({ slot, state }) => slot.stack === INGRESS_STACK && slot.service === INGRESS_SERVICE && state === 'running',
  )
  return running.map(({ containerId }) => {
    const proxy = known.get(containerId)
    if (proxy !== undefined) proxy.isReachable = isReachable
    return proxy ?? newProxy(containerId, view.server, isReachable)
  })
}

/** Nothing is known of it yet. */
export function newProxy(containerId: string, server: string, isReachable: boolean): Proxy {
  return {
    containerId,
    server,
    isReachable,
    isBusy: false,
    table: null,
    made: null,
    acked: null,
    isSure: false,
    problem: null,
    unserved: [],
    failures: 0,
    retryAtMs: 0,
    dueAtMs: Infinity,
    pollMs: 0,
  }
}

/** A proxy has answered. While a replica enters or leaves there, it is asked again. */
export function accept(
  proxy: Proxy,
  table: ProxyTable,
  { targets: seen, unserved = [] }: ProxySeen,
  counted: Acked['counted'],
  nowMs: number,
): void {
  const targets = new Map(seen.map((target) => [`${target.key} ${target.containerId}`, target]))
  const local = new Set(seen.filter(({ state }) => state !== 'drain').map(({ containerId }) => containerId))
  const sinceMs = new Map([...targets.keys()].map((target) => [target, proxy.acked?.sinceMs.get(target) ?? nowMs]))
  const acked: Acked = { atMs: nowMs, targets, sinceMs, local, counted }
  const isSettled = isAllSettled(table, acked)
  const pollMs = isSettled || table !== proxy.table ? POLL_FIRST_MS : Math.min(POLL_MOST_MS, proxy.pollMs * 2)
  Object.assign(proxy, { acked, isSure: true, table, pollMs, problem: null, unserved, failures: 0, retryAtMs: 0 })
  proxy.dueAtMs = nowMs + (isSettled ? (hasFigures(table) ? FIGURES_MS : Infinity) : pollMs)
}

/** What it is to do: the same table as last time where nothing of it changed. */
export function tableFor(proxy: Proxy, input: TableInput): Made {
  if (proxy.made !== null && isSameInput(proxy.made.input, input)) return proxy.made
  const made = tableOf(input, proxy.made?.parts, proxy.made?.table)
  return (proxy.made = { input, ...made, counted: countedIn(input) })
}

/** What it does for certain without being told: a replica of whose ports none is open is in no table. Null: that is no news. */
export function hasAlready({ made, acked, ...proxy }: Proxy): Acked | null {
  const isNews = made !== null && acked !== null && proxy.isSure && !isSameSet(acked.counted, made.counted)
  return isNews ? { ...acked, counted: made.counted } : null
}

/** What keeps a proxy from what it should be, or names from being served by it. */
export function problemsOf({ problem, server, unserved }: Proxy): readonly Problem[] {
  const [first] = unserved
  if (problem !== null || first === undefined) return problem === null ? [] : [problem]
  const more = unserved.length > 1 ? ` and ${unserved.length - 1} more` : ''
  const message = `${first}${more} cannot be reached by name on ${server}: something else there listens on the port on all addresses; free it, or give the service another`
  return [{ code: 'NAME_UNSERVED', message, server }]
}

/** How often a proxy is asked what new replicas have done while they have a share. */
const FIGURES_MS = 2_000

function hasFigures({ services }: ProxyTable): boolean {
  return services.some(({ share, local }) => share !== undefined && local.length > 0)
}

/** Nobody enters, and nothing is open to whoever leaves. */
function isAllSettled(table: ProxyTable, acked: Acked): boolean {
  return table.services.every(({ key, local, isOptional = false }) =>
    local.every(({ containerId, state }) =>
      state === 'ready'
        ? isDecided(acked, key, containerId, isOptional)
        : (acked.targets.get(`${key} ${containerId}`)?.sessions ?? 0) === 0,
    ),
  )
}
