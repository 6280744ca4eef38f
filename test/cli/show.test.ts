import { createColors } from 'picocolors'
import { describe, expect, it } from 'vitest'
import type { Fact, ServiceStatus } from '../../src/controller/index.js'
import { eventAsJson, eventAsText } from '../../src/cli/show/event.js'
import { factSentence, formatHistory } from '../../src/cli/show/history.js'
import { formatRows, hang } from '../../src/cli/show/layout.js'
import { formatStatus } from '../../src/cli/show/status.js'
import { clean, formatSpan } from '../../src/cli/show/words.js'
import { fleetStatus, revision, serviceStatus, stackStatus } from './fleet-status.js'

const plain = createColors(false)
const look = { colors: plain, columns: 100 }
const commit = revision('a')

describe('a service on the way of its strategy', () => {
  const limits = { leastRequests: 20, errorRatio: 0.01, p95Ratio: 2 }
  const seen = {
    specHash: 'h',
    percent: 5,
    sinceMs: 0,
    fresh: { requests: 120, errors: 1, p95Ms: 34.4 },
    old: { requests: 1, errors: 0, p95Ms: null },
  }
  const canary = { service: 'web', kind: 'canary', step: 1, steps: 3, percent: 5, seen, limits } as const

  it.each<[string, NonNullable<ServiceStatus['stage']>, readonly string[]]>([
    [
      'time',
      { ...canary, waitsFor: 'time', untilMs: 260_000 },
      ['canary, step 1 of 3: 5 % to the new replicas, 80 s left'],
    ],
    ['requests', { ...canary, waitsFor: 'requests', untilMs: null }, ['waits for requests: 120 of 20']],
    ['a person', { ...canary, waitsFor: 'promote', untilMs: null }, ['waits for slipway promote']],
    [
      'figures',
      { ...canary, waitsFor: null, untilMs: null },
      ['new: 120 requests, 0.8 % failed, p95 34 ms; old: 1 request, 0 % failed; at most 1 % more may fail'],
    ],
    [
      'its checks',
      {
        ...canary,
        ...{ waitsFor: 'checks', untilMs: null },
        checks: [
          { name: 'a', verdict: 'yes', said: 'HTTP 200', askedAtMs: 100_000, noes: 0, failures: 2 },
          { name: 'b', verdict: 'no', said: '7 is more than 1', askedAtMs: 160_000, noes: 1, failures: 2 },
          { name: 'c', verdict: 'unknown', said: 'prom cannot be reached', askedAtMs: 170_000, noes: 0, failures: 2 },
          { name: 'd', verdict: null, said: '', askedAtMs: null, noes: 0, failures: 2 },
        ],
      },
      [
        'new replicas, waits for its checks\n',
        'check a: yes, HTTP 200, 80 s ago\n',
        'check b: no (1 of 2), 7 is more than 1, 20 s ago\n',
        'check c: no answer, prom cannot be reached, 10 s ago\n',
        'check d: not asked yet\n',
      ],
    ],
    [
      'the end',
      { ...canary, kind: 'blue-green', step: 3, steps: 2, percent: 100, waitsFor: null, untilMs: null },
      ['blue-green, the old replicas leave: 100 % to the new replicas\n'],
    ],
  ])('says what it waits for: %s', (_title, stage, texts) => {
    const web = serviceStatus('web', { phase: 'progressing', stage })
    const text = formatStatus(fleetStatus({}, [stackStatus('shop', 'progressing', [web])]), {
      colors: createColors(false),
      columns: 200,
    })
    for (const part of texts) expect(text).toContain(part)
  })
})

describe('status', () => {
  it('says a sentence a service, and everything that is wrong where it is wrong', () => {
    const broken = serviceStatus('web', {
      phase: 'rejected',
      healthy: 1,
      sentence: 'runs busybox:1.36 of bbbbbbb; aaaaaaa failed',
      failure: {
        slot: 'shop/web#2',
        server: 'lon-1',
        atMs: 60_000,
        problem: {
          code: 'HEALTHY_DEADLINE',
          message: 'not healthy within 30 s',
          next: { kind: 'stalled', remedy: 'fix it with a new commit' },
        },
        evidence: {
          state: 'exited',
          exitCode: 137,
          oomKilled: true,
          restartCount: 1,
          error: '',
          healthOutput: 'wget: server returned 500\n',
          healthExitCode: 1,
          logTail: ['starting', '\u001b[31mout of memory\u001b[0m'],
        },
      },
    })
    const stack = stackStatus('shop', 'rejected', [serviceStatus('api'), broken])
    const source = { fetched: commit, accepted: commit, lastPollAtMs: 170_000 }
    const status = {
      ...fleetStatus(source, [stack]),
      servers: [
        {
          name: 'lon-1',
          phase: 'ready' as const,
          drained: false,
          engineVersion: '26.1.5',
          replicas: 3,
          sinceMs: 0,
          problem: null,
        },
      ],
    }
    expect(formatStatus(status, look)).toBe(`\
acme  follows https://git.example.com/acme/fleet.git main, controller up since 1970-01-01 00:00:00Z
in force is aaaaaaa "Raise the limit" by Ann, 3 min ago; Git was asked 10 s ago

✗ shop  shop is rejected
  ✓ api    2/2  runs busybox:1.36
  ✗ web    1/2  runs busybox:1.36 of bbbbbbb; aaaaaaa failed
      shop/web#2 on lon-1 failed 2 min ago
        HEALTHY_DEADLINE not healthy within 30 s
        → to go on: fix it with a new commit
        container exited, exit code 137, killed for using more memory than its limit (OOM),
        restarted 1 time
        health check said (exit code 1):
        | wget: server returned 500
        last output:
        | starting
        | out of memory

servers
  ✓ lon-1  ready, Docker 26.1.5, 3 replicas
`)
  })

  it('says how the certificates stand', () => {
    const about = { failures: 0, problem: null }
    const hour = 3_600_000
    const certificates = [
      { host: 'a.example.com', untilMs: 100 * hour, nextOrderAtMs: 180_000 + 50 * hour, ...about },
      { host: 'b.example.com', untilMs: null, nextOrderAtMs: 0, ...about },
      { host: 'c.example.com', untilMs: 10 * hour, nextOrderAtMs: 180_000 + hour, ...about, failures: 2 },
      { host: 'd.example.com', untilMs: 60_000, nextOrderAtMs: 0, ...about },
    ]
    expect(formatStatus({ ...fleetStatus({}), certificates }, look)).toContain(`\
certificates
  ✓ a.example.com  until 1970-01-05 04:00:00Z, renewed in 2 days
  … b.example.com  none yet, ordered as soon as it is its turn
  ✗ c.example.com  until 1970-01-01 10:00:00Z, 2 orders failed, tried again in 60 min
  … d.example.com  ended 1970-01-01 00:01:00Z, ordered as soon as it is its turn
`)
  })

  it('says since when Git cannot be read, what is held, and who suspended what', () => {
    const source = {
      problem: { code: 'GIT_UNREACHABLE' as const, message: 'connection refused' },
      problemSinceMs: 0,
      held: {
        revision: commit,
        problem: {
          code: 'PRUNE_GUARD' as const,
          message: 'removes 2 of 4 services',
          next: { kind: 'stalled' as const, remedy: 'slipway approve aaaaaaa' },
        },
      },
    }
    const status = {
      ...fleetStatus(source, []),
      suspended: [{ scope: '*', by: 'ann', reason: 'sale day', sinceMs: 0 }],
    }
    const text = formatStatus(status, look)
    expect(text).toContain('✗ GIT_UNREACHABLE connection refused (since 1970-01-01 00:00:00Z)\n')
    expect(text).toContain(
      '✗ aaaaaaa "Raise the limit" by Ann is held\n  PRUNE_GUARD removes 2 of 4 services\n  → to go on: slipway approve aaaaaaa\n',
    )
    expect(text).toContain('– the fleet was suspended by ann 3 min ago: sale day\n  → slipway resume\n')
  })

  it('means the same without colour', () => {
    const status = fleetStatus({}, [stackStatus('shop', 'blocked', [serviceStatus('web', { phase: 'blocked' })])])

    const bare = formatStatus(status, { colors: createColors(true), columns: 100 }).replace(/\x1b\[\d+m/g, '')
    expect(bare).toBe(formatStatus(status, look))
  })

  it('leaves a failure out once its service is well again', () => {
    const failure = {
      slot: 'shop/web#2',
      server: 'lon-1',
      atMs: 0,
      problem: { code: 'REPLICA_CRASHED', message: 'exited with 1' },
      evidence: null,
    } as const
    const shown = (phase: 'synced' | 'healing'): string =>
      formatStatus(fleetStatus({}, [stackStatus('shop', 'synced', [serviceStatus('web', { phase, failure })])]), look)
    expect(shown('healing')).toContain('REPLICA_CRASHED')
    expect(shown('synced')).not.toContain('REPLICA_CRASHED')
  })
})

describe('history', () => {
  const facts: readonly Fact[] = [
    {
      kind: 'rollout-failed',
      atMs: 2_000,
      stack: 'shop',
      revision: commit,
      hash: 'h',
      service: 'web',
      serviceHash: 's',
      scope: 'stack',
      problem: { code: 'REPLICA_CRASHED', message: 'exited with 1' },
      then: 'rollback',
    },
    { kind: 'commanded', atMs: 1_000, command: { kind: 'suspend', scope: '*', reason: 'sale', by: 'ann' } },
  ]

  it('reads as sentences, the newest last', () => {
    expect(formatHistory(facts, look)).toBe(`\
1970-01-01 00:00:01Z  ann suspended the fleet: sale
1970-01-01 00:00:02Z  shop: aaaaaaa "Raise the limit" by Ann failed at web (REPLICA_CRASHED exited
                      with 1); rolling back
`)
  })

  it('says which commit let a revision past a guard, who made it and why', () => {
    const release = { guard: 'window', commit: 'b'.repeat(40), author: 'Ada', reason: 'customers cannot pay' } as const
    expect(factSentence({ kind: 'guard-released', atMs: 0, revision: commit, ...release })).toBe(
      'aaaaaaa "Raise the limit" by Ann was let past the windows by Ada in bbbbbbb: customers cannot pay',
    )
    const approved = { kind: 'approve', sha: 'a'.repeat(40), gate: 'prune', by: 'ann' } as const
    expect(factSentence({ kind: 'commanded', atMs: 0, command: approved })).toBe(
      'ann approved aaaaaaa past guards.prune',
    )
  })

  it('does not let a commit write to the terminal', () => {
    const evil = { ...commit, subject: '\u001b[2J\u001b]0;owned\u0007gone\nroot' }
    const sentence = factSentence({
      kind: 'revision-held',
      atMs: 0,
      revision: evil,
      problem: { code: 'PRUNE_GUARD', message: 'x' },
    })

    expect(sentence).not.toMatch(/[\x00-\x1f]/)
  })

  it('is not nothing when nothing happened', () => {
    expect(formatHistory([], look)).toBe('nothing has happened yet\n')
  })
})

describe('an event', () => {
  const event = {
    atMs: 0,
    level: 'warn' as const,
    message: 'replica failed',
    fields: { slot: 'shop/web#1', reason: 'two words', since: null, list: ['a', 'b'] },
  }

  it('is one line of JSON for machines', () => {
    expect(eventAsJson(event)).toBe(
      '{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"replica failed","slot":"shop/web#1","reason":"two words","since":null,"list":["a","b"]}',
    )
  })

  it('is one line of words for people', () => {
    expect(eventAsText(event, plain)).toMatch(
      /^\d\d:\d\d:\d\d warning replica failed slot=shop\/web#1 reason="two words" list=a,b$/,
    )
  })
})

describe('the layout', () => {
  it('wraps the last column under itself', () => {
    expect(formatRows([['a', 'one two three four five six seven']], 30)).toEqual([
      'a  one two three four five six',
      '   seven',
    ])
  })

  it('never breaks a word, however narrow the terminal', () => {
    expect(hang('> ', 'x'.repeat(60), 10)).toEqual([`> ${'x'.repeat(60)}`])
  })

  it.each([
    [0, '0 s'],
    [-5_000, '0 s'],
    [89_000, '89 s'],
    [90_000, '2 min'],
    [5_400_000, '2 h'],
    [130_000_000, '2 days'],
  ])('calls %d ms %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text)
  })

  it('keeps text from outside on its line', () => {
    expect(clean('a\r\nb\tc')).toBe('a b c')
  })
})
