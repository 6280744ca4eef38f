import { describe, expect, it } from 'vitest'
import { acmeHosts, route, tableOf as makeTable } from '../../src/ingress/index.js'
import type { FrontInput, ServiceEndpoints, TableInput } from '../../src/ingress/index.js'
import type { ProxyTable, RouteSpec } from '../../src/model/index.js'
import { pemOf, routeOf } from './tables.js'

function endpoints(
  key: string,
  routes: readonly RouteSpec[],
  changes: Partial<ServiceEndpoints> = {},
): ServiceEndpoints {
  const replicas = [{ containerId: `c-${key}`, server: 'lon-1', address: '172.18.0.2', port: 8080, isLeaving: false }]
  const claims = routes.map((one) => ({ route: one, isWanted: true }))
  return { key, protocol: 'http', claims: [], routes: claims, replicas, ...changes }
}

const FRONT: FrontInput = { httpPort: 80, httpsPort: 443, certificates: new Map(), challenges: [] }

function table(services: readonly ServiceEndpoints[], changes: Partial<TableInput> = {}): ProxyTable {
  const input: TableInput = {
    server: 'lon-1',
    routing: route([services]),
    isListening: true,
    taken: [],
    shut: new Set(),
    names: null,
    peers: [],
    mesh: null,
    counted: new Set(),
    front: FRONT,
    letGo: new Set(),
    ...changes,
  }
  return makeTable(input).table
}

/** `shop.example.com/api`: whose. */
function owners({ services }: ProxyTable): Readonly<Record<string, string>> {
  return Object.fromEntries(
    services.flatMap(({ key, routes = [] }) =>
      routes.flatMap(({ hosts, path }) => hosts.map((host) => [`${host}${path}`, key] as const)),
    ),
  )
}

describe('routes', () => {
  it('go to who wants them, but not before it is ready while another that had them is', () => {
    const one = routeOf({ path: '/api', hosts: ['a.test', 'b.test'] })
    const former = endpoints('old', [], { routes: [{ route: one, isWanted: false }] })
    expect(owners(table([former, endpoints('new', [one], { replicas: [] })]))).toEqual({
      'a.test/api': 'old',
      'b.test/api': 'old',
    })
    expect(owners(table([former, endpoints('new', [{ ...one, hosts: ['b.test'] }])]))).toEqual({
      'a.test/api': 'old',
      'b.test/api': 'new',
    })
  })

  describe('that services share by weights', () => {
    const at = (weight?: number): RouteSpec => routeOf(weight === undefined ? {} : { weight })
    const none = { replicas: [] }
    /** What it claimed before its stack came to what it wants. */
    const former = (key: string, weight?: number, changes: Partial<ServiceEndpoints> = {}): ServiceEndpoints =>
      endpoints(key, [], { routes: [{ route: at(weight), isWanted: false }], ...changes })
    const wanted = (key: string, weight?: number, changes: Partial<ServiceEndpoints> = {}): ServiceEndpoints =>
      endpoints(key, [at(weight)], changes)

    it.each<[string, readonly ServiceEndpoints[], readonly string[]]>([
      ['all of them have', [wanted('a:80', 90), wanted('b:80', 10)], ['a:80 90', 'b:80 10']],
      [
        'is there for one that is not ready, and for one that gets nothing',
        [wanted('a:80', 90), wanted('b:80', 10, none), wanted('c:80', 0)],
        ['a:80 90', 'b:80 10', 'c:80 0'],
      ],
      ['is not for one that had it before', [wanted('a:80', 90), former('b:80', 10)], ['a:80 90']],
      [
        'stays with those that had it until another is ready',
        [wanted('a:80', 90, none), former('b:80', 10)],
        ['b:80 10'],
      ],
      [
        'stays with one that had it while all that want it get nothing',
        [wanted('a:80', 0), former('b:80', 10)],
        ['b:80 10'],
      ],
      [
        'goes to those that get nothing where there are no others',
        [wanted('a:80', 0), wanted('b:80', 0)],
        ['a:80 0', 'b:80 0'],
      ],
      ['is not there where one has it alone', [wanted('a:80', 10), wanted('b:80')], ['b:80']],
      ['is there where the one that had it alone is no more', [wanted('a:80', 10), former('b:80')], ['a:80 10']],
      ['is not there before one of them is ready', [wanted('a:80', 10, none), former('b:80')], ['b:80']],
      [
        'is one for all ports of a service: it weighs as is wanted, and goes to the one that is ready',
        [wanted('a:80', 10, none), former('a:81', 40), former('a:82'), wanted('b:80', 10)],
        ['a:81 10', 'b:80 10'],
      ],
      [
        'is so too where the port that is wanted comes later',
        [former('a:80', 40), wanted('a:81', 10, none), wanted('b:80', 10)],
        ['a:80 10', 'b:80 10'],
      ],
      [
        'is the newer one of a service, were it nothing',
        [
          endpoints('a:80', [], {
            routes: [
              { route: at(90), isWanted: false },
              { route: at(0), isWanted: true },
            ],
          }),
          wanted('b:80', 10),
        ],
        ['a:80 0', 'b:80 10'],
      ],
    ])('%s', (_, services, expected) => {
      const won = table(services).services.flatMap(({ key, routes = [] }) =>
        routes.map(({ weight }) => (weight === undefined ? key : `${key} ${weight}`)),
      )
      expect(won).toEqual(expected)
    })
  })

  it('that only send elsewhere need no replica', () => {
    const redirect = { kind: 'to' as const, url: 'https://new.test', keepsPath: true, status: 308 as const }
    const former = endpoints('old', [], { routes: [{ route: routeOf(), isWanted: false }] })
    const next = endpoints('new', [routeOf({ redirect })], { replicas: [] })
    expect(owners(table([former, next]))).toEqual({ 'shop.example.com/': 'new' })
  })

  it('open the ports of routes on servers that listen, but those that something else has', () => {
    const web = endpoints('web', [routeOf()])
    expect(table([web]).front).toMatchObject({ httpPort: 80, httpsPort: 443 })
    expect(table([web], { isListening: false }).front).toBeUndefined()
    expect(table([endpoints('web', [])]).front).toBeUndefined()
    const taken = [{ hostIp: '0.0.0.0', port: 443, protocol: 'tcp' as const }]
    expect(table([web], { taken }).front).toMatchObject({ httpPort: 80, httpsPort: null })
    // Who waits for a certificate must be asked before any replica is ready.
    expect(table([endpoints('web', [routeOf()], { replicas: [] })]).front).toBeDefined()
  })

  it('bring their certificates, each once, and those that come', () => {
    const own = { kind: 'own' as const, name: 'tls/shop.pem', pem: pemOf() }
    const routes = [
      routeOf({ tls: own, hosts: ['b.test'] }),
      routeOf({ tls: own, hosts: ['a.test'], path: '/api' }),
      routeOf({ tls: { kind: 'acme' }, hosts: ['c.test', 'd.test'] }),
    ]
    const web = endpoints('web', routes)
    expect(acmeHosts([web])).toEqual(['c.test', 'd.test'])
    const front = { ...FRONT, certificates: new Map([['c.test', 'PEM']]), challenges: [{ token: 't', answer: 'a' }] }
    expect(table([web], { front }).front).toMatchObject({
      certificates: [
        { name: 'acme c.test', hosts: ['c.test'], pem: 'PEM' },
        { name: 'tls/shop.pem', hosts: ['a.test', 'b.test'] },
      ],
      challenges: [{ token: 't', answer: 'a' }],
    })
  })
})
