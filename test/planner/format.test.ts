import { describe, expect, it } from 'vitest'
import { specHash } from '../../src/model/index.js'
import type { FileSpec, ServiceSpec } from '../../src/model/index.js'
import { formatPlan, planToJson, summarise } from '../../src/planner/index.js'
import { away, listed, planOf, port, replicaOf, specOf, textOf, volume } from './world.js'
import type { World } from './world.js'

const secret: FileSpec = {
  kind: 'secret',
  name: 'db',
  source: 'db.txt',
  target: '/run/secrets/db',
  contentBase64: 'aHVudGVyMg==',
  mode: 0o400,
  uid: 0,
  gid: 0,
}
const before = specOf('web', {
  replicas: 4,
  environment: { LOG_LEVEL: 'info', DB_PASSWORD: 'hunter2' },
  files: [secret],
})
const after = { ...before, image: 'busybox:1.37', environment: { LOG_LEVEL: 'debug', DB_PASSWORD: 'hunter3' } }
const store = specOf('store', { mounts: [volume('shop_data')] })
const olderStore = { ...store, image: 'busybox:1.35' }
const api = specOf('api', { replicas: 3 })
const pinned = specOf('pinned', {
  replicas: 2,
  placement: { constraints: [{ key: 'node.labels.disk', op: '==', value: 'ssd' }], spread: [], maxPerServer: 0 },
})

const busy: World = {
  services: [api, pinned, store, after],
  known: [before, olderStore],
  views: [
    listed('lon-1', [
      replicaOf(before, 1, 'lon-1'),
      replicaOf(before, 3, 'lon-1'),
      replicaOf(api, 1, 'lon-1'),
      replicaOf(specOf('gone'), 1, 'lon-1'),
    ]),
    listed('lon-2', [
      replicaOf(before, 2, 'lon-2'),
      replicaOf(before, 4, 'lon-2'),
      replicaOf(olderStore, 1, 'lon-2'),
      replicaOf(api, 2, 'lon-2', { state: 'exited', exitCode: 137 }),
    ]),
    listed('lon-3', [replicaOf(before, 5, 'lon-3'), replicaOf(before, 6, 'lon-3')]),
  ],
}

describe('a plan as text', () => {
  it.each<[string, NonNullable<ServiceSpec['rollout']['strategy']>, string]>([
    [
      'steps',
      {
        kind: 'canary',
        steps: [
          { percent: 5, holdMs: 120_000 },
          { percent: 25, holdMs: null },
        ],
        limits: { leastRequests: 1, errorRatio: 0, p95Ratio: 1 },
      },
      'replace web#1 on lon-1, canary 5% 2m, 25% until promoted',
    ],
    [
      'checks, and nothing of their secrets',
      {
        kind: 'canary',
        steps: [{ percent: 5, holdMs: 120_000 }],
        limits: { leastRequests: 1, errorRatio: 0, p95Ratio: 1 },
        checks: ['smoke', 'latency'].map((name) => ({
          ...{ name, intervalMs: 1, timeoutMs: 1, failures: 1 },
          question: {
            ...{ kind: 'http', url: 'http://a', headers: {}, authorization: 's3cret' },
            ...{ expectMin: 200, expectMax: 299 },
          },
        })),
      },
      'replace web#1 on lon-1, canary 5% 2m, asks smoke, latency\n',
    ],
    [
      'blue and green',
      { kind: 'blue-green', keepMs: 30_000 },
      'replace web#1 on lon-1, blue-green, the old ones stay 30s',
    ],
  ])('says the strategy of what is replaced: %s', (_title, strategy, line) => {
    const old = specOf('web')
    const spec = { ...old, image: 'busybox:1.37', rollout: { ...old.rollout, strategy } }
    const views = [listed('lon-1', [replicaOf(old, 1, 'lon-1')])]
    const text = textOf({ services: [spec], known: [old], views })
    expect(text).toContain(line)
    expect(text).not.toContain('s3cret')
    const scaled = { ...old, replicas: 2, rollout: { ...old.rollout, strategy } }
    expect(textOf({ services: [scaled], views })).not.toContain(strategy.kind)
  })

  it('groups by service, folds equal changes, and says why and what unblocks', () => {
    expect(textOf(busy)).toBe(`
shop
  api
    start again api#2 on lon-2
      exited with 137
    create api#3 on lon-3
      scaled 2 → 3
  gone
    remove gone#1 on lon-1, last
      service removed
  pinned
    blocked pinned#1, 2: NO_SERVER_FITS no server fits pinned#1, 2: 3 do not match node.labels.disk == ssd
      to go on: change deploy.placement.constraints or the labels in slipway.yaml
      new service
  store
    replace store#1 on lon-2, stop-first
      image busybox:1.35 → busybox:1.36
      stop-first: writes the volume shop_data
  web
    replace web#1–4 on lon-1, lon-2, one at a time, start-first
      environment.DB_PASSWORD changed
      environment.LOG_LEVEL info → debug
      image busybox:1.36 → busybox:1.37
    remove web#5, 6 on lon-3, last
      scaled 6 → 4
  unchanged: api (1)

5 to replace, 1 to create, 1 to restart, 3 to remove, 2 blocked, 1 unchanged
`)
  })

  it('says where a slot moves, what a server away means, and which servers a global service is on', () => {
    const log = specOf('log', { mode: 'global' })
    const world: World = {
      services: [log, specOf('web')],
      drained: new Set(['lon-1']),
      views: [
        listed('lon-1', [replicaOf(specOf('web'), 1, 'lon-1'), replicaOf(log, 'lon-1', 'lon-1')]),
        listed('lon-2'),
        listed('lon-3'),
        away('lon-4', 'unknown'),
      ],
    }
    expect(textOf(world)).toBe(`
shop
  log
    remove log@lon-1 on lon-1, last
      server lon-1 drained
    create log@lon-2, lon-3 on lon-2, lon-3
      replica missing
    blocked log@lon-4: SERVER_UNREACHABLE log@lon-4 may still run on lon-4, which does not answer (connection timed out)
      waits until lon-4 answers again
  web
    replace web#1 lon-1 → lon-2, start-first
      server lon-1 drained

1 to replace (1 moved), 2 to create, 1 to remove, 1 blocked
`)
  })

  it('is short when nothing changes', () => {
    const quiet = planOf({
      services: [api],
      views: [
        listed(
          'lon-1',
          [1, 2, 3].map((key) => replicaOf(api, key, 'lon-1')),
        ),
      ],
    })
    expect(formatPlan([quiet], { format: 'text' })).toBe('shop\n  unchanged: api (3)\n\n3 unchanged\n')
    expect(formatPlan([], { format: 'text' })).toBe('nothing to do\n')
  })

  it('never shows a secret, in any format', () => {
    const plan = planOf({ ...busy, services: [{ ...after, files: [{ ...secret, contentBase64: 'aHVudGVyMw==' }] }] })
    for (const text of [
      formatPlan([plan], { format: 'text' }),
      formatPlan([plan], { format: 'markdown' }),
      JSON.stringify(planToJson([plan])),
    ]) {
      expect(text).toContain('secrets.db content')
      expect(text).not.toMatch(/hunter|aHVud/)
    }
  })
})

describe('a plan as Markdown', () => {
  it('is a table that values cannot break out of', () => {
    const web = specOf('web', { labels: { rule: 'a' } })
    const plan = planOf({
      services: [{ ...web, labels: { rule: '`x` | @team <b>' } }],
      known: [web],
      views: [listed('lon-1', [replicaOf(web, 1, 'lon-1')])],
    })
    expect(`\n${formatPlan([plan], { format: 'markdown' })}`).toBe(`
**1 to replace**

### shop

1 to replace

| change | slots | where | how | why |
|---|---|---|---|---|
| replace | \`web#1\` | lon-1 | start-first | \`\` labels.rule a → \`x\` \\| @team <b> \`\` |
`)
  })
})

describe('a plan as JSON', () => {
  it('names changes by slot, server, image and hash', () => {
    const web = specOf('web', { ports: [port(8080)] })
    const old = { ...web, image: 'busybox:1.35' }
    const json = planToJson([
      planOf({ services: [web], known: [old], views: [listed('lon-1', [replicaOf(old, 1, 'lon-1')])] }),
    ])
    expect(json).toMatchObject({
      apiVersion: 'slipway/v1',
      kind: 'Plan',
      summary: '1 to replace',
      counts: { replace: 1, create: 0 },
      stacks: [
        {
          stack: 'shop',
          changes: [
            {
              kind: 'replace',
              service: 'web',
              slot: '1',
              server: 'lon-1',
              image: 'busybox:1.36',
              specHash: specHash(web),
              causes: [{ field: 'image', from: 'busybox:1.35', to: 'busybox:1.36' }],
              replica: { server: 'lon-1', specHash: specHash(old) },
              successor: null,
              order: 'stop-first',
            },
          ],
        },
      ],
    })
  })

  it('counts all plans together', () => {
    expect(summarise([planOf(busy), planOf(busy)])).toBe(
      '10 to replace, 2 to create, 2 to restart, 6 to remove, 4 blocked, 2 unchanged',
    )
  })
})
