import { COMPOSE_LABELS, LABELS, OVERLAY, SETTINGS_LABEL, containerName } from '../../model/index.js'
import type { ForeignContainer, Listing, NetworkSeen, Replica, VolumeSeen } from '../../model/index.js'
import { STEADY } from './behaviour.js'
import type { Behaviour } from './behaviour.js'
import { buildContainer } from './create-container.js'
import { beginHealth } from './health-monitor.js'
import { addImage } from './images.js'
import { checkpoint } from './machine.js'
import type { Machine, SimContainer, SimNetwork } from './machine.js'
import { networksNamed } from './networking.js'
import type { Json } from './reply.js'

/** Brings an engine to what a look at a real one has shown. */
export function seedEngine(machine: Machine, fleet: string, listing: Listing): void {
  for (const network of listing.networks) seedNetwork(machine, network)
  for (const { name, ...seen } of listing.volumes) {
    const volume = { name, driver: 'local', labels: labelsOf(seen), options: {}, createdAtMs: machine.clock.nowMs() }
    machine.volumes.set(name, volume)
  }
  for (const container of listing.foreign) seedForeign(machine, container)
  for (const replica of [...listing.replicas].sort((a, b) => a.createdAtMs - b.createdAtMs))
    seedReplica(machine, fleet, replica)
}

function labelsOf({ fleet, settings, project }: Omit<VolumeSeen, 'name'>): Readonly<Record<string, string>> {
  return {
    ...(fleet === null ? {} : { [LABELS.fleet]: fleet }),
    ...(project === undefined ? {} : { [COMPOSE_LABELS.project]: project }),
    ...(settings === undefined ? {} : { [SETTINGS_LABEL]: settings }),
  }
}

function seedNetwork(machine: Machine, seen: NetworkSeen): void {
  if (networksNamed(machine, seen.name).length > 0 || machine.options.swarm?.networks.has(seen.name) === true) return
  const number = machine.networks.size + 18
  const network: SimNetwork = {
    id: machine.options.newId(),
    name: seen.name,
    driver: seen.isShared === true ? OVERLAY : 'bridge',
    labels: labelsOf(seen),
    options: {},
    internal: false,
    subnet: `10.${Math.floor(number / 200)}.${number % 200}.0/24`,
    endpoints: new Map(),
  }
  const { swarm } = machine.options
  if (seen.isShared === true && swarm !== undefined) swarm.networks.set(network.name, network)
  else machine.networks.set(network.id, network)
}

function seedForeign(machine: Machine, { containerId, name, running, ports, compose }: ForeignContainer): void {
  const labels = compose && {
    [COMPOSE_LABELS.project]: compose.project,
    [COMPOSE_LABELS.service]: compose.service,
    [COMPOSE_LABELS.number]: String(compose.number),
  }
  const container = buildContainer(machine, {
    id: containerId,
    name,
    body: { Labels: labels },
    image: { id: '', config: {} },
  })
  put(machine, container)
  Object.assign(container.flags, { running, startedAtMs: machine.clock.nowMs() })
  if (running) container.ports = ports.map((port) => ({ ...port, target: port.port }))
  checkpoint(container)
}

function seedReplica(machine: Machine, fleet: string, replica: Replica): void {
  const { containerId, imageId, state, health, image } = replica
  const networks = Object.keys(replica.addresses)
  const body = {
    Image: image,
    Labels: identityOf(fleet, replica),
    HostConfig: { Memory: memoryOf(replica.limits), RestartPolicy: { Name: 'unless-stopped' } },
    // What it checks is not in a list; that it does is.
    ...(health === 'none' ? {} : { Healthcheck: { Test: ['CMD', 'true'] } }),
  }
  addImage(machine, image, { id: imageId, digest: image.split('@')[1] ?? null, bytes: 0, config: {} })
  const made = buildContainer(machine, {
    id: containerId,
    // Also of one that was taken over from Compose: here it has labels, and so needs the name that belongs to them.
    name: containerName({ ...replica, fleet }),
    body,
    image: { id: imageId, config: {} },
  })
  const container: SimContainer = { ...made, createdAtMs: replica.createdAtMs, networks: new Set(networks) }
  put(machine, container)
  const nowMs = machine.clock.nowMs()
  const isUp = state === 'running' || state === 'paused' || state === 'restarting'
  Object.assign(container.flags, {
    running: isUp,
    paused: state === 'paused',
    dead: state === 'dead' || state === 'removing',
    exitCode: replica.exitCode ?? 0,
    startedAtMs: state === 'created' ? 0 : replica.createdAtMs,
    finishedAtMs: isUp || state === 'created' ? 0 : nowMs,
  })
  container.starts = state === 'created' ? 0 : 1
  if (isUp) {
    // The server's clock may be ahead of ours.
    const startedAtMs = health === 'starting' ? nowMs : Math.min(nowMs, replica.createdAtMs)
    const pid = machine.nextPid++
    const behaviour: Behaviour = health === 'unhealthy' ? { ...STEADY, readyAfterMs: null } : STEADY
    container.process = {
      pid,
      behaviour,
      startedAtMs,
      cancel: () => undefined,
      isFrozen: state === 'paused',
      takenBytes: 0,
    }
    container.ports = replica.ports.map((port) => ({ ...port, target: port.port }))
    for (const [name, address] of Object.entries(replica.addresses))
      networksNamed(machine, name)[0]?.endpoints.set(containerId, address)
    beginHealth(machine, container)
    if (container.health !== null && health !== 'none') container.health.status = health
  }
  checkpoint(container)
}

function put(machine: Machine, container: SimContainer): void {
  machine.containers.set(container.id, container)
  machine.names.set(container.name, container.id)
}

function identityOf(fleet: string, replica: Replica): Json {
  const { slot, specHash, revision, image, limits, restart, controller } = replica
  return {
    [LABELS.fleet]: fleet,
    [LABELS.stack]: slot.stack,
    [LABELS.service]: slot.service,
    [LABELS.slot]: slot.key,
    [LABELS.spec]: specHash,
    [LABELS.revision]: revision,
    [LABELS.image]: image,
    [LABELS.limits]: limits,
    [LABELS.restart]: restart,
    [LABELS.controller]: controller,
  }
}

/** `memory=…` of the label; 0: no limit. */
function memoryOf(limits: string): number {
  return Number(/(?:^| )memory=(\d+)/.exec(limits)?.[1] ?? '0')
}
