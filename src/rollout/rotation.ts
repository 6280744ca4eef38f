import { DRAIN_DEFAULT_MS } from '../model/index.js'
import type { Change, Replica, ServiceSpec } from '../model/index.js'
import { askOf, earliest } from './advice.js'
import type { Advice, Facts } from './advice.js'
import type { ServiceContext } from './context.js'
import { isAskable } from './health.js'
import type { HealthTrack } from './health.js'
import { isStartedAgain, servingReplica } from './progress.js'
import { slotKey } from './state.js'
import type { StackState } from './state.js'

/**
 * How a replica stands in the proxies that can be asked. `entering`: it is ready and not all of them send to it yet; `in`: they do; `leaving`: it
 * gets nothing new; `out`: nothing is open to it any more, or never was.
 */
export interface Rotation {
  readonly phase: 'entering' | 'in' | 'leaving' | 'out'
  /** Null while it is not leaving. */
  readonly leavingSinceMs: number | null
  /** Since when it gets nothing new for certain; null: some proxy may still send to it. */
  readonly quietSinceMs: number | null
  /** Connections, and for http requests, that are open to it. */
  readonly sessions: number
  /** What keeps it from entering or leaving, as far as anybody knows. */
  readonly waitsFor: string | null
}

/** Proxies are waited for this long before the time of what leaves begins without them. */
const TOLD_MS = 10_000

/**
 * A balanced replica that runs gets nothing new first, and is stopped when nothing is open to it or its time is over, which is what its latest
 * connection has. Null: it may be stopped.
 */
export function leaveFirst(facts: Facts, replica: Replica): Partial<Advice> | null {
  const rotation = facts.rotation.get(replica.containerId)
  if (rotation === undefined || rotation.phase === 'out') return null
  const { leavingSinceMs, quietSinceMs } = rotation
  const sinceMs = Math.min(quietSinceMs ?? Infinity, (leavingSinceMs ?? facts.nowMs) + TOLD_MS)
  const endsAtMs = sinceMs + drainMs(facts, replica)
  const isOver = leavingSinceMs !== null && facts.nowMs >= endsAtMs
  return isOver ? null : { drains: [replica], wakeAtMs: endsAtMs }
}

function drainMs({ target, proven }: Facts, { slot }: Replica): number {
  const isOwn = (spec: ServiceSpec): boolean => spec.name === slot.service
  const spec = target.stack.services.find(isOwn) ?? proven?.services.find(isOwn)
  return spec?.rollout.drainMs ?? DRAIN_DEFAULT_MS
}

/**
 * The old one of a slot gets nothing new any more, so that it can be stopped before there is a new one. What fell ill gets nothing either, and nobody has
 * begun to replace it for that.
 */
function isLeaving(facts: Facts, change: Change): boolean {
  if (change.kind !== 'replace' || change.successor !== null || change.order !== 'stop-first') return false
  const { from } = change
  const isSent = (facts.rotation.get(from.containerId)?.leavingSinceMs ?? null) !== null
  return isSent && isReady(facts.state, facts.tracks.get(from.containerId), from)
}

/**
 * Slots whose old replica goes on leaving, the longest first: as many as may be down beside those that serve nobody by themselves. The others are called
 * back, as another one fell ill while they left.
 */
export function leavingSlots(facts: Facts, wanted: readonly Change[], tolerableDown: number): ReadonlySet<string> {
  const leaving = wanted.filter((change) => isLeaving(facts, change))
  if (leaving.length === 0) return NOBODY
  const down = wanted.filter((change) => !leaving.includes(change) && servingReplica(facts, change) === null).length
  const sinceMs = (change: Change): number =>
    (change.kind === 'replace' ? facts.rotation.get(change.from.containerId)?.leavingSinceMs : null) ?? Infinity
  const longest = [...leaving].sort((a, b) => sinceMs(a) - sinceMs(b))
  return new Set(longest.slice(0, Math.max(0, tolerableDown - down)).map(({ slot }) => slot.key))
}

const NOBODY: ReadonlySet<string> = new Set()

/** While proxies do not send to the new one yet, the old one goes on. */
export function awaitEntry(facts: Facts, { spec }: ServiceContext, successor: Replica): Partial<Advice> | null {
  const rotation = facts.rotation.get(successor.containerId)
  if (rotation?.phase !== 'entering') return null
  const problem = {
    code: 'PROXY_ABSENT',
    server: successor.server,
    stack: spec.stack,
    service: spec.name,
    message: rotation.waitsFor ?? 'the proxies do not send to the new replica yet',
    next: { kind: 'wait', until: 'each proxy sends to it' },
  } as const
  return { waiting: [{ service: spec.name, slot: successor.slot.key, problem }] }
}

/**
 * Whether clients may be sent to a replica: it runs, nobody says it is ill, and it was proven, or answered whoever asked it last, however long ago: that
 * nobody could ask it since is no reason to send them to nobody.
 */
export function isReady(state: StackState, track: HealthTrack | undefined, replica: Replica): boolean {
  if (replica.state !== 'running' || replica.health === 'unhealthy' || track?.refused === true) return false
  const key = slotKey(replica.slot)
  if (state.provenReplicas[key] === replica.containerId) {
    const isAnew = replica.health === 'starting' && isStartedAgain(state, key)
    return track?.isReady === true || !isAnew
  }
  // Nobody watches it: it is not new. Another one may have been proven in its slot since, which says nothing about it.
  return track === undefined ? replica.health !== 'starting' : track.isReady
}

/** How old the word of a new replica may be while the old one leaves, and when that is stopped. */
const WORD_MS = 2_000
const LAST_WORD_MS = 300

/**
 * Leaving takes time, in which the new one may fall ill: it goes on being asked, and the old one is stopped on a fresh word only. Whoever says no is not
 * well, so the old one comes back.
 */
export function onFreshWord(
  facts: Facts,
  { spec }: ServiceContext,
  { from, successor }: { readonly from: Replica; readonly successor: Replica },
  advice: Partial<Advice>,
): Partial<Advice> {
  const track = facts.tracks.get(successor.containerId)
  if (!facts.rotation.has(from.containerId) || track === undefined || !isAskable(successor, spec)) return advice
  const heardAtMs = Math.max(track.askedAtMs ?? 0, track.readySinceMs ?? 0)
  const isStopped = (advice.actions ?? []).length > 0
  const oldestMs = isStopped ? LAST_WORD_MS : WORD_MS
  if (facts.nowMs - heardAtMs > oldestMs)
    return { ...advice, actions: [], drains: [from], asks: [askOf(successor, spec)] }
  return { ...advice, wakeAtMs: earliest(advice.wakeAtMs ?? null, heardAtMs + oldestMs + 1) }
}
