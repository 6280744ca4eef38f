import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContainerCreateOptions } from 'dockerode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { composePath, ensureDownload } from '../../lab/downloads.js'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab, LabServer } from '../../lab/index.js'
import { run } from '../../lab/shell.js'
import { adoptedName } from '../../../src/model/index.js'
import type { Listing, Stack } from '../../../src/model/index.js'
import type { AdoptionAnswer } from '../../../src/controller/index.js'
import { GUARDS } from '../../../src/payload/index.js'
import { planAdoption } from '../../../src/planner/index.js'
import { FLEET as FLEET_YAML, stackOf } from '../../manifest/repository.js'
import { FLEET, must, never } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { labDriver, sshServer } from './lab-fixtures.js'

/** What people write, said in as many ways as the engine stores it in. */
const PROJECT = `
name: shop
services:
  plain:
    image: shop/app:1
    restart: unless-stopped
  all:
    image: shop/app:1
    command: ["sleep", "1000"]
    stop_grace_period: 1s
    restart: on-failure:3
    cpu_shares: 512
    cpuset: "0"
    cpus: 0.5
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 96m
    pids_limit: 100
    oom_score_adj: 100
    shm_size: 8m
    ipc: shareable
    cap_add: [NET_ADMIN, SYS_ADMIN]
    cap_drop: [MKNOD, AUDIT_WRITE]
    group_add: ["1001", root]
    devices: ["/dev/null:/dev/nix:r"]
    security_opt: ["no-new-privileges:true"]
    dns: [10.9.9.9]
    dns_search: [example.com]
    dns_opt: ["ndots:2"]
    domainname: example.com
    hostname: box
    extra_hosts: ["db:10.0.0.5", "cache=10.0.0.6"]
    expose: [3000, "53/udp"]
    tty: true
    stdin_open: true
    user: "0:0"
    working_dir: /tmp
    environment: { OWN: b, EMPTY: "", BEHAVIOUR: mine }
    labels: { mine: "yes", of-the-image: "no" }
    ulimits: { nofile: { soft: 100, hard: 200 }, nproc: 90 }
    sysctls: { net.core.somaxconn: 1024 }
    logging: { driver: json-file, options: { max-size: 1m } }
    stop_signal: SIGKILL
    read_only: true
    healthcheck: { test: ["CMD", "true"], interval: 1s, timeout: 2s, retries: 4, start_period: 3s }
    ports: ["127.0.0.1:18080:80", "18081:81/udp", "9000"]
    tmpfs: ["/run:size=1m,mode=755,uid=33,noexec", /cache]
    volumes:
      - { type: tmpfs, target: /t, tmpfs: { size: 1m } }
      - data:/data
      - data:/again:ro
      - { type: volume, source: data, target: /raw, volume: { nocopy: true } }
      - { type: bind, source: /srv/slipway, target: /srv, read_only: true, bind: { propagation: private } }
      - /srv/slipway-z:/z:z
      - /anonymous
    networks:
      back: { priority: 2, aliases: [deux], ipv4_address: 10.77.1.9 }
      front: { priority: 1 }
  joined: { image: shop/app:1, restart: always, network_mode: "service:plain", pid: "service:plain" }
  bare: { image: shop/app:1, restart: always, network_mode: host, uts: host }
  lonely: { image: shop/app:1, restart: "no", network_mode: none, healthcheck: { disable: true } }
  strong: { image: shop/app:1, restart: "no", pid: host, entrypoint: ["sh", "-c"], command: ["sleep 1000"] }
  named: { image: shop/app:1, restart: "no", container_name: shop-db, links: [plain] }
  copied: { image: shop/app:1, restart: "no", configs: [{ source: site, target: /etc/site.conf, mode: 0440, uid: "33" }] }
configs: { site: { content: "hello\\n" } }
networks:
  back: { ipam: { config: [{ subnet: 10.77.1.0/24 }] } }
  front: { driver_opts: { com.docker.network.bridge.name: slw-front } }
volumes: { data: }
`

/** The same for what a person made with `docker run`, as HAND says it. */
const BY_HAND = `
name: hands
services:
  hand: { image: shop/app:1, restart: always, network_mode: bridge, environment: { OWN: b }, ports: ["127.0.0.1:18190:80"] }
  pg: { image: shop/app:1, restart: "no", networks: [back], volumes: ["pgdata:/data", "/var"] }
networks: { back: { external: true, name: hands-net } }
volumes: { pgdata: { external: true, name: pgdata } }
`
const HAND: Readonly<Record<string, Omit<ContainerCreateOptions, 'Image' | 'name'>>> = {
  hand: {
    Env: ['OWN=b'],
    ExposedPorts: { '80/tcp': {} },
    HostConfig: {
      NetworkMode: 'default',
      RestartPolicy: { Name: 'always' },
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18190' }] },
    },
  },
  'pg-1': {
    Volumes: { '/var': {} },
    HostConfig: { NetworkMode: 'hands-net', Binds: ['pgdata:/data'] },
    NetworkingConfig: { EndpointsConfig: { 'hands-net': { Aliases: ['pg'] } } },
  },
  claimed: { Labels: { 'com.docker.swarm.service.id': 'x' } },
}

let lab: Lab
let driver: TestDriver
const folder = mkdtempSync(join(tmpdir(), 'slipway-adoption-'))

beforeAll(async () => {
  await ensureDownload('compose', (line) => console.log(line))
  lab = await startLab({
    name: 'adoption',
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'newest', engine: 'newest' },
    ],
  })
  await lab.load(
    await lab.image('shop/app:1', {
      cmd: ['sleep', '1000'],
      env: { BEHAVIOUR: 'healthy', FROM_IMAGE: 'yes' },
      labels: { 'of-the-image': 'yes', theirs: 'too' },
      exposedPorts: [8080],
      volumes: ['/image-data'],
      healthcheck: { test: ['CMD', 'true'], intervalMs: 60_000 },
    }),
  )
  driver = labDriver(lab)
  const guards = { prune: 1, history: 'any', allow: Object.keys(GUARDS) as (keyof typeof GUARDS)[] } as const
  driver.use(
    FLEET,
    lab.servers.map((server) => sshServer(server)),
    guards,
  )
  writeFileSync(join(folder, 'compose.yaml'), PROJECT)
  for (const server of lab.servers) await server.run('mkdir', '-p', '/srv/slipway')
  await Promise.all(lab.servers.map(up))
  await Promise.all(lab.servers.map(runByHand))
})

afterAll(async () => {
  await driver?.close()
  await lab?.down()
  rmSync(folder, { recursive: true, force: true })
})

async function up(server: LabServer): Promise<void> {
  const env = { PATH: '', HOME: folder, DOCKER_HOST: `unix://${server.socketPath}` }
  await run(composePath, ['up', '--detach', '--quiet-pull'], { cwd: folder, env })
}

async function runByHand(server: LabServer): Promise<void> {
  const engine = dockerOn(server)
  await engine.createNetwork({ Name: 'hands-net' })
  for (const [name, options] of Object.entries(HAND)) {
    const said = { AttachStdout: true, AttachStderr: true, ...options }
    const container = await engine.createContainer({ ...said, name, Image: 'shop/app:1' })
    await container.start()
  }
}

function allowed(manifest: string): Stack {
  const guards = `guards: { allow: [${Object.keys(GUARDS).join(', ')}] }\n`
  return stackOf(manifest, { 'slipway.yaml': `${FLEET_YAML}${guards}` })
}

/** What is said of each container of the project, by its service. */
async function answersOf(server: string, manifest: string): Promise<ReadonlyMap<string, AdoptionAnswer>> {
  const stack = allowed(manifest)
  const listing: Listing = must(await driver.observe(server, [], never))
  const { adoptees } = planAdoption(stack, new Map([[server, listing]]))
  const joined = new Map(adoptees.map(({ slot, container }) => [slot.service, container.containerId]))
  const answers = adoptees.map(async ({ container, slot, spec }) => {
    const question = { containerId: container.containerId, slot, spec, joined }
    return [slot.service, must(await driver.compare(server, question, never))] as const
  })
  return new Map(await Promise.all(answers))
}

describe.each(['old', 'newest'])('what Docker Compose runs on the %s engine', (server) => {
  it('is what Slipway would run of the same file', async () => {
    const answers = await answersOf(server, PROJECT)
    const differing = [...answers].map(([service, { differences }]) => [service, differences])
    expect(Object.fromEntries(differing)).toEqual(Object.fromEntries([...answers.keys()].map((name) => [name, []])))
  })

  it('is told apart by what the file says otherwise, in the words of Compose, and by nothing else', async () => {
    const changes: readonly (readonly [
      from: string,
      to: string,
      fields: Readonly<Record<string, readonly string[]>>,
    ])[] = [
      ['OWN: b', 'OWN: c', { all: ['environment.OWN'] }],
      [':18080:80', ':18082:80', { all: ['ports'] }],
      ['data:/again:ro', 'data:/again', { all: ['volumes./again'] }],
      ['aliases: [deux]', 'aliases: [trois]', { all: ['networks.back'] }],
      ['max-size: 1m', 'max-size: 2m', { all: ['logging'] }],
      ['retries: 4', 'retries: 5', { all: ['healthcheck.retries'] }],
      ['cap_drop: [MKNOD, AUDIT_WRITE]', 'cap_drop: [MKNOD]', { all: ['cap_drop'] }],
      ['hostname: box', 'hostname: can', { all: ['hostname'] }],
      ['- /anonymous', '- /other', { all: ['volumes./anonymous', 'volumes./other'] }],
      ['content: "hello', 'content: "bye', { copied: ['volumes./etc/site.conf'] }],
      ['mode: 0440', 'mode: 0400', { copied: ['volumes./etc/site.conf'] }],
      ['uid: "33"', 'uid: "34"', { copied: ['volumes./etc/site.conf'] }],
      ['target: /etc/site.conf', 'target: /etc/passwd', { copied: ['volumes./etc/passwd'] }],
      ['network_mode: none', 'network_mode: host', { lonely: ['network_mode'] }],
      [
        'shop/app:1, restart: always, network_mode: host',
        'shop/app:2, restart: always, network_mode: host',
        { bare: ['image'] },
      ],
    ]
    for (const [from, to, fields] of changes) {
      const answers = await answersOf(server, PROJECT.replace(from, to))
      const told = [...answers].flatMap(([service, { differences }]) =>
        differences.length === 0 ? [] : [[service, differences.map(({ field }) => field.replace('.shop_', '.'))]],
      )
      expect(Object.fromEntries(told), to).toEqual(fields)
    }
  })

  it('has limits and a restart policy that are told apart from what would make it anew', async () => {
    const answers = await answersOf(server, PROJECT)
    const said = [...answers].map(([service, { limits, restart }]) => [
      service,
      `${restart.condition} ${limits}`.trim(),
    ])
    expect(Object.fromEntries(said)).toEqual({
      all: 'on-failure cpus=0.5 memory=67108864 pids=100 memswap=100663296 reserved=33554432',
      bare: 'always',
      copied: 'no',
      joined: 'always',
      lonely: 'no',
      named: 'no',
      plain: 'unless-stopped',
      strong: 'no',
    })
  })

  it('goes on under the name of its slot, with another restart policy where that is wanted, and is a replica then', async () => {
    const listing: Listing = must(await driver.observe(server, [], never))
    const [one] = planAdoption(allowed(PROJECT), new Map([[server, listing]])).adoptees.filter(
      ({ slot }) => slot.service === 'lonely',
    )
    if (one === undefined) throw new Error('nothing to take over')
    const { containerId, name: from } = one.container
    const identity = { fleet: FLEET, slot: one.slot, specHash: 'a'.repeat(20), revision: 'b'.repeat(40), limits: '' }
    const { slot } = one
    const adoption = { containerId, slot, from, to: adoptedName({ ...identity, containerId }), restart: null }
    const restart = { condition: 'on-failure', maxAttempts: 3 } as const
    const wrong = await driver.adopt(server, { ...adoption, from: 'shop-plain-1' }, never)
    expect(wrong).toMatchObject({ ok: false, problem: { code: 'CONFLICT' } })
    must(await driver.adopt(server, { ...adoption, restart }, never))
    const after = must(await driver.observe(server, [], never)).replicas
    expect(after).toMatchObject([{ containerId, specHash: 'a'.repeat(20), state: 'running', controller: '' }])
    const { HostConfig } = await dockerOn(lab.server(server)).getContainer(containerId).inspect()
    expect(HostConfig.RestartPolicy).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 })
    expect(await driver.adopt(server, adoption, never)).toMatchObject({ ok: false, problem: { code: 'CONFLICT' } })
  })

  it('has networks that the stack can use as they are, unless it says otherwise', async () => {
    const check = async (manifest: string) => {
      const results = allowed(manifest).networks.map((network) => driver.checkNetwork(server, network, 'shop', never))
      return (await Promise.all(results)).flatMap((result) => (result.ok ? [] : [result.problem.message]))
    }
    expect(await check(PROJECT)).toEqual([])
    const [message, ...more] = await check(
      PROJECT.replace('10.77.1.0/24', '10.78.1.0/24').replace('10.77.1.9', '10.78.1.9'),
    )
    expect(message).toContain('network shop_back')
    expect(message).toContain('another ipam')
    expect(more).toEqual([])
  })

  it('is what a person made with `docker run` as well, where that person says so', async () => {
    const listing: Listing = must(await driver.observe(server, [], never))
    const named = (container: string, service: string) => {
      const found = listing.foreign.find(({ name }) => name === container)
      if (found === undefined) throw new Error(`no container ${container}`)
      return { server, service, container: found }
    }
    const planned = (manifest: string, ...names: readonly (readonly [container: string, service: string])[]) =>
      planAdoption(
        allowed(manifest),
        new Map([[server, listing]]),
        names.map(([container, service]) => named(container, service)),
      ).adoptees
    const compared = (manifest: string) =>
      Promise.all(
        planned(manifest, ['hand', 'hand'], ['pg-1', 'pg']).map(async ({ container, slot, spec }) => {
          const question = { containerId: container.containerId, slot, spec, joined: new Map<string, string>() }
          return must(await driver.compare(server, question, never))
        }),
      )
    const [hand, pg] = await compared(BY_HAND)
    expect([hand?.differences, hand?.notes, hand?.restart.condition]).toEqual([[], [], 'always'])
    expect(pg?.differences).toEqual([])
    expect(pg?.notes).toEqual([expect.stringMatching(/^hands-net: nobody reaches it as pg-1 any more/)])

    const moved = BY_HAND.replace('volumes: { pgdata: { external: true, name: pgdata } }', 'volumes: { pgdata: {} }')
    const [, other] = await compared(moved.replace('"/var"', 'pgdata:/var').replace('OWN: b', 'OWN: c'))
    expect(other?.differences.map(({ field }) => field)).toEqual(['volumes./data', 'volumes./var'])
    expect(other?.notes).toEqual([
      expect.stringMatching(/^what is in the volume pgdata stays behind/),
      expect.stringMatching(/^what is in its anonymous volume at \/var stays behind/),
      expect.stringMatching(/^hands-net/),
    ])

    const [claimed] = planned(BY_HAND, ['claimed', 'hand'])
    if (claimed === undefined) throw new Error('not planned')
    const question = { ...claimed, containerId: claimed.container.containerId, joined: new Map<string, string>() }
    expect(await driver.compare(server, question, never)).toMatchObject({ ok: false, problem: { code: 'CONFLICT' } })

    const [one] = planned(BY_HAND, ['pg-1', 'pg'])
    if (one === undefined) throw new Error('not planned')
    const { slot } = one
    const { containerId, name: from } = one.container
    const identity = { fleet: FLEET, slot, specHash: 'a'.repeat(20), revision: 'b'.repeat(40), limits: '', containerId }
    must(await driver.adopt(server, { containerId, slot, from, to: adoptedName(identity), restart: null }, never))
    const after = must(await driver.observe(server, [], never)).replicas
    expect(after.filter((replica) => replica.containerId === containerId)).toMatchObject([
      { slot, specHash: 'a'.repeat(20), state: 'running', controller: '' },
    ])
    const { NetworkSettings } = await dockerOn(lab.server(server)).getContainer(containerId).inspect()
    // Engines from API 1.44 on say by which names others reach it.
    expect(NetworkSettings.Networks['hands-net']).toMatchObject({ Aliases: expect.arrayContaining(['pg']) as string[] })
    expect(JSON.stringify(NetworkSettings.Networks['hands-net'])).not.toContain('"pg-1"')
  })
})
