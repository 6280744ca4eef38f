/** `x-slipway.routes` of a service: which requests the proxies hand to it, and how. One claim of every host and path in it. */
export interface RouteSpec {
  /** Lower-case, sorted; `*.example.com` stands for one label more; empty: every host. */
  readonly hosts: readonly string[]
  /** Begins with `/` and ends with none, but for `/` itself. A prefix on the boundaries of segments, where it is not exact. */
  readonly path: string
  readonly isExact: boolean
  /** Port in the container. */
  readonly target: number
  /** What the replica speaks; `h2`: HTTP/2 without TLS. */
  readonly protocol: 'http' | 'h2'
  readonly tls: RouteTls
  readonly redirect: RouteRedirect
  /** From 0, which is nothing, to `MOST_ROUTE_WEIGHT`: what it gets of those requests beside others that claim the same. Absent: it is the only one. */
  readonly weight?: number
  readonly manner: RouteManner
}

/** `acme`: the certificate comes at runtime. `pem` holds certificate, chain and private key; `name` says where they are from. */
export type RouteTls =
  | { readonly kind: 'off' }
  | { readonly kind: 'acme' }
  | { readonly kind: 'own'; readonly name: string; readonly pem: string }

/** `https`: who asks in plain is sent to https, once there is a certificate. `to`: everybody is sent elsewhere; `keepsPath`: with his path and query. */
export type RouteRedirect =
  | { readonly kind: 'none' }
  | { readonly kind: 'https' }
  | { readonly kind: 'to'; readonly url: string; readonly keepsPath: boolean; readonly status: RedirectStatus }

export type RedirectStatus = 301 | 302 | 307 | 308

/** What is done with the requests of a route on their way. Absent: nothing, or what all routes have. */
export interface RouteManner {
  /** Name of the cookie that keeps a client with its replica. */
  readonly sticky?: string
  readonly timeouts?: RouteTimeouts
  readonly bodyBytes?: number
  readonly requestHeaders?: HeaderChanges
  readonly responseHeaders?: HeaderChanges
  /** Value of `Strict-Transport-Security`; said on https only. */
  readonly hsts?: string
  /** Who may ask, by name and crypt(3) hash, sorted by name. */
  readonly users?: readonly RouteUser[]
  /** From where, as `10.0.0.0/8`, sorted. */
  readonly allow?: readonly string[]
  /** What the replica sees instead of the beginning `from` of the path. */
  readonly rewrite?: { readonly from: string; readonly to: string }
}

export interface RouteTimeouts {
  readonly connectMs?: number
  /** Until the replica begins to answer, and between parts of what it answers. */
  readonly readMs?: number
  /** Of WebSockets and the like, where nobody says anything. */
  readonly idleMs?: number
}

export interface HeaderChanges {
  readonly set: readonly { readonly name: string; readonly value: string }[]
  readonly remove: readonly string[]
}

export interface RouteUser {
  readonly name: string
  readonly hash: string
}

/** Where one proxy listens for routes, and what it needs for that. */
export interface ProxyFront {
  /** Null: something else has the port there. */
  readonly httpPort: number | null
  readonly httpsPort: number | null
  /** Sorted by name. */
  readonly certificates: readonly ProxyCertificate[]
  /** Sorted by token. */
  readonly challenges: readonly AcmeChallenge[]
}

/** `pem`: certificate, chain and private key. `hosts` empty: those that the certificate names. */
export interface ProxyCertificate {
  readonly name: string
  readonly hosts: readonly string[]
  readonly pem: string
}

/** What is answered to `GET /.well-known/acme-challenge/<token>`, whatever the host. */
export interface AcmeChallenge {
  readonly token: string
  readonly answer: string
}

export const MOST_ROUTE_WEIGHT = 1_000
/** Services that may share a host and path. */
export const MOST_SHARERS = 8
