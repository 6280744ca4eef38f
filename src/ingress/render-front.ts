import { bindLines, frontendName } from './bind.js'
import type { FrontLayout } from './front-layout.js'
import { TO_HTTPS } from './front-places.js'
import { CERTIFICATES_LIST, CHALLENGES_MAP, CURVES, PATHS_MAP, REPLICAS_MAP, ROUTES_MAP } from './front-names.js'
import { shareLines } from './render-shares.js'
import type { Sharing } from './front-places.js'
import { unique } from './layout.js'
import type { ServiceLayout } from './layout.js'

const NOWHERE = 'nowhere'

/** Forward secrecy and authenticated encryption for those who do not know TLS 1.3: what Mozilla calls intermediate. */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
const TLS = ` ssl crt-list ${CERTIFICATES_LIST} strict-sni alpn h2,http/1.1 ssl-min-ver TLSv1.2 no-tls-tickets curves ${CURVES} ciphers ${CIPHERS}`

/** The frontends of routes, and where those go that have none. */
export function frontLines(front: FrontLayout | null, services: readonly ServiceLayout[]): readonly string[] {
  if (front === null) return []
  const { http, https, portSuffix, redirects, sharing } = front
  const users = services.flatMap(({ manners }) =>
    manners.flatMap((manner) => (manner.users.length === 0 ? [] : [manner.users])),
  )
  return [
    ...unique(users, ([name = '']) => name).flatMap(([name = '', ...own]) => [name, ...own.map((line) => `  ${line}`)]),
    ...(http === null
      ? []
      : [
          `frontend ${frontendName(http)} from http`,
          ...bindLines(http, ''),
          // Whoever is to prove that a name is his is asked in plain, and must not be sent elsewhere.
          `  http-request return status 200 content-type text/plain lf-string %[path,map(${CHALLENGES_MAP})] if { path,map(${CHALLENGES_MAP}) -m found }`,
          ...choiceLines('http', sharing),
        ]),
    ...(https === null
      ? []
      : [`frontend ${frontendName(https)} from http`, ...bindLines(https, TLS), ...choiceLines('https', sharing)]),
    `backend ${NOWHERE} from http`,
    '  http-request return status 404 content-type text/plain string not-found',
    `backend ${TO_HTTPS} from http`,
    `  http-request redirect location https://%[var(txn.host)]${portSuffix}%[pathq] code 308`,
    ...[...redirects].flatMap(([name, line]) => [`backend ${name} from http`, `  ${line}`]),
  ]
}

/**
 * Which backend a request goes to: by its host, by its host as one of a zone, by any host; for each a whole path first, then the longest prefix.
 * Paths are compared decoded and without empty segments, and those that lead upwards are refused: a replica could read them as another path, whose
 * route lets not everybody in.
 */
function choiceLines(site: 'http' | 'https', sharing: Sharing): readonly string[] {
  const hosts = [`${site}://),concat(,txn.host)`, `${site}://*.),concat(,txn.zone)`, `${site}://*)`]
  return [
    '  http-request deny deny_status 400 if { path -m sub -i %00 }',
    '  http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)',
    '  http-request set-var(txn.zone) var(txn.host),field(2,.,0)',
    '  http-request set-var(txn.path) path,url_dec,regsub(//+,/,g)',
    '  http-request deny deny_status 400 if { var(txn.path) -m sub /. } { var(txn.path) -m reg /\\.\\.?(/|$) }',
    ...hosts.flatMap((host) => [
      `  http-request set-var(txn.to) str(${host},concat(,txn.path),map(${PATHS_MAP}) unless { var(txn.to) -m found }`,
      `  http-request set-var(txn.to) str(${host},concat(,txn.path,/),map_beg(${ROUTES_MAP}) unless { var(txn.to) -m found }`,
    ]),
    ...shareLines(sharing),
    // Nobody is in front of it who could be believed.
    '  http-request set-header X-Forwarded-For %[src]',
    `  http-request set-header X-Forwarded-Proto ${site}`,
    '  http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    '  http-request del-header Forwarded',
    `  http-request del-header ${REPLICA_HEADER}`,
    '  use_backend %[var(txn.to)] if { var(txn.to) -m found }',
    `  default_backend ${NOWHERE}`,
  ]
}

/** By it a proxy asks another one for a replica, and is told which it was. */
const REPLICA_HEADER = 'X-Slipway-Replica'
const COOKIE_ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Lax'

/**
 * A backend that keeps clients with their replicas. One that drains has no entry, so they go elsewhere with their next request: HAProxy's own cookies
 * would hold on to it until it is stopped.
 */
export function stickyLines(id: string, cookie: string): readonly string[] {
  const said = `req.cook(${cookie})`
  const set = (attributes: string): string => `"${cookie}=%[var(txn.replica)]; ${COOKIE_ATTRIBUTES}${attributes}"`
  return [
    `  http-request set-var(txn.said) ${said}`,
    `  http-request set-header ${REPLICA_HEADER} %[var(txn.said)]`,
    `  use-server %[var(txn.said),map(${REPLICAS_MAP})] if { var(txn.said),map(${REPLICAS_MAP}) -m found }`,
    `  use-server %[var(txn.said),field(1,-),map(${REPLICAS_MAP})] if { var(txn.said),field(1,-),map(${REPLICAS_MAP}) -m found }`,
    ...slotLines(id),
    `  http-response set-var(txn.replica) res.hdr(${REPLICA_HEADER}) if { res.hdr(${REPLICA_HEADER}) -m found }`,
    `  http-response del-header ${REPLICA_HEADER}`,
    `  http-response add-header Set-Cookie ${set('; Secure')} if { var(txn.replica) -m found } !{ var(txn.replica),strcmp(txn.said) eq 0 } { ssl_fc }`,
    `  http-response add-header Set-Cookie ${set('')} if { var(txn.replica) -m found } !{ var(txn.replica),strcmp(txn.said) eq 0 } !{ ssl_fc }`,
  ]
}

/** Of the backend that other proxies reach: they set the cookie. */
export function stickyLocalLines(id: string): readonly string[] {
  const asked = `req.hdr(${REPLICA_HEADER})`
  return [
    `  http-request set-var(txn.said) ${asked}`,
    `  http-request del-header ${REPLICA_HEADER}`,
    `  use-server %[var(txn.said),map(${REPLICAS_MAP})] if { var(txn.said),map(${REPLICAS_MAP}) -m found }`,
    ...slotLines(id),
    `  http-response del-header ${REPLICA_HEADER}`,
    `  http-response set-header ${REPLICA_HEADER} %[var(txn.replica)] if { var(txn.replica) -m found }`,
  ]
}

function slotLines(id: string): readonly string[] {
  return [
    `  http-response set-var-fmt(txn.slot) ${id}/%s`,
    `  http-response set-var(txn.replica) var(txn.slot),map(${REPLICAS_MAP})`,
  ]
}
