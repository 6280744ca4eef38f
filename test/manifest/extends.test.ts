import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/model/index.js'
import type { ServiceSpec } from '../../src/model/index.js'
import { entryOf, stackOf } from './repository.js'
import type { Contents } from './repository.js'

function serviceOf(compose: string, others: Contents = {}, name = 'web'): ServiceSpec {
  const found = stackOf(compose, others).services.find((service) => service.name === name)
  if (found === undefined) throw new Error(`no service ${name}`)
  return found
}

function problemsOf(compose: string, others: Contents = {}): readonly string[] {
  const entry = entryOf(compose, others)
  return entry.kind === 'valid' ? [] : entry.problems.map(formatProblem)
}

describe('a service that extends another', () => {
  it('in the same file is laid over it', () => {
    const compose = `services:
  base: { image: "a:1", environment: { A: 1, B: 2 }, command: [a], cap_add: [NET_ADMIN] }
  web: { extends: base, environment: [B=3], command: [b] }
  api: { extends: { service: web }, image: "b:1" }
`
    expect(serviceOf(compose)).toMatchObject({
      image: 'a:1',
      environment: { A: '1', B: '3' },
      command: ['b'],
      capAdd: ['NET_ADMIN'],
    })
    expect(serviceOf(compose, {}, 'api')).toMatchObject({
      image: 'b:1',
      environment: { A: '1', B: '3' },
      command: ['b'],
    })
    expect(serviceOf(compose, {}, 'base')).toMatchObject({ environment: { A: '1', B: '2' } })
  })

  it('in another file brings along what lies beside that file', () => {
    const others = {
      'common/base.yaml':
        'services: { base: { extends: { service: root, file: deep/root.yaml }, env_file: [web.env] } }',
      'common/web.env': 'FROM=common',
      'common/deep/root.yaml': 'services: { root: { image: "${IMAGE}", env_file: ./root.env } }',
      'common/deep/root.env': 'ROOT=deep',
      'stacks/shop/.env': 'IMAGE=a:1',
    }
    const web = serviceOf('services: { web: { extends: { service: base, file: ../../common/base.yaml } } }', others)
    expect(web).toMatchObject({ image: 'a:1', environment: { FROM: 'common', ROOT: 'deep' } })
  })

  it('takes back with !reset and !override what it would inherit', () => {
    const compose = `services:
  base: { image: "a:1", cap_add: [NET_ADMIN], environment: { A: 1, B: 2 } }
  web: { extends: base, cap_add: !reset [], environment: !override { C: 3 } }
`
    expect(serviceOf(compose)).toMatchObject({ capAdd: [], environment: { C: '3' } })
  })

  it('and so does an override file, for what both give it', () => {
    const override = 'services: { web: { extends: base, cap_add: !reset [] }, base: { cap_add: [SYS_TIME] } }'
    const compose = 'services: { web: { image: "a:1", cap_add: [NET_ADMIN] }, base: { image: "b:1" } }'
    expect(serviceOf(compose, { 'stacks/shop/compose.override.yaml': override })).toMatchObject({
      image: 'a:1',
      capAdd: [],
    })
  })

  it.each<[string, string, Contents, readonly string[]]>([
    [
      'itself',
      'services: { web: { image: "a:1", extends: web } }',
      {},
      [
        'stacks/shop/compose.yaml:1:43 DEPENDENCY_CYCLE services.web.extends: services extend each other in a circle: web (stacks/shop/compose.yaml) → web (stacks/shop/compose.yaml); remove one of these',
      ],
    ],
    [
      'each other over two files',
      'services: { web: { image: "a:1", extends: { service: b, file: b.yaml } } }',
      { 'stacks/shop/b.yaml': 'services: { b: { extends: { service: web, file: compose.yaml } } }' },
      [
        'stacks/shop/compose.yaml:1:43 DEPENDENCY_CYCLE services.web.extends: services extend each other in a circle: web (stacks/shop/compose.yaml) → b (stacks/shop/b.yaml) → web (stacks/shop/compose.yaml); remove one of these',
      ],
    ],
    [
      'nobody',
      'services: { web: { image: "a:1", extends: bas }, base: { image: "a:1" } }',
      {},
      [
        'stacks/shop/compose.yaml:1:43 REFERENCE_UNKNOWN services.web.extends: "stacks/shop/compose.yaml" has no service "bas" to extend; did you mean "base"?',
      ],
    ],
    [
      'a service of a file that is missing',
      'services: { web: { extends: { service: a, file: no.yaml } } }',
      {},
      [
        'stacks/shop/compose.yaml:1:49 FILE_MISSING services.web.extends.file: "stacks/shop/no.yaml" is not in the repository; put a regular file there, or correct the path',
      ],
    ],
    [
      'a service of a file outside',
      'services: { web: { extends: { service: a, file: ../../../no.yaml } } }',
      {},
      [
        'stacks/shop/compose.yaml:1:49 PATH_ESCAPES services.web.extends.file: "../../../no.yaml" leads out of the repository; name a file inside of it',
      ],
    ],
    [
      'a service of a symlink',
      'services: { web: { extends: { service: a, file: l.yaml } } }',
      { 'stacks/shop/l.yaml': { symlink: '/etc/passwd' } },
      [
        'stacks/shop/compose.yaml:1:49 FILE_UNSUPPORTED services.web.extends.file: "stacks/shop/l.yaml" is a symbolic link; put a regular file there, or correct the path',
      ],
    ],
    [
      'a service of a file that is broken, at its place',
      'services: { web: { extends: { service: a, file: b.yaml } } }',
      { 'stacks/shop/b.yaml': 'services: [' },
      [
        'stacks/shop/b.yaml:1:12 YAML_INVALID flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
    ],
    [
      'what has a wrong value, at its place',
      'services: { web: { extends: { service: a, file: b.yaml } } }',
      { 'stacks/shop/b.yaml': '\nservices: { a: { image: "a:1", ports: 80 } }' },
      ['stacks/shop/b.yaml:2:39 FIELD_INVALID services.web.ports: found the number 80, expected a list of ports'],
    ],
    [
      'with a key that there is none of',
      'services: { web: { image: "a:1", extends: { servce: a } } }',
      {},
      [
        'stacks/shop/compose.yaml:1:43 FIELD_MISSING services.web.extends: "service" is missing; it is required',
        'stacks/shop/compose.yaml:1:45 FIELD_UNKNOWN services.web.extends.servce: the key is not known here; did you mean "service"?',
      ],
    ],
  ])('cannot extend %s', (_title, compose, others, expected) => {
    expect(problemsOf(compose, others)).toEqual(expected)
  })

  it('cannot inherit from more services than anybody can follow', () => {
    const services = Array.from({ length: 40 }, (_, at) => `  s${at}: { image: "a:1", extends: s${at + 1} }\n`).join('')
    const codes = problemsOf(`services:\n${services}  s40: { image: "a:1" }\n`).map((line) => line.split(' ')[1])
    expect(new Set(codes)).toEqual(new Set(['VALUE_OUT_OF_RANGE']))
  })
})
