import { OVERLAY, compareText } from '../../model/index.js'
import type { IpamPool, IpamSpec, NetworkAttachment, NetworkMode, NetworkSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { entries, get, items, keyOf, quoted, textOf } from '../node.js'
import { readBoolean, readText } from '../read.js'
import type { Report } from '../report.js'
import { didYouMean } from '../text.js'
import type { StackContext } from './context.js'
import { isExternal, nameOfExternal, readOptions } from './external.js'
import { joinedMode } from './isolation.js'
import { readKeyValues, readLabels, sortedRecord } from './key-values.js'
import { macAddress } from './naming.js'
import { integer, readSettings, sorted, textLike, texts } from './settings.js'
import type { Readers } from './settings.js'

/** Full name on the server: `shop_default`, or what `name:` says. */
function networkName(key: string, node: Node | undefined, stack: string): string {
  if (node === undefined) return `${stack}_${key}`
  return nameOfExternal(node) ?? readText(node, 'name') ?? (isExternal(node) ? key : `${stack}_${key}`)
}

/** What is said of one network beside its aliases. */
type Attached = Omit<NetworkAttachment, 'network' | 'aliases'>

const ATTACHED: Readers<Omit<Attached, 'driverOpts'>> = {
  ipv4Address: textLike(/^[0-9]+(\.[0-9]+){3}$/, 'an address such as 172.28.0.10'),
  ipv6Address: textLike(/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/, 'an address such as 2001:db8::10'),
  linkLocalIps: sorted(texts),
  macAddress,
  priority: integer(-1_000_000, 1_000_000),
  gwPriority: integer(-1_000_000, 1_000_000),
}

/** The networks of a service by priority and name, `default` when it names none. Its own names are aliases everywhere. */
export function readAttachments(
  names: readonly string[],
  service: Node,
  context: StackContext,
): readonly NetworkAttachment[] {
  const node = get(service, 'networks')
  const wanted: readonly (readonly [string, Node | undefined, Node])[] =
    node?.kind === 'map'
      ? entries(node).map(([key, { value }]) => [key, value, value] as const)
      : items(node).map((item) => [textOf(item), undefined, item] as const)
  if (wanted.length === 0) return [attachment('default', undefined, names, context)]
  const known = wanted.filter(([key, , spot]) => isDeclared(key, spot, context))
  const attachments = known.map(([key, said]) => attachment(key, said, names, context))
  return [...new Map(attachments.map((one) => [one.network, one])).values()].sort(
    (a, b) => (b.priority ?? 0) - (a.priority ?? 0) || compareText(a.network, b.network),
  )
}

function isDeclared(key: string, spot: Node, context: StackContext): boolean {
  const declared = context.declared.networks
  if (key === 'default' || declared.has(key)) return true
  const hint = didYouMean(key, declared.keys()) || '; add it under `networks:` at the top of the file'
  context.report.error('REFERENCE_UNKNOWN', spot, `the network ${quoted(key)} is not declared${hint}`)
  return false
}

function attachment(
  key: string,
  said: Node | undefined,
  own: readonly string[],
  context: StackContext,
): NetworkAttachment {
  const names = new Set([...own, ...items(get(said, 'aliases')).map(textOf)])
  return {
    network: networkName(key, context.declared.networks.get(key), context.stack),
    aliases: [...names].sort(compareText),
    ...(said === undefined ? {} : readSettings(said, ATTACHED, context)),
    ...driverOpts(said),
  }
}

/** The engine knows the name of the interface as an option of the driver. */
function driverOpts(said: Node | undefined): Pick<Attached, 'driverOpts'> {
  const name = readText(said, 'interface_name')
  const options = {
    ...readOptions(get(said, 'driver_opts')),
    ...(name === null ? {} : { 'com.docker.network.endpoint.ifname': name }),
  }
  return Object.keys(options).length > 0 ? { driverOpts: sortedRecord(Object.entries(options)) } : {}
}

/** What a container without networks of its own has no say in. */
const SAID_BY_OTHER = ['hostname', 'domainname', 'extra_hosts', 'dns', 'dns_search', 'dns_opt', 'mac_address', 'expose']

/** Null without one: then `networks` hold. */
export function readNetworkMode(service: Node, context: StackContext): NetworkMode | null {
  const { report } = context
  const node = get(service, 'network_mode')
  const mode = node === undefined ? null : textOf(node)
  if (node === undefined || mode === null) return null
  if (get(service, 'networks') !== undefined)
    report.error(
      'CONFLICT',
      keyOf(service, 'network_mode') ?? node,
      '`network_mode` and `networks` exclude each other; keep one of them',
    )
  if (mode === 'host' || mode === 'none' || mode === 'bridge') return mode
  const joined = joinedMode(node, context)
  for (const key of SAID_BY_OTHER) {
    const spot = keyOf(service, key)
    if (joined !== undefined && spot !== undefined)
      report.error('CONFLICT', spot, `with \`network_mode: ${mode}\` the other container says this; move it there`)
  }
  if (joined === undefined && !/^(service|container):/.test(mode))
    report.error(
      'FIELD_UNSUPPORTED',
      node,
      `the network mode ${quoted(mode)} is not supported; use host, none, bridge, service:name, container:name, or \`networks:\``,
    )
  return joined ?? null
}

/** The networks that services use, sorted by full name; the others are never made, as with Compose. */
export function readNetworks(
  declared: ReadonlyMap<string, Node>,
  attachments: readonly NetworkAttachment[],
  stack: string,
  report: Report,
): readonly NetworkSpec[] {
  const used = new Set(attachments.map(({ network }) => network))
  const keys = new Set(['default', ...declared.keys()])
  const networks = [...keys].map((key) =>
    networkSpec(networkName(key, declared.get(key), stack), declared.get(key), report),
  )
  return networks.filter(({ name }) => used.has(name)).sort((a, b) => compareText(a.name, b.name))
}

function networkSpec(name: string, declared: Node | undefined, report: Report): NetworkSpec {
  const external = declared !== undefined && isExternal(declared)
  const node = external ? undefined : declared
  const driver = readText(node, 'driver') ?? 'bridge'
  if (node !== undefined && UNFIT[driver] !== undefined)
    report.error(
      'FIELD_UNSUPPORTED',
      get(node, 'driver') ?? node,
      `the network driver ${quoted(driver)} is not supported; ${UNFIT[driver]}`,
    )
  const ipam = readIpam(get(node, 'ipam'), report)
  return {
    name,
    external,
    driver,
    options: readOptions(get(node, 'driver_opts')),
    internal: readBoolean(node, 'internal', report) ?? false,
    labels: readLabels(get(node, 'labels'), report),
    subnets: (ipam.pools ?? []).flatMap(({ subnet }) => (subnet === undefined ? [] : [subnet])).sort(compareText),
    ipam: isPlain(ipam) ? undefined : ipam,
    attachable: readAttachable(node, driver, report),
    enableIpv4: readBoolean(node, 'enable_ipv4', report) ?? undefined,
    enableIpv6: readBoolean(node, 'enable_ipv6', report) ?? undefined,
  }
}

/** A network of Swarm that takes no container but Swarm's is of no use here. */
function readAttachable(node: Node | undefined, driver: string, report: Report): true | undefined {
  const said = readBoolean(node, 'attachable', report)
  if (driver === OVERLAY && said === false && node !== undefined)
    report.error(
      'CONFLICT',
      keyOf(node, 'attachable') ?? node,
      '`attachable: false` keeps every container out of an overlay network; remove it',
    )
  return said || undefined
}

/** Nothing but subnets, in any order. */
function isPlain({ driver, options, pools = [] }: IpamSpec): boolean {
  return (
    driver === undefined &&
    options === undefined &&
    pools.every((pool) => Object.keys(pool).every((key) => key === 'subnet'))
  )
}

function readIpam(node: Node | undefined, report: Report): IpamSpec {
  const driver = readText(node, 'driver')
  const options = readOptions(get(node, 'options'))
  const pools = items(get(node, 'config')).map((pool) => readPool(pool, report))
  return {
    ...(driver === null || driver === 'default' ? {} : { driver }),
    ...(Object.keys(options).length > 0 ? { options } : {}),
    ...(pools.length > 0 ? { pools } : {}),
  }
}

function readPool(node: Node, report: Report): IpamPool {
  const auxAddresses = readKeyValues(get(node, 'aux_addresses'), report)
  const subnet = readText(node, 'subnet')
  const gateway = readText(node, 'gateway')
  const ipRange = readText(node, 'ip_range')
  if (subnet === null && (gateway !== null || ipRange !== null))
    report.error('FIELD_MISSING', node, 'a gateway or range needs its `subnet:`')
  return {
    ...(subnet === null ? {} : { subnet }),
    ...(gateway === null ? {} : { gateway }),
    ...(ipRange === null ? {} : { ipRange }),
    ...(Object.keys(auxAddresses).length > 0 ? { auxAddresses } : {}),
  }
}

const UNFIT: Readonly<Record<string, string>> = {
  host: 'write `network_mode: host` on the service',
  none: 'write `network_mode: none` on the service',
}
