import type { CanaryMatch } from './rollout-policy.js'
import type { ProxyFront, RouteSpec } from './routes.js'
import type { Constraint } from './service-spec.js'

/** `ingress:` of slipway.yaml: published ports are balanced by one proxy a server. */
export interface IngressSettings {
  /** Image of the proxy. Default `haproxy:3.2-alpine`. */
  readonly image: string
  /** Servers on which published ports listen. Empty: all. */
  readonly placement: readonly Constraint[]
  /** Port by which proxies reach each other. Default 8444. */
  readonly meshPort: number
  /** Ports on which routes are served. Default 80 and 443. */
  readonly httpPort: number
  readonly httpsPort: number
  /** Range of the addresses that services are given, in CIDR form. Default 198.18.0.0/16; absent: names are Docker's alone. */
  readonly names?: string
  /** Absent: no certificate is asked for. */
  readonly acme?: AcmeSettings
}

/** `ingress.acme`: who gives certificates for the hosts of routes with `tls: acme`. */
export interface AcmeSettings {
  /** Where the certificate authority is, https. Default Let's Encrypt. */
  readonly directory: string
  /** Whom the authority may write to. */
  readonly email: string | null
  /** A person agreed to the terms of the authority. */
  readonly termsAgreed: boolean
  /** How it sees that a host is ours. `dns-01` is by a command of the controller's machine. Default `http-01`. */
  readonly challenge: 'http-01' | 'dns-01'
  /** The name of the account elsewhere that the authority is to bind ours to. */
  readonly bindingKid: string | null
}

export const ACME_DEFAULTS: Pick<AcmeSettings, 'directory' | 'challenge'> = Object.freeze({
  directory: 'https://acme-v02.api.letsencrypt.org/directory',
  challenge: 'http-01',
})

export const INGRESS_DEFAULTS: IngressSettings = Object.freeze({
  image: 'haproxy:3.2-alpine',
  placement: [],
  meshPort: 8444,
  httpPort: 80,
  httpsPort: 443,
  names: '198.18.0.0/16',
})

/** The stack that Slipway itself adds to a fleet with ingress, and its service. No manifest may have this name. */
export const INGRESS_STACK = 'slipway'
export const INGRESS_SERVICE = 'proxy'

/** A published port that the proxies listen on. Containers publish none of it. */
export interface BalancedPort {
  readonly target: number
  readonly published: number
  /** Empty: every address. */
  readonly hostIp: string
  /** `http` where `app_protocol` says so: then requests are balanced, else connections. */
  readonly protocol: 'tcp' | 'http'
}

/** What the proxy of one server is to do. Everything in it is data: the configuration is built from it. */
export interface ProxyTable {
  readonly server: string
  /** Sorted by key. */
  readonly services: readonly BalancedService[]
  /** The other servers, sorted by name. */
  readonly peers: readonly ProxyPeer[]
  /** Null: a fleet of one server. */
  readonly mesh: MeshIdentity | null
  /** Absent: no routes are served here. */
  readonly front?: ProxyFront
  /** The range that names have addresses of. Absent: there are none. */
  readonly range?: string
}

/** Connections are balanced, or requests; `h2`: which the replicas take by HTTP/2 without TLS. */
export type ServiceProtocol = 'tcp' | 'http' | 'h2'

export interface BalancedService {
  /** `shop/web:8080`: stack, service and port in the container; `shop/web:8080/http` for its routes. */
  readonly key: string
  readonly protocol: ServiceProtocol
  /** Where clients reach it on this server; empty: not here. */
  readonly listen: readonly { readonly hostIp: string; readonly port: number }[]
  /** What this service has of its routes; absent: none. */
  readonly routes?: readonly RouteSpec[]
  /** Replicas on this server, sorted by container id. */
  readonly local: readonly ProxyTarget[]
  /**
   * What other servers get, by server, sorted: the sum of their ready replicas' weights, and of the new ones among them. A server that gets nothing
   * is absent.
   */
  readonly remote: readonly { readonly server: string; readonly weight: number; readonly fresh?: number }[]
  /** How containers of this server reach it by its name. Absent: not here. */
  readonly name?: NamedPlace
  /** Nobody published its port, which may be closed on purpose: it is not waited for. */
  readonly isOptional?: boolean
  /** What the new ones of its replicas get of all requests. Absent: all count alike. */
  readonly share?: GroupShare
  /** Its manifest lets new replicas in step by step: what that needs is there before. */
  readonly canary?: CanaryNeeds
}

/** `percent`: from 0, which is nothing at all, to 100. `specHash`: of the new replicas. */
export interface GroupShare {
  readonly specHash: string
  readonly percent: number
}

/** Requests that go to new replicas whatever their share is, as long as that is more than nothing. */
export interface CanaryNeeds {
  readonly match: CanaryMatch | null
}

/** A service's own address, which is the same on all servers, and who may connect to it. */
export interface NamedPlace {
  readonly address: string
  readonly port: number
  /** Subnets of this server, in CIDR form, sorted. */
  readonly from: readonly string[]
}

/** `drain`: no new connections; those that are open go on. */
export interface ProxyTarget {
  readonly containerId: string
  readonly address: string
  readonly port: number
  readonly state: 'ready' | 'drain'
  /** What it gets, beside the others of its service: any number. 0: nothing, though it is checked as the others are. Absent: 1. */
  readonly weight?: number
  /** It is one of the new ones while there is a share. */
  readonly isFresh?: boolean
}

export interface ProxyPeer {
  readonly server: string
  readonly host: string
  readonly port: number
}

/** PEM texts. `certificate` is for `*.` and `meshZone` of the server, which is its common name; it holds its private key too. */
export interface MeshIdentity {
  readonly port: number
  readonly authority: string
  readonly certificate: string
}

/** What a container is told of names when it is made. Not part of its spec: names come and go, and nobody is restarted for it. */
export interface GivenNames {
  /** The address of its own service; null: it has none. */
  readonly address: string | null
  /** Sorted by name. */
  readonly hosts: readonly { readonly name: string; readonly address: string }[]
}

/** How the proxy stands after it was brought to a table. */
export interface ProxySeen {
  readonly targets: readonly TargetSeen[]
  /** Names that it cannot serve there, and why. Absent: it serves all. */
  readonly unserved?: readonly string[]
  /** Absent: no service here has a share. */
  readonly figures?: ProxyFigures
}

/** What the replicas of services with a share were asked by one process of a proxy since that began, which `worker` tells apart from others. */
export interface ProxyFigures {
  readonly worker: number
  readonly replicas: readonly ReplicaFigures[]
}

/** Requests, or connections where those are balanced. `errors`: those that clients were told of. `times`: how many took how long, for requests. */
export interface ReplicaFigures {
  readonly containerId: string
  readonly requests: number
  readonly errors: number
  readonly times: readonly number[]
}

/** `sessions`: connections, and for http requests, that are open to the replica through this proxy now. */
export interface TargetSeen {
  readonly key: string
  readonly containerId: string
  readonly state: 'up' | 'down' | 'drain'
  readonly sessions: number
}
