import { fail, ok } from '../../src/model/index.js'
import type { Result } from '../../src/model/index.js'
import type {
  CertificateAuthority,
  CertificateStore,
  HostCertificate,
  KeptCertificates,
  OpenOrder,
} from '../../src/controller/index.js'
import { FakeAuthority, MOODS } from '../controller/authority.js'
import type { SimClock } from './clock.js'
import type { DiskFaults } from './journal.js'
import { never } from './process.js'
import type { SimProcess } from './process.js'
import type { Random } from './random.js'

/** How often a moody authority simply gives what it is asked for. */
const GIVES = 0.4
const LATENCY_MS = [50, 8_000] as const
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const LIVES_MS: readonly number[] = [20 * MINUTE_MS, 90 * MINUTE_MS, 6 * DAY_MS]

/** What happens at an authority, for those who watch it. */
export type AuthorityEvent =
  | { readonly kind: 'opened'; readonly host: string }
  | { readonly kind: 'looks'; readonly host: string; readonly token: string }
  | { readonly kind: 'angered'; readonly why: string }

/** What surrounds an account. */
export interface PapersWorld {
  readonly clock: SimClock
  /** An authority does something, or is about to. */
  authority(event: AuthorityEvent): void
  /** Servers that the host's name leads to and where nobody answers by this token. */
  deafTo(token: string): readonly string[]
}

interface Given {
  readonly fromMs: number
  readonly untilMs: number
}

/** The account of one seat at a certificate authority, and what is kept of it in its data directory. */
export class SimPapers {
  private readonly authority: FakeAuthority
  private readonly world: PapersWorld
  private readonly random: Random
  private kept: string | null = null
  private angered = 0
  private offsetMs = 0
  isMoody = false
  /** The file makes no sense: whoever starts cannot read it. */
  isTorn = false
  /** Called once, in the middle of the next order. */
  interrupt: (() => void) | null = null
  /** By host: the newest certificate that came and was written down. */
  readonly given = new Map<string, Given>()
  /** When the authority, the data directory or the clock last did anything that may keep a certificate from its host. */
  troubledAtMs = -Infinity
  /** When what was kept was lost, or became what it was before. */
  lostAtMs = -Infinity

  constructor(world: PapersWorld, random: Random) {
    this.world = world
    this.random = random
    const { clock } = world
    this.authority = new FakeAuthority({ nowMs: () => clock.nowMs(), after: (ms, fn) => clock.after(ms, fn) })
    this.authority.mood = () => (this.isMoody && !random.chance(GIVES) ? random.pick([...MOODS]) : 'gives')
    // It may ask any server that the name leads to.
    this.authority.misses = (token) => world.deafTo(token).length > 0 && random.chance(0.5)
    this.authority.peaceMs = 10 * MINUTE_MS
    this.authority.lifeMs = random.pick([...LIVES_MS])
  }

  get lifeMs(): number {
    return this.authority.lifeMs
  }

  trouble(): void {
    this.troubledAtMs = this.world.clock.nowMs()
  }

  /** It gives what it is asked for, from now on, and who could read nothing starts with nothing. */
  heal(): void {
    if (this.isTorn) this.lose()
    if (this.isMoody) this.trouble()
    this.isMoody = false
    this.interrupt = null
  }

  lose(): void {
    this.restore(null)
  }

  backup(): string | null {
    return this.kept
  }

  /** The limits of an authority hold for who knows of his orders. */
  restore(kept: string | null): void {
    this.kept = kept
    this.isTorn = false
    this.given.clear()
    this.forgotten()
  }

  private forgotten(): void {
    this.authority.forget()
    this.trouble()
    this.lostAtMs = this.world.clock.nowMs()
  }

  /** What a process sees; `died` lets the authority know that nobody waits any more. */
  portsFor(
    process: SimProcess,
    disk: DiskFaults,
    offsetMs: number,
  ): { readonly authority: CertificateAuthority; readonly store: CertificateStore; readonly died: () => void } {
    const dying = new AbortController()
    // What was counted by one clock says nothing by another.
    if (offsetMs !== this.offsetMs) this.forgotten()
    this.offsetMs = offsetMs
    const call = <T>(about: string, talk: () => Promise<Result<T>>): Promise<Result<T>> =>
      this.call(process, about, talk)
    return {
      died: () => dying.abort(),
      authority: {
        check: (host, pem) => this.authority.check(host, pem),
        open: async (host, settings) => {
          // Nobody believes its certificate whose clock is a year off.
          if (Math.abs(offsetMs) > DAY_MS) {
            this.trouble()
            return fail({ code: 'ACME_UNREACHABLE', message: 'its certificate is not valid now' })
          }
          this.world.authority({ kind: 'opened', host })
          const opened = await call(`order ${host}`, () => this.authority.open(host, settings))
          return opened.ok ? ok(this.watched(host, opened.value, call, dying.signal)) : opened
        },
      },
      store: {
        load: () => (this.isTorn ? fail({ code: 'STORE_FAILED', message: 'torn' }) : ok(this.read())),
        save: (kept) => this.save(process, disk, kept),
        setAside: () => {
          if (process.isAlive && this.isTorn) this.lose()
          return ok(null)
        },
        aside: () => null,
      },
    }
  }

  private watched(
    host: string,
    order: OpenOrder,
    call: <T>(about: string, talk: () => Promise<Result<T>>) => Promise<Result<T>>,
    dying: AbortSignal,
  ): OpenOrder {
    const token = order.answers[0]?.token ?? ''
    return {
      answers: order.answers,
      prove: () => {
        this.world.authority({ kind: 'looks', host, token })
        return call(`proof ${host}`, () => order.prove(dying))
      },
      fetch: () => call<HostCertificate>(`certificate ${host}`, () => order.fetch(dying)),
    }
  }

  private async call<T>(process: SimProcess, about: string, talk: () => Promise<Result<T>>): Promise<Result<T>> {
    if (!process.pass('before call', about)) return never()
    await this.world.clock.wait(this.random.between(...LATENCY_MS))
    this.interrupt?.()
    this.interrupt = null
    const result = await talk()
    if (!result.ok) this.trouble()
    for (const why of this.authority.wrong.slice(this.angered)) this.world.authority({ kind: 'angered', why })
    this.angered = this.authority.wrong.length
    return process.pass('after effect', about) ? process.gate(result) : never()
  }

  private read(): KeptCertificates {
    return this.kept === null ? { certificates: [], attempts: [] } : (JSON.parse(this.kept) as KeptCertificates)
  }

  private save(process: SimProcess, { refusal }: DiskFaults, kept: KeptCertificates): Result<null> {
    if (!process.pass('before outcome', 'certificates')) return fail({ code: 'STORE_FAILED', message: 'dead' })
    if (refusal !== null) {
      this.trouble()
      return fail({ code: 'STORE_FAILED', message: refusal })
    }
    this.kept = JSON.stringify(kept)
    for (const { host, fromMs, untilMs } of kept.certificates) this.given.set(host, { fromMs, untilMs })
    process.pass('after outcome', 'certificates')
    return ok(null)
  }
}
