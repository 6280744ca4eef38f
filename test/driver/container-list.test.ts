import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adoptedName, containerName } from '../../src/model/index.js'
import { newListReader } from '../../src/driver/container-list.js'
import type { ContainerList } from '../../src/driver/container-list.js'
import { FLEET } from './fixtures.js'

const slot = { stack: 'shop', service: 'web', key: '3' }
const name = containerName({ fleet: FLEET, slot, specHash: 'abc', restart: '' })
const labels: Readonly<Record<string, string>> = {
  'slipway.fleet': FLEET,
  'slipway.stack': 'shop',
  'slipway.service': 'web',
  'slipway.slot': '3',
  'slipway.spec': 'abc',
  'slipway.revision': 'f00',
  'slipway.image': 'busybox@sha256:1',
  'slipway.limits': '',
  'slipway.restart': '',
  'slipway.controller': 'c1',
}
const raw = {
  Id: 'a1b2c3',
  Names: [`/${name}`],
  ImageID: 'sha256:1',
  Created: 1_700_000_000,
  Labels: labels,
  State: 'running',
  Status: 'Up 5 minutes (healthy)',
  Ports: [
    { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    { IP: '127.0.0.1', PrivatePort: 53, PublicPort: 53, Type: 'udp' },
    { PrivatePort: 9000, Type: 'tcp' },
  ],
  NetworkSettings: { Networks: { shop_default: { IPAddress: '172.18.0.2' }, shop_late: { IPAddress: '' } } },
}

/** As engines send it; with `indent` as none does, and so in one piece. */
function bytes(list: unknown, indent = 0): Buffer {
  return Buffer.from(`${JSON.stringify(list, null, indent)}\n`)
}

// One for all, as in a driver: a reader that leaned on it between two lists would fail.
const scratch = { buffer: Buffer.alloc(0) }

/** Reads lists one after the other, each with the memory of those before. */
function newReader() {
  const reader = newListReader('lon-1', FLEET, scratch)
  const tryRead = (list: unknown, indent = 0) => {
    const body = bytes(list, indent)
    const half = body.length >> 1
    return reader.read([body.subarray(0, half), body.subarray(half)])
  }
  const read = (list: unknown, indent = 0): ContainerList => {
    const result = tryRead(list, indent)
    if (!result.ok) throw new Error(result.problem)
    return result.value
  }
  return { tryRead, read }
}

function read(list: unknown, indent = 0): ContainerList {
  return newReader().read(list, indent)
}

describe('the list of containers', () => {
  it('has a replica with everything that its labels and the engine say', () => {
    expect(read([raw]).replicas).toEqual([
      {
        containerId: 'a1b2c3',
        containerName: name,
        server: 'lon-1',
        slot,
        specHash: 'abc',
        revision: 'f00',
        image: 'busybox@sha256:1',
        imageId: 'sha256:1',
        limits: '',
        restart: '',
        controller: 'c1',
        state: 'running',
        health: 'healthy',
        exitCode: null,
        createdAtMs: 1_700_000_000_000,
        ports: [
          { hostIp: '', port: 8080, protocol: 'tcp' },
          { hostIp: '127.0.0.1', port: 53, protocol: 'udp' },
        ],
        addresses: { shop_default: '172.18.0.2' },
        exposes: [80, 9000],
      },
    ])
  })

  it.each([
    ['198.18.0.7', 'api db', { address: '198.18.0.7', knows: ['api', 'db'] }],
    ['', '', { address: '', knows: [] }],
  ])('has the names that a replica was given: %j %j', (address, names, expected) => {
    const told = { ...raw, Labels: { ...labels, 'slipway.address': address, 'slipway.names': names } }
    expect(read([told]).replicas[0]?.named).toEqual(expected)
  })

  it('sees ports that come and go', () => {
    const { read: look } = newReader()
    expect(look([{ ...raw, Ports: [] }]).replicas[0]?.exposes).toBeUndefined()
    expect(look([raw]).replicas[0]?.exposes).toEqual([80, 9000])
    expect(look([{ ...raw, Ports: null }]).replicas[0]?.exposes).toBeUndefined()
  })

  it.each([
    ['no labels', { Labels: null }],
    ['the label of another fleet', { Labels: { ...labels, 'slipway.fleet': 'other' } }],
    ['an empty service', { Labels: { ...labels, 'slipway.service': '' } }],
    ['a label that is no text', { Labels: { ...labels, 'slipway.spec': 7 } }],
    [
      'no controller',
      { Labels: Object.fromEntries(Object.entries(labels).filter(([key]) => key !== 'slipway.controller')) },
    ],
    ['our labels under another name (docker commit copies them)', { Names: ['/adoring_tesla'] }],
    ['the spec of another name', { Labels: { ...labels, 'slipway.spec': 'def' } }],
    ['no name', { Names: [] }],
  ])('has a foreign container for one with %s', (_what, change) => {
    const list = read([{ ...raw, ...change }])
    expect(list.replicas).toEqual([])
    expect(list.foreign).toMatchObject([{ containerId: 'a1b2c3', running: true }])
  })

  it('has a replica of what was taken over: its name says what labels would, and those of Compose agree or are not there', () => {
    const Labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
    const specHash = 'abc'.padEnd(20, '0')
    const revision = 'f'.repeat(40)
    const limits = 'cpus=0.5 memory=64'
    const own = adoptedName({ fleet: FLEET, slot, specHash, revision, limits, containerId: raw.Id })
    const [replica] = read([{ ...raw, Names: [`/${own}`], Labels }]).replicas
    const made = { image: 'sha256:1', imageId: 'sha256:1', restart: '', controller: '' }
    expect(replica).toMatchObject({ containerName: own, slot, specHash, revision, limits, ...made, health: 'healthy' })
    for (const other of [{}, null, { mine: 'yes' }])
      expect(read([{ ...raw, Names: [`/${own}`], Labels: other }]).replicas).toMatchObject([{ slot, specHash }])
    const others = [
      { Id: 'b1' },
      ...[
        { 'slipway.fleet': 'other' },
        { 'com.docker.compose.service': 'db' },
        { 'com.docker.compose.project': 'blog' },
        { 'com.docker.compose.oneoff': 'True' },
        { 'com.docker.swarm.service.id': 'x' },
      ].map((change) => ({ Labels: { ...Labels, ...change } })),
    ]
    for (const change of others)
      expect(read([{ ...raw, Names: [`/${own}`], Labels, ...change }]).replicas, JSON.stringify(change)).toEqual([])
  })

  it('knows what docker compose runs, by the labels of Compose alone', () => {
    const composed = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
    const composeOf = (Labels: Readonly<Record<string, string>>) => read([{ ...raw, Labels }]).foreign[0]?.compose
    expect(composeOf({ ...composed, 'com.docker.compose.oneoff': 'False' })).toEqual({
      project: 'shop',
      service: 'web',
      number: 1,
    })
    expect(composeOf({ ...composed, 'com.docker.compose.container-number': '3' })?.number).toBe(3)
    expect(composeOf({ ...composed, 'com.docker.compose.oneoff': 'True' })).toBeUndefined()
    expect(composeOf({ ...composed, 'slipway.fleet': 'other' })).toBeUndefined()
    expect(composeOf({ 'com.docker.compose.project': 'shop' })).toBeUndefined()
  })

  it.each([
    ['no list', {}],
    ['an element that is no object', [raw, null]],
    ['an element without an id', [raw, { ...raw, Id: '' }]],
    ['a state that no engine has', [raw, { ...raw, State: 'sleeping' }]],
  ])('is refused as a whole with %s: a shorter list would be acted on', (_what, list) => {
    const reader = newReader()
    expect(reader.tryRead(list).ok).toBe(false)
    reader.read([raw])
    expect(reader.tryRead(list).ok).toBe(false)
    expect(reader.read([raw])).toEqual(read([raw]))
  })

  it('has a linked container by its own name', () => {
    expect(read([{ ...raw, Names: ['/db/alias', '/other'] }]).foreign[0]?.name).toBe('other')
  })

  it('gives a container on the network of the host the address of the host', () => {
    const host = { ...raw, NetworkSettings: { Networks: { host: { IPAddress: '' } } } }
    expect(read([host]).replicas[0]?.addresses).toEqual({ host: '127.0.0.1' })
  })

  it('has no address for a container that does not run', () => {
    expect(read([{ ...raw, State: 'exited', Status: 'Exited (1) 2 seconds ago' }]).replicas[0]).toMatchObject({
      state: 'exited',
      exitCode: 1,
      addresses: {},
    })
  })

  it('keeps what cannot change, and sees a new name', () => {
    const reader = newReader()
    reader.read([raw])
    expect(reader.read([{ ...raw, State: 'paused' }]).replicas[0]).toMatchObject({
      slot,
      state: 'paused',
    })
    expect(reader.read([{ ...raw, Names: ['/renamed'] }]).replicas).toEqual([])
  })

  it('has the same object for a container that is as it was, whatever came and went around it', () => {
    const others = ['b', 'c', 'd'].map((id) => ({ ...raw, Id: id, Names: [`/${id}`] }))
    const reader = newReader()
    const first = reader.read([raw, ...others])
    const again = reader.read([others[1], { ...raw, Status: 'Up 6 minutes (healthy)' }, { ...raw, Id: 'e' }])
    expect(again.replicas[0]).toBe(first.replicas[0])
    expect(again.foreign[0]).toBe(first.foreign[1])
    expect(again.replicas.map(({ containerId }) => containerId)).toEqual(['a1b2c3', 'e'])
  })

  it('has the same lists where only words for people have changed', () => {
    const reader = newReader()
    const first = reader.read([raw])
    const later = reader.read([{ ...raw, Status: 'Up 6 minutes (healthy)' }])
    expect(later.replicas).toBe(first.replicas)
    expect(later.foreign).toBe(first.foreign)
  })

  it.each([
    ['another address', { NetworkSettings: { Networks: { shop_default: { IPAddress: '172.18.0.3' } } } }],
    ['another id', { Id: 'a1b2c4' }],
    ['another exit code', { State: 'exited', Status: 'Exited (2) 5 minutes ago' }],
  ])('is another one with %s, though not a byte longer', (_what, change) => {
    const stopped = 'State' in change ? { State: 'exited', Status: 'Exited (1) 5 minutes ago' } : {}
    const reader = newReader()
    const first = reader.read([
      { ...raw, Id: 'first' },
      { ...raw, ...stopped },
    ])
    const changed = [
      { ...raw, Id: 'first' },
      { ...raw, ...change },
    ]
    const { replicas } = reader.read(changed)
    expect(replicas).toEqual(read(changed).replicas)
    expect(replicas).not.toEqual(first.replicas)
  })

  it('is read whole where it does not come apart into containers', () => {
    const nested = { ...raw, Mounts: [{ Type: 'odd' }, { Id: 'a1b2c3' }] }
    const reader = newReader()
    const first = reader.read([nested, { ...nested, Id: 'b' }])
    expect(first.replicas.map(({ containerId }) => containerId)).toEqual(['a1b2c3', 'b'])
    expect(reader.read([{ ...nested, Id: 'b' }, nested]).replicas.map(({ containerId }) => containerId)).toEqual([
      'b',
      'a1b2c3',
    ])
  })

  it('is the same with a memory of any other list, in pieces or whole', () => {
    const address = fc.constantFrom('', '172.18.0.2', '172.18.0.3')
    const one = fc.record({
      Id: fc.constantFrom('a', 'b', 'c'),
      Names: fc.constantFrom([`/${name}`], [`/${name}`], ['/other']),
      State: fc.constantFrom('running', 'running', 'exited'),
      Status: fc.constantFrom('Up 2 minutes', 'Up 2 minutes (healthy)'),
      Ports: fc.constantFrom([], raw.Ports),
      Networks: fc.dictionary(fc.constantFrom('shop_default', 'host', 'late'), fc.record({ IPAddress: address })),
      Mounts: fc.constantFrom([], [], [{}, { Id: 'a' }]),
    })
    const list = fc
      .uniqueArray(one, { selector: ({ Id }) => Id })
      .map((items) =>
        items.map(({ Id, Networks, ...item }) => ({ ...raw, Id, ...item, NetworkSettings: { Networks } })),
      )
    const indent = fc.constantFrom(0, 0, 0, 1)
    fc.assert(
      fc.property(list, list, list, indent, indent, (first, second, third, some, other) => {
        const reader = newReader()
        reader.read(first, some)
        reader.read(second, other)
        read(first, other)
        expect(reader.read(third)).toEqual(read(third, 1))
      }),
      { numRuns: 500 },
    )
  })

  it('never throws, whatever bytes come', () => {
    const body = fc.oneof(
      fc.uint8Array(),
      fc.string().map((text) => Buffer.from(`[{"Id":"${text}"},{"Id":"b"},{"Id":"c"}]`)),
    )
    const reader = newListReader('lon-1', FLEET, scratch)
    reader.read([bytes([raw])])
    fc.assert(fc.property(body, (some) => void reader.read([Buffer.from(some)])))
  })

  it('never throws, whatever an engine sends', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record(
            {
              Id: fc.string(),
              Names: fc.anything(),
              Labels: fc.anything(),
              State: fc.anything(),
              Ports: fc.anything(),
              NetworkSettings: fc.anything(),
            },
            { requiredKeys: [] },
          ),
        ),
        (list) => {
          const reader = newReader()
          reader.tryRead(list)
          reader.tryRead(list.map((item) => ({ ...raw, ...item })))
        },
      ),
    )
  })
})
