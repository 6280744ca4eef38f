import { growingPauseMs } from '../model/index.js'
import type { Problem } from '../model/index.js'
import type { CertificateKeeper } from './certificate-port.js'
import { problemOf } from './performer.js'
import type { Balancer, Clock } from './ports.js'
import type { Proxy } from './rotation.js'

export interface ReadBackParts {
  readonly balancer: Pick<Balancer, 'certificates'>
  readonly certificates: CertificateKeeper
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Proxies are to be looked at again, at that time. */
  readonly turnAt: (atMs: number) => void
  readonly failed: (server: string, problem: Problem) => void
}

/** Whoever was asked has answered, or is not waited for by others any more. */
const TOGETHER_MS = 5_000
const RETRY_FIRST_MS = 1_000
const RETRY_MOST_MS = 10_000
/** A proxy whose server is there and does not tell what it holds is told its table all the same, so long after it was asked first. */
const GIVE_UP_MS = 60_000

interface Asked {
  state: 'asking' | 'failed' | 'over'
  /** Since when it fails without a break. */
  failsSinceMs: number | null
  failures: number
  retryAtMs: number
}

/**
 * Before a proxy is told its first table, it is asked for the certificates that it holds, if any are missing here: that table would take them away. By
 * level: one that cannot be reached now is asked when it can, before its own first table.
 */
export class ReadBack {
  private readonly parts: ReadBackParts
  /** By container id. */
  private readonly asked = new Map<string, Asked>()
  private beganMs: number | null = null
  private hasNews = false

  constructor(parts: ReadBackParts) {
    this.parts = parts
  }

  /** Proxies that are not to be told anything yet. Nobody else waits for one of them for long. */
  unread(proxies: readonly Proxy[]): ReadonlySet<string> {
    const nowMs = this.parts.clock.nowMs()
    this.forget(proxies)
    const untold = proxies.filter(({ acked, isReachable }) => isReachable && acked === null)
    const isMissing = this.parts.certificates.missing().length > 0
    const unread = isMissing ? untold.filter(({ containerId }) => this.asked.get(containerId)?.state !== 'over') : []
    for (const proxy of unread) this.next(proxy, nowMs)
    this.beganMs = unread.length === 0 ? null : (this.beganMs ?? nowMs)
    const togetherMs = (this.beganMs ?? nowMs) + TOGETHER_MS
    const areTogether = unread.length > 0 && nowMs < togetherMs
    if (areTogether) this.parts.turnAt(togetherMs)
    else this.restore()
    return new Set((areTogether ? untold : unread).map(({ containerId }) => containerId))
  }

  private restore(): void {
    if (!this.hasNews) return
    this.hasNews = false
    this.parts.certificates.restore()
  }

  private forget(proxies: readonly Proxy[]): void {
    const byId = new Map(proxies.map((proxy) => [proxy.containerId, proxy]))
    for (const [id, asked] of this.asked) {
      const proxy = byId.get(id)
      if (proxy === undefined) this.asked.delete(id)
      else if (!proxy.isReachable) asked.failsSinceMs = null
    }
  }

  private next({ containerId, server }: Proxy, nowMs: number): void {
    const asked = this.asked.get(containerId) ?? { state: 'failed', failsSinceMs: null, failures: 0, retryAtMs: 0 }
    this.asked.set(containerId, asked)
    if (asked.state !== 'failed') return
    if (nowMs < asked.retryAtMs) return this.parts.turnAt(asked.retryAtMs)
    asked.state = 'asking'
    void this.ask(server, containerId, asked)
  }

  private async ask(server: string, containerId: string, asked: Asked): Promise<void> {
    const { balancer, certificates, clock, signal } = this.parts
    const held = await balancer
      .certificates(server, containerId, signal)
      .catch((error: unknown) => ({ ok: false, problem: problemOf(error) }) as const)
    if (held.ok && !signal.aborted) await certificates.found(server, held.value)
    if (signal.aborted) return
    asked.state = held.ok ? 'over' : 'failed'
    if (held.ok) this.hasNews = true
    else this.failed(server, asked, held.problem)
    this.parts.turnAt(clock.nowMs())
  }

  private failed(server: string, asked: Asked, { code, message }: Problem): void {
    const nowMs = this.parts.clock.nowMs()
    const what = `the certificates that the proxy on server ${server} holds cannot be read back: ${message}`
    asked.failsSinceMs ??= nowMs
    asked.failures += 1
    asked.retryAtMs = nowMs + growingPauseMs(asked.failures, RETRY_FIRST_MS, RETRY_MOST_MS)
    const isOver = nowMs - asked.failsSinceMs >= GIVE_UP_MS
    if (isOver) asked.state = 'over'
    if (isOver) this.parts.failed(server, { code, server, message: `${what}; it goes on without them` })
    else if (asked.failures === 1) this.parts.failed(server, { code, server, message: what })
  }
}
