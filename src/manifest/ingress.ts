import { parseRange } from '../names/index.js'
import { ACME_DEFAULTS, INGRESS_DEFAULTS } from '../model/index.js'
import type { AcmeSettings, IngressSettings } from '../model/index.js'
import { readConstraint } from './compose/placement.js'
import type { Node } from './node.js'
import { describe, get, items, quoted, textOf } from './node.js'
import { PORTS, readBoolean, readInteger, readText } from './read.js'
import type { Report } from './report.js'

/** `ingress:` of slipway.yaml: `true`, or a mapping that says more. Null: ports are published where replicas run. */
export function readIngress(node: Node | undefined, report: Report): IngressSettings | null {
  if (node === undefined || (node.kind === 'scalar' && textOf(node) !== 'true')) return null
  const constraints = items(get(node, 'placement')).map((one) => readConstraint(one, report))
  const acme = get(node, 'acme')
  const settings: IngressSettings = {
    image: readText(node, 'image') ?? INGRESS_DEFAULTS.image,
    placement: constraints.filter((one) => one !== null),
    meshPort: readInteger(node, 'mesh_port', PORTS, report) ?? INGRESS_DEFAULTS.meshPort,
    httpPort: readInteger(node, 'http_port', PORTS, report) ?? INGRESS_DEFAULTS.httpPort,
    httpsPort: readInteger(node, 'https_port', PORTS, report) ?? INGRESS_DEFAULTS.httpsPort,
    ...readNames(get(node, 'names'), report),
    ...(acme === undefined ? {} : { acme: readAcme(acme, report) }),
  }
  const ports = [settings.meshPort, settings.httpPort, settings.httpsPort]
  if (new Set(ports).size < ports.length)
    report.error('CONFLICT', node, `mesh_port, http_port and https_port are ${ports.join(', ')}; give each its own`)
  return settings
}

/** `names: false`, or the range of their addresses. */
function readNames(node: Node | undefined, report: Report): Pick<IngressSettings, 'names'> {
  const text = node === undefined ? '' : textOf(node)
  if (text === 'false') return {}
  if (node === undefined || text === 'true') return { names: INGRESS_DEFAULTS.names ?? '' }
  if (parseRange(text) !== null) return { names: text }
  const wanted = 'a range of IPv4 addresses that nobody routes, from /8 to /24, such as 198.18.0.0/16, or false'
  report.error('FIELD_INVALID', node, `found ${describe(node)}, expected ${wanted}`)
  return {}
}

function readAcme(node: Node, report: Report): AcmeSettings {
  const directory = readText(node, 'directory') ?? ACME_DEFAULTS.directory
  if (!URL.canParse(directory) || new URL(directory).protocol !== 'https:')
    report.error(
      'FIELD_INVALID',
      get(node, 'directory') ?? node,
      `${quoted(directory)} is no https address, such as ${ACME_DEFAULTS.directory}`,
    )
  return {
    directory,
    email: readText(node, 'email'),
    termsAgreed: readBoolean(node, 'terms_agreed', report) ?? false,
    challenge: readText(node, 'challenge') === 'dns-01' ? 'dns-01' : ACME_DEFAULTS.challenge,
    bindingKid: readText(get(node, 'eab'), 'kid'),
  }
}
