import { describe, expect, it } from 'vitest'
import { FrontKeeper } from '../../src/controller/front-keeper.js'
import { newProxy } from '../../src/controller/rotation.js'
import type { Proxy } from '../../src/controller/rotation.js'
import { INGRESS_DEFAULTS } from '../../src/model/index.js'
import type { ProxyTable } from '../../src/model/index.js'
import { frontOf, routeOf, tableOf } from '../ingress/tables.js'
import { FakeCertificates } from './certificates.js'

const endpoints = (...hosts: readonly string[]) => [
  {
    key: 'shop/web:80/http',
    protocol: 'http' as const,
    claims: [],
    replicas: [],
    routes: [{ route: routeOf({ hosts, tls: { kind: 'acme' } }), isWanted: true }],
  },
]

/** One that has this table for certain. */
function proxyWith(table: ProxyTable | null, changes: Partial<Proxy> = {}): Proxy {
  const acked = {
    atMs: 0,
    sinceMs: new Map<string, number>(),
    targets: new Map(),
    local: new Set<string>(),
    counted: new Set<string>(),
  }
  return { ...newProxy('p', 'lon-1', true), table, acked, isSure: table !== null, ...changes }
}

describe('what routes need besides replicas', () => {
  it('is asked for by host, and comes with the next table', () => {
    const certificates = new FakeCertificates()
    let changes = 0
    const keeper = new FrontKeeper(certificates, () => (changes += 1))
    const now = () => {
      keeper.use(INGRESS_DEFAULTS, [endpoints('b.test', 'a.test')])
      return keeper.input(INGRESS_DEFAULTS)
    }
    const first = now()
    expect(certificates.wanted).toEqual([['a.test', 'b.test']])
    expect(now()).toBe(first)
    certificates.issue('a.test', 'PEM')
    certificates.challenge({ token: 't2', answer: 'a' }, { token: 't1', answer: 'a' })
    expect(changes).toBe(2)
    const next = now()
    expect([...next.certificates]).toEqual([['a.test', 'PEM']])
    expect(next.challenges.map(({ token }) => token)).toEqual(['t1', 't2'])
    keeper.forget()
    expect(certificates.wanted).toEqual([['a.test', 'b.test'], []])
  })

  it('is answered when every proxy that listens and can be asked does', () => {
    const certificates = new FakeCertificates()
    const keeper = new FrontKeeper(certificates, () => undefined)
    const answers = (...tokens: readonly string[]) =>
      tableOf([], { front: frontOf({ challenges: tokens.map((token) => ({ token, answer: 'a' })) }) })
    const told = (...proxies: readonly Proxy[]): readonly string[] | undefined => {
      keeper.stand(proxies)
      return certificates.answered.at(-1)
    }
    expect(told(proxyWith(answers('t')), proxyWith(answers()))).toBeUndefined()
    expect(told(proxyWith(answers('t')), proxyWith(answers('t', 'u')))).toEqual(['t'])
    // Nobody is sure of the one any more; another one does not listen; the last is away.
    expect(told(proxyWith(answers('t')), proxyWith(answers('t'), { isSure: false }))).toEqual([])
    expect(told(proxyWith(answers('t')), proxyWith(tableOf([])))).toEqual(['t'])
    expect(told(proxyWith(answers('t')), proxyWith(null))).toEqual([])
    expect(told(proxyWith(answers('t')), proxyWith(answers(), { isReachable: false }))).toEqual(['t'])
  })
})
