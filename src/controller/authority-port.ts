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
  /**
   * Puts what cannot be decrypted, or makes no sense, under another name, so that `load` finds nothing; nothing is deleted. Null: there is nothing to put
   * aside. What may be read another time (a disk that fails, a file that we may not read) is a problem, and stays where it is.
   */
  setAside(): Result<null>
  /** What lies aside, and what to do with it; null: nothing does. A warning. */
  aside(): Problem | null
}

/** A certificate that was found somewhere, and fits its host, its key and this moment. Times in ms since the epoch. */
export interface CheckedCertificate {
  /** The chain, the host's own first, then the private key: written anew from what was read. */
  readonly pem: string
  readonly fromMs: number
  readonly untilMs: number
  /** Whoever believes the usual authorities, or those that we were told of, believes it for the host. */
  readonly isTrusted: boolean
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
  /** What a certificate with its key, from wherever, is worth for a host; null: nothing, or it is not of the kind that `fetch` brings. Asks nobody. */
  check(host: string, pem: string): Promise<CheckedCertificate | null>
}
