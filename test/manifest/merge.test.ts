import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { parseYaml } from '../../src/manifest/document.js'
import { mergeNodes, settle } from '../../src/manifest/merge.js'
import { plainValue } from '../../src/manifest/node.js'
import type { Node } from '../../src/manifest/node.js'
import { createReport } from '../../src/manifest/report.js'

function treeOf(text: string, file: string): Node {
  const report = createReport(file)
  const root = parseYaml(text, file, report)
  if (root === null) throw new Error(JSON.stringify(report.errors()))
  return root
}

/** What the files give, laid over one another. */
function mergedTree(...texts: readonly string[]): Node {
  const report = createReport('all')
  const trees = texts.map((text, at) => treeOf(text, `file-${at}`))
  const merged = trees.reduce((base, over) => settle(mergeNodes(settle(base), over, '', report)))
  if (report.errors().length > 0) throw new Error(JSON.stringify(report.errors()))
  return settle(merged)
}

function merged(...texts: readonly string[]): unknown {
  return JSON.parse(JSON.stringify(plainValue(mergedTree(...texts))))
}

const service = (lines: string): string => `services: { web: { ${lines} } }\n`

function mergedService(base: string, over: string): unknown {
  return (merged(service(base), service(over)) as { services: { web: unknown } }).services.web
}

describe('a file laid over another', () => {
  it.each<[string, string, unknown]>([
    // mappings, sequences, scalars
    ['key1: a, key2: b', 'key2: B, key3: c', { key1: 'a', key2: 'B', key3: 'c' }],
    ['image: a', 'user: b', { image: 'a', user: 'b' }],
    ['gpus: all', 'gpus: [{ driver: a }]', { gpus: [{ count: 'all' }, { driver: 'a' }] }],
    ['gpus: [{ driver: a }]', 'gpus: [{ driver: b }]', { gpus: [{ driver: 'a' }, { driver: 'b' }] }],
    ['image: a', 'image:', { image: 'a' }],
    ['image:', 'image: b', { image: 'b' }],
    ['group_add: [a]', 'group_add: [a, b]', { group_add: ['a', 'a', 'b'] }],
    ['deploy: { replicas: 1, mode: global }', 'deploy: { replicas: 2 }', { deploy: { replicas: 2, mode: 'global' } }],
    // commands are replaced
    ['command: [echo, foo]', 'command: [echo, bar]', { command: ['echo', 'bar'] }],
    ['command: [echo, foo]', 'command: echo bar', { command: 'echo bar' }],
    ['command: [echo, foo]', 'command:', { command: null }],
    ['entrypoint: a', 'entrypoint: [b]', { entrypoint: ['b'] }],
    [
      'healthcheck: { test: a, retries: 1 }',
      'healthcheck: { test: [CMD, b] }',
      { healthcheck: { test: ['CMD', 'b'], retries: 1 } },
    ],
    [
      'ulimits: { nofile: 5, nproc: 1 }',
      'ulimits: { nofile: { soft: 1, hard: 2 } }',
      { ulimits: { nofile: { soft: 1, hard: 2 }, nproc: 1 } },
    ],
    // mappings that may be written as lists
    ['environment: { A: 1, B: 2 }', 'environment: [B=x=y, C]', { environment: { A: 1, B: 'x=y', C: null } }],
    ['environment: [A=1, B=2]', 'environment: { B: , C: 3 }', { environment: { A: '1', B: null, C: 3 } }],
    ['labels: [a=1]', 'labels: [a=2, b]', { labels: { a: '2', b: null } }],
    ['annotations: { a: 1 }', 'annotations: [a=2]', { annotations: { a: '2' } }],
    ['sysctls: { a: 1 }', 'sysctls: [b=2]', { sysctls: { a: 1, b: '2' } }],
    ['deploy: { labels: [a=1] }', 'deploy: { labels: { a: 2 } }', { deploy: { labels: { a: 2 } } }],
    ['networks: [a]', 'networks: { b: { priority: 1 } }', { networks: { a: null, b: { priority: 1 } } }],
    [
      'networks: { a: { aliases: [x] } }',
      'networks: { a: { aliases: [x, y] } }',
      { networks: { a: { aliases: ['x', 'y'] } } },
    ],
    [
      'depends_on: { a: { condition: service_healthy, restart: true } }',
      'depends_on: [a, b]',
      {
        depends_on: {
          a: { condition: 'service_started', restart: true, required: true },
          b: { condition: 'service_started', required: true },
        },
      },
    ],
    [
      'depends_on: [a]',
      'depends_on: { a: { condition: service_healthy } }',
      { depends_on: { a: { condition: 'service_healthy', required: true } } },
    ],
    // unique resources
    ['volumes: ["foo:/work", "a:/a"]', 'volumes: ["bar:/work/"]', { volumes: ['bar:/work/', 'a:/a'] }],
    [
      'volumes: [/work]',
      'volumes: [{ type: bind, source: /x, target: /work }]',
      { volumes: [{ type: 'bind', source: '/x', target: '/work' }] },
    ],
    ['ports: ["8080:80", 90]', 'ports: ["8443:443", "90"]', { ports: ['8080:80', '90', '8443:443'] }],
    ['ports: ["8080:80"]', 'ports: ["8080:80/tcp"]', { ports: ['8080:80/tcp'] }],
    ['ports: ["8080:80"]', 'ports: ["8080:80/udp"]', { ports: ['8080:80', '8080:80/udp'] }],
    ['ports: ["127.0.0.1:8080:80"]', 'ports: ["8080:80"]', { ports: ['127.0.0.1:8080:80', '8080:80'] }],
    [
      'ports: ["8080:80"]',
      'ports: [{ target: 80, published: 8080, mode: host }]',
      { ports: [{ target: 80, published: 8080, mode: 'host' }] },
    ],
    [
      'ports: ["[::1]:8080:80"]',
      'ports: [{ target: 80, published: "8080", host_ip: "::1" }]',
      { ports: [{ target: 80, published: '8080', host_ip: '::1' }] },
    ],
    ['configs: [a]', 'configs: [a, { source: b, target: /a }]', { configs: [{ source: 'b', target: '/a' }] }],
    [
      'secrets: [a]',
      'secrets: [{ source: b, target: /run/secrets/a }]',
      { secrets: [{ source: 'b', target: '/run/secrets/a' }] },
    ],
    ['devices: ["/dev/a:/dev/x"]', 'devices: ["/dev/b:/dev/x:r", /dev/y]', { devices: ['/dev/b:/dev/x:r', '/dev/y'] }],
    // lists of texts, or one text
    ['cap_add: [A]', 'cap_add: [A, B]', { cap_add: ['A', 'B'] }],
    ['dns: 1.1.1.1', 'dns: [8.8.8.8, 1.1.1.1]', { dns: ['1.1.1.1', '8.8.8.8'] }],
    ['tmpfs: /a', 'tmpfs: /b', { tmpfs: ['/a', '/b'] }],
    [
      'env_file: a.env',
      'env_file: [b.env, { path: a.env, required: false }]',
      { env_file: [{ path: 'a.env', required: false }, 'b.env'] },
    ],
    ['expose: [80]', 'expose: ["80", "90"]', { expose: ['80', '90'] }],
    ['profiles: [a]', 'profiles: [b, a]', { profiles: ['a', 'b'] }],
    [
      'extra_hosts: { a: 10.0.0.1 }',
      'extra_hosts: ["a=10.0.0.2", "a:10.0.0.1"]',
      { extra_hosts: ['a:10.0.0.1', 'a=10.0.0.2'] },
    ],
    // options belong to a driver
    [
      'logging: { driver: a, options: { x: 1 } }',
      'logging: { driver: b, options: { y: 2 } }',
      { logging: { driver: 'b', options: { y: 2 } } },
    ],
    [
      'logging: { driver: a, options: { x: 1 } }',
      'logging: { options: { y: 2 } }',
      { logging: { driver: 'a', options: { x: 1, y: 2 } } },
    ],
    // tags
    [
      'ports: ["8080:80"], environment: { FOO: BAR }',
      'ports: !reset [], environment: { FOO: !reset null }',
      { environment: {} },
    ],
    ['ports: ["8080:80"]', 'ports: !override ["8443:443"]', { ports: ['8443:443'] }],
    ['environment: [A=1]', 'environment: !override { B: 2 }', { environment: { B: 2 } }],
    ['scale: 1', 'scale: !override 2', { scale: 2 }],
    ['command: a', 'command: !reset', {}],
    ['dns: [a]', 'dns: [!reset b, c]', { dns: ['a', 'c'] }],
  ])('%s + %s', (base, over, expected) => {
    expect(mergedService(base, over)).toEqual(expected)
  })

  it('merges the other sections by the same rules', () => {
    const base =
      'networks: { n: { driver: bridge, labels: [a=1], ipam: { config: [{ subnet: 10.0.0.0/24, gateway: 10.0.0.1 }] } } }\nvolumes: { v: { labels: { a: 1 } } }\n'
    const over =
      'networks: { n: { labels: [b=2], ipam: { config: [{ subnet: 10.0.0.0/24, ip_range: 10.0.0.0/25 }] } } }\nvolumes: { v: { labels: [a=2] }, w: }\n'
    expect(merged(base, over)).toEqual({
      networks: {
        n: {
          driver: 'bridge',
          labels: { a: '1', b: '2' },
          ipam: { config: [{ subnet: '10.0.0.0/24', gateway: '10.0.0.1', ip_range: '10.0.0.0/25' }] },
        },
      },
      volumes: { v: { labels: { a: '2' } }, w: null },
    })
  })

  it.each(['networks', 'volumes'])('brings %s with the old form of external into today’s before', (section) => {
    expect(merged(`${section}: { x: { external: { name: a } } }`, `${section}: { x: { external: true } }`)).toEqual({
      [section]: { x: { external: true, name: 'a' } },
    })
  })

  it('keeps the place of every value', () => {
    const tree = mergedTree(
      'services:\n  web: { image: a, labels: [x=1] }\n',
      '\nservices: { web: { labels: { y: 2 } } }\n',
    )
    const places: string[] = []
    const visit = (node: Node): void => {
      if (node.kind === 'scalar') places.push(`${String(node.value)} ${node.file}:${node.line}:${node.column}`)
      else if (node.kind === 'list') node.items.forEach(visit)
      else for (const { value } of node.entries.values()) visit(value)
    }
    visit(tree)
    expect(places).toEqual(['a file-0:2:17', '1 file-0:2:29', '2 file-1:2:33'])
  })

  it('says where two values cannot be merged, and what is in the way', () => {
    const report = createReport('b')
    mergeNodes(treeOf(service('ports: [80]'), 'a'), treeOf(service('ports: { x: 1 }'), 'b'), '', report)
    expect(report.errors()).toMatchObject([
      {
        code: 'FIELD_INVALID',
        message: 'services.web.ports: found a mapping, but a:1 has a list that it is merged into',
        place: { path: 'b', line: 1, column: 27 },
      },
    ])
  })
})

describe('for any three files', () => {
  const text = fc.constantFrom('a', 'b', 'c')
  const section = fc.record(
    {
      image: text,
      command: fc.array(text, { maxLength: 2 }),
      environment: fc.oneof(fc.dictionary(text, text), fc.uniqueArray(text.map((key) => `${key}=1`))),
      cap_add: fc.uniqueArray(text),
      networks: fc.oneof(fc.uniqueArray(text), fc.dictionary(text, fc.constant(null))),
      volumes: fc.uniqueArray(text.map((name) => `${name}:/${name}`)),
      deploy: fc.record({ replicas: fc.nat(3), mode: text }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  const file = fc.dictionary(text, section).map((services) => JSON.stringify({ services }))

  it('it does not matter which two are merged first', () => {
    fc.assert(
      fc.property(file, file, file, (a, b, c) => {
        const report = createReport('all')
        const [first, second, third] = [a, b, c].map((one, at) => treeOf(one, `file-${at}`)) as [Node, Node, Node]
        const left = mergeNodes(mergeNodes(first, second, '', report), third, '', report)
        const right = mergeNodes(first, mergeNodes(second, third, '', report), '', report)
        expect(JSON.stringify(plainValue(left))).toBe(JSON.stringify(plainValue(right)))
      }),
      { numRuns: 200 },
    )
  })

  it('a file laid over nothing, or nothing over a file, is that file', () => {
    fc.assert(
      fc.property(file, (one) => {
        expect(merged(one, '{}')).toEqual(JSON.parse(one))
        expect(merged('{}', one)).toEqual(JSON.parse(one))
      }),
      { numRuns: 50 },
    )
  })
})
