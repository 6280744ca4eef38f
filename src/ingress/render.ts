import { isIP } from 'node:net'
import { hashOf } from '../model/index.js'
import { bindLines, frontendName } from './bind.js'
import { figureLines, figuresTable } from './figures.js'
import type { FrontLayout } from './front-layout.js'
import { CURVES } from './front-names.js'
import {
  isReached,
  localBackend,
  remoteName,
  resortName,
  routeBackend,
  seatKey,
  slotName,
  wholeBackend,
} from './layout.js'
import { matchLines, matchLocalLines } from './matching.js'
import { nameLines } from './render-names.js'
import type { Layout, Listener, PeerLayout, Seat, ServiceLayout } from './layout.js'
import { frontLines, stickyLines, stickyLocalLines } from './render-front.js'

/** Files beside the configuration, which names them relative to itself. */
export const AUTHORITY_FILE = 'authority.pem'
export const CERTIFICATE_FILE = 'certificate.pem'
export const MESH_MAP_FILE = 'mesh.map'
export const PEERS_FILE = 'peers.lst'

/**
 * One that is gone is noticed after 1.3 s at most, a server whose packets vanish after 1.8 s: three connections that take 400 ms each. Its TLS
 * may take a second more, as a busy one is not gone. Whom a connection cannot be made to is left out at once by `redispatch`.
 */
const LOCAL_CHECK = 'check inter 1s fastinter 250ms downinter 1s rise 1 fall 2'
const PEER_CHECK = 'check inter 400ms fastinter 100ms downinter 500ms rise 1 fall 3'
/** What was sent to a server that vanished is given up after 4 s, as is waiting for it (`KEEPALIVE`). */
const TLS = `tcp-ut 4s ssl verify required ca-file ${AUTHORITY_FILE} crt ${CERTIFICATE_FILE} ssl-min-ver TLSv1.3`

/**
 * The configuration. Every word in it is ours, or was made from data by a grammar: `layOut` lets through addresses, ports and labels alone.
 * `structure` is what it is told apart by.
 */
export function renderConfig(layout: Layout, front: FrontLayout | null, structure: string): string {
  const [before, after] = frameLines(layout, front, structure)
  return [...before, ...layout.services.map((service) => renderService(service).text), ...after, ''].join('\n')
}

/** What stands around the services. */
export function frameLines(
  layout: Layout,
  front: FrontLayout | null,
  structure: string,
): readonly [before: readonly string[], after: readonly string[]] {
  return [
    [...globalLines(structure), ...defaultLines(), ...frontLines(front, layout.services)],
    [...figuresTable(layout.services), ...meshLines(layout), ...(hasListeners(layout, front) ? [] : IDLE)],
  ]
}

export interface RenderedService {
  readonly text: string
  /** Of its text, and of its text without what the runtime interface can change. */
  readonly digest: string
  readonly structure: string
}

const rendered = new WeakMap<ServiceLayout, RenderedService>()

/** Known while its layout is the same object: one replica's change renders one service, however many there are. */
export function renderService(service: ServiceLayout): RenderedService {
  const known = rendered.get(service)
  if (known !== undefined) return known
  const text = serviceLines(service).join('\n')
  const made = { text, digest: hashOf(text), structure: hashOf(serviceLines(emptied(service)).join('\n')) }
  rendered.set(service, made)
  return made
}

/** What the runtime interface can change, taken away. */
function emptied(service: ServiceLayout): ServiceLayout {
  const slots = service.slots.map(() => null)
  return { ...service, slots, remotes: service.remotes.map(({ peer }) => ({ peer, weight: 0, fresh: 0 })) }
}

/** `haproxy -c` refuses what listens nowhere. The path is the container's own. */
export const IDLE = [
  'frontend idle from tcp',
  '  bind unix@/etc/slipway/idle.sock mode 600',
  '  tcp-request connection reject',
]

function hasListeners({ services, mesh }: Layout, front: FrontLayout | null): boolean {
  return mesh !== null || (front?.http ?? front?.https ?? null) !== null || services.some(isReached)
}

/** From the name that a peer asks for to the backend with the replicas of this server. */
export function renderMeshMap({ services, mesh }: Layout): string {
  if (mesh === null) return ''
  return services.map((service) => `${meshName(service, mesh.zone)} ${localBackend(service)}\n`).join('')
}

/** Whose certificates are let in, by their common names. */
export function renderPeers({ peers }: Layout): string {
  return peers.map(({ zone }) => `${zone}\n`).join('')
}

function meshName({ id }: ServiceLayout, zone: string): string {
  return `${id}.${zone}`
}

function globalLines(structure: string): readonly string[] {
  return [
    '# Made by Slipway, and made anew with each change.',
    'global',
    `  description ${structure}`,
    '  uid 99',
    '  gid 99',
    // What a reload leaves serving its connections; then they are cut.
    '  hard-stop-after 1h',
    '  default-path config',
    '  tune.ssl.default-dh-param 2048',
  ]
}

/** How long a connection may wait for its next request. A process that a reload left goes on with the replicas it knew: they are kept until this is over. */
const KEPT = '15s'

function defaultLines(): readonly string[] {
  return [
    'defaults tcp',
    '  mode tcp',
    '  balance leastconn',
    '  timeout connect 2s',
    '  timeout queue 10s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  timeout tunnel 24h',
    '  retries 3',
    '  option redispatch 1',
    ...KEEPALIVE,
    'defaults http',
    '  mode http',
    '  balance roundrobin',
    '  timeout connect 2s',
    '  timeout queue 10s',
    '  timeout http-request 30s',
    `  timeout http-keep-alive ${KEPT}`,
    '  timeout client 10m',
    '  timeout server 10m',
    '  timeout tunnel 24h',
    '  retries 3',
    '  option redispatch 1',
    '  retry-on conn-failure empty-response',
    // Who keeps a connection open is told with its next answer that this process ends, instead of being cut.
    '  option idle-close-on-response',
    ...KEEPALIVE,
  ]
}

/** A server that vanished says nothing: the kernel asks, and ends what waits for it. */
const KEEPALIVE = [
  '  option clitcpka',
  '  clitcpka-idle 60s',
  '  clitcpka-intvl 10s',
  '  clitcpka-cnt 6',
  '  option srvtcpka',
  '  srvtcpka-idle 2s',
  '  srvtcpka-intvl 1s',
  '  srvtcpka-cnt 2',
]

function serviceLines(service: ServiceLayout): readonly string[] {
  return [
    ...service.listen.flatMap((listener) => frontendLines(service, listener)),
    ...nameLines(service),
    ...localLines(service),
    ...(isReached(service)
      ? [...head(service, wholeBackend(service)), ...matchLines(service), ...wholeServers(service)]
      : []),
    ...service.manners.flatMap((manner) => [
      ...head(service, routeBackend(service, manner)),
      ...matchLines(service),
      ...manner.lines.map((line) => `  ${line}`),
      ...(manner.sticky === null ? [] : stickyLines(service.id, manner.sticky)),
      ...wholeServers(service),
    ]),
  ]
}

function frontendLines(service: ServiceLayout, listener: Listener): readonly string[] {
  return [
    `frontend ${frontendName(listener)} from ${sectionOf(service)}`,
    ...bindLines(listener, ''),
    // Nobody is in front of it who could be believed.
    ...(service.protocol !== 'tcp'
      ? ['  http-request set-header X-Forwarded-For %[src]', '  http-request set-header X-Forwarded-Proto http']
      : []),
    `  default_backend ${wholeBackend(service)}`,
  ]
}

/** Of defaults. */
function sectionOf({ protocol }: ServiceLayout): 'tcp' | 'http' {
  return protocol === 'tcp' ? 'tcp' : 'http'
}

function head(service: ServiceLayout, name: string): readonly string[] {
  return [
    `backend ${name} from ${sectionOf(service)}`,
    // A request that may have reached somebody is sent again only where that changes nothing (RFC 9110, 9.2.2).
    ...(service.protocol !== 'tcp'
      ? ['  http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }']
      : []),
    // By the fewest connections those who have none are all alike, whatever they weigh.
    ...(service.protocol === 'tcp' && service.canary !== null ? ['  balance roundrobin'] : []),
    ...figureLines(service),
  ]
}

function localLines(service: ServiceLayout): readonly string[] {
  return [
    ...head(service, localBackend(service)),
    ...matchLocalLines(service),
    ...(service.isSticky ? stickyLocalLines(service.id) : []),
    ...service.slots.map(
      (seat, index) => `  server ${slotName(index)} ${place(seat, seat?.localWeight)} ${LOCAL_CHECK}${spoken(service)}`,
    ),
  ]
}

/** Replicas of this server, then the proxies of others. */
function wholeServers(service: ServiceLayout): readonly string[] {
  const tracked = localBackend(service)
  return [
    ...service.slots.map(
      (seat, index) =>
        `  server ${slotName(index)} ${place(seat, seat?.wholeWeight)} track ${tracked}/${slotName(index)}${spoken(service)}`,
    ),
    ...(service.remotes.length === 0 ? [] : ['  option allbackups']),
    ...service.remotes.flatMap((remote) => remoteLines(service, remote)),
  ]
}

function remoteLines(service: ServiceLayout, { peer, weight }: ServiceLayout['remotes'][number]): readonly string[] {
  const share = weight === 0 ? 'weight 1 disabled' : `weight ${weight}`
  const alpn = service.protocol === 'h2' ? ' alpn h2' : ''
  const way = `${TLS} sni str(${meshName(service, peer.zone)})${alpn}`
  return [
    `  server ${remoteName(peer)} ${peerAddress(peer)} ${share} track peers/${remoteName(peer)} ${way}`,
    `  server ${resortName(peer)} ${peerAddress(peer)} ${share} backup ${way}`,
  ]
}

/** What a replica is spoken to by. */
function spoken({ protocol }: ServiceLayout): string {
  return protocol === 'h2' ? ' proto h2' : ''
}

/** A slot that is free has an address nobody answers at. Weight 0 is draining, or held: no new connections. */
function place(seat: Seat | null, weight: number | undefined): string {
  return seat === null ? '127.0.0.1:1 weight 1 disabled' : `${seatKey(seat)} weight ${weight}`
}

function peerAddress({ host, port }: PeerLayout): string {
  // A name that is not known when it starts must not keep it from starting.
  return isIP(host) === 0 ? `${host}:${port} init-addr last,libc,none` : seatKey({ address: host, port })
}

function meshLines({ peers, mesh, services }: Layout): readonly string[] {
  if (mesh === null) return []
  const options = ` ssl crt ${CERTIFICATE_FILE} ca-file ${AUTHORITY_FILE} verify required strict-sni ssl-min-ver TLSv1.3 curves ${CURVES}`
  const listener = { address: '', port: mesh.port }
  const hasHttp = services.some(({ protocol }) => protocol !== 'tcp')
  const alpn = services.some(({ protocol }) => protocol === 'h2') ? ' alpn h2,http/1.1' : ''
  return [
    `frontend ${frontendName(listener)} from tcp`,
    ...bindLines(listener, `${options}${alpn}`),
    // Requests come through here too: a reload cuts no connection between two of them.
    '  option idle-close-on-response',
    `  timeout http-keep-alive ${KEPT}`,
    // A server that left the fleet has a good certificate for weeks.
    `  tcp-request content reject unless { ssl_c_s_dn(CN) -f ${PEERS_FILE} }`,
    `  tcp-request content reject unless { ssl_fc_sni,map(${MESH_MAP_FILE}) -m found }`,
    ...(hasHttp ? [`  tcp-request content switch-mode http if { ssl_fc_sni,map(${MESH_MAP_FILE}) -m beg http }`] : []),
    `  use_backend %[ssl_fc_sni,map(${MESH_MAP_FILE})]`,
    ...(peers.length === 0 ? [] : ['backend peers from tcp', '  timeout check 1s']),
    ...peers.map(
      (peer) =>
        `  server ${remoteName(peer)} ${peerAddress(peer)} ${TLS} sni str(check.${peer.zone}) check-sni check.${peer.zone} ${PEER_CHECK}`,
    ),
  ]
}
