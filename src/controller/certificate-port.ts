import type { AcmeChallenge, AcmeSettings, Problem, ProxyCertificate } from '../model/index.js'
import type { Fact } from './facts.js'

/** How the certificate of a host stands. Times in ms since the epoch. */
export interface CertificateStatus {
  readonly host: string
  /** Null: there is none yet. */
  readonly untilMs: number | null
  /** When it is ordered for next, at the earliest. */
  readonly nextOrderAtMs: number
  /** Orders that failed since the last one that came. */
  readonly failures: number
  readonly problem: Problem | null
}

/** What a proxy holds for hosts, as its server tells it: nobody has looked yet whether it is any good. */
export type HeldCertificate = Pick<ProxyCertificate, 'hosts' | 'pem'>

/** What a keeper of certificates needs of the controller. */
export interface CertificateSurroundings {
  /** Somebody else may be at it: nothing is ordered. */
  readonly isHeld: () => boolean
  /** Whether each server that can be reached has a proxy that answers for routes: the authority may ask any of them. */
  readonly isEverywhere: () => boolean
  readonly record: (fact: Fact) => void
}

/** Certificates that come at runtime, for hosts whose routes say `tls: acme`. Nothing here waits. */
export interface CertificateKeeper {
  /** Once, before anything is wanted. */
  attach(surroundings: CertificateSurroundings): void
  /** The authority from now on; null: none. */
  use(settings: AcmeSettings | null): void
  /** Hosts that need one from now on, sorted, each once; called when they change. */
  want(hosts: readonly string[]): void
  /** Certificate, chain and key of a host as PEM, as of now; null: none yet. */
  pem(host: string): string | null
  /** Hosts that need one and have none that is valid: the proxies may hold what was lost here. */
  missing(): readonly string[]
  /** What a proxy of a server holds: looked at, and remembered until `restore`. */
  found(server: string, held: readonly HeldCertificate[]): Promise<void>
  /** All proxies that can be asked told what they hold: the best of it is kept again, for hosts that are missing. */
  restore(): void
  /** What is to be answered now. */
  challenges(): readonly AcmeChallenge[]
  /** Tokens that every proxy which listens and can be reached answers by now: told after each change. */
  answering(tokens: readonly string[]): void
  /** `listener` is called when `pem` or `challenges` would say something else. */
  onChange(listener: () => void): void
  /** What keeps hosts without a certificate, or without their next one. */
  problems(): readonly Problem[]
  /** Of each host that is wanted, sorted. */
  statuses(): readonly CertificateStatus[]
  close(): void
}
