import { describe, expect, it } from 'vitest'
import type { Replica, ServiceSpec } from '../../src/model/index.js'
import { specHash } from '../../src/model/index.js'
import { away, linesOf, listed, planOf, replicaOf, server, specOf, volume } from './world.js'
import type { World } from './world.js'

const web = specOf('web')
const old = specOf('web', { image: 'busybox:1.35' })
const one = (replica: Partial<Replica>, spec: ServiceSpec = web): World => ({
  services: [spec],
  views: [listed('lon-1', [replicaOf(spec, 1, 'lon-1', replica)])],
})

describe('a slot with the replica it wants', () => {
  const onFailure = specOf('web', { restart: { condition: 'on-failure', maxAttempts: 0 } })
  const never = specOf('web', { restart: { condition: 'no', maxAttempts: 0 } })

  it.each<[string, World, readonly string[]]>([
    ['runs', one({}), ['unchanged web#1 lon-1']],
    ['is starting', one({ health: 'starting' }), ['unchanged web#1 lon-1']],
    ['is being restarted by the engine', one({ state: 'restarting' }), ['unchanged web#1 lon-1']],
    ['exited', one({ state: 'exited', exitCode: 137 }), ['restart web#1 lon-1 exited']],
    ['exited well and is to run always', one({ state: 'exited', exitCode: 0 }), ['restart web#1 lon-1 exited']],
    [
      'exited well, restarted on failure only',
      one({ state: 'exited', exitCode: 0 }, onFailure),
      ['unchanged web#1 lon-1'],
    ],
    [
      'failed, restarted on failure only',
      one({ state: 'exited', exitCode: 1 }, onFailure),
      ['restart web#1 lon-1 exited'],
    ],
    ['failed, never restarted', one({ state: 'exited', exitCode: 1 }, never), ['unchanged web#1 lon-1']],
    ['is unhealthy', one({ health: 'unhealthy' }), ['restart web#1 lon-1 unhealthy']],
    ['is paused', one({ state: 'paused' }), ['restart web#1 lon-1 paused']],
    ['was created and never started', one({ state: 'created' }), ['create web#1 lon-1', 'remove web#1 lon-1 surplus']],
    ['is dead', one({ state: 'dead' }), ['create web#1 lon-1', 'remove web#1 lon-1 surplus']],
    ['is being removed', one({ state: 'removing' }), ['blocked web#1 NAME_TAKEN']],
  ])('%s', (_, world, lines) => {
    expect(linesOf(world)).toEqual(lines)
  })

  it('is updated in place when a limit changes, and replaced when a limit goes', () => {
    const limits = (cpus: number | null) =>
      specOf('web', { limits: { cpus, memoryBytes: 256 * 1024 ** 2, pids: null } })
    const views = [listed('lon-1', [replicaOf(limits(0.5), 1, 'lon-1')])]
    expect(planOf({ services: [limits(1)], views }).changes[0]).toMatchObject({
      kind: 'update-in-place',
      causes: [{ field: 'deploy.resources.limits.cpus', from: '0.5', to: '1' }],
    })
    expect(planOf({ services: [limits(null)], views }).changes[0]).toMatchObject({
      kind: 'replace',
      causes: [{ field: 'deploy.resources.limits.cpus', from: '0.5', to: null }],
    })
    const inPlace = new Map([[replicaOf(limits(0.5), 1, 'lon-1').containerId, 'cpus=1 memory=268435456']])
    expect(linesOf({ services: [limits(1)], views, limitsInPlace: inPlace })).toEqual(['unchanged web#1 lon-1'])
  })
})

describe('a slot with several replicas', () => {
  const two = (
    a: Partial<Replica>,
    b: Partial<Replica>,
    specs: readonly [ServiceSpec, ServiceSpec] = [web, web],
  ): World => ({
    services: [web],
    known: [old],
    views: [
      listed('lon-1', [replicaOf(specs[0], 1, 'lon-1', a)]),
      listed('lon-2', [replicaOf(specs[1], 1, 'lon-2', b)]),
    ],
  })

  it.each<[string, World, readonly string[]]>([
    [
      'keeps the healthy one',
      two({ health: 'starting' }, { health: 'healthy' }),
      ['unchanged web#1 lon-2', 'remove web#1 lon-1 surplus'],
    ],
    [
      'keeps the newest of equals',
      two({ createdAtMs: 5 }, { createdAtMs: 9 }),
      ['unchanged web#1 lon-2', 'remove web#1 lon-1 surplus'],
    ],
    ['goes by server name at last', two({}, {}), ['unchanged web#1 lon-1', 'remove web#1 lon-2 surplus']],
    ['knows the successor of an outdated one', two({}, {}, [old, web]), ['replace web#1 lon-1 → lon-2 (there)']],
    [
      'replaces the outdated one that serves',
      two({ state: 'exited' }, { createdAtMs: 9_999 }, [old, old]),
      ['replace web#1 lon-2 → lon-2', 'remove web#1 lon-1 surplus'],
    ],
    [
      'replaces the oldest of two that serve',
      two({ createdAtMs: 9 }, { createdAtMs: 5 }, [old, old]),
      ['replace web#1 lon-2 → lon-2', 'remove web#1 lon-1 surplus'],
    ],
  ])('%s', (_, world, lines) => {
    expect(linesOf(world)).toEqual(lines)
  })
})

describe('a replica that is outdated', () => {
  it.each<[string, World, string]>([
    [
      'by its spec',
      { services: [web], known: [old], views: [listed('lon-1', [replicaOf(old, 1, 'lon-1')]), listed('lon-2')] },
      'replace web#1 lon-1 → lon-1',
    ],
    [
      'on a drained server',
      {
        services: [web],
        drained: new Set(['lon-1']),
        views: [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), listed('lon-2')],
      },
      'replace web#1 lon-1 → lon-2',
    ],
    [
      'on a server that left the fleet',
      {
        services: [web],
        servers: [server('lon-2')],
        views: [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), listed('lon-2')],
      },
      'replace web#1 lon-1 → lon-2',
    ],
    [
      'where its constraint no longer holds',
      {
        services: [
          specOf('web', {
            placement: {
              constraints: [{ key: 'node.hostname', op: '!=', value: 'lon-1' }],
              spread: [],
              maxPerServer: 0,
            },
          }),
        ],
        views: [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), listed('lon-2')],
      },
      'replace web#1 lon-1 → lon-2',
    ],
  ])('%s is replaced', (_, world, line) => {
    expect(linesOf(world)).toEqual([line])
  })

  it('by a restart request is replaced by the same spec, once', () => {
    const views = (restart: string) => [listed('lon-1', [replicaOf(web, 1, 'lon-1', { restart })])]
    const restarts = new Map([['shop/web', '2026-11-21T10:00:00Z']])
    expect(planOf({ services: [web], restarts, views: views('') }).changes[0]).toMatchObject({
      kind: 'replace',
      requested: true,
    })
    expect(linesOf({ services: [web], restarts, views: views('2026-11-21T10:00:00Z') })).toEqual([
      'unchanged web#1 lon-1',
    ])
  })

  it('by no request is not restarted when the memory of requests is lost', () => {
    expect(
      linesOf({
        services: [web],
        views: [listed('lon-1', [replicaOf(web, 1, 'lon-1', { restart: '2026-11-21T10:00:00Z' })])],
      }),
    ).toEqual(['unchanged web#1 lon-1'])
  })

  it('by restart_at in Git counts as requested, and the later of both requests wins', () => {
    const at = specOf('web', { restartAt: '2026-11-22T00:00:00Z' })
    const views = [listed('lon-1', [replicaOf(at, 1, 'lon-1', { restart: '2026-11-21T10:00:00Z' })])]
    expect(
      planOf({ services: [at], restarts: new Map([['shop/web', '2026-11-21T10:00:00Z']]), views }).changes[0],
    ).toMatchObject({
      kind: 'replace',
      requested: true,
      causes: [{ field: 'x-slipway.restart_at', from: '2026-11-21T10:00:00Z', to: '2026-11-22T00:00:00Z' }],
    })
  })
})

describe('replicas that no slot wants', () => {
  it('are those beyond the count, of services that are gone, and of servers that a global service left', () => {
    const log = specOf('log', {
      mode: 'global',
      placement: { constraints: [{ key: 'node.labels.log', op: '==', value: 'yes' }], spread: [], maxPerServer: 0 },
    })
    const views = [
      listed('lon-1', [replicaOf(web, 1, 'lon-1'), replicaOf(web, 3, 'lon-1'), replicaOf(specOf('gone'), 1, 'lon-1')]),
      listed('lon-2', [replicaOf(web, 2, 'lon-2'), replicaOf(log, 'lon-2', 'lon-2')]),
    ]
    expect(
      linesOf({ services: [log, web], views, servers: [server('lon-1', { log: 'yes' }), server('lon-2')] }),
    ).toEqual([
      'remove gone#1 lon-1 unwanted',
      'create log#lon-1 lon-1',
      'remove log#lon-2 lon-2 unwanted',
      'unchanged web#1 lon-1',
      'remove web#2 lon-2 unwanted',
      'remove web#3 lon-1 unwanted',
    ])
  })

  it('are all replicas of a removed stack, but for those on servers that do not answer', () => {
    expect(
      linesOf({
        services: [],
        views: [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), away('lon-2', 'lost', [replicaOf(web, 2, 'lon-2')])],
      }),
    ).toEqual(['remove web#1 lon-1 unwanted'])
  })
})

describe('a one-shot service', () => {
  const job = specOf('migrate', { mode: 'job', restart: { condition: 'no', maxAttempts: 0 } })
  const older = { ...job, image: 'busybox:1.35' }
  const done = new Set([`migrate:${specHash(job)}`])
  const ran = (changes: Partial<Replica>, spec = job) => [listed('lon-1', [replicaOf(spec, 1, 'lon-1', changes)])]

  it.each<[string, World, readonly string[]]>([
    ['runs when it never ran', { services: [job], views: [listed('lon-1')] }, ['create migrate#1 lon-1']],
    ['is left alone while it runs', { services: [job], views: ran({}) }, ['unchanged migrate#1 lon-1']],
    [
      'is left alone after it failed',
      { services: [job], views: ran({ state: 'exited', exitCode: 1 }) },
      ['unchanged migrate#1 lon-1'],
    ],
    [
      'stands when it is done',
      { services: [job], views: ran({ state: 'exited', exitCode: 0 }) },
      ['unchanged migrate#1 lon-1'],
    ],
    [
      'does not run again when its container is gone',
      { services: [job], jobsDone: done, views: [listed('lon-1')] },
      [],
    ],
    [
      'does not run again after its server was drained',
      {
        services: [job],
        drained: new Set(['lon-1']),
        views: [...ran({ state: 'exited', exitCode: 0 }), listed('lon-2')],
      },
      ['unchanged migrate#1 lon-1'],
    ],
    [
      'does not run again for a restart request',
      { services: [job], restarts: new Map([['shop/migrate', '2026']]), views: ran({ state: 'exited', exitCode: 0 }) },
      ['unchanged migrate#1 lon-1'],
    ],
    [
      'runs anew with a new spec',
      { services: [job], views: ran({ state: 'exited', exitCode: 0 }, older) },
      ['replace migrate#1 lon-1 → lon-1'],
    ],
    [
      'does not run again after a revert',
      { services: [job], jobsDone: done, views: ran({ state: 'exited', exitCode: 0 }, older) },
      ['remove migrate#1 lon-1 unwanted'],
    ],
    [
      'waits for a server that may be running it',
      {
        services: [job],
        views: [listed('lon-1'), listed('lon-2'), away('lon-3', 'missed', [replicaOf(job, 1, 'lon-3')])],
      },
      ['blocked migrate#1 SERVER_UNREACHABLE'],
    ],
    [
      'is done where a server that is away finished it',
      {
        services: [job],
        views: [
          listed('lon-1'),
          listed('lon-2'),
          away('lon-3', 'unknown', [replicaOf(job, 1, 'lon-3', { state: 'exited', exitCode: 0 })]),
        ],
      },
      [],
    ],
  ])('%s', (_, world, lines) => {
    expect(linesOf(world)).toEqual(lines)
  })
})

describe('a server that does not answer', () => {
  const held = [replicaOf(web, 1, 'lon-3')]
  const views = (phase: 'missed' | 'unknown' | 'lost', replicas: readonly Replica[] = held) => [
    listed('lon-1'),
    listed('lon-2'),
    away('lon-3', phase, replicas),
  ]
  const db = specOf('web', { mounts: [volume('shop_data')] })

  it.each<[string, World, readonly string[]]>([
    [
      'holds its slots after a missed look',
      { services: [web], views: views('missed') },
      ['blocked web#1 SERVER_UNREACHABLE'],
    ],
    [
      'holds its slots while it is unknown',
      { services: [web], views: views('unknown') },
      ['blocked web#1 SERVER_UNREACHABLE'],
    ],
    ['gives its slots up when it is lost', { services: [web], views: views('lost') }, ['create web#1 lon-1']],
    [
      'never gives up a slot with a volume',
      { services: [db], views: views('lost', [replicaOf(db, 1, 'lon-3')]) },
      ['blocked web#1 SERVER_UNREACHABLE'],
    ],
    [
      'gives up even that when it leaves the fleet',
      { services: [db], servers: [server('lon-1')], views: views('lost', [replicaOf(db, 1, 'lon-3')]) },
      ['create web#1 lon-1'],
    ],
    ['holds nothing when it never held it', { services: [web], views: views('unknown', []) }, ['create web#1 lon-1']],
    [
      'is no reason to touch a replica elsewhere',
      { services: [web], views: [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), away('lon-3', 'lost', held)] },
      ['unchanged web#1 lon-1'],
    ],
    [
      'stops the replacement of a slot it may hold a part of',
      {
        services: [web],
        views: [listed('lon-1', [replicaOf(old, 1, 'lon-1')]), listed('lon-2'), away('lon-3', 'unknown', held)],
      },
      ['blocked web#1 SERVER_UNREACHABLE'],
    ],
    [
      'may hold anything when it was never seen',
      {
        services: [web],
        views: [listed('lon-1'), listed('lon-2'), away('lon-3', 'missed', [], { everListed: false })],
      },
      ['blocked web#1 SERVER_UNREACHABLE'],
    ],
    [
      'is waited for no longer when it was never seen and is lost',
      { services: [web], views: [listed('lon-1'), listed('lon-2'), away('lon-3', 'lost', [], { everListed: false })] },
      ['create web#1 lon-1'],
    ],
    [
      'does not stop a slot that is seen elsewhere',
      {
        services: [web],
        views: [listed('lon-1', [replicaOf(old, 1, 'lon-1')]), away('lon-3', 'missed', [], { everListed: false })],
      },
      ['replace web#1 lon-1 → lon-1'],
    ],
  ])('%s', (_, world, lines) => {
    expect(linesOf(world)).toEqual(lines)
  })

  it('is the controller cut off when more than half of the fleet is like that', () => {
    const cut = [listed('lon-1'), away('lon-2', 'lost', [replicaOf(web, 1, 'lon-2')]), away('lon-3', 'lost')]
    const [change] = planOf({ services: [web], views: cut }).changes
    expect(change).toMatchObject({
      kind: 'blocked',
      problem: { code: 'SERVER_UNREACHABLE', server: 'lon-2', next: { kind: 'wait' } },
    })
    expect(change?.kind === 'blocked' && change.problem.message).toContain('the controller is probably cut off')
  })

  it('is waited for by its own slot of a global service only, until it is lost', () => {
    const log = specOf('log', { mode: 'global' })
    const others = [listed('lon-1', [replicaOf(log, 'lon-1', 'lon-1')]), listed('lon-2')]
    const seen = ['unchanged log#lon-1 lon-1', 'create log#lon-2 lon-2']
    expect(
      linesOf({ services: [log], views: [...others, away('lon-3', 'missed', [], { everListed: false })] }),
    ).toEqual([...seen, 'blocked log#lon-3 SERVER_UNREACHABLE'])
    expect(
      linesOf({ services: [log], views: [...others, away('lon-3', 'lost', [replicaOf(log, 'lon-3', 'lon-3')])] }),
    ).toEqual(seen)
  })
})
