import { describe, expect, it } from 'vitest'
import { settled } from '../../src/cli/settled.js'
import type { Settled } from '../../src/cli/settled.js'
import type { ServicePhase } from '../../src/controller/index.js'
import { fleetStatus, revision, stackStatus } from './fleet-status.js'

const SINCE_MS = 1_000
const commit = revision('a')
const polled = { lastPollAtMs: 2_000, fetched: commit, accepted: commit }

function kind(outcome: Settled): string {
  return outcome.kind
}

describe('apply is over', () => {
  const ends: readonly (readonly [phase: ServicePhase, kind: Settled['kind']])[] = [
    ['synced', 'applied'],
    ['done', 'applied'],
    ['progressing', 'waiting'],
    ['rolling-back', 'waiting'],
    ['healing', 'waiting'],
    ['unknown', 'waiting'],
    ['rejected', 'rolled-back'],
    ['blocked', 'failed'],
    ['paused', 'failed'],
    ['unhealthy', 'waiting'],
    ['suspended', 'failed'],
    ['invalid', 'failed'],
    ['failed', 'failed'],
    ['rollback-failed', 'failed'],
  ]

  it.each(ends)('with a stack that is %s: %s', (phase, expected) => {
    expect(kind(settled(fleetStatus(polled, [stackStatus('shop', phase)]), null, SINCE_MS))).toBe(expected)
  })

  it('only when every stack has come to its end', () => {
    const stacks = [stackStatus('a', 'blocked'), stackStatus('b', 'progressing')]
    expect(kind(settled(fleetStatus(polled, stacks), null, SINCE_MS))).toBe('waiting')
  })

  it('badly when one stack is, whatever the others are', () => {
    const stacks = [stackStatus('a', 'synced'), stackStatus('b', 'rejected'), stackStatus('c', 'synced')]
    expect(kind(settled(fleetStatus(polled, stacks), null, SINCE_MS))).toBe('rolled-back')
  })

  it('with nothing to do in a fleet without stacks', () => {
    expect(kind(settled(fleetStatus(polled, []), null, SINCE_MS))).toBe('applied')
  })
})

describe('apply waits', () => {
  it('for a poll that began after it did', () => {
    const stale = { ...polled, lastPollAtMs: 500 }
    expect(kind(settled(fleetStatus(stale, [stackStatus('shop', 'synced')]), null, SINCE_MS))).toBe('waiting')
  })

  it('for the fetched revision to be accepted', () => {
    const before = { ...polled, accepted: revision('0') }
    expect(kind(settled(fleetStatus(before, [stackStatus('shop', 'synced')]), null, SINCE_MS))).toBe('waiting')
  })
})

describe('apply fails', () => {
  const problem = { code: 'GIT_AUTH', message: 'refused' } as const

  it('when Git cannot be read', () => {
    const outcome = settled(fleetStatus({ ...polled, problem, problemSinceMs: 1_500 }, []), null, SINCE_MS)
    expect(outcome).toMatchObject({ kind: 'failed', problems: [problem] })
  })

  it('when the ref names another commit than the one asked for', () => {
    expect(kind(settled(fleetStatus(polled, []), 'bbbbbbb', SINCE_MS))).toBe('failed')
    expect(kind(settled(fleetStatus(polled, []), commit.sha.slice(0, 7), SINCE_MS))).toBe('applied')
  })

  it('when the revision is held, with what releases it', () => {
    const held = { revision: commit, problem: { code: 'PRUNE_GUARD', message: 'removes half' } as const }
    expect(settled(fleetStatus({ ...polled, held }, []), null, SINCE_MS)).toMatchObject({ problems: [held.problem] })
  })

  it('when the revision is refused, but not because an older one was', () => {
    const problems = [{ code: 'FLEET_MISSING', message: 'no slipway.yaml' }] as const
    const refused = { revision: commit, problems }
    expect(settled(fleetStatus({ ...polled, refused }, []), null, SINCE_MS)).toMatchObject({ kind: 'failed', problems })
    const older = { revision: revision('0'), problems }
    expect(kind(settled(fleetStatus({ ...polled, refused: older }, []), null, SINCE_MS))).toBe('applied')
  })

  it('when the controller holds everything', () => {
    const status = {
      ...fleetStatus(polled, []),
      problems: [{ code: 'OTHER_CONTROLLER', message: 'another one' } as const],
    }
    expect(kind(settled(status, null, SINCE_MS))).toBe('failed')
  })
})
