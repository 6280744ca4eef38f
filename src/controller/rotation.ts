import type { TableInput, TableParts } from '../ingress/index.js'
import type { Problem, ProxyTable, TargetSeen } from '../model/index.js'
import type { Rotation } from '../rollout/index.js'

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
  made: { readonly input: TableInput; readonly table: ProxyTable; readonly parts: TableParts } | null
  /** Its last answer; null: it never gave one. */
  acked: Acked | null
  /** Whether it has the table of its last answer: not while another is under way, nor after one that was not answered. */
  isSure: boolean
  problem: Problem | null
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
  /** Replicas on its own server that it sends to. */
  readonly local: ReadonlySet<string>
  /** Replicas on other servers that it sends to. */
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
  readonly leavingSinceMs: number | null
}

/** How a replica stands, by what the proxies that can be asked said last. `isReached`: its own server was looked at. */
export function phaseOf(replica: BalancedReplica, asked: readonly Proxy[], isReached: boolean): Rotation {
  const own = asked.filter(({ server }) => server === replica.server)
  const others = asked.filter(({ server }) => server !== replica.server)
  const sessions = own.map((proxy) => sessionsOf(replica, proxy)).reduce((sum, count) => sum + count, 0)
  const { leavingSinceMs } = replica
  if (leavingSinceMs !== null) {
    const open = [
      ...own.filter((proxy) => !isDrained(replica, proxy)),
      ...others.filter((one) => sendsTo(replica, one)),
    ]
    const isOut = open.length === 0 && sessions === 0
    return { phase: isOut ? 'out' : 'leaving', leavingSinceMs, sessions, waitsFor: null }
  }
  const missing = [
    ...own.filter((proxy) => !reaches(replica, proxy)),
    // Nobody can be told to send to a server that is away.
    ...(own.length > 0 || !isReached ? others.filter(({ acked }) => acked?.counted.has(replica.id) !== true) : []),
  ]
  const isIn = missing.length === 0 || !isReached
  return { phase: isIn ? 'in' : 'entering', leavingSinceMs, sessions, waitsFor: isIn ? null : reasonOf(missing) }
}

function sessionsOf({ id, keys }: BalancedReplica, { acked }: Proxy): number {
  return keys.reduce((sum, key) => sum + (acked?.targets.get(`${key} ${id}`)?.sessions ?? 0), 0)
}

function reaches({ id, keys }: BalancedReplica, { acked }: Proxy): boolean {
  return acked !== null && keys.every((key) => isUp(acked, key, id))
}

/** The proxy of its own server gives it nothing new. */
function isDrained({ id, keys }: BalancedReplica, proxy: Proxy): boolean {
  const acked = surely(proxy)
  if (acked === null) return false
  return keys.every((key) => (acked.targets.get(`${key} ${id}`)?.state ?? 'drain') === 'drain')
}

/** The proxy of another server may send to it. */
function sendsTo({ id }: BalancedReplica, proxy: Proxy): boolean {
  return surely(proxy)?.counted.has(id) !== false
}

function reasonOf(missing: readonly Proxy[]): string {
  const [first] = missing
  if (first === undefined) return ''
  const others = missing.length > 1 ? ` and of ${missing.length - 1} more servers` : ''
  const why = first.problem === null ? '' : `: ${first.problem.message}`
  return `the proxy of ${first.server}${others} does not send to the new replica yet${why}`
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
    failures: 0,
    retryAtMs: 0,
    dueAtMs: Infinity,
    pollMs: 0,
  }
}

/** Nobody enters, and nothing is open to whoever leaves. */
export function isAllSettled(table: ProxyTable, acked: Acked): boolean {
  return table.services.every(({ key, local }) =>
    local.every(({ containerId, state }) =>
      state === 'ready'
        ? isUp(acked, key, containerId)
        : (acked.targets.get(`${key} ${containerId}`)?.sessions ?? 0) === 0,
    ),
  )
}
