import { beforeAll, describe, expect, it } from 'vitest'
import { dnsLabel } from '../../src/model/index.js'
import type { RouteSpec } from '../../src/model/index.js'
import { testAuthority } from '../ingress/papers.js'
import type { TestAuthority, TestPapers } from '../ingress/papers.js'
import { routeOf } from '../ingress/tables.js'
import { desiredOf, placed } from './repository.js'
import type { Contents } from './repository.js'

const FLEET = 'fleet: a\nservers: { a: { engine: /x } }\ningress: { acme: { terms_agreed: true } }\n'
const SHOP = 'stacks/shop/compose.yaml'
let authority: TestAuthority
let papers: TestPapers

beforeAll(async () => {
  authority = await testAuthority()
  papers = await authority.issue(['shop.example.com', '*.shop.example.com'])
})

/** A service with these routes, each in YAML's short form. */
function shop(routes: readonly string[], more = 'expose: ["8080"]', top = ''): string {
  const lines = routes.map((route) => `        - ${route}\n`)
  return `services:\n  web:\n    image: web:1\n    ${more}\n    x-slipway:\n      routes:\n${lines.join('')}${top}`
}

const HTPASSWD = `bob:$2y$05$${'a'.repeat(53)}\n# nobody\n\nann:$6$salt$${'b'.repeat(86)}\n`

function contents(compose: string, others: Contents = {}, fleet = FLEET): Contents {
  return { 'slipway.yaml': fleet, [SHOP]: compose, 'stacks/shop/users': HTPASSWD, ...others }
}

function tlsFiles(one: TestPapers = papers): Contents {
  return { 'stacks/shop/tls/shop.pem': one.certificate, 'stacks/shop/tls/shop.key': one.key }
}

function routesOf(all: Contents): readonly RouteSpec[] {
  const [entry] = desiredOf(all).stacks
  if (entry?.kind !== 'valid') throw new Error(JSON.stringify(entry?.problems))
  return entry.stack.services[0]?.routes ?? []
}

function problemsOf(all: Contents) {
  return desiredOf(all).stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : []))
}

describe('a route', () => {
  const cases: readonly (readonly [string, Partial<RouteSpec>])[] = [
    ['{ host: shop.example.com }', {}],
    ['{ hosts: [B.test, a.test, b.test] }', { hosts: ['a.test', 'b.test'] }],
    ['{ host: "*.example.com", path: /api/ }', { hosts: ['*.example.com'], path: '/api' }],
    ['{ path: { exact: /api/ }, port: 80 }', { hosts: [], path: '/api/', isExact: true, target: 80 }],
    ['{ host: shop.example.com, protocol: h2c, tls: off }', { protocol: 'h2' }],
    ['{ host: shop.example.com, tls: acme }', { tls: { kind: 'acme' }, redirect: { kind: 'https' } }],
    ['{ host: shop.example.com, tls: acme, redirect: off }', { tls: { kind: 'acme' } }],
    [
      '{ host: shop.example.com, redirect: { to: "https://new.test" } }',
      { redirect: { kind: 'to', url: 'https://new.test', keepsPath: true, status: 308 } },
    ],
    [
      '{ host: shop.example.com, redirect: { to: "https://new.test/x?y", status: 302 } }',
      { redirect: { kind: 'to', url: 'https://new.test/x?y', keepsPath: false, status: 302 } },
    ],
    ['{ host: shop.example.com, weight: 1000 }', { weight: 1_000 }],
    ['{ host: shop.example.com, sticky: true }', { manner: { sticky: `slipway-${dnsLabel('shop/web')}` } }],
    ['{ host: shop.example.com, sticky: { cookie: who } }', { manner: { sticky: 'who' } }],
    [
      '{ host: shop.example.com, timeouts: { read: 30s, idle: 1h }, body_limit: 10m }',
      { manner: { timeouts: { readMs: 30_000, idleMs: 3_600_000 }, bodyBytes: 10_485_760 } },
    ],
    [
      `{ host: shop.example.com, headers: { request: { set: { X-B: 1, X-A: "it's 'x' \\"y\\"" }, remove: [Cookie] }, response: { remove: [Server] } } }`,
      {
        manner: {
          requestHeaders: {
            set: [
              { name: 'X-A', value: `it's 'x' "y"` },
              { name: 'X-B', value: '1' },
            ],
            remove: ['Cookie'],
          },
          responseHeaders: { set: [], remove: ['Server'] },
        },
      },
    ],
    [
      '{ host: shop.example.com, tls: acme, redirect: off, hsts: { max_age: 30d, subdomains: true, preload: true } }',
      { tls: { kind: 'acme' }, manner: { hsts: 'max-age=2592000; includeSubDomains; preload' } },
    ],
    [
      '{ host: shop.example.com, auth: { basic: ./users } }',
      {
        manner: {
          users: [
            { name: 'ann', hash: `$6$salt$${'b'.repeat(86)}` },
            { name: 'bob', hash: `$2y$05$${'a'.repeat(53)}` },
          ],
        },
      },
    ],
    ['{ host: shop.example.com, allow: [fd00::/8, 10.0.0.0/8] }', { manner: { allow: ['10.0.0.0/8', 'fd00::/8'] } }],
    [
      '{ host: shop.example.com, path: /api, rewrite: /v1/ }',
      { path: '/api', manner: { rewrite: { from: '/api', to: '/v1' } } },
    ],
  ]

  it.each(cases)('%s', (route, expected) => {
    expect(routesOf(contents(shop([route])))).toEqual([routeOf(expected)])
  })

  it.each([
    ['expose: ["8080"]', 8080],
    ['ports: ["9000:80"]', 80],
    ['ports: [{ target: 80, published: 9000, mode: host }]', 80],
    ['ports: ["9000:80", "9001:80"]', 80],
  ])('goes to the one port of a service with %s', (said, target) => {
    expect(routesOf(contents(shop(['{ host: a.test }'], said)))[0]?.target).toBe(target)
  })

  it('brings a certificate from files and from secrets, with its key in the same or another', () => {
    const own = { kind: 'own', pem: papers.pem } as const
    const file = contents(
      shop(['{ host: shop.example.com, tls: { certificate: tls/shop.pem, key: tls/shop.key } }']),
      tlsFiles(),
    )
    expect(routesOf(file)[0]?.tls).toEqual({ ...own, name: 'stacks/shop/tls/shop.pem' })
    const secrets = 'secrets:\n  shop-tls: { file: both.pem }\n'
    const secret = contents(
      shop(['{ host: a.shop.example.com, tls: { certificate: shop-tls } }'], 'expose: ["80"]', secrets),
      {
        'stacks/shop/both.pem': papers.pem,
      },
    )
    expect(routesOf(secret)[0]?.tls).toEqual({ ...own, name: 'stacks/shop/both.pem' })
  })
})

describe('a route is refused', () => {
  it.each([
    // A50: nothing but names as DNS has them.
    ['{ host: "a\\nb.test" }', '7:19 FIELD_INVALID'],
    [`{ host: "a'b.test" }`, '7:19 FIELD_INVALID'],
    ['{ host: "a{b}.test" }', '7:19 FIELD_INVALID'],
    ['{ host: "a.*.test" }', '7:19 FIELD_INVALID'],
    ['{ host: "*" }', '7:19 FIELD_INVALID'],
    ['{ host: "*a.test" }', '7:19 FIELD_INVALID'],
    ['{ host: "a.test:80" }', '7:19 FIELD_INVALID'],
    ['{ host: 10.0.0.1 }', '7:19 FIELD_INVALID'],
    ['{ host: "über.test" }', '7:19 FIELD_INVALID'],
    ['{ host: a.test, hosts: [b.test] }', '7:27 CONFLICT'],
    ['{ hosts: [] }', '7:20 FIELD_MISSING'],
    ['{ path: api }', '7:19 FIELD_INVALID'],
    ['{ path: "/api/*" }', '7:19 FIELD_INVALID'],
    ['{ path: /a/../b }', '7:19 FIELD_INVALID'],
    ['{ path: "/a%20b" }', '7:19 FIELD_INVALID'],
    ['{ path: "/a;b" }', '7:19 FIELD_INVALID'],
    ['{ tls: letsencrypt }', '7:18 FIELD_INVALID'],
    ['{ tls: acme }', '7:18 FIELD_MISSING'],
    ['{ redirect: https }', '7:23 CONFLICT'],
    ['{ redirect: { to: "javascript:x" } }', '7:29 FIELD_INVALID'],
    ['{ redirect: { to: "https://a.test" }, body_limit: 1m }', '7:23 CONFLICT'],
    ['{ host: a.test, hsts: true }', '7:33 CONFLICT'],
    ['{ sticky: { cookie: "a=b" } }', '7:31 NAME_INVALID'],
    ['{ headers: { request: { set: { "X A": b } } } }', '7:42 NAME_INVALID'],
    ['{ headers: { request: { set: { Host: b } } } }', '7:42 NAME_INVALID'],
    ['{ headers: { request: { set: { X-A: "a\\nb" } } } }', '7:47 FIELD_INVALID'],
    ['{ headers: { response: { remove: [Transfer-Encoding] } } }', '7:45 NAME_INVALID'],
    ['{ allow: [10.0.0.0/33] }', '7:21 FIELD_INVALID'],
    ['{ allow: [] }', '7:20 FIELD_MISSING'],
    ['{ rewrite: "no" }', '7:22 FIELD_INVALID'],
    ['{ auth: { basic: nothing } }', '7:28 REFERENCE_UNKNOWN'],
    ['{ auth: { basic: ./nothing } }', '7:28 FILE_MISSING'],
    ['{ tls: { certificate: ./nothing } }', '7:33 FILE_MISSING'],
    ['{ tls: { key: ./users } }', '7:18 FIELD_MISSING'],
    ['{ strip_prefix: true }', '7:13 FIELD_UNKNOWN'],
    ['{ timeouts: { read: 0s } }', '7:31 VALUE_OUT_OF_RANGE'],
    ['{ weight: 1001 }', '7:21 VALUE_OUT_OF_RANGE'],
    ['{ weight: -1 }', '7:21 VALUE_OUT_OF_RANGE'],
    ['{ weight: 0.5 }', '7:21 FIELD_INVALID'],
    ['{ weight: 10% }', '7:21 FIELD_INVALID'],
    ['{ weights: 10 }', '7:13 FIELD_UNKNOWN'],
    ['{ weight: 1, redirect: { to: "https://a.test" } }', '7:21 CONFLICT'],
    ['{ weight: 0 }', '7:11 CONFLICT'],
  ])('%s', (route, expected) => {
    expect(problemsOf(contents(shop([route]))).map(placed)).toContain(expected)
  })

  it.each([
    ['expose: []', 'the service names none'],
    ['expose: ["80", "81"]', 'the service has 80 and 81'],
  ])('without a port where the service has not exactly one: %s', (said, why) => {
    const [problem] = problemsOf(contents(shop(['{ host: a.test }'], said)))
    expect(problem).toMatchObject({ code: 'FIELD_MISSING', message: expect.stringContaining(why) as string })
  })

  it('in a fleet without ingress, with what to write', () => {
    const [problem] = problemsOf(contents(shop(['{ host: a.test }']), {}, FLEET.replace(/ingress.*\n/, '')))
    expect(problem).toMatchObject({ code: 'FIELD_MISSING', place: { line: 6 } })
    expect(problem?.message).toContain('write `ingress: true` into slipway.yaml')
  })

  it('of a service that the proxies cannot reach, or that exits', () => {
    const host = problemsOf(contents(shop(['{ host: a.test }'], 'network_mode: none\n    expose: ["80"]')))
    expect(host.map(({ code }) => code)).toEqual(['CONFLICT'])
  })

  it.each([
    ['bob:$apr1$x$y', 'MD5 and SHA-1 are not taken'],
    ['bob:secret', 'the hash is none of crypt(3)'],
    [`bob:$2y$12$${'a'.repeat(53)}`, 'the cost of the hash is over 8'],
    ['bob', 'expected <name>:<hash>'],
    ['b b:x', 'the name has other characters'],
    ['# nobody', 'there is nobody in'],
  ])('with %s among its users', (line, why) => {
    const all = contents(shop(['{ host: a.test, auth: { basic: ./users } }']), { 'stacks/shop/users': `${line}\n` })
    const problems = problemsOf(all)
    expect(problems.map(({ message }) => message).join()).toContain(why)
    expect(JSON.stringify(problems)).not.toMatch(/secret[^ ]|apr1\$x/)
  })
})

describe('a certificate', () => {
  const said = '{ host: shop.example.com, tls: { certificate: tls/shop.pem, key: tls/shop.key } }'

  it('must fit its key, its hosts and its form', async () => {
    const other = await authority.issue(['other.example.com'])
    const cases: readonly (readonly [string, Contents, string])[] = [
      [
        said,
        { ...tlsFiles(), 'stacks/shop/tls/shop.key': other.key },
        'the private key is not that of the certificate',
      ],
      [said, tlsFiles(other), 'is not for shop.example.com, but for other.example.com'],
      [
        said,
        { ...tlsFiles(), 'stacks/shop/tls/shop.key': 'no key' },
        'there must be a certificate and one private key',
      ],
      [
        said,
        { ...tlsFiles(), 'stacks/shop/tls/shop.pem': `${authority.certificate.trim()}\n${papers.certificate}` },
        'must be the first one',
      ],
      [
        '{ hosts: [a.b.shop.example.com], tls: { certificate: tls/shop.pem, key: tls/shop.key } }',
        tlsFiles(),
        'is not for a.b.shop.example.com',
      ],
    ]
    for (const [route, files, why] of cases) {
      const problems = problemsOf(contents(shop([route]), files))
      expect(problems.map(({ code }) => code)).toEqual(['CERTIFICATE_INVALID'])
      expect(problems[0]?.message).toContain(why)
      expect(JSON.stringify(problems)).not.toContain('PRIVATE KEY-----')
    }
    const wild = '{ host: "*.shop.example.com", tls: { certificate: tls/shop.pem, key: tls/shop.key } }'
    expect(problemsOf(contents(shop([wild]), tlsFiles()))).toEqual([])
  })
})

describe('what is one service of the whole fleet', () => {
  const blog = (route: string, more = ''): Contents => ({
    'stacks/blog/compose.yaml': shop([route]).replace('web:', 'blog:') + more,
  })

  it.each([
    ['{ host: a.test }', '{ hosts: [b.test, a.test], path: / }'],
    ['{ path: /api }', '{ path: /api/ }'],
    ['{ path: { exact: /x } }', '{ path: { exact: /x } }'],
  ])('is a route: %s and %s', (one, other) => {
    const problems = problemsOf(contents(shop([one]), blog(other)))
    expect(problems.map(({ place }) => `${place?.path}:${place?.line}:${place?.column}`)).toEqual([
      'stacks/blog/compose.yaml:7:11',
      `${SHOP}:7:11`,
    ])
    expect(problems[0]?.message).toContain(`shop/web (${SHOP}:7:11)`)
    expect(problems[1]?.message).toContain('blog/blog (stacks/blog/compose.yaml:7:11)')
  })

  it.each([
    ['{ host: a.test }', '{ host: a.test, path: /api }'],
    ['{ host: a.test, path: /x }', '{ host: a.test, path: { exact: /x } }'],
    ['{ host: a.test }', '{ host: "*.test" }'],
    ['{ host: a.test }', '{ path: / }'],
  ])('is not more than that: %s and %s', (one, other) => {
    expect(problemsOf(contents(shop([one]), blog(other)))).toEqual([])
  })

  it.each([
    ['{ host: a.test, weight: 90 }', '{ hosts: [b.test, a.test], weight: 10 }'],
    ['{ host: a.test, weight: 0 }', '{ host: a.test, weight: 1, rewrite: /v2, protocol: h2c }'],
    ['{ path: { exact: /x }, weight: 1, sticky: true }', '{ path: { exact: /x }, weight: 1, sticky: { cookie: x } }'],
    ['{ host: a.test, tls: acme, weight: 5 }', '{ host: a.test, tls: acme, weight: 5 }'],
  ])('is not a route that all share by weights: %s and %s', (one, other) => {
    expect(problemsOf(contents(shop([one]), blog(other)))).toEqual([])
  })

  it.each([
    [
      '{ host: a.test, weight: 90 }',
      '{ host: a.test }',
      '`weight:`, which is missing at stacks/blog/compose.yaml:7:11',
    ],
    ['{ host: a.test, weight: 0 }', '{ host: a.test, weight: 0 }', 'nobody would get a.test /'],
    ['{ host: a.test, weight: 1 }', '{ host: a.test, weight: 1, tls: acme }', 'has another `tls:` or `redirect:`'],
    [
      '{ host: a.test, weight: 1, tls: acme }',
      '{ host: a.test, weight: 1, tls: acme, redirect: off }',
      'has another `tls:` or `redirect:`',
    ],
    ['{ host: a.test, weight: 1, sticky: true }', '{ host: a.test, weight: 1 }', 'sticky, unlike at'],
  ])('is a route that they share in different ways: %s and %s', (one, other, why) => {
    const problems = problemsOf(contents(shop([one]), blog(other)))
    expect(problems.map(({ code, place }) => `${code} ${place?.path}:${place?.line}`)).toEqual([
      'CONFLICT stacks/blog/compose.yaml:7',
      `CONFLICT ${SHOP}:7`,
    ])
    for (const { message } of problems) expect(message).toContain(why)
    expect(problems[0]?.message).toContain(SHOP)
    expect(problems[1]?.message).toContain('stacks/blog/compose.yaml:7:11')
  })

  it('is a route that one of them protects and another does not, which is warned of', () => {
    const others = blog('{ host: a.test, weight: 1 }')
    const guarded = '{ host: a.test, weight: 1, tls: off, allow: [10.0.0.0/8], auth: { basic: ./users } }'
    const warned = (all: Contents) => desiredOf(all).warnings.filter(({ message }) => message.includes('get past it'))
    const [warning, more] = warned(contents(shop([guarded]), others))
    expect(warning).toMatchObject({
      severity: 'warning',
      stack: 'blog',
      place: { path: 'stacks/blog/compose.yaml', line: 7 },
    })
    expect(warning?.message).toContain(
      `without the \`auth:\` of shop/web (${SHOP}:7:11) and the \`allow:\` of shop/web`,
    )
    expect(more).toBeUndefined()
    expect(warned(contents(shop(['{ host: a.test, weight: 1 }']), others))).toEqual([])
    expect(warned(contents(shop([guarded]), blog('{ host: b.test, weight: 1 }')))).toEqual([])
  })

  it('is a route that one service would share with itself, or too many with each other', () => {
    const [first, second] = problemsOf(contents(shop(['{ weight: 1, port: 80 }', '{ weight: 2, port: 81 }'])))
    expect(first?.message).toContain(`of the same service at ${SHOP}:8:11`)
    expect(second?.message).toContain(`of the same service at ${SHOP}:7:11`)
    const stacks = (count: number): Contents =>
      Object.fromEntries(
        Array.from({ length: count }, (_, at) => [`stacks/s${at}/compose.yaml`, shop(['{ host: a.test, weight: 1 }'])]),
      )
    expect(problemsOf({ 'slipway.yaml': FLEET, ...stacks(8) })).toEqual([])
    const problems = problemsOf({ 'slipway.yaml': FLEET, ...stacks(9) })
    expect(problems).toHaveLength(9)
    expect(problems[0]?.message).toContain('at most 8 services share a host and path')
  })

  it('is no route that nobody gets, as far as a stack that is refused lets anybody say', () => {
    const broken = { 'stacks/other/compose.yaml': 'services:\n  x: {}\n' }
    const none = '{ host: a.test, weight: 0 }'
    expect(problemsOf(contents(shop([none]))).map(({ message }) => message)).toEqual([
      'nobody would get a.test / of "web": its weight is 0; give one at least 1, or remove the route',
    ])
    expect(problemsOf(contents(shop([none]), broken)).filter(({ stack }) => stack === 'shop')).toEqual([])
  })

  it('is the certificate of a host', async () => {
    const own = '{ host: shop.example.com, tls: { certificate: tls/shop.pem, key: tls/shop.key } }'
    const acme = '{ host: shop.example.com, path: /blog, tls: acme }'
    const problems = problemsOf(contents(shop([own]), { ...tlsFiles(), ...blog(acme) }))
    expect(problems.map(({ code }) => code)).toEqual(['CONFLICT', 'CONFLICT'])
    expect(problems[0]?.message).toContain('a host has one')
    expect(JSON.stringify(problems)).not.toContain('PRIVATE')
    const same = { 'stacks/blog/both.pem': papers.pem }
    const third = blog('{ host: shop.example.com, path: /b, tls: { certificate: ./both.pem } }')
    expect(problemsOf(contents(shop([own]), { ...tlsFiles(), ...third, ...same }))).toEqual([])
    const other = { 'stacks/blog/both.pem': (await authority.issue(['shop.example.com'])).pem }
    const second = blog('{ host: shop.example.com, path: /b, tls: { certificate: ./both.pem } }')
    expect(problemsOf(contents(shop([own]), { ...tlsFiles(), ...second, ...other }))).toHaveLength(2)
    expect(
      problemsOf(contents(shop([own]), { ...tlsFiles(), ...blog(acme.replace('tls: acme', 'tls: off')) })),
    ).toEqual([])
  })

  it('are the ports of routes, once there are some', () => {
    const ports = (published: number) => ({
      'stacks/blog/compose.yaml': `services:\n  blog:\n    image: blog:1\n    ports:\n      - "${published}:80"\n`,
    })
    const routes = shop(['{ host: a.test }'])
    for (const port of [80, 443]) {
      const [problem] = problemsOf(contents(routes, ports(port)))
      expect(problem).toMatchObject({
        code: 'CONFLICT',
        place: { path: 'stacks/blog/compose.yaml', line: 5, column: 9 },
      })
      expect(problem?.message).toContain('`ingress.http')
    }
    expect(problemsOf(contents(routes, ports(8080)))).toEqual([])
    expect(problemsOf({ 'slipway.yaml': FLEET, ...ports(80) })).toEqual([])
  })
})
