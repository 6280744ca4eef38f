/** What the process that makes the load is told when it starts. */
export interface LoadOptions {
  readonly urls: readonly string[]
  /** Requests a second, over all addresses. */
  readonly perSecond: number
  readonly sockets: number
  readonly streams: number
  /** A stream that its server ends sooner was cut: a replica that drains gets no new ones. */
  readonly leastAgeMs: number
}

export type ToLoad = { readonly kind: 'aim'; readonly urls: readonly string[] } | { readonly kind: 'report' | 'end' }

/** What clients saw since the last report. */
export interface LoadReport {
  readonly requests: number
  /** Begun and not ended yet. */
  readonly open: number
  /** Streams and sockets that are open. */
  readonly streams: number
  /** Those that their server ended in good form, old enough. */
  readonly streamsEnded: number
  /** POSTs, each with a key of its own, that were answered. */
  readonly posts: number
  /** How often each replica answered. */
  readonly answers: Readonly<Record<string, number>>
  readonly failures: readonly LoadFailure[]
}

export interface LoadFailure {
  /** What was begun: `GET kept`, `socket`… */
  readonly what: string
  readonly url: string
  readonly why: string
  readonly begunAtMs: number
}
