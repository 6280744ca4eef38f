import { HEALTHY_DEADLINE_DEFAULT_MS } from '../model/index.js'
import type { Problem, Replica, ServiceSpec } from '../model/index.js'

/**
 * What is remembered of a new replica between looks. `readySinceMs` is the start of its present unbroken readiness. Times in ms by the
 * controller's clock. Lost with the controller, which only makes a replica wait longer.
 */
export interface HealthTrack {
  readonly containerId: string
  readonly sinceMs: number
  readonly lastSeenMs: number
  readonly startedAtMs: number | null
  readonly restarts: number
  /** Of those that the engine counts, what lies before the track. Null: as many as the first look shows. */
  readonly restartsBefore: number | null
  readonly readySinceMs: number | null
  readonly confirmedAtMs: number | null
  /** Who spoke of it last said that it is ready. Outlives a time in which nobody heard of it, which `readySinceMs` does not: unknown is not ill. */
  readonly isReady: boolean
  readonly asks: number
  readonly askedAtMs: number | null
  /** When the question was sent whose answer came last. */
  readonly askBegunAtMs: number | null
  /** The last answer was no. The engine's verdict is as old as its last check, and does not count until the replica answers otherwise. */
  readonly refused: boolean
  readonly output: string
}

export type Verdict =
  | { readonly kind: 'proven' }
  | { readonly kind: 'failed'; readonly problem: Problem }
  /** Judge again at `untilMs` at the latest; `then` says what must be found out for that. */
  | { readonly kind: 'waiting'; readonly untilMs: number; readonly then: 'ask' | 'look' | 'wait' }

/** What a replica is judged by. */
export interface HealthPolicy {
  /** Unbroken readiness that counts as proven. */
  readonly monitorMs: number
  readonly deadlineMs: number
}

/** Restarts by the engine's own policy after which a new replica is given up before its deadline. */
export const CRASH_LOOP_RESTARTS = 3
/** A look missed for longer than this does not count towards the deadline: unknown is not unhealthy. */
const BLIND_MS = 30_000
/** While a replica is monitored it is asked this often, or twenty times in all: what is ill for longer than that does not pass. Often enough not to be blind. */
const MONITOR_PAUSE_MS = 2_000
const MONITOR_PAUSE_MOST_MS = 10_000
const MONITOR_ASKS = 20

/** `isKnown`: it was proven before. The engine counts the restarts of a whole life, and those of last month say nothing about now. */
export function newTrack(containerId: string, nowMs: number, isKnown = false): HealthTrack {
  return {
    containerId,
    sinceMs: nowMs,
    lastSeenMs: nowMs,
    startedAtMs: null,
    restarts: 0,
    restartsBefore: isKnown ? null : 0,
    readySinceMs: null,
    confirmedAtMs: null,
    isReady: false,
    asks: 0,
    askedAtMs: null,
    askBegunAtMs: null,
    refused: false,
    output: '',
  }
}

/**
 * The track after a look. A container that started anew since the last look starts its readiness anew, never its deadline. What a look shows is as old as
 * its beginning: a controller that stood still may read an answer that has waited for it. The same goes for answers.
 */
export function trackLook(
  track: HealthTrack,
  replica: Replica,
  probed: boolean,
  nowMs: number,
  begunAtMs = nowMs,
): HealthTrack {
  const sinceMs = track.sinceMs + blindMs(track, nowMs)
  const startedAtMs = replica.detail?.startedAtMs ?? track.startedAtMs
  const restarted = track.startedAtMs !== null && startedAtMs !== track.startedAtMs
  const counted = replica.detail?.restartCount ?? null
  const restartsBefore = track.restartsBefore ?? counted
  const restarts = Math.max(track.restarts + (restarted ? 1 : 0), (counted ?? 0) - (restartsBefore ?? 0))
  const seen = { ...track, sinceMs, lastSeenMs: nowMs, startedAtMs, restarts, restartsBefore }
  if (replica.state !== 'running' || replica.health === 'unhealthy')
    return { ...seen, refused: false, readySinceMs: null, confirmedAtMs: null, isReady: false }
  const before = restarted || isBlind(track, nowMs) ? null : track.readySinceMs
  // The engine's own verdict counts when there is no probe to ask besides; without any check, running is all there is to see.
  const refused = track.refused && !restarted
  const engineSays = !probed && ((replica.health === 'healthy' && !refused) || replica.health === 'none')
  if (engineSays)
    return {
      ...seen,
      refused,
      isReady: true,
      readySinceMs: before ?? nowMs,
      confirmedAtMs: before === null ? nowMs : begunAtMs,
    }
  const isReady = track.isReady && !restarted
  return {
    ...seen,
    refused,
    isReady,
    readySinceMs: before,
    confirmedAtMs: before === null ? null : track.confirmedAtMs,
  }
}

/** Well at both ends of a time in which nobody heard of it is not well in between. */
function isBlind(track: HealthTrack, nowMs: number): boolean {
  return blindMs(track, nowMs) > 0
}

/** How long nobody has heard of it, where that is too long. */
function blindMs({ lastSeenMs }: HealthTrack, nowMs: number): number {
  return nowMs - lastSeenMs > BLIND_MS ? nowMs - lastSeenMs : 0
}

/** The track after the replica was asked. */
export function trackAnswer(
  track: HealthTrack,
  verdict: 'ready' | 'not-ready' | 'unknown',
  output: string,
  nowMs: number,
  begunAtMs = nowMs,
): HealthTrack {
  // An answer may be the first thing that is heard after a time in which nobody could look.
  const blind = blindMs(track, nowMs)
  const before = blind > 0 ? null : track.readySinceMs
  const said = output === '' ? track.output : output
  const answered = {
    ...track,
    sinceMs: track.sinceMs + blind,
    lastSeenMs: nowMs,
    asks: track.asks + 1,
    askedAtMs: nowMs,
    askBegunAtMs: begunAtMs,
    output: said,
  }
  switch (verdict) {
    case 'ready':
      return {
        ...answered,
        refused: false,
        isReady: true,
        readySinceMs: before ?? nowMs,
        confirmedAtMs: before === null ? nowMs : begunAtMs,
      }
    case 'not-ready':
      return { ...answered, refused: true, isReady: false, readySinceMs: null, confirmedAtMs: null }
    case 'unknown': {
      // As with looks: time in which nobody can say anything does not count towards the deadline.
      const silentMs = Math.max(blind, nowMs - (track.askedAtMs ?? begunAtMs))
      const confirmedAtMs = before === null ? null : track.confirmedAtMs
      const heldMs = Math.min(nowMs, track.sinceMs + silentMs)
      return { ...answered, sinceMs: heldMs, refused: false, readySinceMs: before, confirmedAtMs }
    }
  }
}

/** Whether it runs and there is anything to ask it. */
export function isAskable({ state, health }: Replica, { probe }: ServiceSpec): boolean {
  return state === 'running' && (probe !== null || health !== 'none')
}

/** Judges a new replica by its track. The replica must come from the latest look. */
export function judge(
  track: HealthTrack,
  replica: Replica,
  spec: ServiceSpec,
  policy: HealthPolicy,
  nowMs: number,
): Verdict {
  const failure = failureOf(track, replica, spec, policy, nowMs)
  if (failure !== null) return { kind: 'failed', problem: failure }
  const deadlineAtMs = deadlineOf(track, policy, nowMs)
  const askable = isAskable(replica, spec)
  if (track.readySinceMs === null || track.confirmedAtMs === null) {
    return askable
      ? { kind: 'waiting', untilMs: nextAskMs(track, spec), then: 'ask' }
      : { kind: 'waiting', untilMs: deadlineAtMs, then: 'wait' }
  }
  const monitorMs = monitorFor(policy, spec, replica)
  const provenAtMs = track.readySinceMs + monitorMs
  if (nowMs < provenAtMs) {
    // Without any check there is nobody to ask, and looks may be far apart.
    if (!askable)
      return {
        kind: 'waiting',
        untilMs: Math.min(provenAtMs, track.lastSeenMs + MONITOR_PAUSE_MOST_MS),
        then: 'look',
      }
    const heardAtMs = Math.max(track.readySinceMs, track.askedAtMs ?? 0)
    const pauseMs = Math.min(MONITOR_PAUSE_MOST_MS, Math.max(MONITOR_PAUSE_MS, monitorMs / MONITOR_ASKS))
    return { kind: 'waiting', untilMs: Math.min(provenAtMs, heardAtMs + pauseMs), then: 'ask' }
  }
  // The last word must be as young as the end of the monitored time, or a replica that fell ill meanwhile would pass.
  if (track.confirmedAtMs >= provenAtMs) return { kind: 'proven' }
  // Without any check there is nobody to ask: a look says whether it still runs.
  if (!askable) return { kind: 'waiting', untilMs: nowMs, then: 'look' }
  return {
    kind: 'waiting',
    untilMs: Math.max(
      nowMs,
      track.askBegunAtMs !== null && track.askBegunAtMs >= provenAtMs ? nextAskMs(track, spec) : nowMs,
    ),
    then: 'ask',
  }
}

/** Whoever decides before anything is heard of it, as when the controller stood still, does not know either what it did meanwhile. */
function deadlineOf(track: HealthTrack, { deadlineMs }: HealthPolicy, nowMs: number): number {
  return track.sinceMs + blindMs(track, nowMs) + deadlineMs
}

function failureOf(
  track: HealthTrack,
  replica: Replica,
  spec: ServiceSpec,
  policy: HealthPolicy,
  nowMs: number,
): Problem | null {
  const about = { server: replica.server, stack: spec.stack, service: spec.name }
  if (replica.state === 'dead' || (replica.state === 'exited' && !restartsItself(spec, replica))) {
    return {
      ...about,
      code: 'REPLICA_CRASHED',
      message: `exited with ${replica.exitCode ?? 'an unknown code'} on ${replica.server} before it was healthy`,
    }
  }
  if (track.restarts >= CRASH_LOOP_RESTARTS) {
    return {
      ...about,
      code: 'REPLICA_CRASHED',
      message: `crashed ${track.restarts} times on ${replica.server} before it was healthy`,
    }
  }
  if (replica.health === 'unhealthy') {
    return { ...about, code: 'REPLICA_UNHEALTHY', message: `its healthcheck says unhealthy on ${replica.server}` }
  }
  // What is ready is only watched any more, which may take longer than the deadline.
  if (track.readySinceMs === null && nowMs > deadlineOf(track, policy, nowMs)) {
    return {
      ...about,
      code: 'HEALTHY_DEADLINE',
      message: `not healthy on ${replica.server} ${Math.round(policy.deadlineMs / 1000)} s after its start`,
    }
  }
  return null
}

function restartsItself(spec: ServiceSpec, replica: Replica): boolean {
  const { condition, maxAttempts } = spec.restart
  if (condition === 'no') return false
  // The engine gives up `on-failure` after its attempts, and never restarts a clean exit under it. `exited` is then final.
  if (condition === 'on-failure')
    return replica.exitCode !== 0 && (maxAttempts === 0 || (replica.detail?.restartCount ?? 0) < maxAttempts)
  return true
}

/** Without any check, health is running for the monitored time, however well the spec is known. */
function monitorFor(policy: HealthPolicy, spec: ServiceSpec, replica: Replica): number {
  return spec.probe === null && replica.health === 'none'
    ? Math.max(policy.monitorMs, Math.min(spec.update.monitorMs, 60_000))
    : policy.monitorMs
}

/** Short growing pauses: 20 ms for a probe, 50 ms for a healthcheck command (each costs the engine about that), up to half a second, later 2 s. */
function nextAskMs(track: HealthTrack, spec: ServiceSpec): number {
  if (track.askedAtMs === null) return track.sinceMs
  const first = spec.probe !== null ? 20 : 50
  const cap = track.asks > 30 ? 2_000 : 500
  return track.askedAtMs + Math.min(cap, Math.round(first * 1.4 ** Math.min(track.asks - 1, 20)))
}

/** `healthy_deadline`: what the manifest says, else 5 min, or what the healthcheck's own numbers need, if longer. */
export function healthyDeadlineMs(spec: ServiceSpec): number {
  if (spec.rollout.healthyDeadlineMs !== null) return spec.rollout.healthyDeadlineMs
  const check = spec.healthcheck
  if (check === null) return HEALTHY_DEADLINE_DEFAULT_MS
  const interval = check.intervalMs ?? 30_000
  const needed = (check.startPeriodMs ?? 0) + (interval + (check.timeoutMs ?? 30_000)) * ((check.retries ?? 3) + 1)
  return Math.max(HEALTHY_DEADLINE_DEFAULT_MS, needed)
}
