import type { IpamPool, NetworkSpec } from '../../src/model/index.js'
import { UNSAID } from './differences.js'
import type { JsonMap } from './docker-compose.js'
import { list, map, numberOf, sortedBy, stringMap, strings, text } from './json.js'
import type { Project } from './project.js'

export function networkOf(declared: JsonMap): NetworkSpec {
  const external = declared['external'] === true
  const network = external ? { name: declared['name'] ?? null } : declared
  return {
    name: text(network.name),
    external,
    driver: text(network['driver'] ?? 'bridge'),
    options: stringMap(network['driver_opts']),
    internal: network['internal'] === true,
    attachable: network['attachable'] === true || undefined,
    enableIpv4: (network['enable_ipv4'] as boolean | undefined) ?? undefined,
    enableIpv6: (network['enable_ipv6'] as boolean | undefined) ?? undefined,
    labels: stringMap(network['labels']),
    subnets: list(map(network['ipam'])['config']).flatMap((config) => text(map(config)['subnet'] ?? '') || []),
    ipam: ipamOf(map(network['ipam'])),
  }
}

/** Plain subnets stand above. */
function ipamOf(ipam: JsonMap): NetworkSpec['ipam'] {
  const pools = list(ipam['config']).map(map)
  const driver = ipam['driver'] === 'default' ? undefined : ipam['driver']
  const isPlain = pools.every((pool) => Object.keys(pool).every((key) => key === 'subnet'))
  if (isPlain && driver === undefined) return undefined
  return {
    ...(driver === undefined ? {} : { driver: text(driver) }),
    options: UNSAID,
    ...(pools.length > 0 ? { pools: pools.map(poolOf) } : {}),
  }
}

function poolOf(pool: JsonMap): IpamPool {
  const names = { subnet: 'subnet', gateway: 'gateway', ip_range: 'ipRange' }
  const said = Object.entries(names).flatMap(([from, to]) => (pool[from] === undefined ? [] : [[to, text(pool[from])]]))
  const aux = pool['aux_addresses'] === undefined ? {} : { auxAddresses: stringMap(pool['aux_addresses']) }
  return { ...(Object.fromEntries(said) as IpamPool), ...aux }
}

export function networksOf(service: JsonMap, name: string, { json }: Project): unknown {
  if (service['network_mode'] !== undefined) return []
  const named = service['container_name'] === undefined ? [] : [text(service['container_name'])]
  const attachments = Object.entries(map(service['networks'])).map(([key, settings]) => ({
    network: text(map(map(json['networks'])[key])['name']),
    aliases: [...new Set([name, ...named, ...strings(map(settings)['aliases'])])].sort(),
    ipv4Address: map(settings)['ipv4_address'],
    ipv6Address: map(settings)['ipv6_address'],
    macAddress: map(settings)['mac_address'],
    priority: map(settings)['priority'] || undefined,
    gwPriority: map(settings)['gw_priority'] || undefined,
    linkLocalIps: map(settings)['link_local_ips'],
    driverOpts: driverOptsOf(map(settings)),
  }))
  const byName = sortedBy(attachments, ({ network }) => network)
  return [...byName].sort((a, b) => (numberOf(b.priority) ?? 0) - (numberOf(a.priority) ?? 0))
}

/** The engine takes the name of an interface for an option of the driver. */
function driverOptsOf(settings: JsonMap): Readonly<Record<string, string>> | undefined {
  const name = settings['interface_name']
  const options = {
    ...stringMap(settings['driver_opts']),
    ...(name === undefined ? {} : { 'com.docker.network.endpoint.ifname': text(name) }),
  }
  return Object.keys(options).length === 0 ? undefined : options
}
