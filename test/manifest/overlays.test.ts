import { describe, expect, it } from 'vitest'
import { createLoader } from '../../src/manifest/index.js'
import { formatProblem } from '../../src/model/index.js'
import type { StackEntry } from '../../src/model/index.js'
import { COMPOSE, FLEET, codesOf, desiredOf, loadAll, placed, refusalOf, stackOf, warningsOf } from './repository.js'
import type { Contents } from './repository.js'

const PROFILES = `services:
  foo: { image: "foo:1" }
  bar: { image: "bar:1", profiles: [test] }
  baz: { image: "baz:1", depends_on: [bar], profiles: [test] }
  zot: { image: "zot:1", depends_on: [bar], profiles: [debug] }
`

const namesWith = (profiles: string): readonly string[] =>
  stackOf(PROFILES, { 'stacks/shop/.env': `COMPOSE_PROFILES=${profiles}` }).services.map(({ name }) => name)

describe('profiles decide which services there are', () => {
  it.each([
    ['', ['foo']],
    ['test', ['bar', 'baz', 'foo']],
    ['test, debug', ['bar', 'baz', 'foo', 'zot']],
    ['"*"', ['bar', 'baz', 'foo', 'zot']],
    ['nobody', ['foo']],
  ])('with COMPOSE_PROFILES=%s', (profiles, expected) => {
    expect(namesWith(profiles)).toEqual(expected)
  })

  it('a service that is needed and not active is a problem that names its profiles', () => {
    const [entry] = desiredOf({
      'slipway.yaml': FLEET,
      [COMPOSE]: PROFILES,
      'stacks/shop/.env': 'COMPOSE_PROFILES=debug',
    }).stacks
    expect(entry?.kind === 'invalid' ? entry.problems.map(formatProblem) : []).toEqual([
      'stacks/shop/compose.yaml:5:39 REFERENCE_UNKNOWN services.zot.depends_on[0]: the service "bar" is not active; activate one of its profiles (test), or write `required: false`',
    ])
  })

  it('what is not required may be inactive', () => {
    const compose = `services:
  web: { image: "a:1", depends_on: { dev: { condition: service_started, required: false } } }
  dev: { build: ., profiles: [dev] }
`
    expect(stackOf(compose).services.map(({ name }) => name)).toEqual(['web'])
    expect(warningsOf(compose)).toEqual([])
  })

  it('an inactive service is neither missing an image nor refused a key, but its values are looked at', () => {
    const dev = (lines: string): string => `services:\n  web: { image: "a:1" }\n  dev: { profiles: [dev], ${lines} }\n`
    expect(codesOf(dev('build: ., provider: {}'))).toEqual([])
    expect(codesOf(dev('ports: 80, imag: x'))).toEqual(['3:34 FIELD_INVALID', '3:38 FIELD_UNKNOWN'])
  })

  it('a file whose services are all inactive says which profiles there are', () => {
    const entry = desiredOf({ 'slipway.yaml': FLEET, [COMPOSE]: 'services: { a: { image: "a:1", profiles: [x] } }' })
      .stacks[0]
    expect(entry?.kind === 'invalid' ? entry.problems.map(({ message }) => message) : []).toEqual([
      'services: no service is active; activate one of the profiles x, or remove `profiles:` from one',
    ])
  })
})

const WEB = 'services: { web: { image: "a:${TAG:-1}", user: "1" } }'

describe('the files of a stack', () => {
  it.each<[string, Contents, string]>([
    ['compose.yaml alone', {}, '1'],
    ['with compose.override.yaml', { 'compose.override.yaml': 'services: { web: { user: "2" } }' }, '2'],
    ['with docker-compose.override.yml', { 'docker-compose.override.yml': 'services: { web: { user: "2" } }' }, '2'],
    ['with an override that is empty', { 'compose.override.yaml': '# later\n' }, '1'],
    [
      'those of COMPOSE_FILE in .env',
      {
        '.env': 'COMPOSE_FILE=compose.yaml:more/prod.yaml',
        'more/prod.yaml': 'services: { web: { user: "3", env_file: p.env } }',
        'p.env': 'A=1',
        'compose.override.yaml': 'services: { web: { user: "2" } }',
      },
      '3',
    ],
    [
      'those of COMPOSE_FILE with another separator',
      {
        '.env': 'COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=compose.yaml,prod.yaml',
        'prod.yaml': 'services: { web: { user: "3" } }',
      },
      '3',
    ],
  ])('%s', (_title, others, user) => {
    const beside = Object.fromEntries(Object.entries(others).map(([path, content]) => [`stacks/shop/${path}`, content]))
    expect(stackOf(WEB, beside).services[0]?.user).toBe(user)
  })

  it('take the name of the last that has one', () => {
    const override = { 'stacks/shop/compose.override.yaml': 'name: "${NAME}"', 'stacks/shop/.env': 'NAME=other' }
    expect(stackOf(`name: one\n${WEB}`, override).name).toBe('other')
  })

  it('are all looked at, each problem at its place', () => {
    const entries = desiredOf({
      'slipway.yaml': FLEET,
      [COMPOSE]: 'services:\n  web: { image: "a:1", imag: x }\n',
      'stacks/shop/compose.override.yaml': 'services:\n  web:\n    ports: 80\n',
    }).stacks
    expect(problemsAt(entries[0])).toEqual([
      'stacks/shop/compose.override.yaml 3:12 FIELD_INVALID',
      'stacks/shop/compose.yaml 2:24 FIELD_UNKNOWN',
    ])
  })

  it('cannot lie outside of the repository', () => {
    const entries = desiredOf({
      'slipway.yaml': FLEET,
      [COMPOSE]: WEB,
      'stacks/shop/.env': 'COMPOSE_FILE=../../../x',
    }).stacks
    expect(problemsAt(entries[0])).toEqual(['stacks/shop/.env 1:1 PATH_ESCAPES'])
  })
})

function problemsAt(entry: StackEntry | undefined): readonly string[] {
  if (entry?.kind !== 'invalid') return []
  return entry.problems.map((problem) => `${problem.place?.path ?? ''} ${placed(problem)}`)
}

const fleetWith = (stacks: string): string => `${FLEET}stacks:\n${stacks}`

describe('slipway.yaml says how its stacks are loaded', () => {
  const contents: Contents = {
    [COMPOSE]: WEB,
    'stacks/shop/prod.yaml': 'services: { web: { user: "3" } }',
    'stacks/shop/compose.override.yaml': 'services: { web: { user: "2" } }',
    'stacks/shop/.env': 'TAG=5',
    'overlays/shop.yaml': 'services: { web: { user: "4" }, dev: { image: "d:1", profiles: [dev] } }',
    'stacks/blog/compose.yaml': 'services: { web: { image: "b:1" } }',
    'other/compose.yaml': 'services: { web: { image: "c:1" } }',
  }
  const summary = (stacks: string): readonly string[] =>
    desiredOf({ ...contents, 'slipway.yaml': fleetWith(stacks) }).stacks.map((entry) =>
      entry.kind === 'invalid'
        ? `${entry.name} ${entry.problems.map(formatProblem).join()}`
        : `${entry.name} ${entry.stack.services.map(({ name, image, user }) => `${name} ${image} ${user}`).join(', ')}`,
    )

  it.each<[string, string, readonly string[]]>([
    ['by a directory in stacks/', '  shop:\n', ['shop web a:5 2']],
    ['by a path', '  other:\n  stacks/blog: {}\n', ['blog web b:1 null', 'other web c:1 null']],
    [
      'by files, relative to the stack',
      '  shop: { files: [compose.yaml, prod.yaml, ../../overlays/shop.yaml] }\n',
      ['shop web a:5 4'],
    ],
    ['by variables, which win over .env', '  shop: { env: { TAG: 6 } }\n', ['shop web a:6 2']],
    [
      'by profiles',
      '  shop: { files: [compose.yaml, ../../overlays/shop.yaml], profiles: [dev] }\n',
      ['shop dev d:1 null, web a:5 4'],
    ],
    [
      'for all that match, and for one of them',
      '  shop: { env: { TAG: 7 } }\n  stacks/*: { env: { TAG: 6 } }\n',
      ['blog web b:1 null', 'shop web a:7 2'],
    ],
    [
      'with a file that is missing, which stops that stack',
      '  shop: { files: [no.yaml] }\n  stacks/blog:\n',
      [
        'blog web b:1 null',
        'shop slipway.yaml:5:19 FILE_MISSING stacks.shop.files[0]: "stacks/shop/no.yaml" is not in the repository; put a regular file there, or correct the path',
      ],
    ],
  ])('%s', (_title, stacks, expected) => {
    expect(summary(stacks)).toEqual(expected)
  })

  it.each<[string, readonly string[]]>([
    ['  shop: { file: [x] }\n', ['5:11 FIELD_UNKNOWN']],
    ['  shop: { files: x }\n', ['5:18 FIELD_INVALID']],
    ['  shop: { files: [../../../x] }\n', ['5:19 PATH_ESCAPES']],
    ['  shop: { env: { "1": x } }\n', ['5:18 NAME_INVALID']],
    ['  nope: {}\n', ['5:3 FILE_MISSING']],
  ])('%s is a problem of the fleet', (stacks, expected) => {
    expect(refusalOf(fleetWith(stacks), contents).map(placed)).toEqual(expected)
  })

  it('and a change of that reaches the stacks that are remembered', () => {
    const loader = createLoader()
    const imageWith = (tag: string): string => {
      const stacks = fleetWith(`  shop: { env: { TAG: ${tag} } }\n`)
      const { loaded } = loadAll({ ...contents, 'slipway.yaml': stacks }, loader)
      const entry = loaded.kind === 'loaded' ? loaded.desired.stacks[0] : undefined
      return entry?.kind === 'valid' ? (entry.stack.services[0]?.image ?? '') : ''
    }
    expect([imageWith('6'), imageWith('7')]).toEqual(['a:6', 'a:7'])
  })

  it('does not parse again what did not change, whatever included it', () => {
    const loader = createLoader()
    const files: Contents = {
      ...contents,
      'slipway.yaml': FLEET,
      [COMPOSE]: `include: [../blog/compose.yaml]\nservices: { x: { extends: { service: web, file: ../../other/compose.yaml } } }`,
    }
    const first = loadAll(files, loader).loaded
    const second = loadAll({ ...files, 'stacks/blog/note.txt': 'x' }, loader).loaded
    const changed = loadAll({ ...files, 'other/compose.yaml': 'services: { web: { image: "c:2" } }' }, loader).loaded
    const shopOf = (loaded: typeof first): StackEntry | undefined =>
      loaded.kind === 'loaded' ? loaded.desired.stacks.find(({ name }) => name === 'shop') : undefined
    expect(shopOf(second)).toBe(shopOf(first))
    expect(shopOf(changed)).toMatchObject({ stack: { services: [{ name: 'web' }, { name: 'x', image: 'c:2' }] } })
  })
})
