import { describe, expect, it } from 'vitest'
import { HASHED } from '../../src/model/index.js'
import type { FileSpec, HealthcheckSpec, ServiceSpec } from '../../src/model/index.js'
import { formatCause } from '../../src/planner/index.js'
import { SPEC_DIFFERS, specCauses } from '../../src/planner/spec-causes.js'
import { linesOf, listed, planOf, port, replicaOf, specOf, volume } from './world.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const file = (kind: 'config' | 'secret', content: string, changes: Partial<FileSpec> = {}): FileSpec => ({
  kind,
  name: kind === 'config' ? 'index' : 'db',
  source: kind === 'config' ? 'stacks/shop/index.html' : 'stacks/shop/db.txt',
  target: '/x',
  contentBase64: base64(content),
  mode: 0o444,
  uid: 0,
  gid: 0,
  ...changes,
})
const check = (changes: Partial<HealthcheckSpec>): HealthcheckSpec => ({
  test: ['CMD-SHELL', 'true'],
  intervalMs: 30_000,
  timeoutMs: null,
  retries: null,
  startPeriodMs: null,
  startIntervalMs: null,
  ...changes,
})

describe('the cause of a replacement', () => {
  it.each<[string, Partial<ServiceSpec>, Partial<ServiceSpec>, readonly string[]]>([
    ['image', { image: 'busybox:1.36' }, { image: 'busybox:1.37' }, ['image busybox:1.36 → busybox:1.37']],
    [
      'command',
      { command: ['sleep', '1'] },
      { command: ['sh', '-c', 'sleep 2'] },
      ['command sleep 1 → sh -c "sleep 2"'],
    ],
    ['command set', { command: null }, { command: [] }, ['command none → []']],
    [
      'command with a password',
      { command: ['run', '--password=abc'] },
      { command: ['go', '--password=xyz'] },
      ['command run --password=… → go --password=…'],
    ],
    [
      'environment',
      { environment: { LOG_LEVEL: 'info', GONE: '' } },
      { environment: { LOG_LEVEL: 'debug', NEW: '1' } },
      ['environment.GONE "" → none', 'environment.LOG_LEVEL info → debug', 'environment.NEW none → 1'],
    ],
    [
      'environment named like a secret',
      { environment: { DB_PASSWORD: 'a', API_KEY: 'b' } },
      { environment: { DB_PASSWORD: 'c', AUTH_TOKEN: 'd' } },
      ['environment.API_KEY removed', 'environment.AUTH_TOKEN added', 'environment.DB_PASSWORD changed'],
    ],
    [
      'environment with a password inside',
      { environment: { DB: 'pg://u:a@db/x' } },
      { environment: { DB: 'pg://u:b@db/x' } },
      ['environment.DB changed'],
    ],
    [
      'environment named like a property of objects',
      { environment: {} },
      { environment: { constructor: 'x' } },
      ['environment.constructor none → x'],
    ],
    [
      'long values',
      { environment: { A: 'x'.repeat(100) } },
      { environment: { A: 'two\nlines' } },
      [`environment.A ${'x'.repeat(79)}… → two\\nlines`],
    ],
    ['labels', { labels: { a: '1' } }, { labels: { a: '2' } }, ['labels.a 1 → 2']],
    ['ports', { ports: [port(8080)] }, { ports: [port(8081)] }, ['ports 8080:80 → 8081:80']],
    [
      'ports added',
      { ports: [port(8080)] },
      { ports: [port(8080), port(53, 53), { ...port(1, 1), protocol: 'udp' }] },
      ['ports none → 1:1/udp', 'ports none → 53:53'],
    ],
    ['volumes', { mounts: [volume('a')] }, { mounts: [volume('b', true)] }, ['volumes./data a → b (read-only)']],
    [
      'networks',
      { networks: [{ network: 'n', aliases: [] }] },
      { networks: [{ network: 'n', aliases: ['db'] }] },
      ['networks.n attached → aliases db'],
    ],
    [
      'configs',
      { files: [file('config', 'a')] },
      { files: [file('config', 'b', { mode: 0o400 })] },
      ['configs.index content ca9781 → 3e23e8 (stacks/shop/index.html)', 'configs.index mode 0444 → 0400'],
    ],
    [
      'configs added',
      { files: [] },
      { files: [file('config', 'a')] },
      ['configs.index added (stacks/shop/index.html)'],
    ],
    ['secrets', { files: [file('secret', 'a')] }, { files: [file('secret', 'b')] }, ['secrets.db content changed']],
    [
      'healthcheck',
      { healthcheck: check({}) },
      { healthcheck: check({ intervalMs: 90_500, retries: 2 }) },
      ['healthcheck.interval 30s → 1m30s500ms', 'healthcheck.retries none → 2'],
    ],
    [
      'healthcheck gone',
      { healthcheck: check({}) },
      { healthcheck: null },
      ['healthcheck.interval 30s → none', 'healthcheck.test true → none'],
    ],
    [
      'restart',
      {},
      { restart: { condition: 'on-failure', maxAttempts: 3 } },
      ['restart unless-stopped → on-failure:3'],
    ],
    ['stop_grace_period', {}, { stopGraceMs: 60_000 }, ['stop_grace_period 10s → 1m']],
    [
      'capabilities',
      { capAdd: ['NET_ADMIN'] },
      { capAdd: [], capDrop: ['ALL'] },
      ['cap_add NET_ADMIN → none', 'cap_drop none → ALL'],
    ],
    ['ulimits', {}, { ulimits: [{ name: 'nofile', soft: 1024, hard: 4096 }] }, ['ulimits.nofile none → 1024:4096']],
    [
      'logging',
      {},
      { logging: { driver: 'json-file', options: { 'max-size': '10m' } } },
      ['logging.driver none → json-file', 'logging.options.max-size none → 10m'],
    ],
    [
      'several fields, sorted',
      { user: 'a', image: 'x' },
      { user: 'b', image: 'y', init: true },
      ['image x → y', 'init none → true', 'user a → b'],
    ],
  ])('is told for %s', (_, before, after, causes) => {
    expect(specCauses(specOf('web', before), specOf('web', after)).map(formatCause)).toEqual(causes)
  })

  it('can be told for every field of the spec hash, and for no other', () => {
    const told = Object.entries(SPEC_DIFFERS).map(([field, differ]) => [field, differ !== null])
    expect(Object.fromEntries(told)).toEqual(HASHED)
  })

  it('is never empty, even where no field can name the difference', () => {
    const after = specOf('web', {
      networks: [
        { network: 'b', aliases: [] },
        { network: 'a', aliases: [] },
      ],
    })
    const before = specOf('web', { networks: [...after.networks].reverse() })
    expect(specCauses(before, after)).toMatchObject([{ field: 'spec' }])
  })

  it('names hashes where the old spec is forgotten', () => {
    const views = [listed('lon-1', [replicaOf(specOf('web'), 1, 'lon-1', { specHash: '1a2b3c4d5e' })])]
    expect(planOf({ services: [specOf('web')], views }).changes).toMatchObject([
      { causes: [{ field: 'spec', from: '1a2b3c4d' }] },
    ])
  })

  it('is told for what is placed elsewhere, scaled, missing and new', () => {
    const pinned = specOf('web', {
      replicas: 3,
      placement: { constraints: [{ key: 'node.hostname', op: '==', value: 'lon-2' }], spread: [], maxPerServer: 0 },
    })
    const views = [listed('lon-1', [replicaOf(pinned, 1, 'lon-1')]), listed('lon-2', [replicaOf(pinned, 3, 'lon-2')])]
    const causes = planOf({ services: [specOf('api'), pinned], views }).changes.map((change) =>
      change.kind === 'unchanged' ? '' : change.causes.map(formatCause).join(),
    )
    expect(causes).toEqual([
      'new service',
      'placement node.hostname == lon-2 no longer holds on lon-1',
      'replica missing',
      '',
    ])
    const scaled = planOf({
      services: [specOf('web', { replicas: 2 })],
      views: [listed('lon-1', [replicaOf(specOf('web'), 1, 'lon-1')])],
    })
    expect(scaled.changes[1]).toMatchObject({
      kind: 'create',
      causes: [{ field: 'deploy.replicas', from: '1', to: '2' }],
    })
    expect(linesOf({ services: [pinned], views })).toEqual([
      'replace web#1 lon-1 → lon-2',
      'create web#2 lon-2',
      'unchanged web#3 lon-2',
    ])
  })
})
