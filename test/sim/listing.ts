import type { GivenNames, Listing, Replica } from '../../src/model/index.js'
import { declaredPorts } from '../../src/names/index.js'
import { isOurs, isUp } from './box.js'
import type { Box } from './box.js'
import type { SimEngine } from './engine.js'

/** What a full look at a server shows: ours by labels and name, the rest as foreign. */
export function listing(engine: SimEngine, server: string, fleet: string, closer: readonly string[]): Listing {
  const boxes = [...engine.boxes.values()]
  const ours = boxes.filter((box) => isOurs(box, fleet))
  return {
    facts: {
      engineId: engine.engineId,
      engineVersion: engine.version,
      apiVersion: '1.45',
      os: 'linux',
      arch: 'amd64',
      hostname: engine.server,
      cpus: 8,
      memoryBytes: engine.memoryBytes,
    },
    replicas: ours.map((box) => replicaOf(engine, box, server, closer.includes(box.id))),
    foreign: boxes
      .filter((box) => !ours.includes(box))
      .map((box) => ({ containerId: box.id, name: box.name, running: isUp(box), ports: portsOf(box) })),
    volumes: named(engine.volumes),
    networks: named(engine.networks).map((network) => ({ ...network, subnets: [subnetOf(network.name)] })),
  }
}

function named(things: ReadonlyMap<string, string | null>): readonly { name: string; fleet: string | null }[] {
  return [...things].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, fleet]) => ({ name, fleet }))
}

/** Each network has its own, the same wherever it is. */
export function subnetOf(network: string): string {
  const sum = [...network].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) % 65_536, 7)
  return `10.${sum >> 8}.${sum & 255}.0/24`
}

function portsOf(box: Box): Replica['ports'] {
  return isUp(box) ? box.ports.map((port) => ({ hostIp: '', port, protocol: 'tcp' as const })) : []
}

function addressOf({ id }: Box): string {
  const number = Number(id.slice(1))
  return `172.18.${number >> 8}.${number & 255}`
}

function replicaOf(engine: SimEngine, box: Box, server: string, isClose: boolean): Replica {
  const { identity } = box
  if (identity === null) throw new Error(`${box.name} is not ours`)
  const { startedAtMs, finishedAtMs, restarts, oom } = box
  const detail = { startedAtMs, finishedAtMs, restartCount: restarts, oomKilled: oom }
  return {
    containerId: box.id,
    containerName: box.name,
    server,
    slot: identity.slot,
    specHash: identity.specHash,
    revision: identity.revision,
    image: box.image.digest ?? box.image.id,
    imageId: box.image.id,
    limits: box.madeLimits,
    restart: identity.restart,
    controller: identity.controller,
    state: box.state,
    health: engine.healthOf(box),
    exitCode: box.state === 'exited' || box.state === 'restarting' ? box.exitCode : null,
    createdAtMs: box.createdAtMs,
    ports: portsOf(box),
    addresses: box.state === 'running' ? { [`${identity.slot.stack}_default`]: addressOf(box) } : {},
    ...(box.state === 'running' ? { exposes: exposedBy(box) } : {}),
    ...(box.names === undefined ? {} : { named: namedOf(box.names) }),
    ...(isClose ? { detail } : {}),
  }
}

function namedOf({ address, hosts }: GivenNames): NonNullable<Replica['named']> {
  return { address: address ?? '', knows: hosts.map(({ name }) => name) }
}

/** Every image exposes it, and not every program opens it. */
export const EXPOSED_PORT = 9_000

function exposedBy({ spec }: Box): readonly number[] {
  return spec === null ? [EXPOSED_PORT] : [...new Set([...declaredPorts(spec), EXPOSED_PORT])].sort((a, b) => a - b)
}
