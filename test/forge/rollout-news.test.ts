import { expect, it } from 'vitest'
import type { ServiceStatus, StackStatus } from '../../src/controller/index.js'
import { rolloutReporter, openLedger } from '../../src/forge/index.js'
import type { Forge, Message } from '../../src/forge/index.js'
import { rolloutNews } from '../../src/forge/rollout-news.js'
import { ok } from '../../src/model/index.js'
import { fleetStatus, revision, serviceStatus, stackStatus } from '../cli/fleet-status.js'

const commit = revision('a')
const problem = { code: 'PRUNE_GUARD', message: 'removes 5 of 9 services' } as const
const failed: ServiceStatus = {
  ...serviceStatus('web'),
  failure: {
    slot: 'web#1',
    server: 'lon-1',
    atMs: 1,
    problem: { code: 'REPLICA_CRASHED', message: 'exited with 7 after 3 s' },
    evidence: null,
  },
}

const stack = (phase: StackStatus['phase'], services: readonly ServiceStatus[] = []): readonly StackStatus[] => [
  stackStatus('shop', phase, [...services]),
]

it.each([
  ['a rollout', fleetStatus({ accepted: commit }, [...stack('progressing')]), 'pending rolling out'],
  ['its end', fleetStatus({ accepted: commit }, [...stack('synced')]), 'success rolled out: every replica is healthy'],
  [
    'a rollback, with what failed and where',
    fleetStatus({ accepted: commit }, [...stack('rejected', [failed])]),
    'failure rolled back: shop/web REPLICA_CRASHED; slipway status has the log',
  ],
  [
    'a revision that a guard holds',
    fleetStatus({ accepted: revision('b'), held: { revision: commit, problem } }),
    'pending held: PRUNE_GUARD',
  ],
  [
    'files that are wrong, with the first place and how many more',
    fleetStatus({
      refused: {
        revision: commit,
        problems: [{ code: 'FIELD_UNKNOWN', message: 'x', place: { path: 'slipway.yaml', line: 2 } }, problem],
      },
    }),
    'failure refused: slipway.yaml:2 FIELD_UNKNOWN and 1 more',
  ],
])('tells %s as a status of the commit', (_what, status, expected) => {
  const news = rolloutNews(status)
  expect(`${news?.state ?? ''} ${news?.description ?? ''}`).toBe(expected)
  expect(news?.sha).toBe(commit.sha)
})

it('says nothing while there is no revision', () => {
  expect(rolloutNews(fleetStatus({}))).toBeNull()
})

it('leaves what ended as it ended when a replica is healed later, also after a restart', async () => {
  let text: string | null = null
  const file = { read: (): string | null => text, write: (next: string): void => void (text = next) }
  const forge = { setStatus: () => Promise.resolve(ok(undefined)) } as unknown as Forge
  const told: Message[] = []
  const look = (phase: StackStatus['phase']): void => {
    const outbox = {
      put: (message: Message): void => void told.push(message),
      isEmpty: () => true,
      close: () => undefined,
    }
    rolloutReporter(forge, outbox, openLedger(file)).look(fleetStatus({ accepted: commit }, [...stack(phase)]))
  }
  look('synced')
  await told[0]?.send(new AbortController().signal)
  look('healing')
  expect(told.map(({ content }) => content)).toEqual(['success rolled out: every replica is healthy'])
})
