import type { ProxyFigures, ProxyTable, ReplicaFigures } from '../model/index.js'
import { layOut, localBackend, seatKey, wholeBackends } from './layout.js'
import type { ServiceLayout } from './layout.js'
import type { ProxyState } from './read-state.js'

/** Beside the configuration: to which count an answer belongs, by how many milliseconds it took. */
export const TIMES_FILE = 'times.map'
/** The backend whose table counts answers by replica and time. */
export const FIGURES_TABLE = 'figures'

/** From where each count begins, in milliseconds: each holds a fifth more than the one before, and the last one all that is longer. */
const STARTS = startsUpTo(60_000)
/** Fewer say nothing about one in twenty. */
const LEAST_TIMES = 20

function startsUpTo(mostMs: number): readonly number[] {
  const starts = [0]
  for (let next = 1; next <= mostMs; next = Math.max(next + 1, Math.round(next * 1.2))) starts.push(next)
  return starts
}

export function timesMap(): string {
  const lines = STARTS.slice(0, -1).map((start, at) => `${start}:${(STARTS[at + 1] ?? start) - 1} ${at}\n`)
  return lines.join('')
}

/** What a backend of a canary does to count its answers; only those of replicas on this server, as peers count their own. */
export function figureLines({ canary, protocol }: Pick<ServiceLayout, 'canary' | 'protocol'>): readonly string[] {
  if (canary === null || protocol === 'tcp') return []
  return [
    '  http-request set-var(txn.begun) date(0,ms)',
    '  http-response set-var(txn.took) date(0,ms),sub(txn.begun)',
    `  http-response set-var-fmt(txn.figure) %si:%sp/%[var(txn.took),map_int(${TIMES_FILE},${STARTS.length - 1})]`,
    `  http-response track-sc0 var(txn.figure) table ${FIGURES_TABLE} if { srv_name -m beg s }`,
    '  http-response sc-inc-gpc0(0)',
  ]
}

/** Where they are counted. HAProxy 2.6 has no timers that a configuration could read, and a log of each request would cost more. */
export function figuresTable(services: readonly ServiceLayout[]): readonly string[] {
  const isCounted = services.some((service) => figureLines(service).length > 0)
  return isCounted
    ? [`backend ${FIGURES_TABLE} from http`, '  stick-table type string len 96 size 50k expire 1h store gpc0']
    : []
}

/** What a process is asked besides where a service has a share; none: nothing. */
export function figureQuestions(table: ProxyTable, state: ProxyState): readonly string[] {
  const backends = sharedIn(table, state).flatMap(backendsOf)
  if (backends.length === 0) return []
  return [...backends.map((backend) => `show stat ${backend} 4 -1`), `show table ${FIGURES_TABLE} data.gpc0 gt 0`]
}

function sharedIn(table: ProxyTable, state: ProxyState): readonly ServiceLayout[] {
  const shared = new Set(
    table.services.flatMap(({ key, share, local }) => (share === undefined || local.length === 0 ? [] : [key])),
  )
  return shared.size === 0 ? [] : layOut(table, state).services.filter(({ key }) => shared.has(key))
}

function backendsOf(service: ServiceLayout): readonly string[] {
  return [localBackend(service), ...wholeBackends(service)]
}

/** The answers, in one text as they come: what the replicas here were asked since this process began. */
export function readFigures(table: ProxyTable, state: ProxyState, worker: number, text: string): ProxyFigures {
  const counts = countsIn(text)
  const times = timesIn(text)
  const services = new Map(sharedIn(table, state).map((service) => [service.key, service]))
  const replicas = new Map<string, ReplicaFigures>()
  const places = new Set<string>()
  for (const { key, local } of table.services)
    for (const target of services.has(key) ? local : []) {
      const { containerId } = target
      const address = seatKey(target)
      const known = replicas.get(containerId) ?? { containerId, requests: 0, errors: 0, times: [] }
      const service = services.get(key)
      const own = (service === undefined ? [] : backendsOf(service)).map((name) => counts.get(`${name} ${address}`))
      // A port that is reached in two ways is counted once.
      const fresh = places.has(address) ? [] : (times.get(address) ?? [])
      places.add(address)
      replicas.set(containerId, {
        containerId,
        requests: own.reduce((sum, one) => sum + (one?.requests ?? 0), known.requests),
        errors: own.reduce((sum, one) => sum + (one?.errors ?? 0), known.errors),
        times: addTimes(known.times, fresh),
      })
    }
  return { worker, replicas: [...replicas.values()] }
}

interface Counts {
  readonly requests: number
  readonly errors: number
}

/**
 * By backend and address. A connection that did not come about and was made elsewhere is no failure. An answer that breaks off is one in HAProxy 2.6; 3.2 counts
 * it twice, and each that it asks for again.
 */
function countsIn(text: string): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>()
  let columns: readonly string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('# pxname,')) columns = line.slice('# '.length).split(',')
    if (columns.length === 0 || line.startsWith('#') || !line.includes(',')) continue
    const cells = line.split(',')
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? ''
    const number = (name: string): number => (/^[0-9]{1,15}$/.test(cell(name)) ? Number(cell(name)) : 0)
    const failed = number('econ') + number('eresp')
    const answered = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'].reduce((sum, kind) => sum + number(`hrsp_${kind}`), 0)
    const isHttp = cell('mode') === 'http'
    const requests = isHttp ? answered + failed : number('stot')
    const errors = isHttp ? failed + number('hrsp_5xx') : failed
    const place = `${cell('pxname')} ${cell('addr')}`
    const known = counts.get(place) ?? { requests: 0, errors: 0 }
    // Free slots keep what the one before them was asked; their address is nobody's any more.
    counts.set(place, { requests: known.requests + requests, errors: known.errors + errors })
  }
  return counts
}

/** By address: how many answers took how long. */
function timesIn(text: string): ReadonlyMap<string, readonly number[]> {
  const times = new Map<string, number[]>()
  for (const line of text.split('\n')) {
    const [, address = '', port, at, count] =
      / key=([0-9a-fA-F.:]{2,45}):([0-9]{1,5})\/([0-9]{1,3}) .* gpc0=([0-9]{1,10})$/.exec(line.trim()) ?? []
    const index = Number(at)
    if (port === undefined || index >= STARTS.length) continue
    const place = seatKey({ address, port: Number(port) })
    const own = times.get(place) ?? []
    own[index] = Number(count)
    times.set(place, own)
  }
  return times
}

export function addTimes(a: readonly number[], b: readonly number[]): readonly number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, at) => (a[at] ?? 0) + (b[at] ?? 0))
}

/** What 95 of 100 answers did not take longer than, as nearly as the counts say it. Null: too few. */
export function p95Of(times: readonly number[]): number | null {
  const all = times.reduce((sum, count) => sum + count, 0)
  if (all < LEAST_TIMES) return null
  let left = all * 0.95
  for (const [at, count] of times.entries()) {
    if (count > 0 && left <= count) {
      const start = STARTS[at] ?? 0
      return start + (left / count) * ((STARTS[at + 1] ?? start) - start)
    }
    left -= count
  }
  return STARTS.at(-1) ?? null
}
