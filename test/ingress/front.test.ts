import { describe, expect, it } from 'vitest'
import { planProxy } from '../../src/ingress/index.js'
import type { ProxyState } from '../../src/ingress/index.js'
import { dnsLabel } from '../../src/model/index.js'
import type { ProxyFront, ProxyTable, RouteSpec } from '../../src/model/index.js'
import { haproxyWith } from './made-proxy.js'
import { frontOf, pemOf, routeOf, serviceOf, tableOf, targetOf } from './tables.js'

const WEB = 'to_shop-web-8080-58c68e5d3464e9c6'

function filesOf(routes: readonly RouteSpec[], front: Partial<ProxyFront> = {}): ReadonlyMap<string, string> {
  const table = tableOf([serviceOf({ routes, local: [targetOf(2)] })], { front: frontOf(front) })
  return new Map(planProxy(table, null).files.map(({ name, content }) => [name, content]))
}

function mapOf(name: string, routes: readonly RouteSpec[], front: Partial<ProxyFront> = {}): readonly string[] {
  const lines = filesOf(routes, front).get(name)?.trimEnd().split('\n') ?? []
  return lines.slice(1)
}

/** The lines of the backends of routes. */
function backendOf(manner: RouteSpec['manner']): string {
  const config = filesOf([routeOf({ manner })]).get('haproxy.cfg') ?? ''
  const from = config.indexOf(`backend ${WEB}`)
  return config.slice(from, config.indexOf('  server s1', from))
}

describe('the maps of routes', () => {
  it('have a line for each host, by what it is asked with', () => {
    const routes = [
      routeOf({ hosts: ['*.b.test', 'a.test'], path: '/api', tls: { kind: 'own', name: 'x', pem: '' } }),
      routeOf({ hosts: [], path: '/x', isExact: true }),
    ]
    expect(mapOf('routes.map', routes)).toEqual([
      `http://*.b.test/api/ ${WEB}`,
      `http://a.test/api/ ${WEB}`,
      `https://*.b.test/api/ ${WEB}`,
      `https://a.test/api/ ${WEB}`,
    ])
    expect(mapOf('paths.map', routes)).toEqual([`http://*/x ${WEB}`])
  })

  it('send to https where there is a certificate for the host, and not before', () => {
    const route = routeOf({ hosts: ['a.test', 'b.test'], tls: { kind: 'acme' }, redirect: { kind: 'https' } })
    const certificates = [{ name: 'acme a.test', hosts: ['a.test'], pem: pemOf() }]
    expect(mapOf('routes.map', [route], { certificates }).slice(0, 2)).toEqual([
      'http://a.test/ to_https',
      `http://b.test/ ${WEB}`,
    ])
    // One for all names is none of an authority that was asked for one.
    const all = [{ name: 'own', hosts: [], pem: pemOf() }]
    expect(mapOf('routes.map', [route], { certificates: all })).not.toContain('http://a.test/ to_https')
  })

  it('answer what an authority asks', () => {
    const challenges = [{ token: 'tok', answer: 'tok.key' }]
    expect(mapOf('challenges.map', [routeOf()], { challenges })).toEqual(['/.well-known/acme-challenge/tok tok.key'])
  })
})

describe('a path that services share', () => {
  const [A, B, C] = ['a', 'b', 'c'].map((name) => `to_${dnsLabel(`shop/${name}:80/http`)}`)

  interface Sharer {
    readonly weight: number
    readonly hasReplica?: boolean
    readonly route?: Partial<RouteSpec>
  }

  /** Services `a`, `b` and so on. */
  function shared(...sharers: readonly Sharer[]): ProxyTable {
    const services = sharers.map(({ weight, hasReplica = true, route = {} }, at) =>
      serviceOf({
        key: `shop/${'abcdefghij'.charAt(at)}:80/http`,
        routes: [routeOf({ hosts: ['a.test'], weight, ...route })],
        local: hasReplica ? [targetOf(2 + at)] : [],
      }),
    )
    return tableOf(services, { front: frontOf() })
  }

  function valuesOf(table: ProxyTable, map = 'routes.map'): readonly string[] {
    const content = planProxy(table, null).files.find(({ name }) => name === map)?.content ?? ''
    return content.trimEnd().split('\n').slice(1)
  }

  it.each<[string, readonly Sharer[], string]>([
    ['by their weights', [{ weight: 10 }, { weight: 90 }], `split||900000|${B}|1000000|${A}`],
    ['by thirds', [{ weight: 1 }, { weight: 1 }, { weight: 1 }], `split||333333|${A}|666667|${B}|1000000|${C}`],
    ['without who weighs nothing', [{ weight: 1 }, { weight: 0 }, { weight: 1 }], `split||500000|${A}|1000000|${C}`],
    ['as one, where all others weigh nothing', [{ weight: 0 }, { weight: 5 }], B ?? ''],
    ['without who has no replica', [{ weight: 1 }, { weight: 9, hasReplica: false }, { weight: 0 }], A ?? ''],
    ['by who weighs something, has nobody a replica', [{ weight: 0 }, { weight: 9, hasReplica: false }], B ?? ''],
    ['alike, where all weigh nothing', [{ weight: 0 }, { weight: 0 }], `split||500000|${A}|1000000|${B}`],
  ])('is theirs %s', (_, sharers, value) => {
    expect(valuesOf(shared(...sharers))).toEqual([`http://a.test/ ${value}`])
  })

  it('is theirs for whole paths, for each site, and with what each does on the way', () => {
    const about = { path: '/x', isExact: true, tls: { kind: 'acme' } } as const
    const table = shared({ weight: 1, route: { ...about, manner: { bodyBytes: 5 } } }, { weight: 1, route: about })
    const value = new RegExp(`^https?://a\\.test/x split\\|\\|500000\\|${A}_[0-9a-f]{12}\\|1000000\\|${B}$`)
    expect(valuesOf(table, 'paths.map')).toEqual([expect.stringMatching(value), expect.stringMatching(value)])
    expect(valuesOf(table)).toEqual([])
  })

  it('keeps clients only where all of them do', () => {
    const sticky = { path: '/api', manner: { sticky: 'who' } }
    const both = valuesOf(shared({ weight: 1, route: sticky }, { weight: 1, route: sticky }))
    expect(both).toEqual([expect.stringMatching(/^http:\/\/a\.test\/api\/ split\|\/api\|500000\|/)])
    const one = valuesOf(shared({ weight: 1, route: sticky }, { weight: 1, route: { path: '/api' } }))
    expect(one).toEqual([expect.stringContaining('/api/ split||500000|')])
    // One that is alone for now gives the cookie too.
    const alone = valuesOf(shared({ weight: 1, route: sticky }, { weight: 0, route: sticky }))
    expect(alone).toEqual([expect.stringContaining('/api/ split|/api|1000000|')])
  })

  it('does what the heaviest says before it is anybody’s', () => {
    const away = { redirect: { kind: 'https' }, tls: { kind: 'acme' } } as const
    const certificates = [{ name: 'acme a.test', hosts: ['a.test'], pem: pemOf() }]
    const table = shared({ weight: 1 }, { weight: 2, route: away })
    const secured = { ...table, front: frontOf({ certificates }) }
    expect(valuesOf(secured)).toEqual([
      'http://a.test/ to_https',
      expect.stringMatching(/^https:\/\/a\.test\/ split\|\|666667\|/),
    ])
    expect(
      valuesOf({ ...shared({ weight: 2 }, { weight: 1, route: away }), front: frontOf({ certificates }) }),
    ).toEqual([expect.stringMatching(/^http:\/\/a\.test\/ split\|/)])
  })

  it('costs nothing where nobody shares any, and changes live in one step', () => {
    const configOf = (table: ProxyTable): string => planProxy(table, null).files[0]?.content ?? ''
    const plain = tableOf([serviceOf({ routes: [routeOf()] })], { front: frontOf() })
    expect(configOf(plain)).not.toMatch(/split|rand/)
    expect(configOf(shared({ weight: 1 }))).toMatch(/rand\(1000000\)/)
    expect(configOf(shared({ weight: 1 }))).not.toContain('slipway-service')
    const proxy = haproxyWith()
    proxy.bring(shared({ weight: 90 }, { weight: 10 }, { weight: 0 }))
    for (const weights of [
      [50, 50, 1],
      [0, 1, 0],
      [0, 0, 0],
    ]) {
      const table = shared(...weights.map((weight) => ({ weight })))
      const { commands } = planProxy(table, proxy.state())
      expect(commands?.map((command) => command.split(' ').slice(0, 2).join(' '))).toEqual([
        'prepare map',
        'add map',
        'commit map',
      ])
      proxy.bring(table)
    }
  })
})

describe('a proxy that runs', () => {
  it('is told of a route that comes or goes without a reload, and of nothing that it knows', () => {
    const tableWith = (paths: readonly string[]): ProxyTable => {
      const routes = paths.map((path) => routeOf({ hosts: ['a.test'], path }))
      return tableOf([serviceOf({ routes, local: [targetOf(2)] })], { front: frontOf({}) })
    }
    const proxy = haproxyWith()
    proxy.bring(tableWith(['/a', '/b']))
    for (const paths of [['/a', '/b', '/c'], ['/c']]) {
      const { commands } = planProxy(tableWith(paths), proxy.state())
      expect(commands?.filter((command) => command.startsWith('commit map '))).toHaveLength(1)
      proxy.bring(tableWith(paths))
      const anew = haproxyWith()
      anew.bring(tableWith(paths))
      const digests = ({ front }: ProxyState): unknown => [...front.maps].map(([name, { digest }]) => [name, digest])
      expect(digests(proxy.state())).toEqual(digests(anew.state()))
      expect(planProxy(tableWith(paths), proxy.state()).commands).toEqual([])
    }
  })
})

describe('the backend of a route', () => {
  it('lets nobody in where it cannot say whom', () => {
    expect(backendOf({ users: [{ name: 'bob', hash: 'plain' }] })).toContain('http-request deny deny_status 403\n')
    expect(backendOf({ allow: ['nowhere'] })).toContain('deny_status 403 unless { var(txn.allowed) -m bool }\n')
  })

  it('is shared by routes that do the same, so that one more is told live', () => {
    const manner = { bodyBytes: 10 }
    const one = filesOf([routeOf({ manner })]).get('haproxy.cfg')
    const two = filesOf([routeOf({ manner }), routeOf({ path: '/b', manner: { ...manner } })]).get('haproxy.cfg')
    expect(two).toBe(one)
    expect(filesOf([routeOf({ manner }), routeOf({ path: '/b' })]).get('haproxy.cfg')).not.toBe(one)
  })
})
