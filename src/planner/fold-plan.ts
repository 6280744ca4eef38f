import { assertNever, compareText, formatSlot } from '../model/index.js'
import type { Change, Next, Reroute, Slot, StackPlan } from '../model/index.js'
import { formatCause } from './format-cause.js'
import { formatStrategy, strategyOf } from './format-strategy.js'
import { groupBy } from './group-by.js'

/** One line of a plan: a change, or several that are alike. */
export interface PlanRow {
  readonly kind: Exclude<Change['kind'], 'unchanged'> | 'reroute'
  readonly verb: string
  /** `web#1–4, 7`; `log@lon-1, lon-2`. */
  readonly slots: string
  /** `on lon-1, lon-2`, `lon-1 → lon-2`; empty for what is blocked. */
  readonly where: string
  /** How it happens: `one at a time`, `start-first`. */
  readonly how: readonly string[]
  readonly causes: readonly string[]
  /** Of what is blocked: why, and what unblocks it. */
  readonly obstacle: { readonly code: string; readonly message: string; readonly next: string } | null
}

export interface FoldedService {
  readonly service: string
  readonly rows: readonly PlanRow[]
}

export interface FoldedStack {
  readonly stack: string
  /** Those with something to tell. */
  readonly services: readonly FoldedService[]
  /** `api (2)`: services and how many of their slots stay as they are. */
  readonly unchanged: readonly string[]
}

/** Puts equal changes of a service into one line each, in the order of their first slots. */
export function foldPlan({ stack, changes, reroutes = [] }: StackPlan): FoldedStack {
  const services = [...groupBy(changes, (change) => change.slot.service)]
  const ways = new Map(reroutes.map((reroute) => [reroute.service, rerouteRow(reroute)]))
  // A global service may have no slot yet.
  const without = [...ways.keys()].filter((name) => !services.some(([service]) => service === name))
  const folded = [...services, ...without.map((name): [string, readonly Change[]] => [name, []])].map(
    ([service, own]) => ({
      service,
      rows: [
        ...foldRows(own.filter((change): change is Telling => change.kind !== 'unchanged')),
        ...[ways.get(service)].filter((row) => row !== undefined),
      ],
    }),
  )
  const unchanged = services.flatMap(([service, own]) => {
    const same = own.filter((change) => change.kind === 'unchanged').length
    return same === 0 ? [] : [`${service} (${same})`]
  })
  return { stack, services: folded.filter(({ rows }) => rows.length > 0), unchanged }
}

function rerouteRow({ service, causes }: Reroute): PlanRow {
  const about = { where: '', how: ['no container is touched'], causes: causes.map(formatCause), obstacle: null }
  return { kind: 'reroute', verb: 'reroute', slots: service, ...about }
}

type Telling = Exclude<Change, { kind: 'unchanged' }>

function foldRows(changes: readonly Telling[]): readonly PlanRow[] {
  return [...groupBy(changes, alikeKey).values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [rowOf(first, group)]
  })
}

/** Changes with the same key differ in their slots only. */
function alikeKey(change: Telling): string {
  const obstacle = change.kind === 'blocked' ? [change.problem.code, obstacleOf(change, ''), change.problem.next] : []
  return JSON.stringify([verbOf(change), moveOf(change), howOf(change, 2), change.causes, reasonsOf(change), obstacle])
}

function rowOf(first: Telling, group: readonly Telling[]): PlanRow {
  const slots = group.map((change) => change.slot)
  return {
    kind: first.kind,
    verb: verbOf(first),
    slots: formatSlots(slots),
    where: whereOf(first, group),
    how: howOf(first, group.length),
    causes: [...first.causes.map(formatCause), ...reasonsOf(first)],
    obstacle:
      first.kind === 'blocked'
        ? {
            code: first.problem.code,
            message: obstacleOf(first, formatSlots(slots)),
            next: formatNext(first.problem.next),
          }
        : null,
  }
}

function verbOf(change: Telling): string {
  switch (change.kind) {
    case 'create':
      return 'create'
    case 'replace':
      if (change.requested) return 'restart'
      return change.successor === null ? 'replace' : 'finish replacing'
    case 'update-in-place':
      return 'update in place'
    case 'restart':
      return change.why === 'unhealthy'
        ? 'restart unhealthy'
        : change.why === 'paused'
          ? 'resume paused'
          : 'start again'
    case 'remove':
      return change.why === 'surplus' ? 'remove surplus' : 'remove'
    case 'blocked':
      return 'blocked'
    default:
      return assertNever(change)
  }
}

function moveOf(change: Telling): string {
  return change.kind === 'replace' && change.from.server !== change.server
    ? `${change.from.server} → ${change.server}`
    : ''
}

function whereOf(first: Telling, group: readonly Telling[]): string {
  const move = moveOf(first)
  if (move !== '') return move
  const servers = new Set(group.flatMap((change) => (change.kind === 'blocked' ? [] : [change.server])))
  return servers.size === 0 ? '' : `on ${[...servers].sort(compareText).join(', ')}`
}

function howOf(change: Telling, size: number): readonly string[] {
  if (change.kind === 'remove') return change.why === 'unwanted' ? ['last'] : []
  if (change.kind !== 'replace') return []
  const strategy = strategyOf(change)
  if (strategy !== null) return [formatStrategy(strategy)]
  const { parallelism } = change.spec.update
  const pace = parallelism === 1 ? 'one at a time' : parallelism === 0 ? 'all at once' : `${parallelism} at a time`
  return [...(size > 1 ? [pace] : []), change.order]
}

/** An order that costs availability is explained; the other is what people expect. */
function reasonsOf(change: Telling): readonly string[] {
  return change.kind === 'replace' && change.order === 'stop-first' && change.orderReason !== ''
    ? [change.orderReason]
    : []
}

/** Problems name their slot; a folded line names all of them instead. */
function obstacleOf({ problem, slot }: Extract<Change, { kind: 'blocked' }>, slots: string): string {
  return problem.message.replace(formatSlot(slot), slots)
}

export function formatNext(next: Next | undefined): string {
  switch (next?.kind) {
    case undefined:
      return ''
    case 'retry':
      return `is tried again in ${Math.ceil(next.afterMs / 1000)} s`
    case 'wait':
      return `waits until ${next.until}`
    case 'stalled':
      return `to go on: ${next.remedy}`
  }
}

/** `web#1–4, 7`: slots of one service, sorted. */
export function formatSlots(slots: readonly Slot[]): string {
  const [first] = slots
  if (first === undefined) return ''
  const numbers = slots.map((slot) => Number(slot.key))
  const isNumbered = numbers.every((n) => n > 0)
  const keys = isNumbered ? ranges(numbers) : slots.map((slot) => slot.key)
  return `${first.service}${isNumbered ? '#' : '@'}${keys.join(', ')}`
}

function ranges(numbers: readonly number[]): readonly string[] {
  const runs: { from: number; to: number }[] = []
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && n <= last.to + 1) last.to = n
    else runs.push({ from: n, to: n })
  }
  return runs.map(({ from, to }) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`))
}
