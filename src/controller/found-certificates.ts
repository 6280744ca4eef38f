import { compareText } from '../model/index.js'
import type { CertificateAuthority, CheckedCertificate, HostCertificate } from './authority-port.js'
import type { HeldCertificate } from './certificate-port.js'
import { UNKNOWN_DIRECTORY, certificateOf, missingHosts } from './certificate-plan.js'
import type { CertificateFacts } from './certificate-plan.js'

interface Find {
  readonly certificate: CheckedCertificate
  readonly servers: ReadonlySet<string>
}

/** What proxies were found to hold, by host, as far as it is any good. */
export class FoundCertificates {
  private readonly authority: Pick<CertificateAuthority, 'check'>
  /** By host, then by PEM text as it was read. */
  private readonly finds = new Map<string, Map<string, Find>>()
  /** Each is looked at once: all servers mostly hold the same. */
  private readonly checks = new Map<string, Promise<CheckedCertificate | null>>()

  constructor(authority: Pick<CertificateAuthority, 'check'>) {
    this.authority = authority
  }

  /** Of each host the first only, as proxies serve it: what a server says costs no more than a look a host. */
  async note(server: string, held: readonly HeldCertificate[], hosts: readonly string[]): Promise<void> {
    const byHost = new Map<string, string>()
    for (const { hosts: named, pem } of held) for (const host of named) if (!byHost.has(host)) byHost.set(host, pem)
    for (const host of hosts) {
      const pem = byHost.get(host)
      if (pem === undefined) continue
      const certificate = await this.checked(host, pem)
      if (certificate === null) continue
      const known = this.finds.get(host) ?? new Map<string, Find>()
      // Others may have come meanwhile.
      const servers = new Set([...(known.get(pem)?.servers ?? []), server])
      this.finds.set(host, known.set(pem, { certificate, servers }))
    }
  }

  private checked(host: string, pem: string): Promise<CheckedCertificate | null> {
    const key = `${host} ${pem}`
    const check = this.checks.get(key) ?? this.authority.check(host, pem)
    this.checks.set(key, check)
    return check
  }

  /** The best for each host that is missing, and better than what it has. */
  best(facts: CertificateFacts): readonly HostCertificate[] {
    return missingHosts(facts).flatMap((host) => {
      const found = this.bestOf(host, facts.nowMs)
      const before = certificateOf(facts, host)
      const hasUse = before !== undefined && before.untilMs > facts.nowMs
      if (found === null || (hasUse && !found.isTrusted)) return []
      const { pem, fromMs, untilMs, isTrusted } = found
      return [{ host, directory: isTrusted ? facts.directory : UNKNOWN_DIRECTORY, pem, fromMs, untilMs }]
    })
  }

  /**
   * One that is trusted, and of these the one that ends last. A server may make any other himself: of those the one that most servers hold.
   */
  private bestOf(host: string, nowMs: number): CheckedCertificate | null {
    const all = [...(this.finds.get(host)?.values() ?? [])]
    const valid = all.filter(({ certificate }) => certificate.untilMs > nowMs)
    const [best] = valid.sort(
      ({ certificate: a, servers: onA }, { certificate: b, servers: onB }) =>
        Number(b.isTrusted) - Number(a.isTrusted) ||
        (a.isTrusted ? 0 : onB.size - onA.size) ||
        b.untilMs - a.untilMs ||
        compareText(a.pem, b.pem),
    )
    return best?.certificate ?? null
  }
}
