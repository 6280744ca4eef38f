import { compareText } from '../../model/index.js'
import type { NetworkAttachment, NetworkSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { entries, get, items, keyOf, quoted, textOf } from '../node.js'
import { readBoolean, readText } from '../read.js'
import type { Report } from '../report.js'
import { didYouMean } from '../text.js'
import type { StackContext } from './context.js'
import { isExternal, nameOfExternal, readOptions } from './external.js'
import { readLabels } from './key-values.js'

/** Full name on the server: `shop_default`, or what `name:` says. */
function networkName(key: string, node: Node | undefined, stack: string): string {
  if (node === undefined) return `${stack}_${key}`
  return nameOfExternal(node) ?? readText(node, 'name') ?? (isExternal(node) ? key : `${stack}_${key}`)
}

/** The networks of a service, sorted, `default` when it names none. Its own name is an alias everywhere. */
export function readAttachments(name: string, service: Node, context: StackContext): readonly NetworkAttachment[] {
  const node = get(service, 'networks')
  const wanted: readonly (readonly [string, Node | undefined, Node])[] =
    node?.kind === 'map'
      ? entries(node).map(([key, { value }]) => [key, get(value, 'aliases'), value] as const)
      : items(node).map((item) => [textOf(item), undefined, item] as const)
  if (wanted.length === 0) return [attachment('default', undefined, name, context)]
  const known = wanted.filter(([key, , spot]) => isDeclared(key, spot, context))
  const attachments = known.map(([key, aliases]) => attachment(key, aliases, name, context))
  return [...new Map(attachments.map((one) => [one.network, one])).values()].sort((a, b) =>
    compareText(a.network, b.network),
  )
}

function isDeclared(key: string, spot: Node, context: StackContext): boolean {
  const declared = context.declared.networks
  if (key === 'default' || declared.has(key)) return true
  const hint = didYouMean(key, declared.keys()) || '; add it under `networks:` at the top of the file'
  context.report.error('REFERENCE_UNKNOWN', spot, `the network ${quoted(key)} is not declared${hint}`)
  return false
}

function attachment(key: string, aliases: Node | undefined, service: string, context: StackContext): NetworkAttachment {
  const names = new Set([service, ...items(aliases).map(textOf)])
  return {
    network: networkName(key, context.declared.networks.get(key), context.stack),
    aliases: [...names].sort(compareText),
  }
}

/** `host` or `none`; null without one. Other modes tie containers together, which replicas on several servers cannot be. */
export function readNetworkMode(service: Node, report: Report): 'host' | 'none' | null {
  const node = get(service, 'network_mode')
  const mode = node === undefined ? null : textOf(node)
  if (node === undefined || mode === null) return null
  if (get(service, 'networks') !== undefined)
    report.error(
      'CONFLICT',
      keyOf(service, 'network_mode') ?? node,
      '`network_mode` and `networks` exclude each other; keep one of them',
    )
  if (mode === 'host' || mode === 'none') return mode
  const hint = mode === 'bridge' ? 'leave it out for the default network' : 'use host, none, or `networks:`'
  report.error('FIELD_UNSUPPORTED', node, `the network mode ${quoted(mode)} is not supported; ${hint}`)
  return null
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

function networkSpec(name: string, node: Node | undefined, report: Report): NetworkSpec {
  const driver = readText(node, 'driver') ?? 'bridge'
  if (node !== undefined && driver !== 'bridge') refuseDriver(driver, get(node, 'driver') ?? node, report)
  const ipam = get(node, 'ipam')
  const ipamDriver = get(ipam, 'driver')
  if (ipamDriver !== undefined && textOf(ipamDriver) !== 'default')
    report.error('FIELD_UNSUPPORTED', ipamDriver, 'only the default address management is supported; remove the driver')
  return {
    name,
    external: node !== undefined && isExternal(node),
    driver,
    options: readOptions(get(node, 'driver_opts')),
    internal: readBoolean(node, 'internal', report) ?? false,
    labels: readLabels(get(node, 'labels'), report),
    subnets: items(get(ipam, 'config'))
      .map((config) => readText(config, 'subnet'))
      .filter((subnet) => subnet !== null)
      .sort(compareText),
  }
}

function refuseDriver(driver: string, spot: Node, report: Report): void {
  const hint =
    driver === 'overlay'
      ? 'it needs Swarm; use bridge, names resolve within one server'
      : 'use bridge, or an `external` network that you made'
  report.error('FIELD_UNSUPPORTED', spot, `the network driver ${quoted(driver)} is not supported; ${hint}`)
}
