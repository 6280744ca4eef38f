import { OVERLAY } from '../../model/index.js'
import type { Query } from './call.js'
import { isoTime } from './iso-time.js'
import { findContainer, pause } from './machine.js'
import type { Machine, SimContainer, SimNetwork, SimVolume } from './machine.js'
import { attach, findNetwork, freeSubnet, networksNamed, sayNetwork } from './networking.js'
import { seenNetworks } from './swarm.js'
import { done, listOf, objectOf, refuse, textOf, textsOf } from './reply.js'
import type { Json, Reply } from './reply.js'

export function listNetworks(machine: Machine): Reply {
  return done(
    200,
    seenNetworks(machine).map((network) => printNetwork(machine, network, false)),
  )
}

export function inspectNetwork(machine: Machine, name: string): Reply {
  const network = findNetwork(machine, name)
  return network.ok ? done(200, printNetwork(machine, network.value, true)) : network.problem
}

function printNetwork(machine: Machine, network: SimNetwork, withContainers: boolean): Json {
  const own = [...network.endpoints].filter(([id]) => machine.containers.has(id))
  const containers = own.map(([id, address]) => {
    const prefix = network.subnet.split('/')[1] ?? '16'
    const name = machine.containers.get(id)?.name ?? ''
    return [id, { Name: name, EndpointID: id, MacAddress: '', IPv4Address: `${address}/${prefix}`, IPv6Address: '' }]
  })
  return {
    Name: network.name,
    Id: network.id,
    Scope: network.driver === OVERLAY ? 'swarm' : 'local',
    Driver: network.driver,
    Internal: network.internal,
    IPAM: { Driver: 'default', Config: network.subnet === '' ? [] : [{ Subnet: network.subnet }] },
    Containers: withContainers ? (Object.fromEntries(containers) as Json) : {},
    Options: network.options,
    Labels: network.labels,
  }
}

export async function createNetwork(machine: Machine, body: Json): Promise<Reply> {
  const name = textOf(body['Name'])
  if (name === '') return refuse(400, 'network name can not be empty')
  if (networksNamed(machine, name).length > 0) return refuse(409, alreadyExists(name))
  const driver = textOf(body['Driver']) || 'bridge'
  if (driver === OVERLAY && machine.options.swarm?.isManager !== true) return refuse(503, NO_MANAGER)
  if (driver !== 'bridge' && driver !== OVERLAY) return refuse(404, `plugin "${driver}" not found`)
  await pause(machine, machine.times.changeMs)
  // An old engine looks once and too early: two creations at once make two networks of one name.
  const isTaken = machine.options.version !== '20.10' && networksNamed(machine, name).length > 0
  return isTaken ? refuse(409, alreadyExists(name)) : buildNetwork(machine, name, driver, body)
}

const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'

function alreadyExists(name: string): string {
  return `network with name ${name} already exists`
}

function buildNetwork(machine: Machine, name: string, driver: string, body: Json): Reply {
  const asked = textOf(objectOf(listOf(objectOf(body['IPAM'])['Config'])[0])['Subnet'])
  const overlaps = asked !== '' && [...machine.networks.values()].some(({ subnet }) => subnet === asked)
  if (overlaps) return refuse(403, 'Pool overlaps with other one on this address space')
  const subnet = asked === '' ? freeSubnet(machine) : asked
  if (subnet === null)
    return refuse(500, 'could not find an available, non-overlapping IPv4 address pool among the defaults')
  const network: SimNetwork = {
    id: machine.options.newId(),
    name,
    driver,
    labels: textsOf(body['Labels']),
    options: objectOf(body['Options']),
    internal: body['Internal'] === true,
    subnet,
    endpoints: new Map(),
  }
  // One of a Swarm is on a node once a container of it is.
  if (driver === OVERLAY) machine.options.swarm?.networks.set(name, network)
  else machine.networks.set(network.id, network)
  sayNetwork(machine, network, 'create')
  return done(201, { Id: network.id, Warning: '' })
}

export function removeNetwork(machine: Machine, key: string): Reply {
  const found = findNetwork(machine, key)
  if (!found.ok) return found.problem
  const network = found.value
  if (['bridge', 'host', 'none'].includes(network.name))
    return refuse(403, `${network.name} is a pre-defined network and cannot be removed`)
  if (network.endpoints.size > 0)
    return refuse(403, `error while removing network: network ${network.name} id ${network.id} has active endpoints`)
  machine.networks.delete(network.id)
  if (network.driver === OVERLAY) machine.options.swarm?.networks.delete(network.name)
  sayNetwork(machine, network, 'destroy')
  return done(204)
}

export function connectNetwork(machine: Machine, key: string, body: Json): Reply {
  const asked = textOf(body['Container'])
  const container = findContainer(machine, asked)
  if (container === undefined) return refuse(404, `No such container: ${asked}`)
  if (!container.flags.running) {
    // Written down only: whether there is such a network is found out at the start.
    container.networks.add(machine.networks.get(key)?.name ?? key)
    return done(200)
  }
  const found = findNetwork(machine, key)
  if (!found.ok) return found.problem
  const network = found.value
  if (container.networks.has(network.name)) {
    const what = `endpoint with name ${container.name} already exists in network ${network.name}`
    return refuse(403, what)
  }
  container.networks.add(network.name)
  attach(machine, network, container)
  return done(200)
}

export function listVolumes(machine: Machine, query: Query): Reply {
  const filters = objectOf(query['filters'] === undefined ? {} : JSON.parse(query['filters']))
  const [labels, dangling] = [listOf(filters['label']).map(String), listOf(filters['dangling']).includes('true')]
  const isWanted = ({ name, labels: own }: SimVolume): boolean =>
    labels.every((label) => Object.entries(own).some(([key, value]) => label === key || label === `${key}=${value}`)) &&
    !(dangling && isUsed(machine, name))
  const all = [...machine.volumes.values()].filter(isWanted).map(printVolume)
  return done(200, { Volumes: all.length === 0 && machine.options.version === '20.10' ? null : all, Warnings: null })
}

export function inspectVolume(machine: Machine, name: string): Reply {
  const volume = machine.volumes.get(name)
  return volume === undefined ? refuse(404, `get ${name}: no such volume`) : done(200, printVolume(volume))
}

/** Kept while a container has it, whatever state that is in. */
export function removeVolume(machine: Machine, name: string): Reply {
  if (!machine.volumes.has(name)) return refuse(404, `get ${name}: no such volume`)
  if (isUsed(machine, name)) return refuse(409, `remove ${name}: volume is in use`)
  machine.volumes.delete(name)
  sayVolume(machine, name, 'destroy')
  return done(204)
}

function isUsed(machine: Machine, name: string): boolean {
  return [...machine.containers.values()].some(({ volumes }) => volumes.includes(name))
}

function printVolume({ name, driver, labels, options, createdAtMs }: SimVolume): Json {
  return {
    Name: name,
    Driver: driver,
    Mountpoint: `/var/lib/docker/volumes/${name}/_data`,
    CreatedAt: isoTime(createdAtMs),
    Scope: 'local',
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Options: Object.keys(options).length === 0 ? null : options,
  }
}

/** A volume that is there already is answered as if it had been made. */
export function createVolume(machine: Machine, body: Json): Reply {
  const name = textOf(body['Name'])
  const driver = textOf(body['Driver']) || 'local'
  if (driver !== 'local')
    return refuse(404, `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`)
  const volume = haveVolume(machine, name, textsOf(body['Labels']), objectOf(body['DriverOpts']))
  return done(201, printVolume(volume))
}

export function haveVolume(
  machine: Machine,
  name: string,
  labels: Readonly<Record<string, string>> = {},
  options: Json = {},
): SimVolume {
  const known = machine.volumes.get(name)
  if (known !== undefined) {
    // An old engine tells each creation, whether anything came of it or not.
    if (machine.options.version === '20.10') sayVolume(machine, name, 'create')
    return known
  }
  const volume = { name, driver: 'local', labels, options, createdAtMs: machine.clock.nowMs() }
  machine.volumes.set(name, volume)
  sayVolume(machine, name, 'create')
  return volume
}

function sayVolume(machine: Machine, name: string, action: string, container?: SimContainer): void {
  const attributes = { driver: 'local', ...(container === undefined ? {} : { container: container.id }) }
  machine.events.say({ atMs: machine.clock.nowMs(), type: 'volume', action, id: name, attributes })
}

export function mountVolumes(machine: Machine, container: SimContainer): void {
  for (const name of container.volumes) {
    if (!machine.volumes.has(name)) haveVolume(machine, name)
    sayVolume(machine, name, 'mount', container)
  }
}

export function unmountVolumes(machine: Machine, container: SimContainer): void {
  for (const name of container.volumes) sayVolume(machine, name, 'unmount', container)
}
