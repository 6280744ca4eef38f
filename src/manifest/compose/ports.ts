import { compareText } from '../../model/index.js'
import type { BalancedPort, PortSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, get, items, keyOf, quoted, textOf } from '../node.js'
import { PORTS, readText } from '../read.js'
import type { Report, Spot } from '../report.js'

interface PortRange {
  readonly first: number
  readonly last: number
}

/** Each published port costs the engine a rule; a longer range is a mistake. */
const MOST_PORTS = 1_000

/** `ports` are bound on the replica's own server; `balanced` by the proxies, in a fleet that has them. */
export interface PublishedPorts {
  readonly ports: readonly PortSpec[]
  readonly balanced: readonly BalancedPort[]
}

/** Published ports, one entry a port, sorted. Without proxies `mode` means nothing. */
export function readPorts(
  node: Node | undefined,
  isBalanced: boolean,
  report: Report,
  note: (port: BalancedPort, spot: Spot) => void,
): PublishedPorts {
  const read = items(node).map((item) => ({
    item,
    ports: item.kind === 'map' ? longPort(item, report) : shortPort(item, report),
  }))
  if (!isBalanced) return { ports: unique(read.flatMap(({ ports }) => ports)), balanced: [] }
  const split = read.map(({ item, ports }) =>
    readText(item, 'mode') === 'host' ? { ports, balanced: [] } : balancedOf(item, ports, report),
  )
  split.forEach(({ balanced }, at) => {
    for (const port of balanced) note(port, read[at]?.item ?? { path: [], line: 1, column: 1 })
  })
  return {
    ports: unique(split.flatMap(({ ports }) => ports)),
    balanced: unique(split.flatMap(({ balanced }) => balanced)),
  }
}

/** What the place of a published port is remembered by. */
export function portClaim(service: string, { hostIp, published }: Pick<BalancedPort, 'hostIp' | 'published'>): string {
  return `${service} ${hostIp}:${published}`
}

/** A port that the engine is to choose is bound where the replica runs: nobody could tell a client another one. */
function balancedOf(item: Node, ports: readonly PortSpec[], report: Report): PublishedPorts {
  const [chosen, fixed] = [ports.filter(isChosen), ports.filter((port) => !isChosen(port))]
  const other = fixed.find(({ protocol }) => protocol !== 'tcp')
  if (other !== undefined) {
    const { protocol, published, target } = other
    const message = `${protocol} cannot be balanced; write {target: ${target}, published: ${published}, protocol: ${protocol}, mode: host} to bind it where each replica runs`
    report.error('FIELD_UNSUPPORTED', item, message)
    return { ports: [], balanced: [] }
  }
  const protocol = readText(item, 'app_protocol') === 'http' ? 'http' : 'tcp'
  const balanced = fixed.map(
    ({ target, published, hostIp }) => ({ target, published: published ?? 0, hostIp, protocol }) as const,
  )
  return { ports: chosen, balanced }
}

function isChosen({ published }: PortSpec): boolean {
  return published === null
}

/** Without an address it is every address, so that `80:80` and `0.0.0.0:80:80` are one; the later one is meant, as for Compose. */
function unique<T extends PortSpec | BalancedPort>(ports: readonly T[]): readonly T[] {
  const byText = new Map(ports.map((port) => [JSON.stringify({ ...port, hostIp: port.hostIp || '0.0.0.0' }), port]))
  return [...byText.values()].sort(comparePorts)
}

/** `[[ip:]published:]target[/protocol]`, where both may be ranges. */
function shortPort(node: Node, report: Report): readonly PortSpec[] {
  const text = textOf(node)
  const [, hostIp = '', published = '', target = '', protocol = 'tcp'] =
    /^(?:(?:(\[[0-9a-fA-F:.]+\]|[0-9]+(?:\.[0-9]+){3}):)?([0-9-]*):)?([0-9-]+)(?:\/([a-zA-Z]+))?$/.exec(text) ?? []
  if (target === '') {
    report.error(
      'FIELD_INVALID',
      node,
      `found ${describe(node)}, expected a port such as "8080:80", "127.0.0.1:8080:80" or "53:53/udp"`,
    )
    return []
  }
  return expand({ node, hostIp: hostIp.replace(/^\[|\]$/g, ''), published, target, protocol }, report)
}

function longPort(node: Node, report: Report): readonly PortSpec[] {
  const target = readText(node, 'target')
  if (target === null) {
    const key = keyOf(node, 'target')
    if (key !== undefined) report.error('FIELD_MISSING', key, 'the key has no value; name the port in the container')
    return []
  }
  const hostIp = readText(node, 'host_ip') ?? ''
  return expand(
    {
      node,
      hostIp,
      published: readText(node, 'published') ?? '',
      target,
      protocol: readText(node, 'protocol') ?? 'tcp',
    },
    report,
  )
}

/** `expose`: ports that other containers may use, as `80/tcp`, sorted. */
export function readExpose(node: Node | undefined, report: Report): readonly string[] {
  const ports = items(node).flatMap((item) => {
    const [target = '', protocol = 'tcp'] = textOf(item).split('/')
    return expand({ node: item, hostIp: '', published: '', target, protocol }, report)
  })
  return [...new Set([...ports].sort(comparePorts).map(({ target, protocol }) => `${target}/${protocol}`))]
}

interface RawPort {
  readonly node: Node
  readonly hostIp: string
  readonly published: string
  readonly target: string
  readonly protocol: string
}

function expand(raw: RawPort, report: Report): readonly PortSpec[] {
  const { node, hostIp } = raw
  const targets = parseRange(raw.target, node, report)
  const published = raw.published === '' || raw.published === '0' ? null : parseRange(raw.published, node, report)
  const protocol = raw.protocol.toLowerCase()
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    report.error('FIELD_INVALID', node, `the protocol ${quoted(raw.protocol)} is not known; use tcp, udp or sctp`)
    return []
  }
  if (hostIp !== '' && !isIpAddress(hostIp)) {
    report.error('FIELD_INVALID', node, `${quoted(hostIp)} is no IP address of a host`)
    return []
  }
  if (targets === null || (published === null && raw.published !== '' && raw.published !== '0')) return []
  const count = targets.last - targets.first + 1
  if (published !== null && published.last - published.first + 1 !== count) {
    const hint = count === 1 ? 'a port out of a range cannot be chosen; name one' : 'both ranges must be equally long'
    report.error('FIELD_INVALID', node, `${raw.published} and ${raw.target} do not fit; ${hint}`)
    return []
  }
  if (count > MOST_PORTS) {
    const message = `the range ${raw.target} has more than ${MOST_PORTS} ports; use network_mode: host`
    report.error('VALUE_OUT_OF_RANGE', node, message)
    return []
  }
  return Array.from({ length: count }, (_, at) => ({
    target: targets.first + at,
    published: published === null ? null : published.first + at,
    protocol,
    hostIp,
  }))
}

function parseRange(text: string, node: Node, report: Report): PortRange | null {
  const [whole, from = '', to = from] = /^([0-9]{1,6})(?:-([0-9]{1,6}))?$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  if (whole === undefined) {
    report.error('FIELD_INVALID', node, `${quoted(text)} is no port; expected a number or a range such as 8000-8010`)
    return null
  }
  if (first < PORTS.min || last > PORTS.max || last < first) {
    report.error('VALUE_OUT_OF_RANGE', node, `the port ${text} is out of range; expected ${PORTS.min} to ${PORTS.max}`)
    return null
  }
  return { first, last }
}

export function isIpAddress(text: string): boolean {
  if (/^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255)
  return /^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text) && text.length <= 45 && text.split(':').length <= 9
}

function comparePorts(a: PortSpec | BalancedPort, b: PortSpec | BalancedPort): number {
  return (
    a.target - b.target ||
    (a.published ?? 0) - (b.published ?? 0) ||
    compareText(a.protocol, b.protocol) ||
    compareText(a.hostIp, b.hostIp)
  )
}

/** Whether anything is published, for settings that exclude it. */
export function publishes(service: Node): boolean {
  return items(get(service, 'ports')).length > 0
}
