import type { CertificateKeeper, CertificateStatus, HeldCertificate } from '../../src/controller/index.js'
import type { AcmeChallenge, AcmeSettings, Problem } from '../../src/model/index.js'

/** Gives what a test puts in, and notes what it is told. */
export class FakeCertificates implements CertificateKeeper {
  readonly pems = new Map<string, string>()
  readonly settings: (AcmeSettings | null)[] = []
  readonly wanted: (readonly string[])[] = []
  readonly answered: (readonly string[])[] = []
  /** Hosts whose certificates were lost. */
  lost: readonly string[] = []
  /** What proxies were found to hold, by server. */
  readonly helds: (readonly [string, readonly HeldCertificate[]])[] = []
  restores = 0
  onRestore: () => void = () => undefined
  private readonly listeners: (() => void)[] = []
  private open: readonly AcmeChallenge[] = []

  attach(): void {}

  use(settings: AcmeSettings | null): void {
    if (settings !== this.settings.at(-1)) this.settings.push(settings)
  }

  statuses(): readonly CertificateStatus[] {
    return []
  }

  close(): void {}

  want(hosts: readonly string[]): void {
    this.wanted.push(hosts)
  }

  missing(): readonly string[] {
    return this.lost
  }

  async found(server: string, held: readonly HeldCertificate[]): Promise<void> {
    await Promise.resolve()
    this.helds.push([server, held])
  }

  restore(): void {
    this.restores += 1
    this.onRestore()
  }

  pem(host: string): string | null {
    return this.pems.get(host) ?? null
  }

  challenges(): readonly AcmeChallenge[] {
    return this.open
  }

  answering(tokens: readonly string[]): void {
    this.answered.push(tokens)
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  problems(): readonly Problem[] {
    return []
  }

  /** A certificate has come. */
  issue(host: string, pem: string): void {
    this.pems.set(host, pem)
    this.changed()
  }

  challenge(...challenges: readonly AcmeChallenge[]): void {
    this.open = challenges
    this.changed()
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}
