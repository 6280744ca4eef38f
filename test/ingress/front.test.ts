import { describe, expect, it } from 'vitest'
import { planProxy } from '../../src/ingress/index.js'
import type { ProxyState } from '../../src/ingress/index.js'
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
