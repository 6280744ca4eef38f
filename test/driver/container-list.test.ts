import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { containerName } from '../../src/model/index.js'
import { readContainers } from '../../src/driver/container-list.js'
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

function read(list: unknown, before = new Map()) {
  const result = readContainers(list, 'lon-1', FLEET, before)
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
    expect(readContainers(list, 'lon-1', FLEET, new Map()).ok).toBe(false)
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
    expect(read([{ ...raw, State: 'paused' }], first.known as never).replicas[0]).toMatchObject({
      slot,
      state: 'paused',
    })
    expect(read([{ ...raw, Names: ['/renamed'] }], first.known as never).replicas).toEqual([])
  })

  it('has the same object for a container that is as it was', () => {
    const first = read([raw])
    const copy = structuredClone(raw)
    expect(read([copy], first.known as never).replicas[0]).toBe(first.replicas[0])
    expect(read([{ ...copy, Status: 'Up 6 minutes (healthy)' }], first.known as never).replicas[0]).toBe(
      first.replicas[0],
    )
  })

  it('is the same with a memory of any other list', () => {
    const address = fc.constantFrom('', '172.18.0.2', '172.18.0.3')
    const one = fc.record({
      Id: fc.constantFrom('a', 'b'),
      Names: fc.constantFrom([`/${name}`], ['/other']),
      State: fc.constantFrom('running', 'exited'),
      Status: fc.constantFrom('Up 2 minutes', 'Up 2 minutes (healthy)'),
      Ports: fc.constantFrom(raw.Ports, raw.Ports.slice(0, 1), []),
      Networks: fc.dictionary(fc.constantFrom('shop_default', 'host', 'late'), fc.record({ IPAddress: address })),
    })
    const list = fc
      .uniqueArray(one, { selector: ({ Id }) => Id })
      .map((items) => items.map(({ Networks, ...item }) => ({ ...raw, ...item, NetworkSettings: { Networks } })))
    fc.assert(
      fc.property(list, list, list, (first, second, third) => {
        const known = read(second, read(first).known as never).known
        expect(read(third, known as never)).toEqual(read(third))
      }),
    )
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
          readContainers(list, 'lon-1', FLEET, new Map())
          readContainers(
            list.map((item) => ({ ...raw, ...item })),
            'lon-1',
            FLEET,
            new Map(),
          )
        },
      ),
    )
  })
})
