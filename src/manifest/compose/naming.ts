import { compareText } from '../../model/index.js'
import type { NamingSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, items, keyOf, quoted, textOf } from '../node.js'
import { didYouMean } from '../text.js'
import type { StackContext } from './context.js'
import { isIpAddress, readExpose } from './ports.js'
import { groupOf, readSettings, textLike, texts } from './settings.js'
import type { Read, Readers } from './settings.js'

const NAME = /^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,252}[a-zA-Z0-9])?\.?$/
export const macAddress = textLike(/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/, 'a MAC address such as 02:42:ac:11:00:01')

const NAMING: Readers<Omit<NamingSpec, 'links' | 'expose'>> = {
  dns: addresses,
  dnsSearch: texts,
  dnsOpt: texts,
  domainname: textLike(NAME, 'a domain such as example.com'),
  macAddress,
}

/** How the container is called and finds others. */
export function readNaming(service: Node, context: StackContext): NamingSpec | undefined {
  const links = [
    ...items(get(service, 'links')).flatMap((node) => readLink(node, context)),
    ...readExternalLinks(service, context),
  ]
  const expose = readExpose(get(service, 'expose'), context.report)
  const spot = keyOf(service, 'external_links') ?? keyOf(service, 'links')
  if (links.length > 0 && spot !== undefined && get(service, 'network_mode') !== undefined)
    context.report.error(
      'CONFLICT',
      spot,
      'with `network_mode` there is no network to find others in; remove one of them',
    )
  return groupOf({
    ...readSettings(service, NAMING, context),
    ...(links.length > 0 ? { links: [...new Set(links)].sort(compareText) } : {}),
    ...(expose.length > 0 ? { expose } : {}),
  })
}

function addresses(...[node, context]: Parameters<Read<readonly string[]>>): readonly string[] | undefined {
  const values = texts(node, context) ?? []
  const wrong = values.find((value) => !isIpAddress(value))
  if (wrong !== undefined)
    context.report.error('FIELD_INVALID', node, `${quoted(wrong)} is no IP address of a name server`)
  return values.length > 0 ? values : undefined
}

/** `service:alias` is one more name of that service, for this one only. Without an alias it is found by its name anyway. */
function readLink(node: Node, context: StackContext): readonly string[] {
  const [service = '', alias = service] = textOf(node).split(':')
  const { services } = context.declared
  if (!services.has(service))
    context.report.error(
      'REFERENCE_UNKNOWN',
      node,
      `the service ${quoted(service)} is not declared${didYouMean(service, services.keys())}`,
    )
  return alias === service ? [] : [`${service}:${alias}`]
}

function readExternalLinks(service: Node, { report }: StackContext): readonly string[] {
  return items(get(service, 'external_links')).flatMap((node) => {
    const [container = '', alias = container] = textOf(node).split(':')
    if (NAME.test(container) && NAME.test(alias)) return [`${container}:${alias}`]
    report.error(
      'FIELD_INVALID',
      node,
      `found ${quoted(textOf(node))}, expected a container and a name such as "legacy_db:db"`,
    )
    return []
  })
}
