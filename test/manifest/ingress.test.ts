import { describe, expect, it } from 'vitest'
import { createLoader } from '../../src/manifest/index.js'
import { desiredOf, loadAll, refusalOf } from './repository.js'

const FLEET = 'fleet: a\nservers: { a: { engine: /x } }\n'

function files(web: string, ingress = 'ingress: true\n', other = ''): Readonly<Record<string, string>> {
  return {
    'slipway.yaml': `${FLEET}${ingress}`,
    'stacks/shop/compose.yaml': `services:\n  web:\n    image: web:1\n    ${web}\n`,
    ...(other === '' ? {} : { 'stacks/blog/compose.yaml': `services:\n  blog:\n    image: blog:1\n    ${other}\n` }),
  }
}

function webOf(content: Readonly<Record<string, string>>): ReturnType<typeof servicesOf>[number] | undefined {
  return servicesOf(content, 'shop')[0]
}

function servicesOf(content: Readonly<Record<string, string>>, name: string) {
  const entry = desiredOf(content).stacks.find((one) => one.name === name)
  return entry?.kind === 'valid' ? entry.stack.services : []
}

function problemsOf(content: Readonly<Record<string, string>>, name: string) {
  const entry = desiredOf(content).stacks.find((one) => one.name === name)
  return entry?.kind === 'invalid' ? entry.problems : []
}

describe('ingress of slipway.yaml', () => {
  it('has defaults', () => {
    expect(desiredOf(files('ports: []')).fleet.ingress).toEqual({
      image: 'haproxy:3.2-alpine',
      placement: [],
      meshPort: 8444,
      httpPort: 80,
      httpsPort: 443,
      names: '198.18.0.0/16',
    })
  })

  it('says where ports listen, by which image and mesh port', () => {
    const said =
      'ingress: { image: "haproxy:3.0", placement: [node.labels.tier == edge], mesh_port: 9000, http_port: 8080, https_port: 8443 }\n'
    expect(desiredOf(files('ports: []', said)).fleet.ingress).toEqual({
      image: 'haproxy:3.0',
      placement: [{ key: 'node.labels.tier', op: '==', value: 'edge' }],
      meshPort: 9000,
      httpPort: 8080,
      httpsPort: 8443,
      names: '198.18.0.0/16',
    })
  })

  it.each([
    ['10.99.0.0/20', '10.99.0.0/20'],
    ['false', undefined],
    ['true', '198.18.0.0/16'],
  ])('gives names the addresses of %s', (said, names) => {
    expect(desiredOf(files('ports: []', `ingress: { names: ${said} }\n`)).fleet.ingress?.names).toBe(names)
  })

  it('says where certificates come from', () => {
    const acme = '{ email: ops@example.com, terms_agreed: true, challenge: dns-01, eab: { kid: k1 } }'
    expect(desiredOf(files('ports: []', `ingress: { acme: ${acme} }\n`)).fleet.ingress?.acme).toEqual({
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
      email: 'ops@example.com',
      termsAgreed: true,
      challenge: 'dns-01',
      bindingKid: 'k1',
    })
    expect(desiredOf(files('ports: []', 'ingress: { acme: {} }\n')).fleet.ingress?.acme).toEqual({
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
      email: null,
      termsAgreed: false,
      challenge: 'http-01',
      bindingKid: null,
    })
  })

  it.each(['', 'ingress: false\n'])('is off with %j', (said) => {
    expect(desiredOf(files('ports: []', said)).fleet.ingress).toBeUndefined()
  })

  it.each([
    ['ingress: { port: 80 }\n', 'FIELD_UNKNOWN'],
    ['ingress: { mesh_port: 99999 }\n', 'VALUE_OUT_OF_RANGE'],
    ['ingress: { http_port: 443 }\n', 'CONFLICT'],
    ['ingress: { placement: [edge] }\n', 'FIELD_INVALID'],
    ['ingress: [1]\n', 'FIELD_INVALID'],
    ['ingress: { names: 198.18.0.1/16 }\n', 'FIELD_INVALID'],
    ['ingress: { names: 198.18.0.0/30 }\n', 'FIELD_INVALID'],
    ['ingress: { names: "fd00::/16" }\n', 'FIELD_INVALID'],
    ['ingress: { acme: { directory: "http://ca.example.com/dir" } }\n', 'FIELD_INVALID'],
    ['ingress: { acme: { directory: nowhere } }\n', 'FIELD_INVALID'],
    ['ingress: { acme: { email: "a@b, c@d" } }\n', 'FIELD_INVALID'],
    ['ingress: { acme: { challenge: tls-alpn-01 } }\n', 'FIELD_INVALID'],
    ['ingress: { acme: { eab: {} } }\n', 'FIELD_MISSING'],
    ['ingress: { acme: { hook: /bin/sh } }\n', 'FIELD_UNKNOWN'],
  ])('%j is refused', (said, code) => {
    expect(refusalOf(`${FLEET}${said}`).map((problem) => problem.code)).toContain(code)
  })
})

describe('a server without an address', () => {
  const local = 'fleet: a\nservers: { a: { engine: /x }, b: { engine: /y } }\n'

  it.each([
    [`${local}ingress: true\n`, ['servers.a', 'servers.b']],
    [local, []],
    [`${FLEET}ingress: true\n`, []],
  ])('is warned of where other servers would send to it: %j', (fleet, spots) => {
    const { warnings } = desiredOf({ ...files('ports: []'), 'slipway.yaml': fleet })
    const about = warnings.filter(({ message }) => message.includes('other servers cannot send'))
    expect(about.map(({ message }) => message.split(':')[0])).toEqual(spots)
  })
})

describe('published ports', () => {
  const own = { published: 8080, target: 80, hostIp: '', protocol: 'tcp' } as const

  it.each([
    ['ports: ["8080:80"]', [], [own]],
    ['ports: ["127.0.0.1:8080:80"]', [], [{ ...own, hostIp: '127.0.0.1' }]],
    ['ports: [{ target: 80, published: 8080, mode: ingress }]', [], [own]],
    ['ports: [{ target: 80, published: 8080, mode: host }]', [own], undefined],
    ['ports: [{ target: 80, published: 8080, app_protocol: http }]', [], [{ ...own, protocol: 'http' }]],
    ['ports: ["80"]', [{ ...own, published: null }], undefined],
    ['ports: [{ target: 80, published: 8080, protocol: udp, mode: host }]', [{ ...own, protocol: 'udp' }], undefined],
  ])('%s: bound by the replica %j, by the proxies %j', (ports, bound, balanced) => {
    expect(webOf(files(ports))).toMatchObject({ ports: bound })
    expect(webOf(files(ports))?.balanced).toEqual(balanced)
  })

  it('are all bound by the replica without ingress', () => {
    expect(webOf(files('ports: ["8080:80"]', ''))?.ports).toEqual([own])
    expect(webOf(files('ports: ["8080:80"]', ''))?.balanced).toBeUndefined()
  })

  it('in ranges are balanced one by one', () => {
    expect(webOf(files('ports: ["8080-8081:80-81"]'))?.balanced?.map(({ published }) => published)).toEqual([
      8080, 8081,
    ])
  })

  it('of another protocol than tcp are refused, with what to write', () => {
    expect(problemsOf(files('ports: ["53:53/udp"]'), 'shop')).toMatchObject([
      { code: 'FIELD_UNSUPPORTED', message: expect.stringContaining('mode: host') as string },
    ])
  })

  it('are one service’s on the whole fleet', () => {
    const content = files('ports: ["8080:80"]', 'ingress: true\n', 'ports: ["127.0.0.1:8080:3000"]')
    expect(problemsOf(content, 'shop')).toMatchObject([
      {
        code: 'CONFLICT',
        service: 'web',
        message: expect.stringContaining('blog/blog (port 3000, stacks/blog/compose.yaml:4:13)') as string,
      },
    ])
    expect(problemsOf(content, 'blog')).toMatchObject([
      { code: 'CONFLICT', service: 'blog', message: expect.stringContaining('shop/web') as string },
    ])
  })

  it('may be the same on two addresses', () => {
    const content = files('ports: ["127.0.0.1:8080:80"]', 'ingress: true\n', 'ports: ["127.0.0.2:8080:3000"]')
    expect(desiredOf(content).stacks.map((entry) => entry.kind)).not.toContain('invalid')
  })

  it('are not that of the mesh', () => {
    expect(problemsOf(files('ports: ["8444:80"]'), 'shop')).toMatchObject([
      { code: 'CONFLICT', message: expect.stringContaining('mesh_port') as string },
    ])
  })

  it('are read anew when ingress comes or goes, although no Compose file changed', () => {
    const loader = createLoader()
    const balanced = ['', 'ingress: true\n', ''].map((ingress) => {
      const { loaded } = loadAll(files('ports: ["8080:80"]', ingress), loader)
      const [entry] = loaded.kind === 'loaded' ? loaded.desired.stacks.filter(({ name }) => name === 'shop') : []
      return entry?.kind === 'valid' ? entry.stack.services[0]?.balanced?.length : undefined
    })
    expect(balanced).toEqual([undefined, 1, undefined])
  })

  it('say how long their connections may go on', () => {
    const drained = files('ports: ["8080:80"]\n    x-slipway: { rollout: { drain: 5s } }')
    expect(webOf(drained)?.rollout.drainMs).toBe(5_000)
  })
})

describe('a service that cannot be reached by name', () => {
  const warningsOf = (web: string, ingress?: string, other?: string): readonly string[] =>
    desiredOf(files(web, ingress, other)).warnings.map(({ code, message }) => `${code} ${message}`)

  it.each([
    ['expose: [8080, 22]', undefined, /^NAME_UNSERVED shop\/web .* port 22 is that of sshd on servers; /],
    ['expose: [8444]', undefined, /port 8444 is the port of the mesh/],
    ['expose: [53]', 'ports: [{ target: 1, published: 53, mode: host }]', /published on servers by blog\/blog/],
  ])('is told of: %s', (web, other, expected) => {
    expect(warningsOf(web, 'ingress: true\n', other)).toEqual([expect.stringMatching(expected)])
  })

  it.each([
    ['expose: [8080]', 'ingress: true\n'],
    ['expose: [22]', 'ingress: { names: false }\n'],
    ['expose: [22]', ''],
    ['expose: ["22/udp"]', 'ingress: true\n'],
  ])('is none with %s and %j', (web, ingress) => {
    expect(warningsOf(web, ingress)).toEqual([])
  })

  it('is exported where names are, and else told that it is not', () => {
    const web = 'x-slipway: { export: true }'
    expect(webOf(files(web))?.exported).toBe(true)
    expect(webOf(files(web, ''))?.exported).toBeUndefined()
    expect(warningsOf(web, '')).toEqual([expect.stringMatching(/^FIELD_IGNORED .*ingress: true/)])
  })
})

describe('a route with tls: acme', () => {
  const routed = (host: string): string => `x-slipway: { routes: [{ host: "${host}", port: 80, tls: acme }] }`
  const codesOf = (host: string, ingress: string): readonly string[] =>
    problemsOf(files(routed(host), `ingress: ${ingress}\n`), 'shop').map(({ code, place }) => `${code} ${place?.line}`)

  it.each([
    ['www.example.com', '{ acme: {} }', []],
    ['*.example.com', '{ acme: { challenge: dns-01 } }', []],
    ['*.example.com', '{ acme: {} }', ['CONFLICT 4']],
    ['www.example.com', 'true', ['FIELD_MISSING 4']],
  ])('for %s under ingress: %s is judged by what the authority can do', (host, ingress, codes) => {
    expect(codesOf(host, ingress)).toEqual(codes)
  })
})
