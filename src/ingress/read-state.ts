import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { NO_FRONT, readFront } from './read-front.js'
import type { FrontSeen } from './read-front.js'

/** What a proxy tells of itself. */
export interface ProxyState {
  /** The description in its configuration: `StructureHash` of what it was loaded with. Empty: not one of ours. */
  readonly structure: string
  /** By backend and slot. */
  readonly servers: ReadonlyMap<string, ReadonlyMap<string, SlotSeen>>
  /** Names of its frontends. */
  readonly frontends: readonly string[]
  /** Connections of clients that wait for nothing now, and may ask once more. */
  readonly idle: number
  readonly front: FrontSeen
}

export interface SlotSeen {
  /** `10.0.0.7:8080` or `[fd00::7]:8080`. */
  readonly address: string
  readonly weight: number
  readonly isFree: boolean
  readonly isUp: boolean
  readonly sessions: number
}

/** The processes of a proxy. `current` null: the last reload failed, or is not done. */
export interface Workers {
  readonly current: number | null
  readonly old: readonly number[]
  readonly failedReloads: number
}

const COLUMNS = ['pxname', 'svname', 'scur', 'status', 'type', 'addr', 'uweight'] as const
type Column = (typeof COLUMNS)[number]

const FRONTEND = '0'
const SERVER = '2'

/**
 * The answers to `show info`, `show stat` and those of `readFront`, in one text as they come. Whatever else is between them is passed over, as further versions
 * say more. The problem is why it makes no sense.
 */
export function readState(text: string): Result<ProxyState, string> {
  const servers = new Map<string, Map<string, SlotSeen>>()
  const frontends = new Map<string, number>()
  let structure: string | null = null
  let at: Readonly<Record<Column, number>> | null = null
  for (const line of text.split('\n')) {
    if (line.startsWith('# pxname,')) at = columnsOf(line)
    else if (structure === null && line.startsWith('description: '))
      structure = line.slice('description: '.length).trim()
    else if (at !== null && line.includes(',')) readRow(line.split(','), at, servers, frontends)
  }
  if (at === null) return fail('it sends no statistics')
  return ok({
    structure: structure ?? '',
    servers,
    frontends: [...frontends.keys()],
    idle: idleIn(servers, frontends),
    front: text.includes('.map') ? readFront(text) : NO_FRONT,
  })
}

/** Of all connections those through which nothing goes to a server. */
function idleIn(
  servers: ReadonlyMap<string, ReadonlyMap<string, SlotSeen>>,
  frontends: ReadonlyMap<string, number>,
): number {
  let idle = 0
  for (const connections of frontends.values()) idle += connections
  for (const slots of servers.values()) for (const { sessions } of slots.values()) idle -= sessions
  return Math.max(0, idle)
}

function columnsOf(header: string): Readonly<Record<Column, number>> | null {
  const names = header.slice('# '.length).split(',')
  const at = Object.fromEntries(COLUMNS.map((name) => [name, names.indexOf(name)])) as Record<Column, number>
  return COLUMNS.every((name) => at[name] >= 0) ? at : null
}

function readRow(
  cells: readonly string[],
  at: Readonly<Record<Column, number>>,
  servers: Map<string, Map<string, SlotSeen>>,
  frontends: Map<string, number>,
): void {
  const cell = (column: Column): string => cells[at[column]] ?? ''
  const proxy = cell('pxname')
  if (cell('type') === FRONTEND) frontends.set(proxy, count(cell('scur')))
  if (cell('type') !== SERVER) return
  const status = cell('status')
  const slots = servers.get(proxy) ?? new Map<string, SlotSeen>()
  servers.set(proxy, slots)
  slots.set(cell('svname'), {
    address: cell('addr'),
    weight: count(cell('uweight')),
    isFree: status.startsWith('MAINT'),
    // `UP 1/2` is on its way down, `DOWN 1/2` up; `no check` is what is tracked by nothing.
    isUp: /^(UP|DRAIN|NOLB|no check)/.test(status),
    sessions: count(cell('scur')),
  })
}

function count(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : 0
}

/** The answer to `show proc`. The problem is why it makes no sense. */
export function readWorkers(text: string): Result<Workers, string> {
  const old: number[] = []
  let current: number | null = null
  let failedReloads: number | null = null
  let isOld = false
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) isOld = line.startsWith('# old')
    const [, pid = '', type] = /^([0-9]{1,10})\s+(master|worker)\s/.exec(line) ?? []
    if (type === 'master') failedReloads = Number(/\[failed: ([0-9]{1,9})\]/.exec(line)?.[1] ?? 0)
    if (type !== 'worker') continue
    if (isOld) old.push(Number(pid))
    else current ??= Number(pid)
  }
  return failedReloads === null ? fail('it names no processes') : ok({ current, old, failedReloads })
}
