import type { AcmeChallenge, AcmeSettings, Problem, Result } from '../model/index.js'

/** A certificate of one host. Times in ms since the epoch. */
export interface HostCertificate {
  /** `www.example.com`, or `*.example.com` for every name below. */
  readonly host: string
  /** Where it is from. */
  readonly directory: string
  /** The chain, the host's own first, then the private key. */
  readonly pem: string
  readonly fromMs: number
  readonly untilMs: number
}

/** An order for a host. `open`: begun, and nobody knows how it ended. */
export interface Attempt {
  readonly host: string
  readonly directory: string
  readonly atMs: number
  readonly outcome: 'open' | 'issued' | 'failed'
  /** The authority was asked for the certificate itself: it may have given one, whatever came of it. */
  readonly isFinal: boolean
  /** Why it failed; null where it did not. */
  readonly problem: Problem | null
  /** Before that the authority wants to hear nothing of the host; 0: it said nothing. */
  readonly retryAtMs: number
}

/** What is kept of all hosts. Certificates at most one a host; attempts oldest first. */
export interface KeptCertificates {
  readonly certificates: readonly HostCertificate[]
  readonly attempts: readonly Attempt[]
}

/** Certificates and how orders went, in the data directory. Problems: STORE_FAILED. */
export interface CertificateStore {
  /** Nothing where nothing was kept yet. What cannot be read is a problem, and never nothing. */
  load(): Result<KeptCertificates>
  /** On the disk, whole or not at all, when it returns. */
  save(kept: KeptCertificates): Result<null>
}

/** An order that an authority took. */
export interface OpenOrder {
  /** What must be answered before `prove` is called. Empty: nothing, as the authority looks elsewhere or knows the host already. */
  readonly answers: readonly AcmeChallenge[]
  /** Lets the authority look, and waits for what it saw. */
  prove(signal: AbortSignal): Promise<Result<null>>
  /** Asks for the certificate, with a new key, and waits for it. */
  fetch(signal: AbortSignal): Promise<Result<HostCertificate>>
}

/**
 * A certificate authority, by ACME. Every call ends within a deadline of its own. A problem with `next` `retry` says when the authority wants to be
 * asked again, one with `stalled` what a person must do first. Problems: ACME_*, STORE_FAILED where the account cannot be kept.
 */
export interface CertificateAuthority {
  /** Makes sure of the account and begins an order for one host. */
  open(host: string, settings: AcmeSettings, signal: AbortSignal): Promise<Result<OpenOrder>>
}
