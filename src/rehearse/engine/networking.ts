import { fail, ok } from '../../model/index.js'
import type { HostPort, Result } from '../../model/index.js'
import type { Machine, SimContainer, SimNetwork } from './machine.js'
import { seenNetworks } from './swarm.js'
import { listOf, objectOf, refuse, textOf } from './reply.js'
import type { Reply } from './reply.js'

/** Networks that every engine has. */
export function builtInNetworks(newId: () => string): readonly SimNetwork[] {
  return [
    { name: 'bridge', driver: 'bridge', subnet: '172.17.0.0/16' },
    { name: 'host', driver: 'host', subnet: '' },
    { name: 'none', driver: 'null', subnet: '' },
  ].map((network) => ({
    ...network,
    id: newId(),
    labels: {},
    options: {},
    internal: false,
    endpoints: new Map<string, string>(),
  }))
}

/** By id, name, or the beginning of an id; else what the engine says. */
export function findNetwork(machine: Machine, key: string): Result<SimNetwork, Reply> {
  const seen = seenNetworks(machine)
  const exact = seen.find(({ id }) => id === key)
  if (exact !== undefined) return ok(exact)
  const [first, second] = seen.filter(({ name }) => name === key)
  if (second !== undefined) return fail(refuse(400, `network ${key} is ambiguous (2 matches found on name)`))
  const found = first ?? seen.find(({ id }) => key.length >= 4 && id.startsWith(key))
  return found === undefined ? fail(refuse(404, `network ${key} not found`)) : ok(found)
}

export function networksNamed(machine: Machine, wanted: string): readonly SimNetwork[] {
  return seenNetworks(machine).filter(({ name }) => name === wanted)
}

/** The first pool that no network has. */
export function freeSubnet(machine: Machine): string | null {
  const used = new Set([...machine.networks.values()].map(({ subnet }) => subnet))
  for (let third = 18; third < 256; third += 1) if (!used.has(`172.${third}.0.0/16`)) return `172.${third}.0.0/16`
  return null
}

export function sayNetwork(
  machine: Machine,
  { id, name, driver }: SimNetwork,
  action: string,
  container?: SimContainer,
): void {
  const attributes = { name, type: driver, ...(container === undefined ? {} : { container: container.id }) }
  machine.events.say({ atMs: machine.clock.nowMs(), type: 'network', action, id, attributes })
}

/** Gives the container an address on each of its networks. Null: done. */
export function attachNetworks(machine: Machine, container: SimContainer): Reply | null {
  for (const name of container.networks) {
    const network = networkFor(machine, name)
    if (!network.ok) return network.problem
    attach(machine, network.value, container)
  }
  return null
}

/** A worker asks a manager for one that it has not. */
function networkFor(machine: Machine, name: string): Result<SimNetwork, Reply> {
  const shared = machine.options.swarm?.networks.get(name)
  if (shared === undefined || machine.networks.has(shared.id)) return findNetwork(machine, name)
  machine.networks.set(shared.id, shared)
  sayNetwork(machine, shared, 'create')
  return ok(shared)
}

export function attach(machine: Machine, network: SimNetwork, container: SimContainer): void {
  network.endpoints.set(container.id, freeAddress(network))
  sayNetwork(machine, network, 'connect', container)
}

export function detachNetworks(machine: Machine, container: SimContainer): void {
  container.ports = []
  for (const network of machine.networks.values()) {
    if (network.endpoints.delete(container.id)) sayNetwork(machine, network, 'disconnect', container)
    leaveShared(machine, network)
  }
}

/** A node keeps one of a Swarm while a container of its own is on it. */
function leaveShared(machine: Machine, { id, name, endpoints }: SimNetwork): void {
  const isShared = machine.options.swarm?.networks.get(name)?.id === id
  if (!isShared || [...endpoints.keys()].some((container) => machine.containers.has(container))) return
  machine.networks.delete(id)
}

function freeAddress({ subnet, endpoints }: SimNetwork): string {
  if (subnet === '') return ''
  const [a, b] = subnet.split('.')
  const used = new Set(endpoints.values())
  for (let number = 2; ; number += 1) {
    const address = `${a}.${b}.${number >> 8}.${number & 255}`
    if (!used.has(address)) return address
  }
}

const EPHEMERAL_FIRST = 32_768
const EPHEMERAL_LAST = 60_999

interface Wanted extends HostPort {
  readonly target: number
}

/** Publishes the ports of a container. Null: done; a port that is taken takes none. */
export function takePorts(machine: Machine, container: SimContainer): Reply | null {
  if (container.networks.has('host')) return null
  const taken: Wanted[] = []
  for (const wanted of wantedPorts(container)) {
    const port = wanted.port === 0 ? freePort(machine, taken) : wanted.port
    const holder = holderOf(machine, { ...wanted, port }, taken)
    if (holder !== null) return refuse(500, portMessage(container, { ...wanted, port }, holder))
    taken.push({ ...wanted, port })
  }
  container.ports = taken
  return null
}

export function wantedPorts({ hostConfig }: SimContainer): readonly Wanted[] {
  return Object.entries(objectOf(hostConfig['PortBindings'])).flatMap(([key, bindings]) => {
    const [target, protocol] = key.split('/')
    return listOf(bindings).map((binding) => ({
      hostIp: textOf(objectOf(binding)['HostIp']),
      port: Number(textOf(objectOf(binding)['HostPort']) || '0'),
      protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : ('tcp' as const),
      target: Number(target),
    }))
  })
}

function holderOf(machine: Machine, wanted: HostPort, taken: readonly HostPort[]): 'container' | 'process' | null {
  const others = [...[...machine.containers.values()].flatMap(({ ports }) => ports), ...taken]
  if (others.some((other) => collide(other, wanted))) return 'container'
  return wanted.protocol === 'tcp' && machine.takenPorts.has(wanted.port) ? 'process' : null
}

function collide(a: HostPort, b: HostPort): boolean {
  const isEverywhere = (ip: string): boolean => ip === '' || ip === '0.0.0.0'
  const sameAddress = a.hostIp === b.hostIp || isEverywhere(a.hostIp) || isEverywhere(b.hostIp)
  return a.port === b.port && a.protocol === b.protocol && sameAddress
}

function freePort(machine: Machine, taken: readonly HostPort[]): number {
  for (;;) {
    const port = machine.nextPort
    machine.nextPort = port >= EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1
    if (holderOf(machine, { hostIp: '', port, protocol: 'tcp' }, taken) === null) return port
  }
}

function portMessage({ id, name }: SimContainer, { hostIp, port }: HostPort, holder: 'container' | 'process'): string {
  const address = hostIp === '' ? '0.0.0.0' : hostIp
  const driver = `driver failed programming external connectivity on endpoint ${name} (${id})`
  return holder === 'container'
    ? `${driver}: Bind for ${address}:${port} failed: port is already allocated`
    : `${driver}: Error starting userland proxy: listen tcp4 ${address}:${port}: bind: address already in use`
}
