import { compareText, dnsLabel, hashOf } from '../model/index.js'
import type { AcmeChallenge, ProxyCertificate, ProxyFront, ProxyTable } from '../model/index.js'
import { placesIn, sharingIn } from './front-places.js'
import type { Sharing } from './front-places.js'
import { isPort, remoteName, seatKey, slotName } from './layout.js'
import type { Layout, Listener, ServiceLayout } from './layout.js'
import { picksOf } from './matching.js'
import { readPem } from './pem.js'
import { isHostPattern } from './route-words.js'

/** Where routes are served, in words that HAProxy takes: whatever is not of the grammar is left out. */
export interface FrontLayout {
  readonly http: Listener | null
  readonly https: Listener | null
  /** In addresses that clients are sent to: `:8443`, or nothing where it goes without saying. */
  readonly portSuffix: string
  /** Backends that send everybody elsewhere, by name, with their one line. */
  readonly redirects: ReadonlyMap<string, string>
  /** `http://shop.example.com/api/` to a backend, or to how some share it: prefixes, and whole paths. */
  readonly routes: LiveMap
  readonly paths: LiveMap
  readonly sharing: Sharing
  readonly challenges: LiveMap
  /** From what clients bring in cookies to where their replica is, and back. Null: no service keeps clients. */
  readonly replicas: LiveMap | null
  /** New replicas, for those who are to reach them alone. Null: nobody is. */
  readonly fresh: LiveMap | null
  readonly certificates: readonly CertificateLayout[]
}

/** Sorted keys with their values. */
export type LiveMap = ReadonlyMap<string, string>

/** `file` is named after what is in it and whom it is for. */
export interface CertificateLayout {
  readonly file: string
  readonly hosts: readonly string[]
  readonly pem: string
}

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/
const ANSWER = /^[A-Za-z0-9_.-]{1,256}$/
export const CHALLENGE_PATH = '/.well-known/acme-challenge/'

const NOTHING: ProxyFront = { httpPort: null, httpsPort: null, certificates: [], challenges: [] }

/** Null: nothing of a route concerns this proxy. */
export function layOutFront(table: ProxyTable, { services, mesh }: Layout): FrontLayout | null {
  const isSticky = services.some((service) => service.isSticky)
  const isMatched = services.some(({ canary }) => (canary?.match ?? null) !== null)
  if (table.front === undefined && !isSticky && !isMatched) return null
  const front = table.front ?? NOTHING
  const https = listenerAt(front.httpsPort, [mesh?.port, front.httpPort])
  const certificates = front.certificates.flatMap(certificateOf).sort((a, b) => compareText(a.file, b.file))
  const places = placesIn(table, services, certificates)
  const redirects = [...places.values()].flatMap(({ to, line }) => (line === null ? [] : [[to, line] as const]))
  const live = (isExact: boolean): LiveMap =>
    sorted(
      [...places].flatMap(([key, place]) => (place.isExact === isExact ? [[key.slice(1), place.to] as const] : [])),
    )
  return {
    http: listenerAt(front.httpPort, [mesh?.port]),
    https,
    portSuffix: https === null || https.port === 443 ? '' : `:${https.port}`,
    redirects: sorted(redirects),
    routes: live(false),
    paths: live(true),
    sharing: sharingIn(table),
    challenges: challengesOf(front),
    replicas: isSticky ? replicasOf(table.server, services) : null,
    fresh: isMatched ? sorted(services.flatMap(picksOf)) : null,
    certificates: unique(certificates),
  }
}

function listenerAt(port: number | null, taken: readonly (number | null | undefined)[]): Listener | null {
  return port === null || !isPort(port) || taken.includes(port) ? null : { address: '', port }
}

function certificateOf({ hosts, pem }: ProxyCertificate): readonly CertificateLayout[] {
  const text = readPem(pem)
  const known = [...new Set(hosts.filter(isHostPattern))].sort(compareText)
  // None of its hosts is one: it is not for all.
  if (text === null || (hosts.length > 0 && known.length === 0)) return []
  return [{ file: `tls_${hashOf([text, known])}.pem`, hosts: known, pem: text }]
}

function challengesOf({ challenges }: ProxyFront): LiveMap {
  const known = challenges.filter(({ token, answer }: AcmeChallenge) => TOKEN.test(token) && ANSWER.test(answer))
  return sorted(known.map(({ token, answer }) => [`${CHALLENGE_PATH}${token}`, answer]))
}

/**
 * A client's cookie says `<server>-<replica>`: on the server itself that is a slot, for all others the server's proxy. What drains or is held is in
 * none, so that its clients go elsewhere with their next request.
 */
function replicasOf(server: string, services: readonly ServiceLayout[]): LiveMap {
  const sticky = services.filter(({ isSticky }) => isSticky)
  const home = hashOf(dnsLabel(server)).slice(0, 8)
  const slots = sticky.flatMap((service) =>
    service.slots.flatMap((seat, index) => {
      if (seat === null || seat.wholeWeight === 0) return []
      const value = `${home}-${hashOf([service.id, seatKey(seat)]).slice(0, 12)}`
      return [[value, slotName(index)] as const, [`${service.id}/${slotName(index)}`, value] as const]
    }),
  )
  const peers = sticky.flatMap(({ remotes }) =>
    remotes.map(({ peer }) => [hashOf(peer.id).slice(0, 8), remoteName(peer)] as const),
  )
  return sorted([...slots, ...peers])
}

function unique(certificates: readonly CertificateLayout[]): readonly CertificateLayout[] {
  return certificates.filter(({ file }, at) => certificates[at - 1]?.file !== file)
}

function sorted(pairs: readonly (readonly [string, string])[]): LiveMap {
  return new Map([...pairs].sort(([a], [b]) => compareText(a, b)))
}
