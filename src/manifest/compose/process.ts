import { compareText } from '../../model/index.js'
import type { Logging, Ulimit } from '../../model/index.js'
import { cleanAbsolute } from '../files.js'
import type { Node } from '../node.js'
import { describe, entries, get, items, keyOf, quoted, textOf } from '../node.js'
import { integerOf, readInteger, readText } from '../read.js'
import type { Report } from '../report.js'
import { readOptions } from './external.js'
import { isIpAddress } from './ports.js'

const LIMITS = { min: -1, max: Number.MAX_SAFE_INTEGER }

export function readUlimits(node: Node | undefined, report: Report): readonly Ulimit[] {
  const limits = entries(node).flatMap(([name, { value }]): readonly Ulimit[] => {
    if (value.kind === 'scalar' && value.value === null) return []
    const isPair = value.kind === 'map'
    const soft = isPair ? readInteger(value, 'soft', LIMITS, report) : integerOf(value, LIMITS, report)
    const hard = isPair ? readInteger(value, 'hard', LIMITS, report) : soft
    if (soft === null || hard === null) return []
    if (hard !== -1 && (soft === -1 || soft > hard))
      report.error('CONFLICT', value, 'the soft limit is above the hard one')
    return [{ name, soft, hard }]
  })
  return [...limits].sort((a, b) => compareText(a.name, b.name))
}

/** Capabilities without `CAP_`, in capitals, sorted. */
export function readCapabilities(service: Node, key: 'cap_add' | 'cap_drop', report: Report): readonly string[] {
  const names = items(get(service, key)).flatMap((node) => {
    const name = textOf(node).toUpperCase().replace(/^CAP_/, '')
    if (/^[A-Z][A-Z_]*$/.test(name)) return [name]
    report.error('FIELD_INVALID', node, `found ${describe(node)}, expected a capability such as NET_ADMIN`)
    return []
  })
  return [...new Set(names)].sort(compareText)
}

/** `name:address`, sorted. */
export function readExtraHosts(node: Node | undefined, report: Report): readonly string[] {
  const pairs = [...items(node).map(listedHost), ...entries(node).flatMap(mappedHosts)]
  const hosts = pairs.flatMap(([spot, name, address]) => {
    const plain = address.replace(/^\[|\]$/g, '')
    if (name !== '' && (plain === 'host-gateway' || isIpAddress(plain))) return [`${name}:${plain}`]
    report.error(
      'FIELD_INVALID',
      spot,
      `found ${describe(spot)}, expected a name and an IP address such as "db:10.0.0.5"`,
    )
    return []
  })
  return [...new Set(hosts)].sort(compareText)
}

function listedHost(node: Node): readonly [Node, string, string] {
  const [, name = '', address = ''] = /^([^:=]+)[:=](.+)$/.exec(textOf(node)) ?? []
  return [node, name.trim(), address.trim()]
}

function mappedHosts([name, { value }]: readonly [string, { readonly value: Node }]): readonly (readonly [
  Node,
  string,
  string,
])[] {
  const addresses = value.kind === 'list' ? items(value) : [value]
  return addresses.map((address) => [address, name, textOf(address)] as const)
}

export function readLogging(node: Node | undefined): Logging | null {
  return node === undefined ? null : { driver: readText(node, 'driver'), options: readOptions(get(node, 'options')) }
}

export function readHostname(service: Node, report: Report): string | null {
  const hostname = readText(service, 'hostname')
  if (hostname !== null && !/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/.test(hostname))
    report.error(
      'NAME_INVALID',
      get(service, 'hostname') ?? service,
      `${quoted(hostname)} is no host name; use letters, digits, - and _, at most 63`,
    )
  return hostname
}

export function readWorkingDir(service: Node, report: Report): string | null {
  const directory = readText(service, 'working_dir')
  if (directory === null) return null
  const clean = cleanAbsolute(directory)
  if (clean === null)
    report.error(
      'FIELD_INVALID',
      get(service, 'working_dir') ?? service,
      `${quoted(directory)} is relative; write an absolute path in the container`,
    )
  return clean
}

export function readSignal(service: Node, report: Report): string | null {
  const signal = readText(service, 'stop_signal')
  if (signal !== null && !/^(SIG)?[A-Z0-9+-]{1,12}$/.test(signal))
    report.error(
      'FIELD_INVALID',
      keyOf(service, 'stop_signal') ?? service,
      `${quoted(signal)} is no signal; write its name such as SIGTERM, or its number`,
    )
  return signal
}
