import { acmeHosts } from '../ingress/index.js'
import type { FrontInput, StackEndpoints } from '../ingress/index.js'
import { INGRESS_DEFAULTS, compareText } from '../model/index.js'
import type { IngressSettings, Problem } from '../model/index.js'
import type { CertificateKeeper, CertificateStatus } from './certificate-port.js'
import { expiryProblems } from './expiring.js'
import { surely } from './rotation.js'
import type { Proxy } from './rotation.js'

/** What routes need besides replicas, and what is told to who gets certificates for them. */
export class FrontKeeper {
  private readonly certificates: CertificateKeeper | undefined
  private hosts: readonly string[] = []
  private told: readonly string[] = []
  private last: FrontInput | null = null
  private stacks: readonly StackEndpoints[] = []

  /** `changed`: tables are to be made anew. Without `certificates` nobody gets any. */
  constructor(certificates: CertificateKeeper | undefined, changed: () => void) {
    this.certificates = certificates
    certificates?.onChange(changed)
  }

  /** What routes there are from now on. */
  use(settings: IngressSettings, stacks: Iterable<StackEndpoints>): void {
    this.certificates?.use(settings.acme ?? null)
    this.stacks = [...stacks]
    this.want(acmeHosts(this.stacks.flat()))
  }

  /** As of now; the same object where nothing of it changed. */
  input(settings: IngressSettings): FrontInput {
    const { httpPort, httpsPort } = { ...INGRESS_DEFAULTS, ...settings }
    const pems = this.hosts.flatMap((host) => {
      const pem = this.certificates?.pem(host) ?? null
      return pem === null ? [] : [[host, pem] as const]
    })
    const challenges = [...(this.certificates?.challenges() ?? [])].sort((a, b) => compareText(a.token, b.token))
    const made: FrontInput = { httpPort, httpsPort, certificates: new Map(pems), challenges }
    if (this.last === null || textOf(this.last) !== textOf(made)) this.last = made
    return this.last
  }

  /** Nobody has routes any more. */
  forget(): void {
    this.certificates?.use(null)
    this.want([])
    this.tell([])
    this.stacks = []
    this.last = null
  }

  /** How the proxies stand: what one of them may not answer yet, is not answered. */
  stand(proxies: Iterable<Proxy>): void {
    const asked = [...proxies].filter(({ isReachable }) => isReachable)
    const answers = asked.map((proxy) => {
      // What it is to have says whether it listens; what it has for certain, what it answers.
      const wanted = proxy.made?.table ?? proxy.table
      const front = surely(proxy) === null ? undefined : proxy.table?.front
      const tokens = front?.challenges.map(({ token }) => token) ?? []
      return { isOpen: wanted === null || wanted.front !== undefined, tokens }
    })
    const open = answers.filter(({ isOpen }) => isOpen)
    const [first] = open
    this.tell((first?.tokens ?? []).filter((token) => open.every(({ tokens }) => tokens.includes(token))))
  }

  problems(nowMs: number): readonly Problem[] {
    const routes = this.stacks.flat().flatMap((service) => (service.routes ?? []).map(({ route }) => route))
    return [...expiryProblems(routes, nowMs), ...(this.certificates?.problems() ?? [])]
  }

  statuses(): readonly CertificateStatus[] {
    return this.certificates?.statuses() ?? []
  }

  private want(hosts: readonly string[]): void {
    if (hosts.join(' ') === this.hosts.join(' ')) return
    this.hosts = hosts
    this.certificates?.want(hosts)
  }

  private tell(tokens: readonly string[]): void {
    if (tokens.join(' ') === this.told.join(' ')) return
    this.told = tokens
    this.certificates?.answering(tokens)
  }
}

function textOf({ certificates, ...rest }: FrontInput): string {
  return JSON.stringify([[...certificates], rest])
}
