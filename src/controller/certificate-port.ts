import type { AcmeChallenge, Problem } from '../model/index.js'

/** Certificates that come at runtime, for hosts whose routes say `tls: acme`. Nothing here waits. */
export interface CertificateKeeper {
  /** Hosts that need one from now on, sorted, each once; called when they change. */
  want(hosts: readonly string[]): void
  /** Certificate, chain and key of a host as PEM, as of now; null: none yet. */
  pem(host: string): string | null
  /** What is to be answered now. */
  challenges(): readonly AcmeChallenge[]
  /** Tokens that every proxy which listens and can be reached answers by now: told after each change. */
  answering(tokens: readonly string[]): void
  /** `listener` is called when `pem` or `challenges` would say something else. */
  onChange(listener: () => void): void
  /** What keeps hosts without a certificate. */
  problems(): readonly Problem[]
}
