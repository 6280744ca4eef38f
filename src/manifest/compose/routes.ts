import { isCookieName, isHostPattern, isRedirectUrl, isRoutePath } from '../../ingress/index.js'
import { MOST_ROUTE_WEIGHT, compareText, dnsLabel } from '../../model/index.js'
import type { RedirectStatus, RouteRedirect, RouteSpec, RouteTls, ServiceSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, get, items, keyOf, quoted, textOf } from '../node.js'
import { parseBoolean } from '../quantities.js'
import { PORTS, readInteger, readText } from '../read.js'
import type { StackContext } from './context.js'
import { readOwnCertificate } from './route-certificate.js'
import { readManner } from './route-manner.js'

const MOST_ROUTES = 200
const STATUSES: readonly RedirectStatus[] = [301, 302, 307, 308]
export const REDIRECT_STATUS_DEFAULT = 308

/** What the service itself says that its routes lean on. */
export type Routable = Pick<ServiceSpec, 'name' | 'ports' | 'balanced' | 'networkMode' | 'naming'>

/** `x-slipway.routes` of a service, in the order in which they are written. Undefined: none. */
export function readRoutes(service: Node, spec: Routable, context: StackContext): readonly RouteSpec[] | undefined {
  const { report } = context
  const node = get(get(service, 'x-slipway'), 'routes')
  const nodes = items(node)
  if (node === undefined || nodes.length === 0) return undefined
  if (!context.isBalanced) {
    const message = 'routes are served by the proxies of a fleet with ingress; write `ingress: true` into slipway.yaml'
    report.error('FIELD_MISSING', keyOf(get(service, 'x-slipway'), 'routes') ?? node, message)
  }
  if (nodes.length > MOST_ROUTES)
    report.error(
      'VALUE_OUT_OF_RANGE',
      node,
      `${nodes.length} routes are too many for one service; at most ${MOST_ROUTES}`,
    )
  if (spec.networkMode !== null && spec.networkMode !== 'bridge')
    report.error(
      'CONFLICT',
      node,
      `the proxies reach replicas in their networks; remove \`network_mode: ${spec.networkMode}\`, or the routes`,
    )
  const routes: RouteSpec[] = []
  for (const one of nodes.slice(0, MOST_ROUTES)) {
    const route = readRoute(one, spec, context)
    if (route === null) continue
    context.noteClaim(routeClaim(spec.name, routes.length), one)
    routes.push(route)
  }
  return routes
}

/** What the place of a route is remembered by. */
export function routeClaim(service: string, index: number): string {
  return `${service} route ${index}`
}

function readRoute(node: Node, spec: Routable, context: StackContext): RouteSpec | null {
  const { report } = context
  const hosts = readHosts(node, context)
  const { path, isExact } = readPath(get(node, 'path'), context)
  const tls = readTls(node, hosts, context)
  const redirect = readRedirect(get(node, 'redirect'), tls, context)
  const target = readTarget(node, spec, redirect, context)
  const weight = readWeight(node, redirect, context)
  const sticky = readSticky(get(node, 'sticky'), `${context.stack}/${spec.name}`, context)
  const manner = { ...readManner(node, { path, tls }, context), ...(sticky === null ? {} : { sticky }) }
  if (redirect.kind === 'to' && Object.keys(manner).length > 0)
    report.error(
      'CONFLICT',
      get(node, 'redirect') ?? node,
      'everybody is sent elsewhere: remove what is to be done with requests',
    )
  if (target === null) return null
  const protocol = readText(node, 'protocol') === 'h2c' ? 'h2' : 'http'
  return { hosts, path, isExact, target, protocol, tls, redirect, ...(weight === null ? {} : { weight }), manner }
}

function readHosts(node: Node, { report }: StackContext): readonly string[] {
  const [one, many] = [get(node, 'host'), get(node, 'hosts')]
  if (one !== undefined && many !== undefined)
    report.error('CONFLICT', keyOf(node, 'hosts') ?? many, '`host` and `hosts` exclude each other; keep one of them')
  const named = one !== undefined ? [one] : items(many)
  if (many !== undefined && named.length === 0)
    report.error('FIELD_MISSING', many, 'there is no host in it; name one, or leave `hosts` out for every host')
  const hosts = named.flatMap((host) => {
    const text = textOf(host).toLowerCase()
    if (isHostPattern(text)) return [text]
    report.error('FIELD_INVALID', host, `found ${describe(host)}, expected ${hostAdvice(text)}`)
    return []
  })
  return [...new Set(hosts)].sort(compareText)
}

function hostAdvice(text: string): string {
  if (text === '*') return 'a host name; leave `host` out for every host'
  if (/^(\*\.)?[^*]+:[0-9]+$/.test(text)) return 'a host name without a port: those of all routes are in slipway.yaml'
  if (/[^\x00-\x7f]/.test(text)) return 'a host name in ASCII: write it as it is in DNS (xn--…)'
  return 'a host name such as shop.example.com, or *.example.com for one label more'
}

function readPath(node: Node | undefined, { report }: StackContext): Pick<RouteSpec, 'path' | 'isExact'> {
  if (node === undefined) return { path: '/', isExact: false }
  const isExact = node.kind === 'map'
  const said = isExact ? get(node, 'exact') : node
  const text = textOf(said)
  // A prefix ends with a segment, whether it says so or not.
  const path = isExact || text === '/' ? text : text.replace(/\/$/, '')
  const isWhole = isRoutePath(path) || (isExact && isRoutePath(path.replace(/\/$/, '')))
  if (isWhole) return { path, isExact }
  const hint = text.includes('*') ? '; what it begins with is enough' : text.includes('%') ? '; write it decoded' : ''
  report.error('FIELD_INVALID', said ?? node, `found ${quoted(text)}, expected a path such as /api${hint}`)
  return { path: '/', isExact: false }
}

function readTls(node: Node, hosts: readonly string[], context: StackContext): RouteTls {
  const said = get(node, 'tls')
  if (said === undefined || (said.kind === 'scalar' && parseBoolean(textOf(said)) === false)) return { kind: 'off' }
  if (said.kind === 'map') return readOwnCertificate(said, hosts, context)
  if (textOf(said) !== 'acme') {
    context.report.error(
      'FIELD_INVALID',
      said,
      `found ${describe(said)}, expected off, acme, or {certificate: <file or secret>, key: <file or secret>}`,
    )
    return { kind: 'off' }
  }
  if (hosts.length === 0)
    context.report.error('FIELD_MISSING', said, 'a certificate is for names: write `host:` beside `tls: acme`')
  return { kind: 'acme' }
}

function readRedirect(node: Node | undefined, tls: RouteTls, { report }: StackContext): RouteRedirect {
  if (node === undefined) return { kind: tls.kind === 'off' ? 'none' : 'https' }
  if (node.kind !== 'map') {
    if (parseBoolean(textOf(node)) === false) return { kind: 'none' }
    if (textOf(node) !== 'https')
      report.error('FIELD_INVALID', node, `found ${describe(node)}, expected https, off, or {to: <address>}`)
    else if (tls.kind === 'off')
      report.error('CONFLICT', node, 'there is nobody at https: say with `tls:` where its certificate comes from')
    return { kind: 'https' }
  }
  const to = get(node, 'to')
  const url = textOf(to)
  if (!isRedirectUrl(url)) {
    report.error(
      'FIELD_INVALID',
      to ?? node,
      `found ${quoted(url)}, expected an address such as https://new.example.com`,
    )
    return { kind: 'none' }
  }
  const status = STATUSES.find((one) => String(one) === readText(node, 'status')) ?? REDIRECT_STATUS_DEFAULT
  return { kind: 'to', url, status, keepsPath: /^https?:\/\/[^/]+$/.test(url) }
}

/** The port in the container: the one that the service names, where it names one. */
function readTarget(node: Node, spec: Routable, redirect: RouteRedirect, { report }: StackContext): number | null {
  if (get(node, 'port') !== undefined) return readInteger(node, 'port', PORTS, report)
  const published = [...spec.ports.filter(({ protocol }) => protocol === 'tcp'), ...(spec.balanced ?? [])]
  const exposed = (spec.naming?.expose ?? []).filter((port) => port.endsWith('/tcp')).map((port) => parseInt(port, 10))
  const ports = [...new Set([...published.map(({ target }) => target), ...exposed])].sort((a, b) => a - b)
  const [first, second] = ports
  // Nobody gets there.
  if (redirect.kind === 'to') return first ?? 80
  if (first !== undefined && second === undefined) return first
  const why =
    first === undefined ? 'the service names none in `expose:` or `ports:`' : `the service has ${ports.join(' and ')}`
  report.error('FIELD_MISSING', node, `\`port:\` is missing, the port in the container: ${why}`)
  return null
}

/** Null: it shares its host and path with nobody. */
function readWeight(node: Node, redirect: RouteRedirect, { report }: StackContext): number | null {
  const said = get(node, 'weight')
  if (said === undefined) return null
  if (redirect.kind === 'to') {
    report.error('CONFLICT', said, 'everybody is sent elsewhere, so that there is nothing to share: remove `weight`')
    return null
  }
  return readInteger(node, 'weight', { min: 0, max: MOST_ROUTE_WEIGHT }, report)
}

function readSticky(node: Node | undefined, key: string, { report }: StackContext): string | null {
  if (node === undefined) return null
  if (node.kind !== 'map') return parseBoolean(textOf(node)) === true ? `slipway-${dnsLabel(key)}` : null
  const cookie = readText(node, 'cookie') ?? `slipway-${dnsLabel(key)}`
  if (isCookieName(cookie)) return cookie
  const message = `${quoted(cookie)} is no name of a cookie; use letters, digits, - and _, beginning with a letter`
  report.error('NAME_INVALID', get(node, 'cookie') ?? node, message)
  return null
}
