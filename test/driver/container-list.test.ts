import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { containerName } from '../../src/model/index.js'
import { readList } from '../../src/driver/container-list.js'
import type { ReadList } from '../../src/driver/container-list.js'
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
function tryRead(list: unknown, before: ReadList | null = null, indent = 0) {
  return readList(Buffer.from(`${JSON.stringify(list, null, indent)}\n`), 'lon-1', FLEET, before)
}

function read(list: unknown, before: ReadList | null = null, indent = 0): ReadList {
  const result = tryRead(list, before, indent)
  if (!result.ok) throw new Error(result.problem)
  return result.value
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
      },
    ])
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

  it.each([
    ['no list', {}],
    ['an element that is no object', [raw, null]],
    ['an element without an id', [raw, { ...raw, Id: '' }]],
    ['a state that no engine has', [raw, { ...raw, State: 'sleeping' }]],
  ])('is refused as a whole with %s: a shorter list would be acted on', (_what, list) => {
    expect(tryRead(list).ok).toBe(false)
    expect(tryRead(list, read([raw])).ok).toBe(false)
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
    const first = read([raw])
    expect(read([{ ...raw, State: 'paused' }], first).replicas[0]).toMatchObject({
      slot,
      state: 'paused',
    })
    expect(read([{ ...raw, Names: ['/renamed'] }], first).replicas).toEqual([])
  })

  it('has the same object for a container that is as it was, whatever came and went around it', () => {
    const others = ['b', 'c', 'd'].map((id) => ({ ...raw, Id: id, Names: [`/${id}`] }))
    const first = read([raw, ...others])
    const again = read([others[1], { ...raw, Status: 'Up 6 minutes (healthy)' }, { ...raw, Id: 'e' }], first)
    expect(again.replicas[0]).toBe(first.replicas[0])
    expect(again.foreign[0]).toBe(first.foreign[1])
    expect(again.replicas.map(({ containerId }) => containerId)).toEqual(['a1b2c3', 'e'])
  })

  it('has the same lists where only words for people have changed', () => {
    const first = read([raw])
    const later = read([{ ...raw, Status: 'Up 6 minutes (healthy)' }], first)
    expect(later.replicas).toBe(first.replicas)
    expect(later.foreign).toBe(first.foreign)
  })

  it.each([
    ['another address', { NetworkSettings: { Networks: { shop_default: { IPAddress: '172.18.0.3' } } } }],
    ['another id', { Id: 'a1b2c4' }],
    ['another exit code', { State: 'exited', Status: 'Exited (2) 5 minutes ago' }],
  ])('is another one with %s, though not a byte longer', (_what, change) => {
    const stopped = 'State' in change ? { State: 'exited', Status: 'Exited (1) 5 minutes ago' } : {}
    const first = read([
      { ...raw, Id: 'first' },
      { ...raw, ...stopped },
    ])
    const changed = [
      { ...raw, Id: 'first' },
      { ...raw, ...change },
    ]
    expect(read(changed, first).replicas).toEqual(read(changed).replicas)
    expect(read(changed, first).replicas).not.toEqual(first.replicas)
  })

  it('is read whole where it does not come apart into containers', () => {
    const nested = { ...raw, Mounts: [{ Type: 'odd' }, { Id: 'a1b2c3' }] }
    const first = read([nested, { ...nested, Id: 'b' }])
    expect(first.replicas.map(({ containerId }) => containerId)).toEqual(['a1b2c3', 'b'])
    expect(read([{ ...nested, Id: 'b' }, nested], first).replicas.map(({ containerId }) => containerId)).toEqual([
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
        const { replicas, foreign } = read(third, read(second, read(first, null, some), other))
        const plain = read(third, null, 1)
        expect(replicas).toEqual(plain.replicas)
        expect(foreign).toEqual(plain.foreign)
      }),
      { numRuns: 500 },
    )
  })

  it('never throws, whatever bytes come', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string().map((text) => Buffer.from(`[{"Id":"${text}"},{"Id":"b"},{"Id":"c"}]`)),
    )
    fc.assert(fc.property(bytes, (body) => void readList(Buffer.from(body), 'lon-1', FLEET, read([raw]))))
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
          tryRead(list)
          tryRead(list.map((item) => ({ ...raw, ...item })))
        },
      ),
    )
  })
})
