import { createHash } from 'node:crypto'
import { createLoader } from '../src/manifest/index.js'
import { readDesired } from '../src/controller/index.js'
import { COMPOSE_LABELS, LABELS, containerName, formatLimits, formatProblem, specHash } from '../src/model/index.js'
import type { Desired, ServiceSpec } from '../src/model/index.js'
import { FakeSource } from '../test/controller/world.js'

export const FLEET = 'simulated'
const STACKS = 100
const SERVICES_EACH = 10
const REPLICAS = 10
export const SERVER_COUNT = 100
/** 2026-11-20T12:00:00Z in seconds, as engines say it. */
const CREATED = 1_795_176_000
const CONTROLLER = 'bench'

/** What one fake engine answers. */
export interface EngineAnswers {
  readonly server: string
  readonly socketPath: string
  readonly info: unknown
  readonly containers: string
  readonly networks: string
}

export interface SimulatedFleet {
  readonly files: Readonly<Record<string, string>>
  readonly engines: readonly EngineAnswers[]
}

/** 1,000 services of ten replicas each on 100 servers, where everything runs that Git wants. */
export async function simulateFleet(dir: string): Promise<SimulatedFleet> {
  const servers = numbers(SERVER_COUNT).map((n) => `srv-${String(n).padStart(3, '0')}`)
  const socketOf = (server: string): string => `${dir}/${server}.sock`
  const entries = servers.map((name) => [name, { engine: `unix://${socketOf(name)}` }] as const)
  const files: Record<string, string> = {
    'slipway.yaml': yaml({ fleet: FLEET, servers: Object.fromEntries(entries) }),
  }
  for (const n of numbers(STACKS)) files[`stacks/stack-${n}/compose.yaml`] = yaml(composeOf(n))
  const desired = await load(files)
  const containers = placed(desired, servers)
  const engines = servers.map((server, index) => {
    const own = containers.get(server) ?? []
    const networks = [...new Set(own.map(({ stack }) => `${stack}_default`))].map(networkOf)
    return {
      server,
      socketPath: socketOf(server),
      info: infoOf(server, index),
      containers: JSON.stringify(own.map(({ container }) => container)),
      networks: JSON.stringify(networks),
    }
  })
  return { files, engines }
}

function composeOf(stack: number): unknown {
  const services = numbers(SERVICES_EACH).map((n) => [
    `service-${n}`,
    {
      image: `registry.example.com/team-${stack}/service-${n}:1.4.${n}`,
      environment: { LOG_LEVEL: 'info', DATABASE_URL: `postgres://db-${stack}.example.com/app`, PORT: '8080' },
      healthcheck: { test: ['CMD', 'curl', '-fsS', 'http://127.0.0.1:8080/healthz'], interval: '10s' },
      deploy: { replicas: REPLICAS, resources: { limits: { cpus: '0.5', memory: '256M' } } },
    },
  ])
  return { services: Object.fromEntries(services) as unknown }
}

async function load(files: Readonly<Record<string, string>>): Promise<Desired> {
  const source = new FakeSource()
  source.commit(files, 'everything')
  const { signal } = new AbortController()
  const revision = await source.poll()
  if (!revision.ok) throw new Error(formatProblem(revision.problem))
  const desired = await readDesired(source, createLoader(), revision.value, signal)
  if (!desired.ok) throw new Error(desired.problem.map(formatProblem).join('\n'))
  return desired.value
}

interface Placed {
  readonly stack: string
  readonly container: unknown
}

function placed(desired: Desired, servers: readonly string[]): ReadonlyMap<string, readonly Placed[]> {
  const found = new Map<string, Placed[]>(servers.map((server) => [server, []]))
  const specs = desired.stacks.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  for (const [index, spec] of specs.entries())
    for (const slot of numbers(spec.replicas)) {
      const server = servers[(index * REPLICAS + slot) % servers.length] ?? ''
      found.get(server)?.push({ stack: spec.stack, container: containerOf(spec, slot, desired.revision.sha) })
    }
  return found
}

/** As an engine lists it, field for field. */
function containerOf(spec: ServiceSpec, number: number, revision: string): unknown {
  const slot = { stack: spec.stack, service: spec.name, key: String(number) }
  const hash = specHash(spec)
  const name = containerName({ fleet: FLEET, slot, specHash: hash, restart: '' })
  const network = `${spec.stack}_default`
  const address = `172.${18 + (number % 10)}.${number}.${(spec.name.length * 7 + number) % 250}`
  return {
    Id: hex(name),
    Names: [`/${name}`],
    Image: spec.image,
    ImageID: `sha256:${hex(spec.image)}`,
    Command: '"/usr/local/bin/docker-entrypoint.sh node server.js"',
    Created: CREATED,
    Ports: [{ PrivatePort: 8080, Type: 'tcp' }],
    Labels: {
      [COMPOSE_LABELS.configHash]: hash,
      [COMPOSE_LABELS.number]: String(number),
      [COMPOSE_LABELS.oneoff]: 'False',
      [COMPOSE_LABELS.project]: spec.stack,
      [COMPOSE_LABELS.service]: spec.name,
      [LABELS.controller]: CONTROLLER,
      [LABELS.fleet]: FLEET,
      [LABELS.image]: `${spec.image.replace(/:[^:]*$/, '')}@sha256:${hex(spec.image)}`,
      [LABELS.limits]: formatLimits(spec),
      [LABELS.restart]: '',
      [LABELS.revision]: revision,
      [LABELS.service]: spec.name,
      [LABELS.slot]: slot.key,
      [LABELS.spec]: hash,
      [LABELS.stack]: spec.stack,
    },
    State: 'running',
    Status: 'Up 3 hours (healthy)',
    HostConfig: { NetworkMode: network },
    NetworkSettings: { Networks: { [network]: endpointOf(name, network, address) } },
    Mounts: [],
  }
}

function endpointOf(name: string, network: string, address: string): unknown {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: '02:42:ac:12:00:02',
    DriverOpts: null,
    NetworkID: hex(network),
    EndpointID: hex(`${name} ${network}`),
    Gateway: '172.18.0.1',
    IPAddress: address,
    IPPrefixLen: 16,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  }
}

function networkOf(name: string): unknown {
  return {
    Name: name,
    Id: hex(name),
    Created: '2026-11-20T12:00:00.0Z',
    Scope: 'local',
    Driver: 'bridge',
    Internal: false,
    Labels: { [LABELS.fleet]: FLEET },
  }
}

function infoOf(server: string, index: number): unknown {
  return {
    ID: `engine-${index}`,
    ServerVersion: '26.1.5',
    OSType: 'linux',
    Architecture: 'x86_64',
    Name: server,
    NCPU: 64,
    MemTotal: 256e9,
  }
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

function yaml(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
