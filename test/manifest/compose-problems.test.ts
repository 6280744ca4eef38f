import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/model/index.js'
import { codesOf, composeWith, entryOf, warningsOf } from './repository.js'
import { HOSTILE } from './hostile.js'

/** Problems of a service `web` whose lines begin at line 4, column 5. */
function ofWeb(lines: string, top = ''): readonly string[] {
  return codesOf(composeWith(lines, top), {
    'stacks/shop/a.env': 'A=1',
    'stacks/shop/big.env': 'A='.padEnd(600_000, 'x'),
    'stacks/shop/lfs.env': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
    'stacks/shop/bad.env': 'A=1\nB B=2\nC=${',
    'stacks/shop/link.env': { symlink: '/etc/passwd' },
    'stacks/shop/module': { submodule: true },
    'stacks/shop/dir/file': 'x',
  })
}

describe('every wrong value is named with its place', () => {
  it.each([
    ['imag: x', ['4:5 FIELD_UNKNOWN']],
    ['replicas: 3', ['4:5 FIELD_UNKNOWN']],
    ['container_name: a/b', ['4:21 FIELD_INVALID']],
    ['privileged: true', ['4:17 GUARD_REFUSED']],
    ['profiles: a', ['4:15 FIELD_INVALID']],
    ['profiles: [a]', ['1:1 FIELD_MISSING']],
    [
      'devices: [a]\ndns: one\nipc: somewhere\ncpu_period: soon\nlinks: [bd]\nsecurity_opt: [loose]',
      [
        '4:15 FIELD_INVALID',
        '5:10 FIELD_INVALID',
        '6:10 FIELD_INVALID',
        '7:17 FIELD_INVALID',
        '8:13 REFERENCE_UNKNOWN',
        '9:20 FIELD_INVALID',
      ],
    ],
    ['user: 1000', ['4:11 FIELD_INVALID']],
    ['command: [sleep, 100]', ['4:22 FIELD_INVALID']],
    ['command: a && b', ['4:14 FIELD_INVALID']],
    ['environment: 5', ['4:18 FIELD_INVALID']],
    ['environment: { A: [1] }', ['4:23 FIELD_INVALID']],
    ['logging: { options: { compress: true } }', ['4:37 FIELD_INVALID']],
    ['environment: ["=x"]', ['4:19 FIELD_INVALID']],
    ['environment: { A: .inf }', ['4:23 FIELD_INVALID']],
    ['labels: { slipway.fleet: x }', ['4:13 NAME_INVALID']],
    ['labels: [com.docker.compose.project=x]', ['4:13 NAME_INVALID']],
    ['ports: 80', ['4:12 FIELD_INVALID']],
    ['ports: ["x:80"]', ['4:13 FIELD_INVALID']],
    ['ports: ["80:99999"]', ['4:13 VALUE_OUT_OF_RANGE']],
    ['ports: ["0"]', ['4:13 VALUE_OUT_OF_RANGE']],
    ['ports: [-80]', ['4:13 FIELD_INVALID']],
    ['ports: ["1-60000"]', ['4:13 VALUE_OUT_OF_RANGE']],
    ['ports: ["8000-8009:80"]', ['4:13 FIELD_INVALID']],
    ['ports: ["80:80/xyz"]', ['4:13 FIELD_INVALID']],
    ['ports: ["999.0.0.1:80:80"]', ['4:13 FIELD_INVALID']],
    ['ports: [{ published: 80 }]', ['4:13 FIELD_MISSING']],
    ['ports: [{ target: , published: 80 }]', ['4:15 FIELD_MISSING']],
    ['ports: [{ target: 80, mode: vip }]', ['4:33 FIELD_INVALID']],
    ['volumes: ["./x:/y"]', ['4:15 FILE_MISSING']],
    ['volumes: ["../../../x:/y"]', ['4:15 PATH_ESCAPES']],
    ['volumes_from: [bd]', ['4:20 REFERENCE_UNKNOWN']],
    ['label_file: none.labels', ['4:17 FILE_MISSING']],
    ['pull_policy: every_soon', ['4:18 FIELD_INVALID']],
    ['post_start: [{ command: [] }]', ['4:18 FIELD_MISSING']],
    ['pre_stop: [{ command: a, privileged: true }]', ['4:15 GUARD_REFUSED']],
    ['use_api_socket: true', ['3:5 GUARD_REFUSED']],
    ['volumes: ["~/x:/y"]', ['4:15 FIELD_UNSUPPORTED']],
    ['volumes: ["data:/y"]', ['4:15 REFERENCE_UNKNOWN']],
    ['volumes: ["data/x:/y"]', ['4:15 REFERENCE_UNKNOWN']],
    ['volumes: ["/x:y"]', ['4:15 FIELD_INVALID']],
    ['volumes: ["/x:/"]', ['4:15 FIELD_INVALID']],
    ['volumes: ["/x:/y:rx"]', ['4:15 FIELD_INVALID']],
    ['volumes: ["/a:/y", "/b:/y/"]', ['4:24 CONFLICT']],
    ['volumes: [{ type: npipe, target: /x }]', ['4:23 FIELD_UNSUPPORTED']],
    ['volumes: [{ type: bind, target: /x }]', ['4:15 FIELD_MISSING']],
    ['volumes: [{ source: x, target: /x }]', ['4:15 FIELD_MISSING']],
    ['tmpfs: /x:uid=me', ['4:12 FIELD_INVALID']],
    ['cpus: 1\ncpu_quota: 5000', ['5:5 CONFLICT']],
    ['memswap_limit: 64m', ['4:20 CONFLICT']],
    ['mem_limit: 64m\nmemswap_limit: 32m', ['5:20 CONFLICT']],
    ['ipc: service:web', ['4:10 REFERENCE_UNKNOWN']],
    ['gpus: [{ count: 1, device_ids: ["0"] }]', ['4:14 CONFLICT']],
    ['scale: 2\nmac_address: 02:42:ac:11:00:01', ['5:5 CONFLICT']],
    ['scale: 2\nnetworks: { default: { ipv4_address: 10.0.0.1 } }', ['5:5 CONFLICT']],
    ['network_mode: bridge\nexternal_links: [a]', ['5:5 CONFLICT']],
    ['networks: [fron]', ['4:16 REFERENCE_UNKNOWN']],
    ['networks: { default: { ipv4_address: here } }', ['4:42 FIELD_INVALID']],
    ['network_mode: "service:db"', ['4:19 REFERENCE_UNKNOWN']],
    ['network_mode: shop', ['4:19 FIELD_UNSUPPORTED']],
    ['network_mode: "container:a b"', ['4:19 NAME_INVALID']],
    ['network_mode: host\nnetworks: [default]', ['4:5 CONFLICT']],
    ['configs: [page]', ['4:15 REFERENCE_UNKNOWN']],
    ['secrets: [{ target: /x }]', ['4:15 FIELD_MISSING']],
    ['healthcheck: { test: [curl, x] }', ['4:26 FIELD_INVALID']],
    ['healthcheck: { test: [CMD] }', ['4:26 FIELD_INVALID']],
    ['healthcheck: { interval: 30 }', ['4:30 FIELD_INVALID']],
    ['healthcheck: { interval: 30 s }', ['4:30 FIELD_INVALID']],
    ['healthcheck: { interval: 10ns }', ['4:30 VALUE_OUT_OF_RANGE']],
    ['healthcheck: { retries: -1 }', ['4:29 VALUE_OUT_OF_RANGE']],
    ['stop_grace_period: 99999h', ['4:24 VALUE_OUT_OF_RANGE']],
    ['depends_on: [nobody]', ['4:18 REFERENCE_UNKNOWN']],
    ['depends_on: [web]', ['4:17 DEPENDENCY_CYCLE']],
    ['depends_on: { web: { condition: healthy } }', ['4:37 FIELD_INVALID', '4:17 DEPENDENCY_CYCLE'].reverse()],
    ['restart: sometimes', ['4:14 FIELD_INVALID']],
    ['restart: false', ['4:14 FIELD_INVALID']],
    ['init: maybe', ['4:11 FIELD_INVALID']],
    ['working_dir: x', ['4:18 FIELD_INVALID']],
    ['hostname: a b', ['4:15 NAME_INVALID']],
    ['stop_signal: "kill -9"', ['4:5 FIELD_INVALID']],
    ['cap_add: ["NET ADMIN"]', ['4:15 FIELD_INVALID']],
    ['ulimits: { nofile: { soft: 9, hard: 1 } }', ['4:24 CONFLICT']],
    ['ulimits: { nofile: { soft: 9 } }', ['4:24 FIELD_MISSING']],
    ['ulimits: { NoFile: 5 }', ['4:16 NAME_INVALID']],
    ['extra_hosts: ["a:b"]', ['4:19 FIELD_INVALID']],
    ['pull_policy: build', ['4:18 FIELD_UNSUPPORTED']],
    ['pull_policy: allways', ['4:18 FIELD_INVALID']],
    ['pull_policy: refresh', ['4:18 FIELD_MISSING']],
    ['pull_policy: refresh\npull_refresh_after: soon', ['5:25 FIELD_INVALID']],
    ['pull_policy: daily\npull_refresh_after: 12h', ['5:25 CONFLICT']],
    ['pull_refresh_after: 12h', ['4:25 CONFLICT']],
    ['pre_start: [{ command: migrate }]', ['4:5 FIELD_UNSUPPORTED']],
    ['volumes: [{ type: image, source: A:1, target: /a }]', ['4:38 FIELD_INVALID']],
    ['volumes: [{ type: image, target: /a }]', ['4:15 FIELD_MISSING']],
    ['volumes: [{ type: image, source: a:1, target: /a, image: { subpath: ../b } }]', ['4:73 FIELD_INVALID']],
    ['volumes: [{ type: volumes, target: /a }]', ['4:23 FIELD_UNSUPPORTED']],
    ['scale: 99999', ['4:12 VALUE_OUT_OF_RANGE']],
    ['scale: 1.5', ['4:12 FIELD_INVALID']],
    ['scale: -1', ['4:12 VALUE_OUT_OF_RANGE']],
    ['scale: 2\ndeploy: { replicas: 3 }', ['4:5 CONFLICT']],
    ['mem_limit: 5 apples', ['4:16 FIELD_INVALID']],
    ['mem_limit: 1k', ['4:16 VALUE_OUT_OF_RANGE']],
    ['cpus: 1e9', ['4:11 VALUE_OUT_OF_RANGE']],
    ['deploy: { mode: globl }', ['4:21 FIELD_INVALID']],
    ['deploy: { mode: global-job }', ['4:21 FIELD_UNSUPPORTED']],
    ['deploy: { mode: global, replicas: 2 }', ['4:29 CONFLICT']],
    ['deploy: { mode: replicated-job, replicas: 2 }', ['4:37 CONFLICT']],
    ['deploy: { mode: replicated-job }\nports: ["80"]', ['5:5 CONFLICT']],
    ['deploy: { mode: replicated-job }\nrestart: always', ['5:14 CONFLICT']],
    ['deploy: { mode: replicated-job }\nx-slipway: { probe: { tcp: { port: 1 } } }', ['5:18 CONFLICT']],
    ['deploy: { placement: { constraints: ["node.labels.x = y"] } }', ['4:42 FIELD_INVALID']],
    ['deploy: { placement: { constraints: ["node.role == manager"] } }', ['4:42 FIELD_UNSUPPORTED']],
    ['deploy: { placement: { constraints: ["node.hostnam == x"] } }', ['4:42 FIELD_INVALID']],
    ['deploy: { placement: { preferences: [{ spread: zone }] } }', ['4:52 FIELD_INVALID']],
    ['deploy: { resources: { limits: { memory: 64m }, reservations: { memory: 65m } } }', ['4:67 CONFLICT']],
    ['deploy: { resources: { reservations: { devices: [{ count: 1 }] } } }', ['4:54 FIELD_MISSING']],
    ['deploy: { update_config: { order: start_first } }', ['4:39 FIELD_INVALID']],
    ['deploy: { update_config: { max_failure_ratio: 2 } }', ['4:51 VALUE_OUT_OF_RANGE']],
    ['deploy: { rollback_config: { failure_action: rollback } }', ['4:50 FIELD_INVALID']],
    ['env_file: no.env', ['4:15 FILE_MISSING']],
    ['env_file: ../../../etc/passwd', ['4:15 PATH_ESCAPES']],
    ['env_file: /etc/passwd', ['4:15 PATH_ESCAPES']],
    ['env_file: link.env', ['4:15 FILE_UNSUPPORTED']],
    ['env_file: module/x.env', ['4:15 FILE_UNSUPPORTED']],
    ['env_file: dir', ['4:15 FILE_UNSUPPORTED']],
    ['env_file: lfs.env', ['4:15 FILE_UNSUPPORTED']],
    ['env_file: big.env', ['4:15 FILE_TOO_LARGE']],
    ['env_file: [a.env, bad.env]', ['2:1 FIELD_INVALID', '3:3 VARIABLE_INVALID']],
    ['x-slipway: { prob: 1 }', ['4:18 FIELD_UNKNOWN']],
    ['x-slipway: { probe: { http: { path: /x } } }', ['4:33 FIELD_MISSING']],
    ['x-slipway: { probe: { http: { port: 1 }, tcp: { port: 1 } } }', ['4:46 CONFLICT']],
    ['x-slipway: { probe: {} }', ['4:25 FIELD_MISSING']],
    ['x-slipway: { probe: { http: { port: 1, expect: 20 } } }', ['4:52 FIELD_INVALID']],
    ['x-slipway: { probe: { http: { port: 1, path: x } } }', ['4:50 FIELD_INVALID']],
    ['x-slipway: { rollout: { scope: all } }', ['4:36 FIELD_INVALID']],
    ['x-slipway: { rollout: { on_rollback: force } }', ['4:42 FIELD_INVALID']],
    ['x-slipway: { rollout: { healthy_deadline: 1ms } }', ['4:47 VALUE_OUT_OF_RANGE']],
    ['hostname: ${NAME:?}', ['4:15 VARIABLE_REQUIRED']],
    ['hostname: ${NAME', ['4:15 VARIABLE_INVALID']],
    ['user: a\nuser: b', ['5:5 YAML_INVALID']],
    ['labels: { __proto__: x }', ['4:15 YAML_INVALID']],
    ['labels: *nope', ['4:13 YAML_INVALID']],
    ['labels: !nope {}', ['4:13 YAML_INVALID']],
    ['user: [', ['5:1 YAML_INVALID']],
  ])('%s', (lines, expected) => {
    expect(ofWeb(lines)).toEqual(expected)
  })

  it.each([
    ['configs: { c: { file: no.txt } }', ['4:23 FILE_MISSING']],
    ['configs: { c: { content: x, file: a.env } }', ['4:26 CONFLICT']],
    ['configs: { c: }', ['4:12 FIELD_MISSING']],
    ['configs: { c: { external: true } }', ['4:17 FIELD_UNSUPPORTED']],
    ['secrets: { s: { environment: X } }', ['4:30 VARIABLE_REQUIRED']],
    ['configs: { c: { environment: X, content: y } }', ['4:30 CONFLICT']],
    ['networks: { default: { driver: host } }', ['4:32 FIELD_UNSUPPORTED']],
    ['networks: { default: { driver: overlay } }', []],
    ['networks: { default: { driver: overlay, attachable: false } }', ['4:41 CONFLICT']],
    ['volumes: { v: { external: true, driver_opts: { a: b } } }', ['4:33 CONFLICT']],
    ['networks: { n: { name: a, external: { name: b } } }', ['4:45 CONFLICT']],
    ['networks: { n: { name: a, external: { name: a } } }', []],
    ['volumes: { v: { name: "a b" } }', ['4:23 NAME_INVALID']],
    ['volumes: { "a b": }', ['4:12 NAME_INVALID']],
    ['include: [x.yaml]', ['4:11 FILE_MISSING']],
    ['models: {}', ['4:1 FIELD_UNSUPPORTED']],
    ['servces: {}', ['4:1 FIELD_UNKNOWN']],
    ['name: Shop', ['4:1 NAME_INVALID']],
    ['name: constructor', ['4:1 NAME_INVALID']],
  ])('at the top of the file: %s', (top, expected) => {
    expect(codesOf(`services:\n  web:\n    image: a:1\n${top}\n`, { 'stacks/shop/a.env': '' })).toEqual(expected)
  })

  it.each([
    ['', ['1:1 FIELD_INVALID']],
    ['# nothing\n', ['1:1 FIELD_INVALID']],
    ['[]', ['1:1 FIELD_INVALID']],
    ['services:\n', ['1:1 FIELD_MISSING']],
    ['services: {}\n', ['1:1 FIELD_MISSING']],
    ['services: { web: }\n', ['1:13 FIELD_MISSING']],
    ['services: { web: {} }\n', ['1:18 FIELD_MISSING']],
    ['services: { web: { image: } }\n', ['1:20 FIELD_MISSING']],
    ['services: { web: { build: . } }\n', ['1:20 FIELD_MISSING']],
    ['services: { web: { image: "" } }\n', ['1:27 FIELD_INVALID']],
    ['services: { web: { image: 5 } }\n', ['1:27 FIELD_INVALID']],
    ['services: { web: { image: Busy:1 } }\n', ['1:27 FIELD_INVALID']],
    ['services: { "w b": { image: a } }\n', ['1:13 NAME_INVALID']],
    ['services: { toString: { image: a } }\n', ['1:13 NAME_INVALID']],
    ['a: 1\n---\nb: 2\n', ['2:1 YAML_INVALID']],
    ['a\0b', ['1:2 YAML_INVALID']],
  ])('a file that says %j', (text, expected) => {
    expect(codesOf(text)).toEqual(expected)
  })
})

describe('one mistake is one problem, with a message that helps', () => {
  it.each([
    [
      'imag: x',
      'stacks/shop/compose.yaml:4:5 FIELD_UNKNOWN services.web.imag: the key is not known here; did you mean "image"?',
    ],
    [
      'replicas: 3',
      'stacks/shop/compose.yaml:4:5 FIELD_UNKNOWN services.web.replicas: the key is not known here; it belongs under `deploy:`',
    ],
    [
      'ports: 80',
      'stacks/shop/compose.yaml:4:12 FIELD_INVALID services.web.ports: found the number 80, expected a list of ports',
    ],
    [
      'user: 1000',
      'stacks/shop/compose.yaml:4:11 FIELD_INVALID services.web.user: found the number 1000, expected a user such as "1000:1000"; put it in quotes',
    ],
    [
      'configs: [{ source: c, mode: 440 }]',
      'stacks/shop/compose.yaml:4:34 FIELD_INVALID services.web.configs[0].mode: found the number 440, expected an octal mode such as 0440; YAML reads 440 as a decimal number: write 0440',
    ],
    [
      'depends_on: [wep]',
      'stacks/shop/compose.yaml:4:18 REFERENCE_UNKNOWN services.web.depends_on[0]: the service "wep" is not declared; did you mean "web"?',
    ],
    [
      'volumes: ["./conf:/etc/x"]',
      'stacks/shop/compose.yaml:4:15 FILE_MISSING services.web.volumes[0]: the repository has no "stacks/shop/conf", and what is bound from it is shipped to the servers; add it, or use a named volume for what the service writes',
    ],
    [
      'stop_grace_period: 10',
      'stacks/shop/compose.yaml:4:24 FIELD_INVALID services.web.stop_grace_period: found the number 10, expected a duration such as 30s or 1m30s',
    ],
  ])('%s', (lines, message) => {
    const entry = entryOf(composeWith(lines, 'configs: { c: { content: x } }\n'))
    expect(entry.kind === 'invalid' ? entry.problems.map(formatProblem) : []).toEqual([message])
  })

  it('shows a circle with its whole chain, once', () => {
    const service = (name: string, on: string): string => `  ${name}: { image: "a:1", depends_on: [${on}] }\n`
    const entry = entryOf(`services:\n${service('c', 'a')}${service('a', 'b')}${service('b', 'c')}${service('x', 'a')}`)
    expect(entry.kind === 'invalid' ? entry.problems.map((problem) => problem.message) : []).toEqual([
      'services.a.depends_on: services depend on each other in a circle: a → b → c → a; remove one of these',
    ])
  })

  it('tells everything that is wrong at once, also in other files', () => {
    const text = `services:
  web:
    image: busybox:1.36
    imag: x
    ports: 80
    env_file: bad.env
  api:
    depends_on: [nobody]
    configs: [page]
volums: {}
`
    expect(codesOf(text, { 'stacks/shop/bad.env': 'A B=1', 'stacks/shop/.env': 'X="' })).toEqual([
      '1:3 FIELD_INVALID',
      '1:1 FIELD_INVALID',
      '4:5 FIELD_UNKNOWN',
      '5:12 FIELD_INVALID',
      '8:5 FIELD_MISSING',
      '8:18 REFERENCE_UNKNOWN',
      '9:15 REFERENCE_UNKNOWN',
      '10:1 FIELD_UNKNOWN',
    ])
  })

  it('names stack and service', () => {
    const entry = entryOf(composeWith('imag: x'))
    expect(entry.kind === 'invalid' ? entry.problems[0] : null).toMatchObject({ stack: 'shop', service: 'web' })
  })

  it('refuses waiting for the health of what is never healthy', () => {
    const wait = '  web: { image: "a:1", depends_on: { db: { condition: service_healthy } } }\n'
    expect(codesOf(`services:\n${wait}  db: { image: "b:1", deploy: { mode: replicated-job } }\n`)).toEqual([
      '2:36 CONFLICT',
    ])
    expect(codesOf(`services:\n${wait}  db: { image: "b:1", healthcheck: { disable: true } }\n`)).toEqual([
      '2:36 CONFLICT',
    ])
    expect(codesOf(`services:\n${wait}  db: { image: "b:1" }\n`)).toEqual([])
  })

  it.each([
    ['tmpfs: /run\nconfigs: [{ source: a, target: /run/a }]', ['5:15 CONFLICT']],
    ['volumes: ["/x:/y:ro"]\nconfigs: [{ source: a, target: /y/a }]', ['5:15 CONFLICT']],
    ['volumes: ["/x:/y"]\nconfigs: [{ source: a, target: /y }]', ['5:15 CONFLICT']],
    ['read_only: true\nconfigs: [a]', ['5:15 CONFLICT']],
    ['read_only: true\nvolumes: ["/y"]\nconfigs: [{ source: a, target: /y/a }]', []],
    ['tmpfs: /run\nvolumes: ["/run/y"]\nconfigs: [{ source: a, target: /run/y/a }]', []],
    ['configs: [{ source: a, target: /x }, { source: b, target: /x }]', ['4:42 CONFLICT']],
  ])('refuses files that could not be put there: %s', (lines, expected) => {
    expect(ofWeb(lines, 'configs:\n  a: { content: x }\n  b: { content: y }\n')).toEqual(expected)
  })
})

describe('what means nothing here is ignored with a warning', () => {
  it.each([
    ['build: .', ['4:5 FIELD_IGNORED']],
    ['attach: false', ['4:5 FIELD_IGNORED']],
    ['deploy: { labels: { a: b }, endpoint_mode: vip }', ['4:15 FIELD_IGNORED', '4:33 FIELD_IGNORED']],
    [
      'deploy: { restart_policy: { condition: any, delay: 5s, max_attempts: 3 } }',
      ['4:49 FIELD_IGNORED', '4:60 FIELD_IGNORED'],
    ],
    ['network_mode: host\nports: ["80:80"]', ['5:5 FIELD_IGNORED']],
    ['mem_reservation: 1m', ['4:5 FIELD_IGNORED']],
    ['deploy: { resources: { reservations: { memory: 5m } } }', ['4:44 FIELD_IGNORED']],
    ['hostname: a${NOPE}', ['4:15 VARIABLE_UNSET']],
    ['depends_on: { no: { condition: service_started, required: false } }', ['4:23 REFERENCE_UNKNOWN']],
  ])('%s', (lines, expected) => {
    expect(warningsOf(composeWith(lines))).toEqual(expected)
  })

  it('but a build without an image is only told as what is missing', () => {
    expect(warningsOf('services: { web: { build: . } }')).toEqual([])
    expect(codesOf('services: { web: { build: . } }')).toEqual(['1:20 FIELD_MISSING'])
  })

  it('says so of the version, of files beside it and of variables that Compose does not read there', () => {
    const others = {
      'stacks/shop/docker-compose.yml': '',
      'stacks/shop/compose.override.yaml': '',
      'stacks/shop/compose.override.yml': '',
      'stacks/shop/.env': 'COMPOSE_ENV_FILES=x',
    }
    expect(warningsOf(`version: "3"\n${composeWith('user: a')}`, others)).toEqual([
      'FIELD_IGNORED',
      'CONFLICT',
      'CONFLICT',
      '1:1 FIELD_IGNORED',
    ])
  })
})

describe('hostile files are refused in good time', () => {
  it.each(HOSTILE)('%s', (_title, content) => {
    const entry = entryOf('', { 'stacks/shop/compose.yaml': content })
    expect(entry.kind).toBe('invalid')
    const codes = entry.kind === 'invalid' ? new Set(entry.problems.map(({ code }) => code)) : new Set()
    expect([...codes].every((code) => code === 'YAML_INVALID' || code === 'FILE_TOO_LARGE')).toBe(true)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it('reads a file that begins with a byte order mark', () => {
    expect(entryOf(`\uFEFFservices: { web: { image: "a:1" } }\n`).kind).toBe('valid')
  })
})

it('keeps the name of a stack whose file is broken', () => {
  expect(entryOf('name: other\nservices: [')).toMatchObject({ kind: 'invalid', name: 'other' })
  expect(entryOf('name: other\nservices: 5').name).toBe('other')
  expect(entryOf('services: [').name).toBe('shop')
})
