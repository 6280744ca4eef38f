import { containerName, specHash } from '../../src/model/index.js'
import type { ForeignContainer, Problem, Replica, ServiceSpec } from '../../src/model/index.js'
import { describe, expect, it } from 'vitest'
import { SWARM_NETWORK } from '../driver/fixtures.js'
import { measureUsage, planStack, withPlan } from '../../src/planner/index.js'
import { away, facts, inputOf, linesOf, listed, planOf, port, replicaOf, server, specOf, volume } from './world.js'
import type { World } from './world.js'

const placement = (changes: Partial<ServiceSpec['placement']>) => ({
  placement: { constraints: [], spread: [], maxPerServer: 0, ...changes },
})
const onSsd = placement({ constraints: [{ key: 'node.labels.disk', op: '==', value: 'ssd' }] })
const fleet = (...names: readonly string[]) => names.map((name) => listed(name))

function problemOf(world: World): Problem {
  const change = planOf(world).changes.find((candidate) => candidate.kind === 'blocked')
  if (change?.kind !== 'blocked') throw new Error('nothing is blocked')
  return change.problem
}

const MESH = { ...SWARM_NETWORK, name: 'mesh' }
const inSwarm = (name: string, swarm: string) =>
  listed(name, [], { facts: { ...facts(name), swarm: { node: name, isManager: false, managers: [swarm] } } })

describe('the server of a new slot', () => {
  it('is in the Swarm that a network of it needs, which is the one that most servers are in', () => {
    const web = specOf('web', { replicas: 3, networks: [{ network: 'mesh', aliases: [] }] })
    const views = [inSwarm('lon-1', 'm1'), listed('lon-2'), inSwarm('lon-3', 'm2'), inSwarm('lon-4', 'm2')]
    expect(linesOf({ stack: { networks: [MESH] }, services: [web], views })).toEqual([
      'create web#1 lon-3',
      'create web#2 lon-4',
      'create web#3 lon-3',
    ])
  })

  it('is the one with the fewest replicas of the service, each slot seeing those before it', () => {
    expect(linesOf({ services: [specOf('web', { replicas: 4 })], views: fleet('lon-1', 'lon-2', 'lon-3') })).toEqual([
      'create web#1 lon-1',
      'create web#2 lon-2',
      'create web#3 lon-3',
      'create web#4 lon-1',
    ])
  })

  it('spreads over a label before it counts replicas', () => {
    const servers = [server('lon-1', { zone: 'a' }), server('lon-2', { zone: 'a' }), server('par-1', { zone: 'b' })]
    const web = specOf('web', { replicas: 4, ...placement({ spread: ['node.labels.zone'] }) })
    expect(linesOf({ services: [web], servers, views: fleet('lon-1', 'lon-2', 'par-1') })).toEqual([
      'create web#1 lon-1',
      'create web#2 par-1',
      'create web#3 lon-2',
      'create web#4 par-1',
    ])
  })

  it('is the least reserved one among equals, then the one with the fewest replicas of all', () => {
    const cache = specOf('cache', { reservations: { cpus: 1, memoryBytes: 0 } })
    const web = specOf('web')
    const views = [
      listed('lon-1', [replicaOf(cache, 1, 'lon-1')]),
      listed('lon-2', [replicaOf(web, 2, 'lon-2')]),
      listed('lon-3'),
    ]
    expect(linesOf({ services: [cache, specOf('new'), web], views })).toContain('create new#1 lon-3')
    expect(linesOf({ services: [cache, specOf('new'), web], views: views.slice(0, 2) })).toContain('create new#1 lon-2')
  })

  it('avoids servers where replicas failed repeatedly, as long as another fits', () => {
    const recentFailures = new Map([['lon-1', 3]])
    expect(linesOf({ services: [specOf('web')], recentFailures, views: fleet('lon-1', 'lon-2') })).toEqual([
      'create web#1 lon-2',
    ])
    expect(linesOf({ services: [specOf('web')], recentFailures, views: fleet('lon-1') })).toEqual([
      'create web#1 lon-1',
    ])
  })

  it('matches platform constraints in the words of uname as well', () => {
    const web = specOf('web', placement({ constraints: [{ key: 'node.platform.arch', op: '==', value: 'amd64' }] }))
    const arm = listed('lon-1', [], { facts: { ...facts('lon-1'), arch: 'aarch64' } })
    expect(linesOf({ services: [web], views: [arm, listed('lon-2')] })).toEqual(['create web#1 lon-2'])
  })

  it('is the same in the next stack of the tick only if that fits beside the first', () => {
    const web = specOf('web', { ports: [port(80)] })
    const first = inputOf({ services: [web], views: fleet('lon-1', 'lon-2') })
    const second = inputOf({ services: [{ ...web, stack: 'blog' }], views: [], stack: { name: 'blog' } })
    const usage = withPlan(first.usage, planStack(first))
    expect(planStack({ ...first, stack: second.stack, usage }).changes).toMatchObject([
      { kind: 'create', server: 'lon-2' },
    ])
    expect(measureUsage(first.observation, first.specOf, usage).servers.get('lon-1')?.ports).toEqual([])
  })
})

describe('what a fleet has given away', () => {
  it('is measured anew where a commit changes what its running replicas reserve', () => {
    const before = specOf('web')
    const after = specOf('web', { reservations: { cpus: 0, memoryBytes: 2 ** 30 } })
    const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1')])]
    const first = inputOf({ services: [before], views })
    const second = inputOf({ services: [after], views })
    const memoryOf = (specOf: typeof first.specOf): number | undefined =>
      measureUsage(first.observation, specOf, first.usage).servers.get('lon-1')?.memoryBytes
    expect([memoryOf(first.specOf), memoryOf(second.specOf)]).toEqual([0, 2 ** 30])
  })
})

describe('memory', () => {
  const GIB = 2 ** 30
  const needing = (name: string, memoryBytes: number): ServiceSpec =>
    specOf(name, { reservations: { cpus: 0, memoryBytes } })

  it.each([
    [4 * GIB, 'create web#1 lon-1'],
    [4 * GIB + 1, 'blocked web#1 NO_SERVER_FITS'],
  ])('of a server of 4 GiB is promised to the last byte and no further: %i', (bytes, line) => {
    expect(linesOf({ services: [needing('web', bytes)], views: [listed('lon-1')] })).toEqual([line])
  })

  it.each([
    [3 * GIB, 'create web#1 lon-1'],
    [3 * GIB + 1, 'blocked web#1 NO_SERVER_FITS'],
  ])('that others were promised is not there any more: %i', (bytes, line) => {
    const db = needing('db', GIB)
    const views = [listed('lon-1', [replicaOf(db, 1, 'lon-1')])]
    expect(linesOf({ services: [db, needing('web', bytes)], views })).toEqual(['unchanged db#1 lon-1', line])
  })

  const old = (name: string, memoryBytes: number): ServiceSpec => ({
    ...needing(name, memoryBytes),
    image: `${name}:0`,
  })

  it('is promised once to a slot in which one replica takes the place of another', () => {
    const [before, web, db] = [old('web', 2 * GIB), needing('web', 2 * GIB), needing('db', 2 * GIB)]
    const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1'), replicaOf(web, 1, 'lon-1')])]
    expect(linesOf({ services: [db, web], known: [before], views })).toEqual([
      'create db#1 lon-1',
      'replace web#1 lon-1 → lon-1 (there)',
    ])
  })

  it('is promised to a replica whose spec nobody remembers, as its label says', () => {
    const limits = { cpus: null, memoryBytes: null, pids: null, memoryReservedBytes: 3 * GIB }
    const [forgotten, db] = [{ ...old('other', 0), limits }, needing('db', 2 * GIB)]
    const views = [listed('lon-1', [replicaOf({ ...forgotten, stack: 'other' }, 1, 'lon-1')])]
    expect(linesOf({ services: [db], views })).toEqual(['blocked db#1 NO_SERVER_FITS'])
  })

  it('does not come free with one of two replicas of a slot', () => {
    const [web, db] = [needing('web', 3 * GIB), needing('db', 2 * GIB)]
    const twins = [replicaOf(web, 1, 'lon-1'), replicaOf(web, 1, 'lon-1', { containerId: 'twin', createdAtMs: 1 })]
    expect(linesOf({ services: [db, web], views: [listed('lon-1', twins)] })).toEqual([
      'blocked db#1 NO_SERVER_FITS',
      'unchanged web#1 lon-1',
      'remove web#1 lon-1 surplus',
    ])
  })

  it('is no reason against a successor that asks for no more, where more is promised than there is', () => {
    const [before, web] = [old('web', 3 * GIB), { ...needing('web', 3 * GIB), replicas: 2 }]
    const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1'), replicaOf(before, 2, 'lon-1')])]
    expect(linesOf({ services: [web], known: [before], views })).toEqual([
      'replace web#1 lon-1 → lon-1',
      'replace web#2 lon-1 → lon-1',
    ])
  })

  it('is promised to successors that ask for more one after the other', () => {
    const [before, web] = [old('web', GIB), { ...needing('web', 3 * GIB), replicas: 2 }]
    const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1'), replicaOf(before, 2, 'lon-1')])]
    expect(linesOf({ services: [web], known: [before], views })).toEqual([
      'replace web#1 lon-1 → lon-1',
      'blocked web#2 NO_SERVER_FITS',
    ])
  })

  it('is promised by the plans of two stacks one after the other, successors included', () => {
    const [before, web] = [old('web', GIB), needing('web', 3 * GIB)]
    const other: ServiceSpec = { ...needing('db', 2 * GIB), stack: 'other' }
    const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1')])]
    const first = inputOf({ services: [web], known: [before, other], views })
    const usage = withPlan(first.usage, planStack(first))
    const second = { ...first, stack: { ...first.stack, name: 'other', services: [other] }, usage }
    expect(planStack(second).changes.map(({ kind }) => kind)).toEqual(['blocked'])
  })
})

describe('a slot that fits nowhere', () => {
  const servers = [server('lon-1'), server('lon-2'), server('lon-3', { disk: 'ssd' })]
  const foreign = (ports: readonly number[], name = 'nginx', compose?: ForeignContainer['compose']) => [
    {
      containerId: 'f',
      name,
      running: true,
      ports: ports.map((n) => ({ hostIp: '', port: n, protocol: 'tcp' as const })),
      ...(compose && { compose }),
    },
  ]
  const web = specOf('web', { ports: [port(8080)] })
  const identity = {
    fleet: 'acme',
    slot: { stack: 'shop', service: 'web', key: '1' },
    specHash: specHash(web),
    restart: '',
  }

  it.each<[string, World, Problem['code'], string]>([
    [
      'counts each server at the first filter it fails',
      {
        services: [specOf('web', onSsd)],
        servers,
        drained: new Set(['lon-3']),
        views: fleet('lon-1', 'lon-2', 'lon-3'),
      },
      'NO_SERVER_FITS',
      'no server fits shop/web#1: 2 do not match node.labels.disk == ssd, 1 is drained',
    ],
    [
      'names who holds its port',
      { services: [web], views: [listed('lon-1', [], { foreign: foreign([8080]) })] },
      'PORT_TAKEN',
      "no server fits shop/web#1: host port 8080 is taken on 1 (lon-1 by container nginx, which is not Slipway's)",
    ],
    [
      'names the replica that holds its port, even one that crashed and will be started again',
      {
        services: [specOf('api', { ports: [port(8080)] }), web],
        views: [
          listed('lon-1', [
            replicaOf(specOf('api', { ports: [port(8080)] }), 1, 'lon-1', { state: 'exited', exitCode: 1 }),
          ]),
        ],
      },
      'PORT_TAKEN',
      'no server fits shop/web#1: host port 8080 is taken on 1 (lon-1 by shop/api#1)',
    ],
    [
      'still says that ports are the reason where other servers were never meant for it',
      {
        services: [specOf('web', { ports: [port(8080)], ...onSsd })],
        servers,
        views: [listed('lon-1'), listed('lon-2'), listed('lon-3', [], { foreign: foreign([8080]) })],
      },
      'PORT_TAKEN',
      "no server fits shop/web#1: 2 do not match node.labels.disk == ssd, host port 8080 is taken on 1 (lon-3 by container nginx, which is not Slipway's)",
    ],
    [
      'makes no second one beside what docker compose runs',
      {
        services: [web],
        views: [
          listed('lon-1', [], {
            foreign: foreign([8080], 'shop-web-1', { project: 'shop', service: 'web', number: 1 }),
          }),
        ],
      },
      'COMPOSE_RUNS_IT',
      'no server fits shop/web#1: docker compose runs it on 1 (lon-1 as container shop-web-1)',
    ],
    [
      'says what cannot be reserved',
      { services: [specOf('web', { reservations: { cpus: 8, memoryBytes: 0 } })], views: fleet('lon-1', 'lon-2') },
      'NO_SERVER_FITS',
      'no server fits shop/web#1: 2 have no 8 cpus left to reserve',
    ],
    [
      'says where a name is held',
      { services: [web], views: [listed('lon-1', [], { foreign: foreign([], containerName(identity)) })] },
      'NAME_TAKEN',
      `no server fits shop/web#1: 1 has a container ${containerName(identity)} that is not Slipway's (lon-1)`,
    ],
    [
      'says where a network is not ours',
      {
        services: [specOf('web', { networks: [{ network: 'shop_default', aliases: [] }] })],
        views: [listed('lon-1', [], { networks: [{ name: 'shop_default', fleet: null }] })],
      },
      'NETWORK_CONFLICT',
      "no server fits shop/web#1: 1 has a network shop_default that is not Slipway's (lon-1)",
    ],
    [
      'says who is not in the Swarm of its network',
      {
        stack: { networks: [MESH] },
        services: [specOf('web', { networks: [{ network: 'mesh', aliases: [] }] })],
        views: fleet('lon-1', 'lon-2'),
      },
      'NETWORK_CONFLICT',
      'no server fits shop/web#1: 2 are not in the Swarm that its overlay network needs (lon-1, lon-2)',
    ],
    [
      'says where a volume is not ours',
      {
        services: [specOf('web', { mounts: [volume('shop_data')] })],
        views: [listed('lon-1', [], { volumes: [{ name: 'shop_data', fleet: 'other' }] })],
      },
      'VOLUME_CONFLICT',
      "no server fits shop/web#1: 1 has a volume shop_data that is not Slipway's (lon-1)",
    ],
    [
      'says so when there is no server at all',
      { services: [web], views: [] },
      'NO_SERVER_FITS',
      'no server fits shop/web#1: the fleet has no server',
    ],
  ])('%s', (_, world, code, message) => {
    expect(problemOf(world)).toMatchObject({ code, message })
  })

  it('is no slot that has a replica, or of another project, or of what has stopped', () => {
    const composed = { project: 'shop', service: 'web', number: 1 }
    const linesWith = (change: Partial<ForeignContainer>, replicas: readonly Replica[] = []): readonly string[] => {
      const [one] = foreign([], 'shop-web-1', composed)
      return linesOf({
        services: [web],
        views: [listed('lon-1', replicas, { foreign: one ? [{ ...one, ...change }] : [] })],
      })
    }
    const old = replicaOf(specOf('web', { image: 'old:1' }), 1, 'lon-1')
    expect(linesWith({})).toEqual(['blocked web#1 COMPOSE_RUNS_IT'])
    expect(linesWith({}, [old])).toEqual(['replace web#1 lon-1 → lon-1'])
    expect(linesWith({ running: false })).toEqual(['create web#1 lon-1'])
    expect(linesWith({ compose: { project: 'other', service: 'web', number: 1 } })).toEqual(['create web#1 lon-1'])
  })

  it('waits for a server that may answer again, and calls a person otherwise', () => {
    const views = [listed('lon-1'), away('lon-3', 'unknown')]
    expect(problemOf({ services: [specOf('web', onSsd)], servers, views: [...views, listed('lon-2')] }).next).toEqual({
      kind: 'wait',
      until: 'lon-3 answers again',
    })
    expect(problemOf({ services: [specOf('web', onSsd)], views: fleet('lon-1') }).next).toMatchObject({
      kind: 'stalled',
    })
  })

  it('is one beyond max_replicas_per_node', () => {
    const two = specOf('web', { replicas: 3, ...placement({ maxPerServer: 1 }) })
    expect(linesOf({ services: [two], views: fleet('lon-1', 'lon-2') })).toEqual([
      'create web#1 lon-1',
      'create web#2 lon-2',
      'blocked web#3 NO_SERVER_FITS',
    ])
  })

  it('is none beside the data that docker compose left of the same project, which is where it goes', () => {
    const db = specOf('db', { mounts: [volume('shop_data')] })
    const left = (project: string): World['views'] => [
      listed('lon-1'),
      listed('lon-2', [], { volumes: [{ name: 'shop_data', fleet: null, project }] }),
    ]
    expect(linesOf({ services: [db], views: left('shop') })).toEqual(['create db#1 lon-2'])
    expect(linesOf({ services: [db], views: left('other') })).toEqual(['create db#1 lon-1'])
    expect(linesOf({ services: [db], views: left('other').slice(1) })).toEqual(['blocked db#1 VOLUME_CONFLICT'])
  })

  it('is one on a server whose external volume is missing', () => {
    const db = specOf('db', { mounts: [volume('data')] })
    const stack = { volumes: [{ name: 'data', external: true, driver: 'local', options: {}, labels: {} }] }
    expect(linesOf({ services: [db], stack, views: fleet('lon-1') })).toEqual(['blocked db#1 VOLUME_CONFLICT'])
    expect(
      linesOf({
        services: [db],
        stack,
        views: [listed('lon-1'), listed('lon-2', [], { volumes: [{ name: 'data', fleet: null }] })],
      }),
    ).toEqual(['create db#1 lon-2'])
  })
})

describe('a slot that is replaced', () => {
  const web = specOf('web', { reservations: { cpus: 3, memoryBytes: 0 }, ports: [port(8080)] })
  const next = { ...web, image: 'busybox:1.37' }

  it('stays where it is, and what it holds there does not stand in its own way', () => {
    const views = [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), listed('lon-2')]
    expect(linesOf({ services: [next], known: [web], views })).toEqual(['replace web#1 lon-1 → lon-1'])
  })

  it('evicts nobody for capacity or ports that were overbooked', () => {
    const views = [listed('lon-1', [replicaOf(web, 1, 'lon-1'), replicaOf(web, 2, 'lon-1')])]
    expect(linesOf({ services: [{ ...web, replicas: 2 }], views })).toEqual([
      'unchanged web#1 lon-1',
      'unchanged web#2 lon-1',
    ])
  })

  it('finds the room that a service leaves with the same plan', () => {
    const heavy = specOf('heavy', { reservations: { cpus: 3, memoryBytes: 0 } })
    const views = [listed('lon-1', [replicaOf(heavy, 1, 'lon-1')])]
    expect(linesOf({ services: [{ ...heavy, name: 'heir' }], known: [heavy], views })).toEqual([
      'remove heavy#1 lon-1 unwanted',
      'create heir#1 lon-1',
    ])
  })

  it('takes over the port of a service that leaves with the same plan', () => {
    const views = [listed('lon-1', [replicaOf(web, 1, 'lon-1')])]
    const plan = planOf({ services: [specOf('front', { ports: [port(8080)] })], known: [web], views })
    expect(plan.changes).toMatchObject([
      { kind: 'replace', slot: { service: 'front' }, from: { slot: { service: 'web' } }, order: 'stop-first' },
    ])
  })

  it('takes over no port while it replaces another replica: each of two would have to make way for it', () => {
    const [before, gone] = [specOf('front'), specOf('gone', { ports: [port(8080)] })]
    const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1'), replicaOf(gone, 1, 'lon-1')])]
    const next = specOf('front', { ports: [port(8080)] })
    expect(linesOf({ services: [next], known: [before, gone], views })).toEqual([
      'blocked front#1 PORT_TAKEN',
      'remove gone#1 lon-1 unwanted',
    ])
  })

  it('goes to a free server rather than take a port over', () => {
    const views = [listed('lon-1', [replicaOf(web, 1, 'lon-1')]), listed('lon-2')]
    expect(linesOf({ services: [specOf('front', { ports: [port(8080)] })], known: [web], views })).toEqual([
      'create front#1 lon-2',
      'remove web#1 lon-1 unwanted',
    ])
  })

  it('needs a commit before it where another service of the plan gives its port up: until it fits, nothing is touched', () => {
    const api = specOf('api')
    const views = [listed('lon-1', [replicaOf(web, 1, 'lon-1')])]
    const world = { services: [specOf('api', { ports: [port(8080)] }), specOf('web')], known: [web, api], views }
    expect(problemOf(world)).toMatchObject({
      code: 'PORT_TAKEN',
      next: {
        kind: 'stalled',
        remedy: 'take the port from shop/web#1 on lon-1 by a commit of its own first, or publish another',
      },
    })
  })
})

describe('a slot with a named volume', () => {
  const db = specOf('db', { mounts: [volume('shop_data')] })
  const ours = { volumes: [{ name: 'shop_data', fleet: 'acme' }] }

  it('goes where its volume is', () => {
    expect(linesOf({ services: [db], views: [listed('lon-1'), listed('lon-2', [], ours)] })).toEqual([
      'create db#1 lon-2',
    ])
  })

  it('goes nowhere else when that server is drained', () => {
    const world = { services: [db], drained: new Set(['lon-2']), views: [listed('lon-1'), listed('lon-2', [], ours)] }
    expect(problemOf(world).message).toBe(
      'no server fits shop/db#1: 1 does not hold its data (volume shop_data is on lon-2), 1 is drained',
    )
  })

  it('waits for a server away that had the volume when it was last seen', () => {
    const views = [listed('lon-1'), listed('lon-2'), away('lon-3', 'lost', [], ours)]
    expect(problemOf({ services: [db], views }).next).toEqual({ kind: 'wait', until: 'lon-3 answers again' })
  })

  it('waits for a server away whose volumes nobody remembers', () => {
    const { volumes: _, ...forgotten } = away('lon-3', 'lost') as Extract<
      ReturnType<typeof away>,
      { kind: 'unreachable' }
    >
    expect(linesOf({ services: [db], views: [listed('lon-1'), listed('lon-2'), forgotten] })).toEqual([
      'blocked db#1 NO_SERVER_FITS',
    ])
    expect(linesOf({ services: [db], views: [listed('lon-1'), listed('lon-2'), away('lon-3', 'lost')] })).toEqual([
      'create db#1 lon-1',
    ])
  })

  it('has the volume of its own server when there are several', () => {
    const many = { ...db, replicas: 3 }
    const views = [listed('lon-1', [replicaOf(db, 1, 'lon-1')], ours), listed('lon-2', [], ours), listed('lon-3')]
    expect(linesOf({ services: [many], views })).toEqual([
      'unchanged db#1 lon-1',
      'create db#2 lon-2',
      'create db#3 lon-3',
    ])
  })

  it('follows another service of the plan that makes the volume', () => {
    const backup = specOf('backup', { mounts: [volume('shop_data', true)], ...onSsd })
    const servers = [server('lon-1'), server('lon-2', { disk: 'ssd' })]
    expect(linesOf({ services: [backup, db], servers, views: fleet('lon-1', 'lon-2') })).toEqual([
      'create backup#1 lon-2',
      'create db#1 lon-2',
    ])
  })

  it('is free to move when the volume is on a network', () => {
    const stack = {
      volumes: [{ name: 'shop_data', external: false, driver: 'local', options: { type: 'nfs' }, labels: {} }],
    }
    expect(linesOf({ services: [db], stack, views: [listed('lon-1'), listed('lon-2', [], ours)] })).toEqual([
      'create db#1 lon-1',
    ])
  })
})
