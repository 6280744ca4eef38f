import { describe, expect, it } from 'vitest'
import type { ServiceSpec } from '../../src/model/index.js'
import { codesOf, stackOf, webOf, warningsOf } from './repository.js'

type Row = readonly [string, Partial<ServiceSpec>]

const mib = 1024 * 1024

describe('every key of a service becomes what the Compose Specification says', () => {
  it.each<Row>([
    ['command: ["a", "b c"]', { command: ['a', 'b c'] }],
    ['command: sh -c "a b"', { command: ['sh', '-c', 'a b'] }],
    ['command: []', { command: [] }],
    ['command:', { command: null }],
    ['entrypoint: /x --y', { entrypoint: ['/x', '--y'] }],
    ['entrypoint: ""', { entrypoint: [] }],
    [
      'environment: { B: 2, A: x, C: true, D: 1.10, E: "", F: 1_0 }',
      { environment: { A: 'x', B: '2', C: 'true', D: '1.1', E: '', F: '10' } },
    ],
    ['environment: [B=2, A=x=y, C=]', { environment: { A: 'x=y', B: '2', C: '' } }],
    [
      'environment: { BIG: 12345678901234567890, E: 1e3, F: 1000000.0, H: 0x1f, O: 012 }',
      { environment: { BIG: '12345678901234567890', E: '1000', F: '1e+06', H: '31', O: '10' } },
    ],
    [
      'environment: { A: 1_0.5, B: 0x1_F, C: 0b101, D: -1_000, E: 0_17, F: 100000000000000000000, G: _1 }',
      { environment: { A: '10.5', B: '31', C: '5', D: '-1000', E: '15', F: '1e+20', G: '_1' } },
    ],
    ['environment: { NOWHERE: }', { environment: {} }],
    ['environment: [NOWHERE]', { environment: {} }],
    ['labels: { b: 1, a: x }', { labels: { a: 'x', b: '1' } }],
    ['labels: [a=x, b]', { labels: { a: 'x', b: '' } }],
    ['restart: "no"', { restart: { condition: 'no', maxAttempts: 0 } }],
    ['restart: no', { restart: { condition: 'no', maxAttempts: 0 } }],
    ['restart: always', { restart: { condition: 'always', maxAttempts: 0 } }],
    ['restart: on-failure', { restart: { condition: 'on-failure', maxAttempts: 0 } }],
    ['restart: on-failure:3', { restart: { condition: 'on-failure', maxAttempts: 3 } }],
    ['init: true', { init: true }],
    [
      'deploy: { restart_policy: { condition: any } }\nrestart: "no"',
      { restart: { condition: 'always', maxAttempts: 0 } },
    ],
    ['deploy: { restart_policy: { condition: none } }', { restart: { condition: 'no', maxAttempts: 0 } }],
    ['deploy: { restart_policy: { condition: "no" } }', { restart: { condition: 'no', maxAttempts: 0 } }],
    ['deploy: { restart_policy: { condition: always } }', { restart: { condition: 'always', maxAttempts: 0 } }],
    [
      'deploy: { restart_policy: { condition: unless-stopped } }',
      { restart: { condition: 'unless-stopped', maxAttempts: 0 } },
    ],
    [
      'deploy: { restart_policy: { condition: on-failure, max_attempts: 4 } }',
      { restart: { condition: 'on-failure', maxAttempts: 4 } },
    ],
    ['stop_signal: SIGUSR1', { stopSignal: 'SIGUSR1' }],
    ['stop_grace_period: 1m30s', { stopGraceMs: 90_000 }],
    ['user: "1000:1000"', { user: '1000:1000' }],
    ['working_dir: /a/../b/', { workingDir: '/b' }],
    ['init: "yes"', { init: true }],
    ['read_only: true', { readOnly: true }],
    [
      'cap_add: [net_admin, CAP_SYS_TIME, NET_ADMIN]\ncap_drop: [ALL]',
      { capAdd: ['NET_ADMIN', 'SYS_TIME'], capDrop: ['ALL'] },
    ],
    [
      'ulimits: { nproc: 5, nofile: { soft: 10, hard: 20 }, core: -1 }',
      {
        ulimits: [
          { name: 'core', soft: -1, hard: -1 },
          { name: 'nofile', soft: 10, hard: 20 },
          { name: 'nproc', soft: 5, hard: 5 },
        ],
      },
    ],
    ['sysctls: { net.core.somaxconn: 1024 }', { sysctls: { 'net.core.somaxconn': '1024' } }],
    ['sysctls: [net.core.somaxconn=1024]', { sysctls: { 'net.core.somaxconn': '1024' } }],
    [
      'extra_hosts: ["b:10.0.0.2", "a=::1", "c:host-gateway", "d:[::2]"]',
      { extraHosts: ['a:::1', 'b:10.0.0.2', 'c:host-gateway', 'd:::2'] },
    ],
    [
      'extra_hosts: { a: 10.0.0.1, b: [10.0.0.2, 10.0.0.3] }',
      { extraHosts: ['a:10.0.0.1', 'b:10.0.0.2', 'b:10.0.0.3'] },
    ],
    ['hostname: box', { hostname: 'box' }],
    [
      'logging: { driver: json-file, options: { max-size: 10m, max-file: 3 } }',
      { logging: { driver: 'json-file', options: { 'max-file': '3', 'max-size': '10m' } } },
    ],
    ['pull_policy: always', { pullPolicy: 'always' }],
    ['pull_policy: if_not_present', { pullPolicy: 'missing' }],
    ['pull_policy: never', { pullPolicy: 'never' }],
    ['pull_policy: refresh\npull_refresh_after: 1h30m', { pullPolicy: 'every_5400' }],
    ['network_mode: host', { networkMode: 'host', networks: [] }],
    ['network_mode: none', { networkMode: 'none', networks: [] }],
    ['scale: 3', { replicas: 3 }],
    ['mem_limit: 512m\ncpus: 1.5\npids_limit: 99', { limits: { cpus: 1.5, memoryBytes: 512 * mib, pids: 99 } }],
    ['pids_limit: -1', { limits: { cpus: null, memoryBytes: null, pids: null } }],
    ['mem_reservation: 1g', { reservations: { cpus: 0, memoryBytes: 1024 * mib } }],
    ['tmpfs: /run', { mounts: [{ kind: 'tmpfs', target: '/run', readOnly: false, sizeBytes: null, mode: null }] }],
    [
      'tmpfs: ["/b:size=64m,mode=1777", "/a:ro"]',
      {
        mounts: [
          { kind: 'tmpfs', target: '/a', readOnly: true, sizeBytes: null, mode: null },
          { kind: 'tmpfs', target: '/b', readOnly: false, sizeBytes: 64 * mib, mode: 0o1777 },
        ],
      },
    ],
    ['x-slipway: { restart_at: 2026-11-21 }', { restartAt: '2026-11-21' }],
    [
      'x-slipway: { probe: { http: { port: 80 } } }',
      {
        probe: {
          kind: 'http',
          port: 80,
          path: '/',
          scheme: 'http',
          host: null,
          expectMin: 200,
          expectMax: 399,
          timeoutMs: 5_000,
        },
      },
    ],
    [
      'x-slipway: { probe: { http: { port: "80", path: "/a?b", scheme: https, host: shop.example, expect: 204, timeout: 1s } } }',
      {
        probe: {
          kind: 'http',
          port: 80,
          path: '/a?b',
          scheme: 'https',
          host: 'shop.example',
          expectMin: 204,
          expectMax: 204,
          timeoutMs: 1_000,
        },
      },
    ],
    [
      'x-slipway: { probe: { tcp: { port: 5432, timeout: 250ms } } }',
      { probe: { kind: 'tcp', port: 5432, timeoutMs: 250 } },
    ],
    [
      'x-slipway: { rollout: { healthy_deadline: 1m, scope: service, on_rollback: revert } }',
      { rollout: { healthyDeadlineMs: 60_000, progressDeadlineMs: 600_000, scope: 'service', onRollback: 'revert' } },
    ],
    ['x-other: { what: ever }', {}],
  ])('%s', (lines, expected) => {
    expect(webOf(lines)).toMatchObject(expected)
  })

  it('fills every default in', () => {
    const nothing = { cpus: null, memoryBytes: null, pids: null }
    const update = {
      parallelism: 1,
      delayMs: 0,
      order: null,
      monitorMs: 5_000,
      failureAction: 'rollback',
      maxFailureRatio: 0,
    }
    expect(stackOf('services:\n  web: { image: "busybox:1.36" }\n').services).toEqual([
      {
        stack: 'shop',
        name: 'web',
        image: 'busybox:1.36',
        command: null,
        entrypoint: null,
        environment: {},
        labels: {},
        ports: [],
        mounts: [],
        networks: [{ network: 'shop_default', aliases: ['web'] }],
        networkMode: null,
        files: [],
        healthcheck: null,
        restart: { condition: 'unless-stopped', maxAttempts: 0 },
        stopSignal: null,
        stopGraceMs: 10_000,
        user: null,
        workingDir: null,
        init: null,
        readOnly: false,
        capAdd: [],
        capDrop: [],
        ulimits: [],
        sysctls: {},
        extraHosts: [],
        hostname: null,
        logging: null,
        pullPolicy: 'missing',
        mode: 'replicated',
        replicas: 1,
        limits: nothing,
        reservations: { cpus: 0, memoryBytes: 0 },
        placement: { constraints: [], spread: [], maxPerServer: 0 },
        update,
        rollback: { ...update, failureAction: 'pause' },
        rollout: { healthyDeadlineMs: null, progressDeadlineMs: 600_000, scope: 'stack', onRollback: 'status' },
        dependsOn: [],
        probe: null,
        restartAt: null,
      },
    ])
  })

  it.each([
    ['busybox', 'always'],
    ['busybox:latest', 'always'],
    ['localhost:5000/busybox', 'always'],
    ['busybox:1.36', 'missing'],
    [`busybox@sha256:${'a'.repeat(64)}`, 'missing'],
    [`busybox:latest@sha256:${'a'.repeat(64)}`, 'missing'],
    ['registry.example:5000/team/app:2', 'missing'],
  ])('pulls %s %s', (image, policy) => {
    expect(stackOf(`services:\n  web: { image: "${image}" }\n`).services[0]?.pullPolicy).toBe(policy)
  })
})

describe('deploy is honoured whole', () => {
  it.each<Row>([
    ['deploy: { replicas: 4 }', { replicas: 4, mode: 'replicated' }],
    ['deploy: { replicas: "0" }', { replicas: 0 }],
    ['deploy: { replicas: 2 }\nscale: 2', { replicas: 2 }],
    ['deploy: { mode: global }', { mode: 'global', replicas: 1 }],
    ['deploy: { mode: replicated-job }', { mode: 'job', restart: { condition: 'no', maxAttempts: 0 } }],
    [
      'deploy: { placement: { constraints: ["node.labels.b==2", "node.hostname != lon-1", "node.labels.b == 2"] } }',
      {
        placement: {
          constraints: [
            { key: 'node.hostname', op: '!=', value: 'lon-1' },
            { key: 'node.labels.b', op: '==', value: '2' },
          ],
          spread: [],
          maxPerServer: 0,
        },
      },
    ],
    [
      'deploy: { placement: { preferences: [{ spread: node.labels.z }, { spread: node.labels.a }], max_replicas_per_node: 2 } }',
      { placement: { constraints: [], spread: ['node.labels.z', 'node.labels.a'], maxPerServer: 2 } },
    ],
    [
      'deploy: { resources: { limits: { cpus: "0.5", memory: 64m, pids: 10 }, reservations: { cpus: 0.25, memory: 32m } } }',
      { limits: { cpus: 0.5, memoryBytes: 64 * mib, pids: 10 }, reservations: { cpus: 0.25, memoryBytes: 32 * mib } },
    ],
    [
      'deploy: { update_config: { parallelism: 0, delay: 1s, order: stop-first, monitor: 0s, failure_action: pause, max_failure_ratio: 0.2 } }',
      {
        update: {
          parallelism: 0,
          delayMs: 1_000,
          order: 'stop-first',
          monitorMs: 0,
          failureAction: 'pause',
          maxFailureRatio: 0.2,
        },
      },
    ],
    [
      'deploy: { rollback_config: { parallelism: 2, failure_action: continue } }',
      {
        rollback: {
          parallelism: 2,
          delayMs: 0,
          order: null,
          monitorMs: 5_000,
          failureAction: 'continue',
          maxFailureRatio: 0,
        },
      },
    ],
  ])('%s', (lines, expected) => {
    expect(webOf(lines)).toMatchObject(expected)
  })
})

describe('a healthcheck keeps from the image what it does not say', () => {
  const nothing = {
    test: null,
    intervalMs: null,
    timeoutMs: null,
    retries: null,
    startPeriodMs: null,
    startIntervalMs: null,
  }
  it.each([
    ['{ test: curl x }', { ...nothing, test: ['CMD-SHELL', 'curl x'] }],
    ['{ test: [CMD, curl, x] }', { ...nothing, test: ['CMD', 'curl', 'x'] }],
    ['{ test: [NONE] }', { ...nothing, test: ['NONE'] }],
    ['{ disable: true }', { ...nothing, test: ['NONE'] }],
    ['{ test: [CMD, a], interval: 5s, disable: true }', { ...nothing, test: ['NONE'] }],
    ['{ interval: 2s }', { ...nothing, intervalMs: 2_000 }],
    [
      '{ test: [CMD, x], interval: 1m, timeout: 1.5s, retries: 4, start_period: 1h, start_interval: 100ms }',
      {
        test: ['CMD', 'x'],
        intervalMs: 60_000,
        timeoutMs: 1_500,
        retries: 4,
        startPeriodMs: 3_600_000,
        startIntervalMs: 100,
      },
    ],
  ])('%s', (text, expected) => {
    expect(webOf(`healthcheck: ${text}`).healthcheck).toEqual(expected)
  })
})

describe('published ports', () => {
  const tcp = (target: number, published: number | null, hostIp = ''): ServiceSpec['ports'][number] => ({
    target,
    published,
    protocol: 'tcp',
    hostIp,
  })
  it.each([
    ['80', [tcp(80, null)]],
    ['"8080:80"', [tcp(80, 8080)]],
    ['"127.0.0.1:8080:80"', [tcp(80, 8080, '127.0.0.1')]],
    ['"[::1]:8080:80"', [tcp(80, 8080, '::1')]],
    ['"127.0.0.1::80"', [tcp(80, null, '127.0.0.1')]],
    ['"53:53/udp"', [{ ...tcp(53, 53), protocol: 'udp' }]],
    ['"3000-3001"', [tcp(3000, null), tcp(3001, null)]],
    ['"9001-9000:80"', null],
    ['"8001-8002:81-82"', [tcp(81, 8001), tcp(82, 8002)]],
    ['{ target: 80 }', [tcp(80, null)]],
    [
      '{ target: 80, published: "8080", protocol: udp, host_ip: 10.0.0.1, mode: host }',
      [{ ...tcp(80, 8080, '10.0.0.1'), protocol: 'udp' }],
    ],
    ['{ target: 80, published: 8080, mode: ingress }', [tcp(80, 8080)]],
  ])('%s', (text, expected) => {
    if (expected === null) expect(() => webOf(`ports: [${text}]`)).toThrow('VALUE_OUT_OF_RANGE')
    else expect(webOf(`ports: [${text}]`).ports).toEqual(expected)
  })

  it('are sorted, and the same one twice is one', () => {
    expect(webOf('ports: ["8080:80", "443:443", "8080:80"]').ports).toEqual([tcp(80, 8080), tcp(443, 443)])
    expect(webOf('ports: ["8080:80", "0.0.0.0:8080:80"]').ports).toEqual([tcp(80, 8080, '0.0.0.0')])
  })
})

describe('volumes', () => {
  const top = 'volumes:\n  data:\n  named: { name: elsewhere }\n  given: { external: true }\n'
  const volume = { kind: 'volume', source: 'shop_data', target: '/d', readOnly: false, noCopy: false }
  const bind = { kind: 'bind', source: '/h', target: '/d', readOnly: false, createHostPath: true, propagation: null }
  it.each([
    ['data:/d', volume],
    ['data:/d/:ro', { ...volume, readOnly: true }],
    ['data:/d:nocopy', { ...volume, noCopy: true }],
    ['named:/d', { ...volume, source: 'elsewhere' }],
    ['given:/d', { ...volume, source: 'given' }],
    ['/d', { kind: 'anonymous', target: '/d', readOnly: false }],
    ['/h:/d', bind],
    ['/h:/d:ro,rslave', { ...bind, readOnly: true, propagation: 'rslave' }],
    [
      '{ type: volume, source: data, target: /d, read_only: true, volume: { nocopy: true } }',
      { ...volume, readOnly: true, noCopy: true },
    ],
    ['{ type: volume, target: /d }', { kind: 'anonymous', target: '/d', readOnly: false }],
    [
      '{ type: bind, source: /h, target: /d, bind: { create_host_path: false, propagation: shared } }',
      { ...bind, createHostPath: false, propagation: 'shared' },
    ],
    [
      '{ type: tmpfs, target: /d, tmpfs: { size: 1m, mode: 0700 } }',
      { kind: 'tmpfs', target: '/d', readOnly: false, sizeBytes: mib, mode: 0o700 },
    ],
  ])('%s', (text, expected) => {
    expect(webOf(`volumes: [${text.startsWith('{') ? text : `"${text}"`}]`, top).mounts).toEqual([expected])
  })

  it('are made when used, under their full names', () => {
    const stack = stackOf(`services:\n  web: { image: "a:1", volumes: ["data:/d", "given:/g"] }\n${top}`)
    const plain = { external: false, driver: 'local', options: {}, labels: {} }
    expect(stack.volumes).toEqual([
      { ...plain, name: 'given', external: true },
      { ...plain, name: 'shop_data' },
    ])
  })
})

describe('networks', () => {
  const top =
    'networks:\n  front: { driver_opts: { a: 1 }, internal: true, ipam: { config: [{ subnet: 10.9.0.0/24 }] } }\n  back:\n  given: { external: true, name: shared }\n  unused:\n'

  it('attach a service under its own name and its aliases', () => {
    expect(webOf('networks: { given: , front: { aliases: [z, a] } }', top).networks).toEqual([
      { network: 'shared', aliases: ['web'] },
      { network: 'shop_front', aliases: ['a', 'web', 'z'] },
    ])
  })

  it('know a service by its container_name too, which is told once', () => {
    const compose = `services:
  web: { image: "a:1", container_name: front, networks: [default, back] }
  db: { image: "a:1", container_name: data }
  vpn: { image: "a:1", network_mode: "container:front", pid: "container:data" }
${top}`
    const services = stackOf(compose).services.map(({ networks, networkMode }) => networkMode ?? networks)
    expect(services).toEqual([
      [{ network: 'shop_default', aliases: ['data', 'db'] }],
      'service:web',
      [
        { network: 'shop_back', aliases: ['front', 'web'] },
        { network: 'shop_default', aliases: ['front', 'web'] },
      ],
    ])
    expect(warningsOf(compose)).toEqual(['2:24 FIELD_IGNORED'])
  })

  it('do not know two services by one container_name', () => {
    const service = '{ image: "a:1", container_name: x1 }'
    expect(codesOf(`services:\n  web: ${service}\n  db: ${service}\n`)).toEqual(['3:23 CONFLICT'])
  })

  it('are made when used, with their settings', () => {
    const stack = stackOf(`services:\n  web: { image: "a:1", networks: [front, given, default] }\n${top}`)
    const plain = { external: false, driver: 'bridge', options: {}, internal: false, labels: {}, subnets: [] }
    expect(stack.networks).toEqual([
      { ...plain, name: 'shared', external: true },
      { ...plain, name: 'shop_default' },
      { ...plain, name: 'shop_front', options: { a: '1' }, internal: true, subnets: ['10.9.0.0/24'] },
    ])
  })

  it('are taken as they are when they are external, whatever else is said of them, which is told', () => {
    const compose =
      'services: { web: { image: "a:1", networks: [n] } }\nnetworks: { n: { external: true, driver: overlay, labels: [a] } }\n'
    expect(stackOf(compose).networks).toMatchObject([{ name: 'n', external: true, driver: 'bridge', labels: {} }])
    expect(warningsOf(compose)).toEqual(['2:34 FIELD_IGNORED', '2:51 FIELD_IGNORED'])
  })

  it('may be of a Swarm', () => {
    const compose = 'services: { web: { image: "a:1" } }\nnetworks: { default: { driver: overlay } }\n'
    expect(stackOf(compose).networks).toMatchObject([{ name: 'shop_default', driver: 'overlay' }])
  })

  it.each([
    ['x-slipway: { probe: { tcp: { port: 80 } } }', 'probes'],
    ['ports: ["80:80"]', null],
    ['x-slipway: { probe: { tcp: { port: 80 } } }, networks: [default, own]', null],
  ])('of a Swarm alone let no host in: %s', (keys, what) => {
    const compose = `services: { web: { image: "a:1", ${keys} } }\nnetworks: { default: { driver: overlay }, own: }\n`
    expect(codesOf(compose)).toEqual(what === null ? [] : [expect.stringMatching(/CONFLICT$/)])
  })

  it('leave the default one out when nobody uses it', () => {
    expect(
      stackOf(`services:\n  web: { image: "a:1", networks: [back] }\n${top}`).networks.map(({ name }) => name),
    ).toEqual(['shop_back'])
  })
})

describe('configs and secrets', () => {
  const top =
    'configs:\n  page: { file: ./a/../page.html }\n  inline: { content: "hi $${x}" }\nsecrets:\n  key: { file: key.txt }\n'
  const others = { 'stacks/shop/page.html': '<p>', 'stacks/shop/key.txt': 's3cret' }
  const base64 = (text: string): string => Buffer.from(text).toString('base64')

  it('are put where they are expected, readable for all', () => {
    expect(webOf('configs: [page, inline]\nsecrets: [key]', top, others).files).toEqual([
      {
        kind: 'config',
        name: 'inline',
        source: 'stacks/shop/compose.yaml',
        target: '/inline',
        contentBase64: base64('hi ${x}'),
        mode: 0o444,
        uid: 0,
        gid: 0,
      },
      {
        kind: 'config',
        name: 'page',
        source: 'stacks/shop/page.html',
        target: '/page',
        contentBase64: base64('<p>'),
        mode: 0o444,
        uid: 0,
        gid: 0,
      },
      {
        kind: 'secret',
        name: 'key',
        source: 'stacks/shop/key.txt',
        target: '/run/secrets/key',
        contentBase64: base64('s3cret'),
        mode: 0o444,
        uid: 0,
        gid: 0,
      },
    ])
  })

  it.each([
    [
      'configs: [{ source: page, target: /etc/p, uid: "7", gid: 8, mode: 0440 }]',
      { target: '/etc/p', uid: 7, gid: 8, mode: 0o440 },
    ],
    ['configs: [{ source: page, mode: "0440" }]', { target: '/page', mode: 0o440 }],
    ['configs: [{ source: page, mode: 0o440 }]', { target: '/page', mode: 0o440 }],
    ['secrets: [{ source: key, target: other }]', { target: '/run/secrets/other' }],
    ['secrets: [{ source: key, target: /k }]', { target: '/k' }],
  ])('%s', (lines, expected) => {
    expect(webOf(lines, top, others).files).toMatchObject([expected])
  })
})

describe('env files', () => {
  const others = {
    'stacks/shop/a.env': 'A=a\nB=a\nC=$OWN$DOT',
    'stacks/shop/b.env': 'B=b\nD=$A',
    'stacks/shop/.env': 'DOT=dot\n',
  }

  it('add up: later ones win, environment wins over all', () => {
    expect(webOf('env_file: [a.env, ./b.env]\nenvironment: { A: own, OWN: o, DOT: }', '', others).environment).toEqual({
      A: 'own',
      B: 'b',
      C: 'odot',
      D: 'own',
      DOT: 'dot',
      OWN: 'o',
    })
  })

  it.each(['{ A: }', '[A]'])('lose what environment: %s names without a value that it could take', (environment) => {
    expect(webOf(`env_file: a.env\nenvironment: ${environment}`, '', others).environment).toEqual({ B: 'a', C: 'dot' })
  })

  it('may be missing when they are not required', () => {
    expect(
      webOf('env_file: [{ path: a.env }, { path: no.env, required: false }, { path: b.env, format: raw }]', '', others)
        .environment,
    ).toMatchObject({ B: 'b', D: '$A' })
  })
})

describe('depends_on', () => {
  it('is sorted, with its conditions, and makes awaited services one-shot', () => {
    const stack = stackOf(`services:
  web:
    image: a:1
    depends_on:
      job: { condition: service_completed_successfully, restart: true }
      db: { condition: service_healthy }
      gone: { condition: service_started, required: false }
  db: { image: "b:1", depends_on: [other] }
  job: { image: "c:1" }
  other: { image: "d:1" }
`)
    expect(stack.services.map(({ name, mode, restart }) => [name, mode, restart.condition])).toEqual([
      ['db', 'replicated', 'unless-stopped'],
      ['job', 'job', 'no'],
      ['other', 'replicated', 'unless-stopped'],
      ['web', 'replicated', 'unless-stopped'],
    ])
    expect(stack.services.find(({ name }) => name === 'web')?.dependsOn).toEqual([
      { service: 'db', condition: 'service_healthy', required: true, restart: false },
      { service: 'job', condition: 'service_completed_successfully', required: true, restart: true },
    ])
  })
})

describe('what names another service', () => {
  it.each(['links: ["db:sql"]', 'network_mode: service:db', 'ipc: service:db', 'pid: service:db'])(
    '%s starts after it, and again with it',
    (line) => {
      expect(
        stackOf(`services:\n  web: { image: "a:1", ${line} }\n  db: { image: "b:1" }\n`).services[1]?.dependsOn,
      ).toEqual([{ service: 'db', condition: 'service_started', required: true, restart: true }])
    },
  )
})

describe('a platform', () => {
  it.each([
    ['linux', [['node.platform.os', 'linux']]],
    [
      'linux/amd64',
      [
        ['node.platform.arch', 'amd64'],
        ['node.platform.os', 'linux'],
      ],
    ],
    ['linux/arm/v7', [['node.platform.os', 'linux']]],
  ])('%s is a place as well', (platform, places) => {
    const web = webOf(`platform: ${platform}`)
    expect(web.execution).toEqual({ platform })
    expect(web.placement.constraints.map(({ key, value }) => [key, value])).toEqual(places)
  })
})

describe('x-slipway at the top of the file', () => {
  it('is the default of its services, key by key', () => {
    const stack = stackOf(`x-slipway: { rollout: { scope: service, progress_deadline: 1m } }
services:
  a: { image: "a:1" }
  b: { image: "a:1", x-slipway: { rollout: { scope: stack, healthy_deadline: 9s } } }
`)
    expect(stack.services.map(({ rollout }) => rollout)).toEqual([
      { healthyDeadlineMs: null, progressDeadlineMs: 60_000, scope: 'service', onRollback: 'status' },
      { healthyDeadlineMs: 9_000, progressDeadlineMs: 60_000, scope: 'stack', onRollback: 'status' },
    ])
  })
})

describe('variables', () => {
  it('come from the .env beside the file, and from the stack itself', () => {
    const stack = stackOf(
      'services:\n  web: { image: "${IMAGE:-none}", scale: "${N}", labels: { p: "$COMPOSE_PROJECT_NAME" } }\n',
      {
        'stacks/shop/.env': 'IMAGE=busybox:1.36\nN=3\n',
      },
    )
    expect(stack.services[0]).toMatchObject({ image: 'busybox:1.36', replicas: 3, labels: { p: 'shop' } })
  })

  it('never come from the environment of this process', () => {
    expect(webOf('labels: { home: "${HOME:-nowhere}" }').labels).toEqual({ home: 'nowhere' })
  })
})

describe('anchors, aliases and merge keys', () => {
  it('are resolved as YAML says: own keys win, then the first merged', () => {
    const stack = stackOf(`x-a: &a { image: "a:1", user: a, hostname: a }
x-b: &b { user: b, working_dir: /b }
services:
  web: { <<: [*a, *b], hostname: own }
  two: { <<: *a, image: "two:1" }
`)
    expect(stack.services).toMatchObject([
      { name: 'two', image: 'two:1', user: 'a', hostname: 'a' },
      { name: 'web', image: 'a:1', user: 'a', hostname: 'own', workingDir: '/b' },
    ])
  })
})
