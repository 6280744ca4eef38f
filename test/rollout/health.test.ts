import { describe, expect, it } from 'vitest'
import {
  CRASH_LOOP_RESTARTS,
  healthyDeadlineMs,
  judge,
  newTrack,
  trackAnswer,
  trackLook,
} from '../../src/rollout/health.js'
import type { HealthTrack } from '../../src/rollout/health.js'
import type { Replica, ServiceSpec } from '../../src/model/index.js'
import { CHECK, replicaOf, specOf } from './builders.js'

const policy = { monitorMs: 5_000, deadlineMs: 60_000 }
const checked = specOf({
  healthcheck: CHECK,
})
const probed = specOf({ probe: { kind: 'tcp', port: 80, timeoutMs: 1_000 } })
const plain = specOf({})

function look(track: HealthTrack, replica: Replica, atMs: number, spec: ServiceSpec = checked): HealthTrack {
  return trackLook(track, replica, spec.probe !== null, atMs)
}

/** Looked at every 15 s until then. */
function watched(track: HealthTrack, replica: Replica, untilMs: number, spec: ServiceSpec = checked): HealthTrack {
  let seen = track
  for (let atMs = track.lastSeenMs + 15_000; atMs < untilMs; atMs += 15_000) seen = look(seen, replica, atMs, spec)
  return look(seen, replica, untilMs, spec)
}

describe('a new replica', () => {
  it('is proven after it was healthy without a break for the monitored time', () => {
    const healthy = replicaOf({ health: 'healthy' })
    const track = look(newTrack('c1', 0), healthy, 1_000)
    expect(judge(track, healthy, checked, policy, 1_000)).toEqual({ kind: 'waiting', untilMs: 3_000, then: 'ask' })
    const asked = trackAnswer(track, 'ready', '', 5_000)
    expect(judge(asked, healthy, checked, policy, 5_999)).toEqual({ kind: 'waiting', untilMs: 6_000, then: 'ask' })
    expect(judge(look(track, healthy, 6_000), healthy, checked, policy, 6_000).kind).toBe('proven')
  })

  it('starts its monitored time anew after every break', () => {
    const healthy = replicaOf({ health: 'healthy' })
    const broken = trackAnswer(look(newTrack('c1', 0), healthy, 1_000), 'not-ready', '', 4_000)
    const again = look(broken, healthy, 5_000)
    expect(judge(again, healthy, checked, policy, 9_999).kind).toBe('waiting')
  })

  it('starts its monitored time anew after a look that found it unhealthy', () => {
    const healthy = replicaOf({ health: 'healthy' })
    const ill = look(look(newTrack('c1', 0), healthy, 1_000), replicaOf({ health: 'unhealthy' }), 4_000)
    const again = look(ill, healthy, 5_000)
    expect(judge(again, healthy, checked, policy, 6_000)).toEqual({ kind: 'waiting', untilMs: 7_000, then: 'ask' })
  })

  it.each([
    ['every 2 s', 15_000, 2_000],
    ['twenty times in all', 160_000, 8_000],
    ['every 10 s at least', 600_000, 10_000],
  ])('is asked %s while it is monitored, for a flapping one may be well at both ends', (_often, monitorMs, pauseMs) => {
    const healthy = replicaOf({ health: 'healthy' })
    const track = trackAnswer(look(newTrack('c1', 0), healthy, 0), 'ready', '', 100)
    const long = { ...policy, monitorMs, deadlineMs: 1e6 }
    expect(judge(track, healthy, checked, long, 200)).toEqual({ kind: 'waiting', untilMs: 100 + pauseMs, then: 'ask' })
    const seenLater = look(track, healthy, 1_900)
    expect(judge(seenLater, healthy, checked, long, 1_900)).toMatchObject({ untilMs: 100 + pauseMs })
  })

  it('is not failed by a deadline that passed while nobody could ask it', () => {
    const probing = replicaOf({ health: 'healthy' })
    let track = look(newTrack('c1', 0), probing, 0, probed)
    for (let atMs = 1_000; atMs <= 90_000; atMs += 1_000) track = trackAnswer(track, 'unknown', 'no exit code', atMs)
    expect(judge(look(track, probing, 90_000, probed), probing, probed, policy, 90_000)).toMatchObject({ then: 'ask' })
    const refused = trackAnswer(track, 'not-ready', 'no', 91_000)
    const at = (atMs: number) => judge(watched(refused, probing, atMs, probed), probing, probed, policy, atMs).kind
    expect([at(140_000), at(152_000)]).toEqual(['waiting', 'failed'])
  })

  it('that answered no is not well because the engine, whose last check is older, still says so', () => {
    const healthy = replicaOf({ health: 'healthy' })
    const refused = trackAnswer(look(newTrack('c1', 0), healthy, 1_000), 'not-ready', '', 2_000)
    const seen = look(refused, healthy, 2_100)
    expect(seen.readySinceMs).toBeNull()
    expect(judge(seen, healthy, checked, policy, 9_000)).toMatchObject({ kind: 'waiting', then: 'ask' })
    expect(look(trackAnswer(seen, 'unknown', '', 3_000), healthy, 3_100).readySinceMs).toBe(3_100)
  })

  it('is asked once more at the end of the monitored time when the engine has no verdict yet', () => {
    const starting = replicaOf({ health: 'starting' })
    const track = trackAnswer(look(newTrack('c1', 0), starting, 0), 'ready', '', 100)
    expect(judge(track, starting, checked, policy, 5_100)).toEqual({ kind: 'waiting', untilMs: 5_100, then: 'ask' })
    expect(judge(trackAnswer(track, 'ready', '', 5_100), starting, checked, policy, 5_100).kind).toBe('proven')
  })

  it('is proven at once when nothing is to be monitored', () => {
    const healthy = replicaOf({ health: 'healthy' })
    expect(judge(look(newTrack('c1', 0), healthy, 10), healthy, checked, { ...policy, monitorMs: 0 }, 10).kind).toBe(
      'proven',
    )
  })

  it('without any check must run for the monitored time even when its spec is known to be good', () => {
    const running = replicaOf({ health: 'none' })
    const track = look(newTrack('c1', 0), running, 0, plain)
    expect(judge(track, running, plain, { ...policy, monitorMs: 0 }, 10)).toEqual({
      kind: 'waiting',
      untilMs: 5_000,
      then: 'look',
    })
  })

  it('with a probe is not proven by the engine alone', () => {
    const healthy = replicaOf({ health: 'healthy' })
    expect(
      judge(look(newTrack('c1', 0), healthy, 0, probed), healthy, probed, { ...policy, monitorMs: 0 }, 10),
    ).toMatchObject({ kind: 'waiting', then: 'ask' })
  })

  it.each<[string, Partial<Replica>, Partial<HealthTrack>, number, string]>([
    ['its healthcheck says unhealthy', { health: 'unhealthy' }, {}, 10, 'REPLICA_UNHEALTHY'],
    ['it is dead', { state: 'dead' }, {}, 10, 'REPLICA_CRASHED'],
    ['it crashed too often', { health: 'starting' }, { restarts: CRASH_LOOP_RESTARTS }, 10, 'REPLICA_CRASHED'],
    ['its deadline passed', { health: 'starting' }, { lastSeenMs: 50_000 }, 60_001, 'HEALTHY_DEADLINE'],
  ])('fails when %s', (_why, replica, track, nowMs, code) => {
    const seen = replicaOf(replica)
    expect(judge({ ...newTrack('c1', 0), ...track }, seen, checked, policy, nowMs)).toMatchObject({
      kind: 'failed',
      problem: { code },
    })
  })

  it('may be watched for longer than its deadline', () => {
    const long = { monitorMs: 90_000, deadlineMs: 60_000 }
    const ready = { ...newTrack('c1', 0), readySinceMs: 1_000, confirmedAtMs: 80_000 }
    expect(judge(ready, replicaOf({ health: 'healthy' }), checked, long, 80_000).kind).toBe('waiting')
    const confirmed = { ...ready, confirmedAtMs: 91_000 }
    expect(judge(confirmed, replicaOf({ health: 'healthy' }), checked, long, 91_000)).toEqual({ kind: 'proven' })
  })

  it.each<[string, ServiceSpec['restart'], number, boolean]>([
    ['no restart', { condition: 'no', maxAttempts: 0 }, 1, true],
    ['on-failure and a clean exit', { condition: 'on-failure', maxAttempts: 0 }, 0, true],
    ['on-failure and a crash', { condition: 'on-failure', maxAttempts: 0 }, 1, false],
    ['unless-stopped', { condition: 'unless-stopped', maxAttempts: 0 }, 1, false],
  ])('that exited under %s has failed at once: %s %i %s', (_policy, restart, exitCode, fails) => {
    const exited = replicaOf({ state: 'exited', exitCode })
    expect(judge(newTrack('c1', 0), exited, specOf({ restart }), policy, 10).kind === 'failed').toBe(fails)
  })

  it('that flaps neither extends its deadline nor completes', () => {
    let track = newTrack('c1', 0)
    for (let atMs = 0; atMs <= 60_000; atMs += 4_000) {
      track = trackAnswer(
        look(track, replicaOf({ health: 'starting' }), atMs),
        atMs % 8_000 === 0 ? 'ready' : 'not-ready',
        '',
        atMs,
      )
      expect(judge(track, replicaOf({ health: 'starting' }), checked, policy, atMs).kind).toBe('waiting')
    }
    expect(judge(track, replicaOf({ health: 'starting' }), checked, policy, 60_001).kind).toBe('failed')
  })

  it('is not called late for time in which nobody could look', () => {
    const starting = replicaOf({ health: 'starting' })
    const track = look(look(newTrack('c1', 0), starting, 1_000), starting, 100_000)
    expect(judge(track, starting, checked, policy, 100_000).kind).toBe('waiting')
  })

  it('is not called late, nor is it judged again and again, while the first thing heard is about another', () => {
    const starting = replicaOf({ health: 'starting' })
    const track = look(newTrack('c1', 0), starting, 1_000)
    expect(judge(track, starting, checked, policy, 200_000).kind).toBe('waiting')
    const paused = replicaOf({ state: 'paused' })
    expect(judge(track, paused, checked, policy, 200_000)).toEqual({ kind: 'waiting', untilMs: 259_000, then: 'wait' })
  })

  it.each([
    ['not-ready', 1_000],
    ['unknown', 1_000],
    ['unknown', 199_000],
  ] as const)(
    'is not called late for time in which nobody could look, though the first thing heard is an answer: %s, asked at %i ms',
    (verdict, begunAtMs) => {
      const starting = replicaOf({ health: 'starting' })
      const track = look(newTrack('c1', 0), starting, 1_000)
      const asked = trackAnswer(track, verdict, 'cut', 200_000, begunAtMs)
      const seen = look(asked, starting, 200_010)
      expect(judge(seen, starting, checked, policy, 200_010).kind).toBe('waiting')
      expect(judge(watched(seen, starting, 262_000), starting, checked, policy, 262_000).kind).toBe('failed')
    },
  )

  it('is not late while the first question to it is not answered', () => {
    const starting = replicaOf({ health: 'starting' })
    const track = look(look(newTrack('c1', 0), starting, 25_000), starting, 50_000)
    const asked = trackAnswer(track, 'unknown', 'cut', 70_000, 100)
    expect(judge(asked, starting, checked, policy, 70_000).kind).toBe('waiting')
  })

  it('begins its readiness anew after a time in which nobody heard of it', () => {
    const healthy = replicaOf({ health: 'healthy' })
    const ready = trackAnswer(look(newTrack('c1', 0), healthy, 0), 'ready', '', 100)
    expect(trackAnswer(ready, 'ready', '', 30_100).readySinceMs).toBe(0)
    expect(trackAnswer(ready, 'ready', '', 30_101).readySinceMs).toBe(30_101)
    expect(look(ready, healthy, 30_100).readySinceMs).toBe(0)
    expect(look(ready, healthy, 30_101).readySinceMs).toBe(30_101)
    expect(look(ready, healthy, 30_101, probed)).toMatchObject({ readySinceMs: null, confirmedAtMs: null })
    expect(trackAnswer(ready, 'unknown', '', 30_100).readySinceMs).toBe(0)
    expect(trackAnswer(ready, 'unknown', '', 30_101)).toMatchObject({ readySinceMs: null, confirmedAtMs: null })
  })

  it.each([
    ['a look', (track: HealthTrack) => trackLook(track, replicaOf({ health: 'healthy' }), false, 6_000, 4_900)],
    ['an answer', (track: HealthTrack) => trackAnswer(track, 'ready', '', 6_000, 4_900)],
  ])('is not proven by %s that was under way when its monitored time ended', (_title, hear) => {
    const healthy = replicaOf({ health: 'healthy' })
    const late = hear(look(newTrack('c1', 0), healthy, 0))
    expect(judge(late, healthy, checked, policy, 6_000)).toEqual({ kind: 'waiting', untilMs: 6_000, then: 'ask' })
    expect(judge(trackAnswer(late, 'ready', '', 6_010, 6_000), healthy, checked, policy, 6_010).kind).toBe('proven')
  })

  it('without any check is looked at every 10 s while it is monitored', () => {
    const running = replicaOf({ health: 'none' })
    const long = { ...policy, monitorMs: 25_000 }
    const track = look(newTrack('c1', 0), running, 0, plain)
    expect(judge(track, running, plain, long, 1)).toEqual({ kind: 'waiting', untilMs: 10_000, then: 'look' })
    const later = look(look(track, running, 10_000, plain), running, 20_000, plain)
    expect(judge(later, running, plain, long, 20_001)).toEqual({ kind: 'waiting', untilMs: 25_000, then: 'look' })
  })

  it('that was proven before is not failed by restarts of long ago', () => {
    const detail = { startedAtMs: 1, finishedAtMs: 0, restartCount: 7, oomKilled: false }
    const old = replicaOf({ health: 'none', detail })
    const known = look(newTrack('c1', 0, true), old, 0, plain)
    expect(judge(known, old, plain, policy, 1).kind).toBe('waiting')
    const again = { ...old, detail: { ...detail, restartCount: 7 + CRASH_LOOP_RESTARTS } }
    expect(judge(look(known, again, 2_000, plain), again, plain, policy, 2_000).kind).toBe('failed')
    expect(judge(look(newTrack('c1', 0), old, 0, plain), old, plain, policy, 1).kind).toBe('failed')
  })

  it('counts a start of its own accord as a restart, which breaks its readiness', () => {
    const detail = { startedAtMs: 1, finishedAtMs: 0, restartCount: 0, oomKilled: false }
    const first = look(newTrack('c1', 0), replicaOf({ health: 'none', detail }), 0, plain)
    const again = look(first, replicaOf({ health: 'none', detail: { ...detail, startedAtMs: 2 } }), 4_000, plain)
    expect(again).toMatchObject({ restarts: 1, readySinceMs: 4_000 })
  })
})

describe('the healthy deadline', () => {
  it.each([
    [null, null, 300_000],
    [60_000, 3, 360_000],
    [1_000, 3, 300_000],
  ])('is five minutes, or what the healthcheck needs: interval %o, retries %o', (intervalMs, retries, expected) => {
    const healthcheck =
      intervalMs === null
        ? null
        : { test: ['CMD', 'x'], intervalMs, timeoutMs: 30_000, retries, startPeriodMs: null, startIntervalMs: null }
    expect(healthyDeadlineMs(specOf({ healthcheck }))).toBe(expected)
  })

  it('is what the manifest says, where it says', () => {
    expect(
      healthyDeadlineMs(
        specOf({ rollout: { healthyDeadlineMs: 7_000, progressDeadlineMs: 1, scope: 'stack', onRollback: 'status' } }),
      ),
    ).toBe(7_000)
  })
})
