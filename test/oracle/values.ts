import fc from 'fast-check'

/** A value as it is written into the file: `raw('0440')` stands there without quotes, whatever YAML makes of it. */
export function raw(source: string): string {
  return `§${source}§`
}

const some = fc.constantFrom
const listOf = <T>(values: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> =>
  fc.uniqueArray(values, { minLength: 1, maxLength, selector: (value) => JSON.stringify(value) })
const part = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>, required: readonly string[] = []) =>
  fc.record(fields, { requiredKeys: [...required] })

/** YAML's traps, and those of Go's reading of it. */
const scalar = fc.oneof(
  some('a', 'b c', '', 'x=y', '# no comment', ' padded ', 'ü', "it's", '"quoted"', 'a: b', '$$HOME', 'line\nline'),
  some('yes', 'no', 'on', 'off', 'y', 'n', 'null', '~', 'true', '1', '1.10', '0x1f', '12:30', '1_000', '2020-01-01'),
  some('1', '0', '-5', '0440', '0o17', '0x1F', '1e3', '1.10', '1.5', '3.0', '1e21', '12345678901', '.5').map(raw),
  some(
    '0b101',
    '+5',
    '1_0.5',
    '0x1_F',
    '08',
    '0.10',
    '-0',
    '1E3',
    '12e03',
    '!!int "5"',
    'Null',
    '-.5',
    '5.',
    '1e-7',
    '1_',
    '_1',
    '0b12',
    '100000000000000000000',
    '.inf',
    '.NaN',
    '-1_000',
    '0.1e1',
  ).map(raw),
  some('true', 'false', 'yes', 'no', 'on', 'off', 'True', 'NO', 'y', '12:30', '1_000', '2020-01-01', '!!str 5').map(
    raw,
  ),
  some(
    '${A}',
    '$A',
    '${A:-x}',
    '${NONE:-y}',
    '${NONE-y}',
    '${EMPTY:-z}',
    '${EMPTY-z}',
    '${NONE:+w}',
    '${A:+w}',
    '${A+w}',
  ),
  some(
    '${NONE:-${A}}',
    '${NONE:-${EMPTY:-q}}',
    '<${A}-${N}>',
    '$$A',
    '$${A}',
    '${NONE}',
    '${A:?needed}',
    '${Q}',
    '${REF}',
  ),
)
const bare = fc.oneof(scalar, fc.constant(null))
const flag = some<unknown>(true, false, 'true', 'false', raw('yes'), raw('no'), '${YES}', '${NONE:-false}')
const count = (...values: readonly number[]): fc.Arbitrary<unknown> =>
  fc.oneof(some(...values), some(...values).map(String), some('${N}', '${NONE:-3}'))
const duration = some('5s', '1m30s', '1h', '500ms', '90s', '1m0s', '1.5s', '2h45m', '${SPAN}', '10s')
const size = some('64m', '1g', '512M', '1.5gb', '100mb', '67108864', '128MiB', '${SIZE}', '20000k')

function keyValues(values: fc.Arbitrary<unknown>, names: readonly string[]): fc.Arbitrary<unknown> {
  const listed = fc
    .tuple(some(...names), some('=1', '=', '=a b', '=${A}', '=x=y', '="q"', '=${NONE:-d}', ''))
    .map(([name, rest]) => name + rest)
  return fc.oneof(fc.dictionary(some(...names), values, { minKeys: 1, maxKeys: 4 }), listOf(listed))
}

const port = fc.oneof(
  some<unknown>(
    '80',
    '8080:80',
    '127.0.0.1:8081:81',
    '53:53/udp',
    '3000-3002:4000-4002',
    '${PORT}:82',
    83,
    '[::1]:84:84',
  ),
  some<unknown>('9000-9001', '127.0.0.1::85', '0.0.0.0:86:86/tcp', '${PORT:-1}:87'),
  part(
    {
      target: some<unknown>(90, '91', '${PORT}'),
      published: some<unknown>('8090', 8091, '${PORT}'),
      protocol: some('tcp', 'udp'),
      host_ip: some('127.0.0.1', '0.0.0.0'),
      mode: some('host', 'ingress'),
    },
    ['target'],
  ),
)

const volume = fc.oneof(
  some(
    'data:/data',
    'data:/data2:ro',
    '/srv/x:/x',
    '/srv/y:/y:ro',
    '/anonymous',
    'logs:/var/log',
    '/srv/z/../w:/w/',
    '/s:/s:rw',
    './html:/html',
    './html/:/site:ro',
    './html/index.html:/index.html:ro',
  ),
  some('/srv/s:/shared:rshared', 'data:/n:nocopy', '${DIR}:/from-variable', 'logs:/l:ro,nocopy'),
  part(
    {
      type: fc.constant('volume'),
      source: some('data', 'logs'),
      target: some('/long', '/long/b'),
      read_only: flag,
      volume: part({ nocopy: flag }),
    },
    ['type', 'target'],
  ),
  part(
    {
      type: fc.constant('bind'),
      source: some('/srv/b', '/srv', './html', './html/index.html'),
      target: some('/bound', '/bound2'),
      read_only: flag,
      bind: part({ create_host_path: flag, propagation: some('rslave', 'private') }),
    },
    ['type', 'source', 'target'],
  ),
  part(
    {
      type: fc.constant('image'),
      source: some('busybox', 'registry.example.com/site:2', `site@sha256:${'a'.repeat(64)}`),
      target: some('/imaged', '/imaged2'),
      read_only: flag,
      image: part({ subpath: some('www', 'www/html') }),
    },
    ['type', 'source', 'target'],
  ),
  part(
    {
      type: fc.constant('tmpfs'),
      target: some('/tmp/a', '/tmp/b'),
      tmpfs: part({ size: size, mode: some<unknown>(raw('0700'), raw('01777')) }),
    },
    ['type', 'target'],
  ),
)

const fileUse = (name: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constant(name),
    part(
      {
        source: fc.constant(name),
        target: some(`/etc/${name}`, `${name}.conf`),
        mode: some<unknown>(raw('0440'), '0400', raw('0o444')),
        uid: some('0', '1000'),
        gid: some('0', '1000'),
      },
      ['source'],
    ),
  )

const hook = part(
  {
    command: fc.oneof(some<unknown>('./run --now', 'sh -c "a $$b"', ['sh', '-c', 'a b'], ['${A}'])),
    user: some('root', '1000'),
    working_dir: some('/app'),
    privileged: flag,
    environment: keyValues(some<unknown>('1', 2, '${A}'), ['H', 'FROM_ENV']),
  },
  ['command'],
)

const resources = part({
  limits: part({ cpus: some<unknown>('0.5', 2, '1.25', '${N}'), memory: size, pids: some<unknown>(100, 50, raw('0')) }),
  reservations: part({ cpus: some<unknown>('0.25', '0.5'), memory: some('16m', '8mb', '8388608') }),
})
const policy = (actions: readonly string[]): fc.Arbitrary<unknown> =>
  part({
    parallelism: count(0, 1, 2),
    delay: duration,
    monitor: duration,
    failure_action: some(...actions),
    max_failure_ratio: some<unknown>(0, 0.25, '0.5', 1),
    order: some('start-first', 'stop-first'),
  })
const deploy = part({
  replicas: count(0, 1, 3),
  mode: fc.constant('replicated'),
  resources,
  placement: part({
    constraints: listOf(some('node.labels.zone == a', 'node.hostname!=b', 'node.labels.disk==ssd')),
    preferences: listOf(some({ spread: 'node.labels.zone' }, { spread: 'node.labels.rack' })),
    max_replicas_per_node: count(1, 2),
  }),
  restart_policy: part({
    condition: some('none', 'on-failure', 'any', 'no', 'always', 'unless-stopped'),
    max_attempts: count(1, 5),
    delay: duration,
    window: duration,
  }),
  update_config: policy(['rollback', 'pause', 'continue']),
  rollback_config: policy(['pause', 'continue']),
})

const words = some<unknown>('a', 'b c', '', '$$X', '${A}', '--flag=x', 'ü')
const command = fc.oneof(
  some('run --now', 'sh -c "echo hi  there"', 'sh -c \'a "b" c\'', '${A} x', '', 'a\\ b c', 'x "" y', 'echo $$A'),
  fc.array(words, { maxLength: 3 }),
)
const healthcheck = part({
  test: fc.oneof(
    some<unknown>('curl -f http://x', ['CMD', 'a', 'b'], ['CMD-SHELL', 'a && $$b'], ['NONE'], ['CMD', '${A}']),
  ),
  interval: duration,
  timeout: duration,
  retries: count(1, 5),
  start_period: duration,
  start_interval: duration,
})

/** Values for each key of a service, in all the forms in which people write them. */
export const SERVICE_KEYS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  command,
  entrypoint: command,
  environment: keyValues(bare, ['A', 'B', 'FROM_ENV', 'N', 'NONE', 'lower', 'WITH.DOT']),
  env_file: fc.oneof(
    some<unknown>('web.env', './web.env', ['web.env', 'more.env'], ['more.env', 'web.env']),
    fc.constant([{ path: 'web.env' }, { path: 'absent.env', required: false }]),
    fc.constant([{ path: 'more.env', format: 'raw' }]),
  ),
  labels: keyValues(bare, ['a.b', 'c', 'traefik.enable', 'd/e']),
  ports: listOf(port),
  volumes: listOf(volume),
  tmpfs: fc.oneof(
    some<unknown>('/scratch', '/cache:size=64m', '/cache:size=64m,mode=1777'),
    listOf(some('/cache', '/scratch:size=1g'), 2),
  ),
  networks: fc.oneof(
    listOf(some('front', 'back', 'default')),
    fc.dictionary(
      some('front', 'back', 'default'),
      fc.oneof(fc.constant(null), part({ aliases: listOf(some('x', 'y', '${A}')) })),
      {
        minKeys: 1,
      },
    ),
  ),
  network_mode: some('host', 'none'),
  healthcheck: fc.oneof(
    { weight: 5, arbitrary: healthcheck },
    { weight: 1, arbitrary: some<unknown>({ disable: true }, { test: ['CMD', 'a'], interval: '5s', disable: true }) },
  ),
  deploy,
  configs: fc.oneof(fc.tuple(fileUse('page')), fc.tuple(fileUse('page'), fileUse('inline'))),
  secrets: fc.oneof(fc.tuple(fileUse('token')), fc.tuple(fileUse('token'), fileUse('given'))),
  post_start: fc.array(hook, { minLength: 1, maxLength: 2 }),
  pre_stop: fc.tuple(hook),
  restart: some<unknown>('no', 'always', 'on-failure', 'on-failure:3', 'unless-stopped', '${NONE:-always}'),
  scale: count(1, 2),
  stop_signal: some('SIGINT', 'SIGQUIT', '${NONE:-SIGUSR1}'),
  stop_grace_period: duration,
  init: flag,
  user: some<unknown>('1000', '1000:1000', 'www', '${N}'),
  working_dir: some('/app', '/app/${A}'),
  hostname: some('h', 'host-1', 'a.b.c'),
  extra_hosts: fc.oneof(
    listOf(some('db:10.0.0.1', 'db=10.0.0.1', 'v6:::1', 'v6=[::1]', 'gw:host-gateway')),
    fc.dictionary(some('db', 'api', 'v6'), some('10.0.0.1', 'host-gateway', raw('"::1"')), { minKeys: 1 }),
  ),
  logging: part({
    driver: some('json-file', 'local', 'none'),
    options: fc.dictionary(some('max-size', 'max-file'), some<unknown>('10m', '3', 3, '${N}'), { minKeys: 1 }),
  }),
  ulimits: fc.dictionary(
    some('nofile', 'nproc', 'core'),
    fc.oneof(
      count(100, 1024),
      part({ soft: some<unknown>(10, '${N}'), hard: some<unknown>(200, '1000') }, ['soft', 'hard']),
    ),
    {
      minKeys: 1,
    },
  ),
  sysctls: keyValues(some<unknown>('1', 1, raw('0'), '${N}'), ['net.core.somaxconn', 'net.ipv4.tcp_syncookies']),
  cap_add: listOf(some('NET_ADMIN', 'SYS_TIME', 'CHOWN', '${CAP}')),
  cap_drop: listOf(some('ALL', 'NET_RAW')),
  read_only: flag,
  pull_policy: some(
    'always',
    'missing',
    'never',
    'if_not_present',
    '${NONE:-always}',
    'daily',
    'weekly',
    'every_12h',
    'every_1h30m',
  ),
  mem_limit: fc.oneof(size, fc.constant(67108864)),
  mem_reservation: some<unknown>('16m', 8388608),
  cpus: some<unknown>(0.5, '1.5', 2, '${N}'),
  pids_limit: count(50, 100),
  cpu_count: count(1, 2),
  cpu_percent: some<unknown>(50, 75.0),
  cpu_shares: count(512, 1024),
  cpu_period: some<unknown>('25000', 100000),
  cpu_quota: some<unknown>(50000, '20000'),
  cpu_rt_period: some<unknown>('950000', 11000),
  cpu_rt_runtime: some<unknown>(95000, '90000'),
  cpuset: some('0-1', '0,1', '${NONE:-0}'),
  mem_swappiness: count(0, 60),
  oom_kill_disable: flag,
  oom_score_adj: some<unknown>(-500, 100),
  shm_size: fc.oneof(size, fc.constant(67108864)),
  blkio_config: part({
    weight: some(10, 300),
    weight_device: fc.constant([{ path: '/dev/sda', weight: 400 }]),
    device_read_bps: some<unknown>([{ path: '/dev/sdb', rate: '12mb' }], [{ path: '/dev/sdb', rate: 1024 }]),
    device_write_iops: fc.constant([{ path: '/dev/sdb', rate: 30 }]),
  }),
  storage_opt: fc.constant({ size: '1G' }),
  ipc: some('host', 'private', 'shareable'),
  pid: some('host'),
  uts: fc.constant('host'),
  cgroup: some('host', 'private'),
  cgroup_parent: some('m-executor-abcd', '${A}'),
  userns_mode: fc.constant('host'),
  isolation: some('default', 'process'),
  privileged: flag,
  security_opt: listOf(
    some('no-new-privileges', 'apparmor=unconfined', 'label:disable', 'seccomp=unconfined', 'seccomp:unconfined'),
  ),
  group_add: listOf(some<unknown>('mail', '100', 101)),
  devices: listOf(
    some<unknown>('/dev/fuse', '/dev/null:/dev/nothing', '/dev/zero:/dev/z:rw', {
      source: '/dev/full',
      target: '/dev/f',
      permissions: 'r',
    }),
  ),
  device_cgroup_rules: listOf(some('c 1:3 mr', 'a 7:* rmw')),
  gpus: some<unknown>('all', [{ driver: 'nvidia', count: 2 }], [{ device_ids: ['0'], capabilities: ['utility'] }]),
  dns: some<unknown>('8.8.8.8', ['1.1.1.1', '8.8.8.8'], [raw('"::1"')]),
  dns_search: some<unknown>('example.com', ['a.example.com', 'b.example.com']),
  dns_opt: listOf(some('use-vc', 'no-tld-query')),
  domainname: some('example.com', '${TAG}.example.com'),
  mac_address: fc.constant('02:42:ac:11:65:43'),
  expose: listOf(some<unknown>('3000', 8000, '9000/udp')),
  runtime: some('runc', '${NONE:-crun}'),
  platform: some('linux/amd64', 'linux/arm64/v8'),
  annotations: keyValues(some<unknown>('1', 2, '${A}'), ['com.example.a', 'b']),
  tty: flag,
  stdin_open: flag,
}

export const image = some(
  'busybox',
  'busybox:1.36',
  'nginx:latest',
  'ghcr.io/acme/web:${TAG}',
  '${REGISTRY:-docker.io}/a/b:${N}',
  'r.example.com:5000/x@sha256:' + 'a'.repeat(64),
)

export const network = (key: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constant(null),
    part({
      driver: fc.constant('bridge'),
      internal: flag,
      name: some(`own-${key}`, `${key}-$TAG`),
      labels: keyValues(some<unknown>('1', 2, '${A}'), ['a', 'b']),
      driver_opts: fc.dictionary(some('com.docker.network.bridge.name'), some<unknown>('br1', 5), { minKeys: 1 }),
      ipam: fc.constant({ config: [{ subnet: '10.9.0.0/24' }] }),
    }),
    some({ external: true }, { external: true, name: `outside-${key}` }, { external: { name: `outside-${key}` } }),
  )

export const volumeDeclaration = (key: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constant(null),
    part({
      name: some(`own-${key}`, `${key}-$TAG`),
      labels: keyValues(some<unknown>('1', '${A}'), ['a', 'b']),
      driver: fc.constant('local'),
      driver_opts: fc.dictionary(some('type', 'o', 'device'), some<unknown>('nfs', 'addr=${A}', 5), { minKeys: 1 }),
    }),
    some({ external: true }, { external: true, name: `outside-${key}` }),
  )

/** Lines of a `.env` in which every variable used above is set once; the rest is the dotenv format's own corners. */
export const dotenv = fc
  .tuple(
    some(
      'A=alpha',
      'A="alpha beta"',
      "A='al$pha'",
      'export A=alpha',
      'A = alpha',
      'A=alpha # comment',
      'A: alpha',
      'A="x\\ny"',
    ),
    some('EMPTY=', 'EMPTY=""', "EMPTY=''", 'EMPTY= # nothing'),
    some('N=2', 'N="2"', 'export N=2'),
    some('Q="say \\"hi\\""', "Q='it is'", 'Q=plain', 'Q="two\nlines"', 'Q="tab\\there"', 'Q=a#b', 'Q="a # b"'),
    some('REF=${A}-x', 'REF="${N:-9}"', "REF='${A}'", 'REF=$N', 'REF=${NOWHERE:-fallback}'),
  )
  .map((lines) =>
    [
      ...lines,
      'FROM_ENV=1',
      'YES=true',
      'SPAN=7s',
      'SIZE=32m',
      'PORT=8888',
      'DIR=/srv/dir',
      'CAP=SYS_PTRACE',
      'TAG=v1',
      '',
    ].join('\n'),
  )

export const envFile = some(
  'B=from-file\nC=2\n',
  'B=${A}\nC="${B}-c"\n',
  "# comment\n\nexport B='single $A'\nD=\n",
  'B="multi\nline"\nE=a b c\n',
  'B=x # comment\nFROM_ENV\nF=${NONE:-dflt}\n',
)
