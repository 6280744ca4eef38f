import type { Fact } from '../../../src/controller/index.js'
import type { Fleet, Problem } from '../../../src/model/index.js'

const revision = { ref: 'main', sha: 'a'.repeat(40), author: 'Ada', committedAtMs: 1, subject: 's' }
const problem: Problem = { code: 'REPLICA_UNHEALTHY', message: 'no' }
const slot = { stack: 'shop', service: 'web', key: '1' }
const on = { atMs: 1_700_000_000_000, stack: 'shop' }
const web = { ...on, service: 'web' }
const replica = { ...web, slot, server: 'lon-1', containerId: 'c1', specHash: 'h' }
const fleet: Fleet = {
  name: 'acme',
  servers: [
    {
      name: 'lon-1',
      address: { kind: 'local', socketPath: '/s' },
      hostKey: { kind: 'none' },
      labels: { zone: 'a' },
      lostAfterMs: null,
    },
  ],
  guards: { prune: 0.3, history: 'fast-forward' },
}
const specs = [{ service: 'web', specHash: 'h', revision }]
const { atMs } = on
const by = 'ada'

/** One fact of every kind, in an order in which they could have happened. */
export const FACTS: readonly Fact[] = [
  { kind: 'engine-pinned', atMs, server: 'lon-1', engineId: 'e' },
  { kind: 'revision-accepted', atMs, revision, fleet, stacks: { shop: 'x' }, rewound: false },
  { kind: 'revision-held', atMs, revision, problem },
  { kind: 'revision-refused', atMs, revision, problems: [problem] },
  { kind: 'revision-released', atMs },
  { kind: 'guard-released', atMs, revision, guard: 'prune', commit: 'a'.repeat(40), author: 'Ada', reason: 'prune' },
  { kind: 'commanded', atMs, command: { kind: 'approve', sha: 'a'.repeat(40), by } },
  { kind: 'commanded', atMs, command: { kind: 'restart', stack: 'shop', service: 'web', reason: '', by } },
  { kind: 'commanded', atMs, command: { kind: 'suspend', scope: 'shop', reason: 'r', by } },
  { kind: 'commanded', atMs, command: { kind: 'drain', server: 'lon-1', by } },
  { kind: 'server-lost', atMs, server: 'lon-1' },
  { kind: 'server-returned', atMs, server: 'lon-1' },
  { kind: 'rival-seen', atMs, server: 'lon-1', controller: 'c', container: 'x' },
  { kind: 'certificate-issued', atMs, host: 'www.example.com', fromMs: 1, untilMs: 2 },
  { kind: 'certificate-failed', atMs, host: 'www.example.com', problem, untilMs: null },
  { kind: 'certificates-restored', atMs, hosts: ['www.example.com'] },
  {
    kind: 'stack-adopted',
    ...on,
    revision,
    hash: 'x',
    pins: [{ service: 'web', specHash: 'h', image: 'a', pin: { digest: null, id: 'i' }, server: 'lon-1' }],
    specs,
    replicas: { 'web#1': 'c1' },
  },
  {
    kind: 'rollout-started',
    ...on,
    revision,
    hash: 'x',
    direction: 'forward',
    fast: false,
    slots: 2,
    services: { web: 2 },
    from: { revision, hash: 'w' },
  },
  { kind: 'rollout-blocked', ...on, problems: [problem], retryAtMs: 5, attempt: 1 },
  { kind: 'image-pinned', ...web, specHash: 'h', image: 'a:1', digest: null, ids: { 'lon-1': 'i' } },
  { kind: 'rollout-prepared', ...on },
  { kind: 'slot-proven', ...replica },
  {
    kind: 'replica-failed',
    ...replica,
    problem,
    evidence: {
      state: 'exited',
      exitCode: 1,
      oomKilled: false,
      restartCount: 0,
      error: '',
      healthOutput: '',
      healthExitCode: null,
      logTail: ['x'],
    },
  },
  { kind: 'step-begun', ...web, specHash: 'h', step: 0, steps: 2, percent: 5, promoted: false },
  { kind: 'step-reached', ...web, specHash: 'h', step: 0, percent: 5, holdMs: null },
  { kind: 'commanded', atMs, command: { kind: 'promote', scope: 'shop/web', to: 'step', by } },
  { kind: 'commanded', atMs, command: { kind: 'abort', stack: 'shop', by } },
  { kind: 'job-finished', ...web, specHash: 'h', server: 'lon-1', exitCode: 0 },
  { kind: 'rollout-delayed', ...on },
  {
    kind: 'rollout-failed',
    ...on,
    revision,
    hash: 'x',
    service: 'web',
    serviceHash: 'sh',
    scope: 'stack',
    problem,
    then: 'rollback',
  },
  { kind: 'rollout-superseded', ...on, revision, hash: 'x', by: revision },
  {
    kind: 'rollout-completed',
    ...on,
    revision,
    hash: 'x',
    direction: 'back',
    failedSlots: 0,
    restarts: { web: '2026-01-01T00:00:00.000Z' },
    specs,
  },
  { kind: 'replica-healed', ...web, slot, server: 'lon-1', how: 'started', reason: 'r' },
  { kind: 'limits-updated', ...web, containerId: 'c1', limits: '1' },
  { kind: 'commanded', atMs, command: { kind: 'retry', stack: 'shop', by } },
  { kind: 'stack-orphaned', ...on, stack: 'old', revision },
  { kind: 'stack-removed', ...on, stack: 'old', revision },
  { kind: 'commanded', atMs, command: { kind: 'resume', scope: 'shop', by } },
  { kind: 'commanded', atMs, command: { kind: 'undrain', server: 'lon-1', by } },
  { kind: 'server-retired', atMs, server: 'par-1' },
]
