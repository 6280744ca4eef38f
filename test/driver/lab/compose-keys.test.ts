import { parse } from 'yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import type { ServiceSpec, Stack } from '../../../src/model/index.js'
import { COMPOSE_KEYS } from '../../../src/manifest/compose-keys.js'
import { GUARDS, createPayload } from '../../../src/payload/index.js'
import { FLEET as FLEET_YAML, stackOf } from '../../manifest/repository.js'
import { FLEET, must, never, onContainer, problemOf, runAction } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, labDriver, sshServer } from './lab-fixtures.js'

/** Keys that this machine can start containers with, on few of them. */
const COMPOSE = `
services:
  all:
    image: busybox:1.36
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    cpu_period: 25ms
    cpu_quota: 12500
    cpu_shares: 512
    cpuset: "0"
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 96m
    pids_limit: 100
    oom_score_adj: 100
    shm_size: 8m
    ipc: shareable
    cgroup: private
    cgroup_parent: /slipway-lab
    userns_mode: host
    isolation: default
    security_opt: ["no-new-privileges:true", "seccomp:unconfined", systempaths=unconfined]
    cap_add: [SYS_ADMIN, NET_ADMIN]
    cap_drop: [MKNOD]
    group_add: ["1001", root]
    devices: ["/dev/null:/dev/nix:r", /dev/zero]
    device_cgroup_rules: ["c 1:3 r"]
    dns: [10.9.9.9]
    dns_search: [example.com]
    dns_opt: ["ndots:2"]
    domainname: example.com
    hostname: box
    extra_hosts: ["db:10.0.0.5"]
    external_links: ["joined:friend"]
    expose: [3000, "53/udp"]
    runtime: runc
    platform: linux/amd64
    tty: true
    stdin_open: true
    user: "0:0"
    working_dir: /tmp
    environment: { A: b }
    labels: { mine: "yes" }
    ulimits: { nofile: { soft: 100, hard: 200 } }
    sysctls: { net.core.somaxconn: 1024 }
    logging: { driver: json-file, options: { max-size: 1m } }
    restart: on-failure:3
    stop_signal: SIGKILL
    healthcheck: { test: ["CMD", "true"], interval: 1s, timeout: 2s, retries: 4, start_period: 3s, start_interval: 500ms }
    ports: ["127.0.0.1:18080:80"]
    tmpfs: ["/run:size=1m,mode=755,uid=33,noexec"]
    volumes:
      - { type: tmpfs, target: /t, tmpfs: { size: 1m, mode: 01777 } }
      - { type: volume, source: data, target: /data, volume: { nocopy: true } }
      - { type: bind, source: /srv/slipway, target: /srv, read_only: true, bind: { propagation: rprivate } }
      - /srv/slipway-z:/z:z
      - ./site:/site:ro
      - ./scratch:/scratch
      - ./hello.sh:/hello.sh:ro
    networks:
      second: { priority: 1, aliases: [deux] }
      first:
        priority: 2
        ipv4_address: 10.77.1.9
        mac_address: 02:42:0a:4d:01:09
        driver_opts: { com.example.a: b }
  more:
    image: busybox:1.36
    container_name: shop-more
    hostname: more_box
    entrypoint: ["sleep"]
    command: ["1000"]
    stop_grace_period: 0s
    env_file: [{ path: more.env, format: raw, required: true }]
    label_file: more.labels
    healthcheck: { disable: true }
    use_api_socket: true
    devices: [{ source: /dev/null, target: /dev/nul, permissions: rw }]
    ports: [{ target: 81, published: 18081, host_ip: 127.0.0.1, protocol: udp, mode: host }]
    configs: [{ source: page, target: /page, uid: "1", gid: "2", mode: 0440 }, theme, mood]
    secrets: [{ source: token, uid: "3", gid: "4" }, { source: other, target: /other, mode: 0400 }]
    volumes_from: ["all:ro"]
    volumes: [{ type: bind, source: /srv/slipway-Z, target: /Z, bind: { selinux: Z, create_host_path: true, recursive: enabled } }]
    networks:
      second: { ipv6_address: "fd77::9", link_local_ips: [169.254.8.8], interface_name: net7 }
    deploy:
      restart_policy: { condition: on-failure, max_attempts: 2 }
      resources:
        limits: { cpus: "0.5", memory: 64M, pids: 50 }
        reservations: { memory: 16M }
  joined:
    image: busybox:1.36
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    network_mode: service:all
    ipc: service:all
    pid: service:all
  bare:
    image: busybox:1.36
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    network_mode: host
    pid: host
    ipc: host
    uts: host
    cgroup: host
  linked:
    image: busybox:1.36
    command: ["sleep", "1000"]
    stop_grace_period: 0s
    links: ["all:everything"]
    cpus: 0.5
    mac_address: 02:42:0a:4d:01:0a
    read_only: true
    networks: [first]
networks:
  first:
    driver: bridge
    internal: true
    attachable: true
    driver_opts: { com.docker.network.bridge.name: slw-first }
    labels: { mine: net }
    ipam: { config: [{ subnet: 10.77.1.0/24, gateway: 10.77.1.1, ip_range: 10.77.1.128/25, aux_addresses: { router: 10.77.1.7 } }] }
  second: { name: shop_second, enable_ipv6: true, ipam: { driver: default, options: { com.example.a: b }, config: [{ subnet: 10.77.2.0/24 }, { subnet: "fd77::/64" }] } }
configs: { page: { content: "a page" }, theme: { file: more.env, name: a-theme }, mood: { environment: MOOD } }
secrets: { token: { file: token.txt }, other: { environment: MOOD, name: an-other } }
volumes:
  data: { name: shop_data, driver: local, driver_opts: { type: tmpfs, device: tmpfs, o: size=1m }, labels: { mine: vol } }
`

/** Keys that the engine takes and this machine's kernel or tools cannot start: the container is made and looked at. */
const CREATED_ONLY = `
services:
  made:
    image: busybox:1.36
    privileged: true
    init: true
    mem_swappiness: 10
    oom_kill_disable: true
    gpus: [{ driver: none, device_ids: ["0"], options: { a: b } }, { driver: none, count: 1, capabilities: [compute] }]
    post_start: [{ command: "true", user: root, privileged: true, working_dir: /tmp, environment: { A: b } }]
    pre_stop: [{ command: "true", user: root, privileged: true, working_dir: /tmp, environment: { A: b } }]
    deploy:
      resources:
        reservations:
          cpus: "0.1"
          devices:
            - { driver: none, device_ids: ["1"], capabilities: [gpu], options: { a: b } }
            - { driver: none, count: 1, capabilities: [gpu] }
    volumes_from: ["container:shop-all"]
    blkio_config:
      weight: 300
      weight_device: [{ path: /dev/null, weight: 400 }]
      device_read_bps: [{ path: /dev/null, rate: 1mb }]
      device_read_iops: [{ path: /dev/null, rate: 120 }]
      device_write_bps: [{ path: /dev/null, rate: 1mb }]
      device_write_iops: [{ path: /dev/null, rate: 30 }]
`
/** Only engines of API 1.45 know these. */
const MODERN_ONLY = `
services:
  made:
    image: busybox:1.36
    annotations: { com.example.a: b }
    volumes: [{ type: volume, source: data, target: /d, volume: { subpath: a/b } }]
volumes: { data: }
`

const ALLOWING = `${FLEET_YAML}guards: { allow: [${Object.keys(GUARDS).join(', ')}] }\n`

let lab: Lab
let driver: TestDriver
let stack: Stack

beforeAll(async () => {
  stack = stackOf(COMPOSE, {
    'slipway.yaml': ALLOWING,
    'stacks/shop/site/index.html': 'hello',
    'stacks/shop/site/deep/er.txt': 'deep',
    'stacks/shop/scratch/a': 'a',
    'stacks/shop/.env': 'MOOD=blue\n',
    'stacks/shop/more.env': 'MORE=$one\n',
    'stacks/shop/more.labels': 'theirs=2\n',
    'stacks/shop/token.txt': 'hush',
    'stacks/shop/hello.sh': '#!/bin/sh\necho hi\n',
  })
  lab = await startLab({
    name: 'compose-keys',
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'new', engine: 'modern' },
    ],
  })
  driver = labDriver(lab)
  const guards = { prune: 1, history: 'any', allow: Object.keys(GUARDS) as (keyof typeof GUARDS)[] } as const
  driver.use(
    FLEET,
    lab.servers.map((server) => sshServer(server)),
    guards,
  )
})

afterAll(async () => {
  await driver?.close()
  await lab?.down()
})

type Fields = Readonly<Record<string, unknown>>

interface Inspected {
  readonly Config: Fields
  readonly HostConfig: Fields
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Fields>> }
}

/** Of each server: what was made there, and what the engine says of it. */
async function runAll(
  server: string,
): Promise<ReadonlyMap<string, { readonly id: string; readonly payload: Fields; readonly made: Inspected }>> {
  const image = await busybox(driver, server)
  for (const network of stack.networks)
    must(await driver.perform({ kind: 'ensure-network', server, stack: 'shop', network }, never))
  for (const volume of stack.volumes)
    must(await driver.perform({ kind: 'ensure-volume', server, stack: 'shop', volume }, never))
  const docker = dockerOn(lab.server(server))
  const { ApiVersion } = (await docker.version()) as { readonly ApiVersion: string }
  const ran = new Map<string, { readonly id: string; readonly payload: Fields; readonly made: Inspected }>()
  for (const name of ['all', 'more', 'joined', 'bare', 'linked']) {
    const action = runAction(server, specOf(name), image)
    const id = String(must(await driver.perform(action, never)).containerId)
    const joined = new Map([['all', ran.get('all')?.id ?? '']])
    const payload = createPayload(action, image.id, Number(ApiVersion.split('.')[1]), joined)
    ran.set(name, { id, payload, made: (await docker.getContainer(id).inspect()) as unknown as Inspected })
  }
  return ran
}

function specOf(name: string): ServiceSpec {
  const spec = stack.services.find((service) => service.name === name)
  if (spec === undefined) throw new Error(`no service ${name}`)
  return spec
}

/** Honoured, and not to be seen in a container of this lab. */
const UNSEEN: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^services\.\*\.(?:cpu_count|cpu_percent|credential_spec)/, 'for Windows'],
  [/^services\.\*\.cpu_rt_/, 'for kernels with real-time groups'],
  [/^services\.\*\.storage_opt/, 'for file systems with quotas'],
  [/gw_priority$/, 'for engines of API 1.48'],
  [/^services\.\*\.volumes\[\]\.image/, 'for engines of API 1.48: image-mount.test.ts'],
  [/app_protocol$/, 'of the proxies'],
  [/^networks\.\*\.enable_ipv4$/, 'for engines of API 1.47'],
  [/^(?:name|include|x-)|^services\.\*\.(?:extends|profiles|x-)/, 'of loading'],
  [
    /^services\.\*\.(?:depends_on|scale|pull_policy|pull_refresh_after)|deploy\.(?:mode|replicas|placement|.*_config)/,
    'of rolling out',
  ],
  [/deploy\.restart_policy\.(?:delay|window)$/, 'of healing'],
  [/\.external(?:\.name)?$/, 'made by somebody else: looked for, and left alone'],
]

it('no honoured key is without an inspection', () => {
  const said = new Set([COMPOSE, CREATED_ONLY, MODERN_ONLY].flatMap((yaml) => pathsIn(parse(yaml), '')))
  const honoured = COMPOSE_KEYS.filter(([, kind]) => kind === 'honoured').map(([path]) => path)
  expect(honoured.filter((path) => !said.has(path) && !UNSEEN.some(([pattern]) => pattern.test(path)))).toEqual([])
})

/** As the table of keys has them. */
function pathsIn(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => pathsIn(item, `${path}[]`))]
  if (typeof value !== 'object' || value === null) return [path]
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) =>
      pathsIn(inner, path === '' ? key : `${path}.${NAMES_BELOW.test(path) ? '*' : key}`),
    ),
  ]
}

/** Where the user gives the names. */
const NAMES_BELOW = /^(?:services|networks|volumes|configs|secrets|services\.\*\.(?:networks|ulimits))$/

describe.each(['old', 'new'])('on the %s engine', (server) => {
  it('every key is what the engine says of the container', async () => {
    const ran = await runAll(server)
    for (const { payload, made } of ran.values()) {
      const { HostConfig, NetworkingConfig, Image: _, MacAddress: _mac, ...config } = payload
      expect(made.HostConfig).toMatchObject(asPrinted(HostConfig))
      const { Env, ...plain } = config as { readonly Env: readonly string[] }
      expect(made.Config).toMatchObject(plain)
      expect(made.Config['Env']).toEqual(expect.arrayContaining([...Env]))
      const { EndpointsConfig = {} } = (NetworkingConfig ?? {}) as { readonly EndpointsConfig?: Fields }
      for (const [network, endpoint] of Object.entries(EndpointsConfig)) {
        const { Aliases, ...rest } = endpoint as { readonly Aliases: readonly string[] }
        expect(made.NetworkSettings.Networks[network]).toMatchObject(rest)
        expect(made.NetworkSettings.Networks[network]?.['Aliases']).toEqual(expect.arrayContaining([...Aliases]))
      }
    }
    const inAll = (...command: readonly string[]): Promise<string> => read(server, ran.get('all')?.id ?? '', command)
    expect(await inAll('sh', '-c', 'cat /site/index.html /site/deep/er.txt; ls /scratch; /hello.sh')).toBe(
      'hellodeepa\nhi\n',
    )
    expect(await inAll('sh', '-c', 'touch /site/x 2>&1; touch /scratch/b && ls -1 /scratch')).toMatch(
      /Read-only.*\na\nb\n$/s,
    )
    const inMore = (command: string): Promise<string> => read(server, ran.get('more')?.id ?? '', ['sh', '-c', command])
    expect(await inMore('cat /page /run/secrets/token; stat -c " %u:%g %a" /page /run/secrets/token')).toBe(
      'a pagehush 1:2 440\n 3:4 444\n',
    )
    expect(await inMore('cat /theme /mood /other; stat -c " %a" /other')).toBe('MORE=$one\nblueblue 400\n')
    expect(await inMore('cat /site/index.html; touch /scratch/c 2>&1')).toMatch(/^hello.*Read-only/s)
    expect(await inMore('hostname; ls -d /var/run/docker.sock')).toBe('more_box\n/var/run/docker.sock\n')
    expect(await inMore('nslookup shop-more')).toMatch(/10\.77\.2\.[0-9]+/)
    await updatesInPlace(server, ran.get('more')?.id ?? '')
    expect(await read(server, ran.get('linked')?.id ?? '', ['nslookup', 'everything'])).toContain('10.77.1.9')
    expect(await read(server, ran.get('joined')?.id ?? '', ['ip', 'addr'])).toContain('10.77.1.9')
    expect(await shippedVolumes(server)).toEqual(['shop/all', 'shop/all', 'shop/more', 'shop/more'])
    for (const [name, { id }] of ran) {
      const slot = { stack: 'shop', service: name, key: '1' }
      const removal = { ...onContainer('remove', server, id), slot }
      must(await driver.perform({ ...removal, kind: 'stop', graceMs: 0 }, never))
      must(await driver.perform(removal, never))
    }
    expect(await shippedVolumes(server)).toEqual([])
    const left = await dockerOn(lab.server(server)).listContainers({ all: true })
    expect(left).toEqual([])
  })

  it.each(server === 'old' ? ['any'] : ['any', 'modern'])(
    'and of one that is only made, with keys of %s engines',
    async (kind) => {
      const yaml = kind === 'any' ? CREATED_ONLY : MODERN_ONLY
      const [spec] = stackOf(yaml, { 'slipway.yaml': ALLOWING }).services
      if (spec === undefined) throw new Error('no service')
      const docker = dockerOn(lab.server(server))
      const image = await busybox(driver, server)
      const source = await docker.createContainer({ Image: image.id, name: 'shop-all' })
      const { HostConfig, Labels } = createPayload(runAction(server, spec, image), image.id, server === 'old' ? 41 : 45)
      // Kernels without a setting make the engine forget it, with a warning that the answer of create has.
      const made = await docker.createContainer({
        Image: image.id,
        Labels,
        HostConfig: { ...HostConfig, NetworkMode: 'none' },
      })
      const seen = (await made.inspect()) as unknown as Inspected
      const forgotten = forgottenBy(seen.HostConfig, HostConfig)
      expect(forgotten.filter((key) => !KERNEL_MAY_LACK.test(key))).toEqual([])
      expect({ ...seen.HostConfig, ...pick(HostConfig, forgotten) }).toMatchObject(
        asPrinted({ ...HostConfig, NetworkMode: 'none' }),
      )
      expect(seen.Config).toMatchObject({ Labels })
      await made.remove({ v: true })
      await source.remove({ v: true })
    },
  )

  it('hooks run after the start and before the stop', async () => {
    const id = await runHooked('touch /started', 'echo bye > /proc/1/fd/1')
    expect(await read(server, id, ['ls', '/started'])).toBe('/started\n')
    const removal = onContainer('remove', server, id)
    must(await driver.perform({ ...removal, kind: 'stop', graceMs: 2_000 }, never))
    const logs = await dockerOn(lab.server(server)).getContainer(id).logs({ stdout: true })
    expect(logs.toString()).toContain('bye')
    must(await driver.perform({ ...removal, kind: 'start' }, never))
    must(await driver.perform({ ...removal, kind: 'stop', graceMs: 0 }, never))
    must(await driver.perform(removal, never))
  })

  it('a replica whose post_start fails is taken away; a pre_stop that fails or hangs stops nothing', async () => {
    const image = await busybox(driver, server)
    const action = runAction(server, hooked('echo no such luck; exit 3', 'true'), image)
    expect(problemOf(await driver.perform(action, never))).toMatchObject({
      code: 'HOOK_FAILED',
      message: expect.stringContaining('exited with 3: no such luck') as string,
    })
    expect(await dockerOn(lab.server(server)).listContainers({ all: true })).toEqual([])
    for (const preStop of ['exit 1', 'sleep 1000']) {
      const id = await runHooked('true', preStop)
      const removal = onContainer('remove', server, id)
      must(await driver.perform({ ...removal, kind: 'stop', graceMs: 500 }, never))
      must(await driver.perform(removal, never))
    }
    expect(driver.events.filter(({ message }) => message === 'pre_stop failed').length).toBeGreaterThanOrEqual(2)
  })

  async function updatesInPlace(server: string, id: string): Promise<void> {
    const limits = { cpus: 0.25, memoryBytes: 48 << 20, pids: 40, memoryReservedBytes: 24 << 20 }
    must(await driver.perform({ ...onContainer('start', server, id), kind: 'update', limits }, never))
    const { HostConfig } = await dockerOn(lab.server(server)).getContainer(id).inspect()
    const said = { NanoCpus: 25e7, Memory: 48 << 20, MemorySwap: 96 << 20, PidsLimit: 40, MemoryReservation: 24 << 20 }
    expect(HostConfig).toMatchObject(said)
  }

  function hooked(postStart: string, preStop: string): Partial<ServiceSpec> {
    const hooks = { postStart: [{ command: ['sh', '-c', postStart] }], preStop: [{ command: ['sh', '-c', preStop] }] }
    return { command: ['sleep', '1000'], stopSignal: 'SIGKILL', hooks }
  }

  async function runHooked(postStart: string, preStop: string): Promise<string> {
    const action = runAction(server, hooked(postStart, preStop), await busybox(driver, server))
    return String(must(await driver.perform(action, never)).containerId)
  }

  it('networks and volumes have what they were declared with', async () => {
    const docker = dockerOn(lab.server(server))
    expect(await docker.getNetwork('shop_first').inspect()).toMatchObject({
      Driver: 'bridge',
      Internal: true,
      Attachable: true,
      Options: { 'com.docker.network.bridge.name': 'slw-first' },
      Labels: { mine: 'net', 'com.docker.compose.network': 'first' },
      IPAM: {
        Config: [
          {
            Subnet: '10.77.1.0/24',
            Gateway: '10.77.1.1',
            IPRange: '10.77.1.128/25',
            AuxiliaryAddresses: { router: '10.77.1.7' },
          },
        ],
      },
    })
    expect(await docker.getNetwork('shop_second').inspect()).toMatchObject({ EnableIPv6: true })
    expect(await docker.getVolume('shop_data').inspect()).toMatchObject({
      Driver: 'local',
      Options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' },
      Labels: { mine: 'vol' },
    })
  })
})

const KERNEL_MAY_LACK = /^(?:Blkio|OomKillDisable$|MemorySwappiness$)/

function forgottenBy(seen: Fields, sent: Fields): readonly string[] {
  return Object.keys(sent).filter((key) => !seen[key] || JSON.stringify(seen[key]) === '[]')
}

function pick(fields: Fields, keys: readonly string[]): Fields {
  return Object.fromEntries(keys.map((key) => [key, fields[key]]))
}

/** The engine leaves out what is false. */
function asPrinted(fields: unknown): Fields {
  return JSON.parse(JSON.stringify(fields, (_key, value: unknown) => (value === false ? undefined : value))) as Fields
}

async function read(server: string, id: string, command: readonly string[]): Promise<string> {
  const container = dockerOn(lab.server(server)).getContainer(id)
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true })
  const chunks: Buffer[] = []
  for await (const chunk of await exec.start({ Tty: true })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString().replaceAll('\r', '')
}

/** The services that have volumes of shipped files. */
async function shippedVolumes(server: string): Promise<readonly string[]> {
  const { Volumes } = await dockerOn(lab.server(server)).listVolumes()
  return Volumes.flatMap(({ Labels }) => Labels?.['slipway.files'] ?? []).sort()
}
