import { fail, ok } from '../../src/model/index.js'
import type { Problem, Result } from '../../src/model/index.js'
import type {
  CertificateAuthority,
  CertificateStore,
  CheckedCertificate,
  Clock,
  HostCertificate,
  KeptCertificates,
  OpenOrder,
} from '../../src/controller/index.js'

/** What an authority does with an order. */
export const MOODS = [
  'gives',
  'refuses',
  'refuses late',
  'is slow',
  'issues slowly',
  'loses it',
  'gives wrong ones',
  'cannot be reached',
  'goes away',
  'wants peace',
  'wants terms',
] as const
export type Mood = (typeof MOODS)[number]

interface Order {
  readonly host: string
  readonly atMs: number
  end: 'open' | 'issued' | 'failed'
}

const HOUR_MS = 3_600_000
const SLOW_MS = 4 * 60_000
/** Those of Let's Encrypt: what is over them is said in `wrong`. */
const MOST = { failed: [5, HOUR_MS], issued: [5, 7 * 24 * HOUR_MS], orders: [300, 3 * HOUR_MS] } as const

/** An authority in memory, which counts. */
export class FakeAuthority implements CertificateAuthority {
  readonly orders: Order[] = []
  /** Limits that were passed, and other things that an authority would not like. */
  readonly wrong: string[] = []
  mood: (host: string) => Mood = () => 'gives'
  lifeMs = 90 * 24 * HOUR_MS
  peaceMs = 2 * HOUR_MS
  /** Whether a challenge is answered when it looks. */
  answers: (token: string) => boolean = () => true
  /** Whether it asks who does not answer, which nobody could know. */
  misses: (token: string) => boolean = () => false
  /** By what ends them: orders of controllers that live. */
  private readonly underWay = new Set<AbortSignal>()
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  async open(host: string, { directory }: { readonly directory: string }): Promise<Result<OpenOrder>> {
    await Promise.resolve()
    const mood = this.mood(host)
    if (mood === 'cannot be reached') return fail({ code: 'ACME_UNREACHABLE', message: 'no answer' })
    if (mood === 'wants terms') return fail({ code: 'ACME_TERMS', message: 'agree', next: stalled })
    if (mood === 'wants peace')
      return fail({ code: 'ACME_RATE_LIMITED', message: 'too many', next: { kind: 'retry', afterMs: this.peaceMs } })
    const order: Order = { host, atMs: this.clock.nowMs(), end: 'open' }
    this.orders.push(order)
    this.count('orders', this.orders)
    const token = `t${this.orders.length}`
    const prove = async (signal: AbortSignal): Promise<Result<null>> => {
      if ([...this.underWay].some((other) => !other.aborted)) this.wrong.push(`an order for ${host} beside another one`)
      this.underWay.add(signal)
      const isRefused = mood === 'gives' && this.misses(token)
      const result = await this.look(order, isRefused ? 'refuses' : mood, this.answers(token), signal)
      if (!result.ok) this.underWay.delete(signal)
      return result
    }
    const fetch = async (signal: AbortSignal): Promise<Result<HostCertificate>> => {
      const result = await this.issue(order, directory, mood, signal)
      this.underWay.delete(signal)
      return result
    }
    return ok({ answers: [{ token, answer: `${token}.me` }], prove, fetch })
  }

  /** Its certificates say whose they are and since when: `www.example.com 1700000000000`, and `forged` after it where nobody vouches for one. */
  async check(host: string, pem: string): Promise<CheckedCertificate | null> {
    await Promise.resolve()
    const [named, from, forged] = pem.split(' ')
    const fromMs = Number(from)
    const untilMs = fromMs + this.lifeMs
    if (named !== host || !(untilMs > this.clock.nowMs())) return null
    return { pem, fromMs, untilMs, isTrusted: forged === undefined }
  }

  private async look(order: Order, mood: Mood, isAnswered: boolean, signal: AbortSignal): Promise<Result<null>> {
    const { host } = order
    if (mood === 'is slow' || mood === 'refuses late') await this.pause(SLOW_MS, signal)
    if (!isAnswered) this.wrong.push(`it was told to look at ${host} before anybody answered`)
    if (isAnswered && mood !== 'refuses' && mood !== 'refuses late' && mood !== 'goes away') return ok(null)
    order.end = 'failed'
    this.count(
      'failed',
      this.orders.filter((one) => one.host === host && one.end === 'failed'),
    )
    if (mood === 'goes away') return fail({ code: 'ACME_UNREACHABLE', message: 'no answer' })
    return fail({ code: 'ACME_CHALLENGE', message: `${host} answers 404` })
  }

  private async issue(
    order: Order,
    directory: string,
    mood: Mood,
    signal: AbortSignal,
  ): Promise<Result<HostCertificate>> {
    const { host } = order
    order.end = 'issued'
    this.count(
      'issued',
      this.orders.filter((one) => one.host === host && one.end === 'issued'),
    )
    if (mood === 'issues slowly') await this.pause(SLOW_MS, signal)
    if (mood === 'loses it') return fail({ code: 'ACME_UNREACHABLE', message: 'no answer' })
    if (mood === 'gives wrong ones') return fail({ code: 'ACME_CERTIFICATE', message: 'for another key' })
    const fromMs = this.clock.nowMs()
    return ok({ host, directory, pem: `${host} ${fromMs}`, fromMs, untilMs: fromMs + this.lifeMs })
  }

  /** It has no orders of ours any more: another account, or another clock, that it knows nothing of. */
  forget(): void {
    this.orders.length = 0
  }

  private count(what: keyof typeof MOST, orders: readonly Order[]): void {
    const [count, withinMs] = MOST[what]
    const last = orders.filter(({ atMs }) => atMs > this.clock.nowMs() - withinMs)
    if (last.length > count) this.wrong.push(`${last.length} ${what} of ${last[0]?.host} within ${withinMs} ms`)
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.clock.after(ms, end)
      signal.addEventListener('abort', end)
    })
  }
}

const stalled = { kind: 'stalled', remedy: 'agree' } as const

/** A data directory in memory. */
export class FakeStore implements CertificateStore {
  kept: KeptCertificates = { certificates: [], attempts: [] }
  readProblem: Problem | null = null
  writeProblem: Problem | null = null
  /** Each time when it was written. */
  saves = 0

  /** It cannot be read, and no other try will. */
  isTorn = false
  isAside = false

  setAside(): Result<null> {
    if (this.readProblem !== null) return fail(this.readProblem)
    if (this.isTorn) {
      this.isAside = true
      this.isTorn = false
      this.kept = { certificates: [], attempts: [] }
    }
    return ok(null)
  }

  aside(): Problem | null {
    return this.isAside ? { code: 'STORE_FAILED', severity: 'warning', message: 'it lies aside' } : null
  }

  load(): Result<KeptCertificates> {
    if (this.isTorn) return fail({ code: 'STORE_FAILED', message: 'torn' })
    return this.readProblem === null ? ok(this.kept) : fail(this.readProblem)
  }

  save(kept: KeptCertificates): Result<null> {
    if (this.writeProblem !== null) return fail(this.writeProblem)
    this.kept = kept
    this.saves += 1
    return ok(null)
  }
}
