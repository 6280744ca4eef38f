import fc from 'fast-check'
import type { BalancedService, ProxyFront, ProxyTable, ProxyTarget, RouteSpec } from '../../src/model/index.js'

export function tableOf(services: readonly BalancedService[], changes: Partial<ProxyTable> = {}): ProxyTable {
  return { server: 'lon-1', services, peers: [], mesh: null, ...changes }
}

export function serviceOf(changes: Partial<BalancedService> = {}): BalancedService {
  return { key: 'shop/web:8080', protocol: 'http', listen: [], local: [], remote: [], ...changes }
}

export function targetOf(host: number, state: ProxyTarget['state'] = 'ready'): ProxyTarget {
  return { containerId: `c${host}`, address: `172.18.0.${host}`, port: 8080, state }
}

export function routeOf(changes: Partial<RouteSpec> = {}): RouteSpec {
  return {
    hosts: ['shop.example.com'],
    path: '/',
    isExact: false,
    target: 8080,
    protocol: 'http',
    tls: { kind: 'off' },
    redirect: { kind: 'none' },
    manner: {},
    ...changes,
  }
}

export function frontOf(changes: Partial<ProxyFront> = {}): ProxyFront {
  return { httpPort: 80, httpsPort: 443, certificates: [], challenges: [], ...changes }
}

/** Of the form of a certificate with its key; no program takes it. */
export function pemOf(text = 'aaaa'): string {
  const block = (label: string) => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`
  return `${block('CERTIFICATE')}${block('PRIVATE KEY')}`
}

/** Texts that a grammar must not let through, and some that it must. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    'shop/web:8080',
    'a\n  server evil 6.6.6.6:80',
    '"x" \'y\' {z} %[src] ${HOME} `id` # \\',
    '*.mesh',
    'lon-1',
    'lon-2',
    '',
    '.',
    'über',
    'x'.repeat(5000),
  ),
)
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  text,
  fc.constantFrom('fe80::1%eth0\n', '172.18.0.2', '172.18.0.3', '::1%a b', ''),
)
const port = fc.oneof(
  fc.integer({ min: 1, max: 65_535 }),
  fc.constantFrom(80, 8444),
  fc.double(),
  fc.constantFrom(0, -1, 65_536),
)

const host = fc.oneof(
  text,
  fc.constantFrom('shop.example.com', '*.example.com', 'a.*.com', '*', 'a b', '10.0.0.1', 'EXAMPLE.com'),
)
const path = fc.oneof(
  text,
  fc.constantFrom('/', '/api', '/api/v1', '/a/../b', '/api/', '/a b', '/%61', '/a;b', '/a+b.c'),
)
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 3 })
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })
const headers = fc.record({
  set: some(
    fc.record({
      name: fc.oneof(text, fc.constantFrom('X-A', 'Host')),
      value: fc.oneof(text, fc.constant('\'self\' %[x] "a" $HOME \\')),
    }),
  ),
  remove: some(fc.oneof(text, fc.constant('Server'))),
})
const hash = fc.oneof(
  text,
  fc.constantFrom(`$2b$05$${'a'.repeat(53)}`, `$6$salt$${'b'.repeat(86)}`, `$2y$14$${'a'.repeat(53)}`, '{PLAIN}x'),
)
const manner = fc.record({
  sticky: maybe(fc.oneof(text, fc.constant('shop'))),
  timeouts: maybe(fc.record({ connectMs: maybe(fc.double()), readMs: maybe(fc.nat()), idleMs: maybe(fc.integer()) })),
  bodyBytes: maybe(fc.oneof(fc.nat(), fc.double())),
  requestHeaders: maybe(headers),
  responseHeaders: maybe(headers),
  hsts: maybe(fc.oneof(text, fc.constant('max-age=31536000'))),
  users: maybe(some(fc.record({ name: fc.oneof(text, fc.constant('bob')), hash }))),
  allow: maybe(
    fc.array(fc.oneof(address, fc.constantFrom('10.0.0.0/8', '10.0.0.0/33', '::/0 }', 'fd00::/8')), { maxLength: 20 }),
  ),
  rewrite: maybe(fc.record({ from: path, to: path })),
}) as fc.Arbitrary<RouteSpec['manner']>
const redirect = fc.oneof(
  fc.constantFrom({ kind: 'none' as const }, { kind: 'https' as const }),
  fc.record({
    kind: fc.constant('to' as const),
    url: fc.oneof(text, fc.constant('https://x.example.com/a?b=%20"')),
    keepsPath: fc.boolean(),
    status: fc.constantFrom(301 as const, 302 as const, 307 as const, 308 as const),
  }),
)
const route = fc.record({
  hosts: some(host),
  path,
  isExact: fc.boolean(),
  target: port,
  protocol: fc.constantFrom('http' as const, 'h2' as const),
  tls: fc.oneof(
    fc.constantFrom({ kind: 'off' as const }, { kind: 'acme' as const }),
    fc.record({ kind: fc.constant('own' as const), name: text, pem: text }),
  ),
  redirect,
  weight: maybe(fc.oneof(fc.constantFrom(0, 1, 90, 1_001), fc.double())),
  manner,
}) as fc.Arbitrary<RouteSpec>
const front: fc.Arbitrary<ProxyFront> = fc.record({
  httpPort: fc.option(port),
  httpsPort: fc.option(fc.oneof(port, fc.constant(443))),
  certificates: some(
    fc.record({
      name: text,
      hosts: some(host),
      pem: fc.oneof(text, fc.constantFrom(pemOf(), pemOf('bbbb'), `evil\n${pemOf()}\n\n;`)),
    }),
  ),
  challenges: some(
    fc.record({ token: fc.oneof(text, fc.constant('tok-en_1')), answer: fc.oneof(text, fc.constant('tok.key')) }),
  ),
})

const anyFront: fc.Arbitrary<ProxyTable> = fc
  .record({
    server: text,
    services: fc.array(
      fc.record({
        key: text,
        protocol: fc.constantFrom('tcp' as const, 'http' as const, 'h2' as const),
        routes: some(route),
        listen: fc.array(fc.record({ hostIp: address, port }), { maxLength: 3 }),
        local: fc.array(
          fc.record(
            {
              containerId: text,
              address,
              port,
              state: fc.constantFrom('ready' as const, 'drain' as const),
              weight: fc.oneof(fc.constant(0), fc.double()),
              isFresh: fc.boolean(),
            },
            { requiredKeys: ['containerId', 'address', 'port', 'state'] },
          ),
          { maxLength: 9 },
        ),
        remote: fc.array(fc.record({ server: text, weight: fc.oneof(fc.nat(400), fc.double()) }), { maxLength: 3 }),
      }),
      { maxLength: 4 },
    ),
    peers: fc.array(fc.record({ server: text, host: address, port }), { maxLength: 3 }),
    mesh: fc.option(fc.record({ port, authority: text, certificate: text })),
    front: fc.option(front, { nil: undefined }),
  })
  .map(({ front: own, ...table }) => (own === undefined ? table : { ...table, front: own }))

const named = fc.record({
  address: fc.oneof(fc.constantFrom('198.18.0.7', '198.18.0.8', '10.0.0.1'), address),
  port,
  from: some(fc.oneof(fc.constantFrom('172.18.0.0/16', 'fd00::/64', '172.18.0.0/33'), text)),
})

const canary = fc.record(
  {
    share: fc.record({ specHash: text, percent: fc.oneof(fc.constantFrom(0, 100), fc.double()) }),
    canary: fc.record({
      match: fc.option(
        fc.record({
          kind: fc.constantFrom('header' as const, 'cookie' as const),
          name: fc.oneof(text, fc.constantFrom('X-Canary', 'canary')),
          value: fc.option(fc.oneof(text, fc.constant('"yes" %[src] }'))),
        }),
      ),
    }),
  },
  { requiredKeys: [] },
)

/** Any table that its type allows, and then some. */
export const anyTable: fc.Arbitrary<ProxyTable> = fc
  .record({
    table: anyFront,
    names: fc.array(fc.option(named), { minLength: 4, maxLength: 4 }),
    canaries: fc.array(canary, { minLength: 4, maxLength: 4 }),
    range: fc.option(fc.oneof(fc.constantFrom('198.18.0.0/16', '198.18.0.0/8', '10.0.0.0/8/x'), text)),
  })
  .map(({ table, names, canaries, range }) => ({
    ...table,
    services: table.services.map((service, at) => {
      const name = names[at] ?? null
      const named = name === null ? service : { ...service, name }
      return { ...named, ...canaries[at] }
    }),
    ...(range === null ? {} : { range }),
  }))
