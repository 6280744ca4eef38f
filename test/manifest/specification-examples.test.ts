import { describe, expect, it } from 'vitest'
import type { Stack } from '../../src/model/index.js'
import { desiredOf, FLEET, COMPOSE, stackOf, warningsOf } from './repository.js'

const environments = (stack: Stack): unknown =>
  Object.fromEntries(stack.services.map(({ name, environment }) => [name, environment]))

/** In the manner of the specification's pages 10 to 12; merge, include and profiles have files of their own. */
describe('fragments', () => {
  it('share a list, whose variables are looked up for each', () => {
    const stack = stackOf(
      `services:
  first: { image: "a:1", environment: &env [CONFIG_KEY, EXAMPLE_KEY] }
  second: { image: "b:1", environment: *env }
`,
      { 'stacks/shop/.env': 'CONFIG_KEY=x' },
    )
    expect(environments(stack)).toEqual({ first: { CONFIG_KEY: 'x' }, second: { CONFIG_KEY: 'x' } })
  })

  it('are overridden in part, and added to', () => {
    const stack = stackOf(`services:
  first: { image: "a:1", environment: &env { FOO: BAR, ZOT: QUIX }, volumes: ["db-data:/a", "metrics:/b"] }
  second: { image: "a:1", environment: { <<: *env, ZOT: other, YET_ANOTHER: VARIABLE } }
volumes:
  db-data: &default-volume { driver: default, name: data }
  metrics: { <<: *default-volume, name: metrics }
`)
    expect(environments(stack)).toEqual({
      first: { FOO: 'BAR', ZOT: 'QUIX' },
      second: { FOO: 'BAR', ZOT: 'other', YET_ANOTHER: 'VARIABLE' },
    })
    expect(stack.volumes).toMatchObject([
      { name: 'data', driver: 'default' },
      { name: 'metrics', driver: 'default' },
    ])
  })

  it('take their variables where they are used: anchors come before interpolation', () => {
    const stack = stackOf('x-image: &image "a:${TAG:-1}"\nservices: { web: { image: *image } }', {
      'stacks/shop/.env': 'TAG=2',
    })
    expect(stack.services[0]?.image).toBe('a:2')
  })
})

describe('extensions', () => {
  it('may stand at every level and say anything, and only hold what others share', () => {
    const compose = `
x-env: &env { KEY: value }
x-default: &default { restart: always, labels: [a=b] }
x-list: [1, { deep: [null] }]
services:
  x-web:
    <<: [*default, { user: "7", restart: "no" }]
    image: "a:1"
    environment: { <<: *env, OWN: x }
    x-foo: bar
    deploy: { x-foo: bar, resources: { x-foo: {}, limits: { memory: 64m, x-foo: 1 } } }
    healthcheck: { test: "true", x-foo: [] }
    ports: [{ target: 80, published: 8080, x-foo: bar }]
networks: { default: { x-foo: bar, ipam: { x-foo: bar } } }
`
    const [web] = stackOf(compose).services
    expect(web).toMatchObject({
      name: 'x-web',
      user: '7',
      restart: { condition: 'always' },
      environment: { KEY: 'value', OWN: 'x' },
      labels: { a: 'b' },
    })
    expect(warningsOf(compose)).toEqual([])
  })
})

describe('interpolation', () => {
  it('leaves keys alone, and reaches keys that a list writes as text', () => {
    const stack = stackOf(
      `services:
  map: { image: "a:1", labels: { "$VAR": BAR } }
  list: { image: "a:1", labels: ["$VAR=BAR", "cost=$$5", "all=$VAR-\${VAR}-\${NO:-\${VAR:-x}}"], command: "echo $$VAR" }
`,
      { 'stacks/shop/.env': 'VAR=v' },
    )
    expect(stack.services.map(({ labels, command }) => ({ labels, command }))).toEqual([
      { labels: { all: 'v-v-v', cost: '$5', v: 'BAR' }, command: ['echo', '$VAR'] },
      { labels: { $VAR: 'BAR' }, command: null },
    ])
  })

  it('is done for each file before files are merged, so that short forms are compared as they turn out', () => {
    const stack = stackOf('services: { web: { image: "a:1", volumes: ["/a:${DIR}"] } }', {
      'stacks/shop/.env': 'DIR=/work',
      'stacks/shop/compose.override.yaml': 'services: { web: { volumes: ["/b:/work"] } }',
    })
    expect(stack.services[0]?.mounts).toMatchObject([{ source: '/b', target: '/work' }])
  })

  it('never sees the environment of the controller', () => {
    const before = process.env['SLIPWAY_TEST_LEAK']
    process.env['SLIPWAY_TEST_LEAK'] = 'leaked'
    try {
      const [web] = stackOf(
        'services: { web: { image: "a:${SLIPWAY_TEST_LEAK:-1}", environment: [SLIPWAY_TEST_LEAK] } }',
      ).services
      expect(web).toMatchObject({ image: 'a:1', environment: {} })
    } finally {
      if (before === undefined) delete process.env['SLIPWAY_TEST_LEAK']
      else process.env['SLIPWAY_TEST_LEAK'] = before
    }
  })

  it('warns of a variable once at each place, however many files and services share it', () => {
    const warnings = desiredOf({
      'slipway.yaml': FLEET,
      [COMPOSE]: 'x-x: &x { image: "a:1", hostname: "h${NO}" }\nservices: { a: *x, b: *x }\n',
    }).warnings
    expect(warnings.map(({ code, place }) => `${place?.line}:${place?.column} ${code}`)).toEqual([
      '1:35 VARIABLE_UNSET',
    ])
  })
})
