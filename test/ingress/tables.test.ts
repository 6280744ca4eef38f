import { describe, expect, it } from 'vitest'
import { countedIn, isSameInput, isSameTable, route, tableOf } from '../../src/ingress/index.js'
import type { Endpoint, NamesInput, ServiceEndpoints, TableInput } from '../../src/ingress/index.js'

const WANTED = { hostIp: '', port: 80, isWanted: true } as const
const KEPT = { ...WANTED, isWanted: false } as const

function at(server: string, id: string, patch: Partial<Endpoint> = {}): Endpoint {
  return { containerId: id, server, address: `172.18.0.${id.length}`, port: 8080, isLeaving: false, ...patch }
}

function service(patch: Partial<ServiceEndpoints>): ServiceEndpoints {
  return { key: 'shop/web:8080', protocol: 'tcp', claims: [WANTED], replicas: [at('a', 'a1')], ...patch }
}

function inputOf(services: readonly ServiceEndpoints[], patch: Partial<TableInput> = {}): TableInput {
  const counted = new Set(services.flatMap(({ key, replicas }) => replicas.map((one) => `${key} ${one.containerId}`)))
  const around = {
    front: null,
    isListening: true,
    taken: [],
    peers: [],
    mesh: null,
    counted,
    shut: new Set<string>(),
    names: null,
    letGo: new Set<string>(),
  }
  return { server: 'a', routing: route([services]), ...around, ...patch }
}

/** `80 a1 a2! b:2`: where it listens, replicas here (`!` leaves), replicas elsewhere. */
function linesOf(input: TableInput): readonly string[] {
  return tableOf(input).table.services.map(({ key, listen, local, remote }) =>
    [
      key,
      ...listen.map(({ port }) => String(port)),
      ...local.map(({ containerId, state }) => `${containerId}${state === 'drain' ? '!' : ''}`),
      ...remote.map(({ server, weight }) => `${server}:${weight}`),
    ].join(' '),
  )
}

describe('a table', () => {
  it('has the replicas of its server, and others by how many they are', () => {
    const replicas = [at('a', 'a1'), at('b', 'b1'), at('b', 'b2'), at('c', 'c1')]
    expect(linesOf(inputOf([service({ replicas })]))).toEqual(['shop/web:8080 80 a1 b:2 c:1'])
    expect(linesOf(inputOf([service({ replicas })], { server: 'b' }))).toEqual(['shop/web:8080 80 b1 b2 a:1 c:1'])
  })

  it('leaves out replicas elsewhere that their own proxy is not known to reach', () => {
    const replicas = [at('a', 'a1'), at('b', 'b1'), at('b', 'b2')]
    const input = inputOf([service({ replicas })], { counted: new Set(['shop/web:8080 a1', 'shop/web:8080 b2']) })
    expect(linesOf(input)).toEqual(['shop/web:8080 80 a1 b:1'])
    expect([...countedIn(input)]).toEqual(['shop/web:8080 a1', 'shop/web:8080 b2'])
  })

  it('gives a leaving replica nothing new, where another is beside it', () => {
    const replicas = [at('a', 'a1', { isLeaving: true }), at('a', 'a2'), at('b', 'b1', { isLeaving: true })]
    expect(linesOf(inputOf([service({ replicas })]))).toEqual(['shop/web:8080 80 a1! a2'])
  })

  it('gives the last one here that leaves what others send, until none of them does', () => {
    const replicas = [at('a', 'a1', { isLeaving: true }), at('b', 'b1')]
    expect(linesOf(inputOf([service({ replicas })]))).toEqual(['shop/web:8080 80 a1 b:1'])
    expect(linesOf(inputOf([service({ replicas })], { letGo: new Set(['shop/web:8080 a1']) }))).toEqual([
      'shop/web:8080 80 a1! b:1',
    ])
  })

  it('listens nowhere on a server without published ports, and not where a container holds the port', () => {
    expect(linesOf(inputOf([service({})], { isListening: false }))).toEqual(['shop/web:8080 a1'])
    const held = { hostIp: '127.0.0.1', port: 80, protocol: 'tcp' } as const
    expect(linesOf(inputOf([service({})], { taken: [held] }))).toEqual(['shop/web:8080 a1'])
    expect(linesOf(inputOf([service({})], { taken: [{ ...held, protocol: 'udp' }] }))).toEqual(['shop/web:8080 80 a1'])
  })
})

describe('the next table', () => {
  const one = service({ key: 'shop/api:80', claims: [] })
  const two = service({ key: 'shop/web:80', claims: [], replicas: [at('b', 'b1'), at('b', 'b2')] })
  const before = inputOf([one, two])
  const first = tableOf(before)

  it('is not made at all where nothing changed', () => {
    expect(isSameInput(before, { ...before, letGo: new Set() })).toBe(true)
    expect(isSameInput(before, { ...before, taken: [{ hostIp: '', port: 1, protocol: 'tcp' }] })).toBe(false)
    expect(isSameInput(before, { ...before, letGo: new Set(['x']) })).toBe(false)
  })

  it('has what did not change as the same object', () => {
    const changed = { ...two, replicas: [at('b', 'b1')] }
    const routing = route([[one, changed]], before.routing)
    const { table } = tableOf({ ...before, routing }, first.parts)
    expect(table.services[0]).toBe(first.table.services[0])
    expect(table.services[1]?.remote).toEqual([{ server: 'b', weight: 1 }])
    expect(isSameTable(first.table, table)).toBe(false)
    expect(
      isSameTable(first.table, tableOf({ ...before, routing: route([[one, two]], before.routing) }, first.parts).table),
    ).toBe(true)
  })

  it.each<[string, Partial<TableInput>, number]>([
    ['replicas that are counted', { counted: new Set(['shop/web:80 b1']) }, 1],
    ['ports that a container takes', { taken: [{ hostIp: '', port: 80, protocol: 'tcp' }] }, 0],
  ])('has anew what other %s make of it', (_, patch, at) => {
    const listening = inputOf([service({ key: 'shop/api:80' }), two])
    const old = tableOf(listening)
    const { table } = tableOf({ ...listening, ...patch }, old.parts)
    expect(table.services[at]).not.toEqual(old.table.services[at])
  })
})

describe('a port that two services claim', () => {
  const one = service({ key: 'shop/old:80', claims: [KEPT], replicas: [at('a', 'a1')] })
  const next = service({ key: 'shop/new:80', claims: [WANTED], replicas: [at('a', 'a2')] })

  it.each<[string, readonly ServiceEndpoints[], readonly string[]]>([
    ['goes to the one that wants it', [one, next], ['shop/new:80 80 a2', 'shop/old:80 a1']],
    ['stays until that one is ready', [one, { ...next, replicas: [] }], ['shop/new:80', 'shop/old:80 80 a1']],
    [
      'does not go back to one that leaves',
      [
        { ...one, replicas: [at('a', 'a1', { isLeaving: true })] },
        { ...next, replicas: [] },
      ],
      ['shop/new:80 80', 'shop/old:80 a1'],
    ],
    [
      'goes to the one that wants it when neither is ready',
      [
        { ...one, replicas: [] },
        { ...next, replicas: [] },
      ],
      ['shop/new:80 80', 'shop/old:80'],
    ],
  ])('%s', (_, services, lines) => {
    expect(linesOf(inputOf(services))).toEqual(lines)
  })

  it('is the same port with every address written out', () => {
    const everywhere = { ...one, claims: [{ ...KEPT, hostIp: '0.0.0.0' }] }
    expect(linesOf(inputOf([everywhere, next]))).toEqual(['shop/new:80 80 a2', 'shop/old:80 a1'])
  })
})

describe('a name in a table', () => {
  const NAMES: NamesInput = {
    range: '198.18.0.0/16',
    addresses: new Map([['shop/web', '198.18.0.7']]),
    subnets: new Map([
      ['shop_default', ['172.18.0.0/16']],
      ['blog_default', ['172.19.0.0/16', 'fd00::/64']],
    ]),
    reserved: new Set([22]),
  }
  const name = { service: 'shop/web', port: 8080, ports: [8080, 9000], networks: ['shop_default', 'shop_away'] }
  const named = (patch: Partial<ServiceEndpoints> = {}): ServiceEndpoints => service({ claims: [], name, ...patch })

  /** `198.18.0.7:8080 172.18.0.0/16`: where it is, and who is let in. */
  function placesOf(one: ServiceEndpoints, patch: Partial<TableInput> = {}): readonly string[] {
    return tableOf(inputOf([one], { names: NAMES, ...patch })).table.services.map((served) =>
      served.name === undefined ? 'none' : `${served.name.address}:${served.name.port} ${served.name.from.join(' ')}`,
    )
  }

  it('is at the address of its service, for its own networks', () => {
    expect(placesOf(named())).toEqual(['198.18.0.7:8080 172.18.0.0/16'])
    expect(tableOf(inputOf([named()], { names: NAMES })).table.range).toBe('198.18.0.0/16')
  })

  it('is for all networks of stacks where it is exported', () => {
    expect(placesOf(named({ name: { ...name, networks: null } }))).toEqual([
      '198.18.0.7:8080 172.18.0.0/16 172.19.0.0/16 fd00::/64',
    ])
  })

  it.each<[string, Partial<ServiceEndpoints>, Partial<TableInput>]>([
    ['a fleet has none', {}, { names: null }],
    ['it has no address', { name: { ...name, service: 'shop/api' } }, {}],
    ['one of its ports is a server’s own', { name: { ...name, ports: [8080, 22] } }, {}],
    ['something holds one of its ports', {}, { taken: [{ hostIp: '', port: 9000, protocol: 'tcp' }] }],
  ])('is not served where %s', (_, patch, around) => {
    expect(placesOf(named(patch), around)).toEqual(['none'])
  })

  it('is served where somebody holds the port of one address, or of another protocol', () => {
    const taken = [
      { hostIp: '127.0.0.1', port: 8080, protocol: 'tcp' as const },
      { hostIp: '', port: 8080, protocol: 'udp' as const },
    ]
    expect(placesOf(named(), { taken })).toEqual(['198.18.0.7:8080 172.18.0.0/16'])
  })

  it('leaves out replicas elsewhere that have nobody at an unpublished port', () => {
    const replicas = [at('b', 'b1'), at('b', 'b2')]
    const input = inputOf([named({ replicas })], { names: NAMES, shut: new Set(['shop/web:8080 b1']) })
    expect(linesOf(input)).toEqual(['shop/web:8080 b:1'])
  })

  it('makes a table anew where it changes, and only there', () => {
    const first = inputOf([named()], { names: NAMES })
    const moved = { ...NAMES, subnets: new Map([['shop_default', ['10.0.0.0/24']]]) }
    const made = tableOf(first)
    expect(tableOf({ ...first }, made.parts).table.services[0]).toBe(made.table.services[0])
    const later = { ...first, names: moved }
    expect(isSameInput(first, later)).toBe(false)
    expect(tableOf(later, made.parts).table.services[0]?.name?.from).toEqual(['10.0.0.0/24'])
  })
})
