import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/model/index.js'
import { desiredOf, entryOf, stackOf, FLEET, COMPOSE } from './repository.js'
import type { Contents } from './repository.js'

const names = (compose: string, others: Contents): readonly string[] =>
  stackOf(compose, others).services.map(({ name }) => name)

function problemsOf(compose: string, others: Contents): readonly string[] {
  const entry = entryOf(compose, others)
  return entry.kind === 'valid' ? [] : entry.problems.map(formatProblem)
}

describe('a file that includes others', () => {
  it('takes over their resources, with paths and variables of their own', () => {
    const stack = stackOf(
      `include:
  - ../../common/compose.yaml
  - { path: [parts/a.yaml, ../../parts-override.yaml], project_directory: elsewhere, env_file: [parts/one.env, parts/two.env] }
services: { web: { image: "web:1", depends_on: [db, a] } }
`,
      {
        'stacks/shop/.env': 'SHARED=mine',
        'common/compose.yaml': `services: { db: { image: "db:\${TAG}", env_file: [db.env], environment: { S: "\${SHARED}", TAG: , NO: } } }
volumes: { data: }
`,
        'common/.env': 'TAG=7\nSHARED=theirs',
        'common/db.env': 'FILE=common',
        'stacks/shop/parts/a.yaml': 'services: { a: { image: "a:${V}", env_file: a.env, user: "1" } }',
        'parts-override.yaml': 'services: { a: { user: "2" } }',
        'stacks/shop/parts/one.env': 'V=1',
        'stacks/shop/parts/two.env': 'V=${V}2',
        'stacks/shop/elsewhere/a.env': 'ELSE=where',
      },
    )
    expect(stack.services).toMatchObject([
      { name: 'a', image: 'a:12', user: '2', environment: { ELSE: 'where' } },
      { name: 'db', image: 'db:7', environment: { FILE: 'common', S: 'mine', TAG: '7' } },
      { name: 'web', image: 'web:1' },
    ])
    expect(stack.services[1]?.environment).not.toHaveProperty('NO')
  })

  it('does so over several files in a row, the same one twice included', () => {
    const others = {
      'stacks/shop/a.yaml': 'include: [c.yaml]\nservices: { a: { image: "a:1" } }',
      'stacks/shop/b.yaml': 'include: [c.yaml]\nservices: { b: { image: "a:1" } }',
      'stacks/shop/c.yaml': 'services: { c: { image: "a:1" } }',
    }
    expect(names('include: [a.yaml, b.yaml]\nservices: { web: { image: "a:1" } }', others)).toEqual([
      'a',
      'b',
      'c',
      'web',
    ])
  })

  it('may extend what it includes, and change it in an override file', () => {
    const others = {
      'stacks/shop/a.yaml': 'services: { a: { image: "a:1", user: "1" } }',
      'stacks/shop/compose.override.yaml': 'services: { a: { user: "2" } }',
    }
    const stack = stackOf('include: [a.yaml]\nservices: { web: { extends: a } }', others)
    expect(stack.services).toMatchObject([
      { name: 'a', image: 'a:1', user: '2' },
      { name: 'web', image: 'a:1', user: '1' },
    ])
  })

  it('finds what an included service extends beside its own file, and lays it under it once', () => {
    const stack = stackOf('include: [../../d/compose.yaml]', {
      'd/compose.yaml': 'services: { x: { extends: { service: s, file: e.yaml }, group_add: ["1"] } }',
      'd/e.yaml': 'services: { s: { image: "a:1", group_add: ["2"], command: [sh] } }',
    })
    expect(stack.services).toMatchObject([{ name: 'x', image: 'a:1', command: ['sh'] }])
  })

  it('and the longest row of files that is allowed is read in the rounds that there are', () => {
    const row: Record<string, string> = {}
    for (let at = 1; at < 9; at++) {
      row[`d${at}/compose.yaml`] =
        at < 8 ? `include: ["../d${at + 1}/\${FILE}"]` : 'services: { x: { extends: { service: s, file: e1.yaml } } }'
      row[`d${at}/.env`] = 'FILE=compose.yaml'
    }
    for (let at = 1; at < 16; at++)
      row[`d8/e${at}.yaml`] =
        `services: { s: ${at < 15 ? `{ extends: { service: s, file: e${at + 1}.yaml } }` : '{ image: "a:1" }'} }`
    expect(names('include: [../../d1/compose.yaml]', row)).toEqual(['x'])
  })

  it('chooses files by variables', () => {
    const others = { 'stacks/shop/.env': 'WHERE=x', 'x/compose.yaml': 'services: { x: { image: "a:1" } }' }
    expect(names('include: ["../../${WHERE:?}/compose.yaml"]', others)).toEqual(['x'])
  })

  it.each<[string, string, Contents, readonly string[]]>([
    [
      'itself',
      'include: [compose.yaml]\nservices: { web: { image: "a:1" } }',
      {},
      [
        'stacks/shop/compose.yaml:1:11 DEPENDENCY_CYCLE include[0]: files include each other in a circle: stacks/shop/compose.yaml → stacks/shop/compose.yaml; remove one of these',
      ],
    ],
    [
      'each other',
      'include: [a.yaml]\nservices: { web: { image: "a:1" } }',
      { 'stacks/shop/a.yaml': 'include: [compose.yaml]' },
      [
        'stacks/shop/a.yaml:1:11 DEPENDENCY_CYCLE include[0]: files include each other in a circle: stacks/shop/compose.yaml → stacks/shop/a.yaml → stacks/shop/compose.yaml; remove one of these',
      ],
    ],
    [
      'a resource that it has as well',
      'include: [a.yaml]\nservices: { web: { image: "a:1" } }',
      { 'stacks/shop/a.yaml': 'services: { web: { image: "b:1" } }' },
      [
        'stacks/shop/compose.yaml:2:13 CONFLICT services.web: stacks/shop/a.yaml:1, which is included, declares services.web as well and differently; rename one of them, or change it in an override file',
      ],
    ],
    [
      'a file that is missing',
      'include: [{ path: no.yaml }]\nservices: { web: { image: "a:1" } }',
      {},
      [
        'stacks/shop/compose.yaml:1:19 FILE_MISSING include[0].path: "stacks/shop/no.yaml" is not in the repository; put a regular file there, or correct the path',
      ],
    ],
    [
      'a variables file that is missing',
      'include: [{ path: a.yaml, env_file: no.env }]\nservices: { web: { image: "a:1" } }',
      { 'stacks/shop/a.yaml': 'services: {}' },
      [
        'stacks/shop/compose.yaml:1:37 FILE_MISSING include[0].env_file: the repository has no file "stacks/shop/no.env"; add it, or correct the path',
      ],
    ],
    [
      'a file outside',
      'include: [../../../a.yaml]\nservices: { web: { image: "a:1" } }',
      {},
      [
        'stacks/shop/compose.yaml:1:11 PATH_ESCAPES include[0]: "../../../a.yaml" leads out of the repository; name a file inside of it',
      ],
    ],
    [
      'a remote file',
      'include: ["https://example.com/a.git"]\nservices: { web: { image: "a:1" } }',
      {},
      [
        'stacks/shop/compose.yaml:1:11 FIELD_UNSUPPORTED include[0]: "https://example.com/a.git" is not in the repository; copy it into the repository',
      ],
    ],
    [
      'a file with keys that there are none of, or that are refused',
      'include: [a.yaml]\nservices: { web: { image: "a:1" } }',
      { 'stacks/shop/a.yaml': 'servces: {}\nmodels: {}\nservices: { x: { image: "a:1", provider: {} } }' },
      [
        'stacks/shop/a.yaml:1:1 FIELD_UNKNOWN servces: the key is not known here; did you mean "services"?',
        'stacks/shop/a.yaml:2:1 FIELD_UNSUPPORTED models: not supported: Slipway runs containers only',
        'stacks/shop/a.yaml:3:32 FIELD_UNSUPPORTED services.x.provider: not supported: Slipway runs containers only',
      ],
    ],
    [
      'a file that names a file outside',
      'include: [../../a/compose.yaml]\nservices: { web: { image: "a:1" } }',
      { 'a/compose.yaml': 'services: { x: { image: "a:1", env_file: ../../x.env } }' },
      [
        'a/compose.yaml:1:42 PATH_ESCAPES services.x.env_file: "../../../../../x.env" leads out of the repository; name a file inside, relative to this one',
      ],
    ],
    [
      'by a shape that is wrong',
      'include: a.yaml\nservices: { web: { image: "a:1" } }',
      {},
      ['stacks/shop/compose.yaml:1:10 FIELD_INVALID include: found "a.yaml", expected a list of Compose files'],
    ],
  ])('cannot include %s', (_title, compose, others, expected) => {
    expect(problemsOf(compose, others)).toEqual(expected)
  })

  it('stops its own stack only, whatever it includes', () => {
    const stacks = desiredOf({
      'slipway.yaml': FLEET,
      [COMPOSE]: 'include: [compose.yaml]',
      'stacks/other/compose.yaml': 'services: { web: { image: "a:1" } }',
    }).stacks
    expect(stacks.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['other valid', 'shop invalid'])
  })

  it('tells a warning of a file once, however often it is included', () => {
    const warnings = desiredOf({
      'slipway.yaml': FLEET,
      [COMPOSE]: 'include: [a.yaml, b.yaml]\nservices: { web: { image: "a:1" } }',
      'stacks/shop/a.yaml': 'include: [c.yaml]',
      'stacks/shop/b.yaml': 'include: [c.yaml]',
      'stacks/shop/c.yaml': 'version: "3"\nservices: { c: { image: "a:${NOPE}1", attach: true } }',
    }).warnings
    expect(warnings.map(({ code, place }) => `${place?.path}:${place?.line}:${place?.column} ${code}`)).toEqual([
      'stacks/shop/c.yaml:1:1 FIELD_IGNORED',
      'stacks/shop/c.yaml:2:25 VARIABLE_UNSET',
      'stacks/shop/c.yaml:2:39 FIELD_IGNORED',
    ])
  })
})
