import { fail, growingPauseMs } from '../model/index.js'
import type { AcmeChallenge, AcmeSettings, Problem, Result } from '../model/index.js'
import { missingHosts, nextCertificateStep, remembered, withCertificate, worthAnotherAtMs } from './certificate-plan.js'
import type { CertificateFacts } from './certificate-plan.js'
import type {
  Attempt,
  CertificateAuthority,
  CertificateStore,
  HostCertificate,
  KeptCertificates,
} from './authority-port.js'
import type {
  CertificateKeeper,
  CertificateStatus,
  CertificateSurroundings,
  HeldCertificate,
} from './certificate-port.js'
import { certificateProblems, certificateStatuses } from './certificate-status.js'
import { FoundCertificates } from './found-certificates.js'
import { problemOf } from './performer.js'
import type { Clock } from './ports.js'
import { ShownAnswers } from './shown-answers.js'

export interface CertificatesParts {
  readonly authority: CertificateAuthority
  readonly store: CertificateStore
  readonly clock: Clock
}

/** The authority, or the data directory, is tried again after this long, doubled each time to the second. */
const PAUSE_FIRST_MS = 30_000
const PAUSE_MOST_MS = 3_600_000
/** Nobody is asked again at once by who wants to be left alone, whichever host it was about. */
const LEFT_ALONE_MS = 60_000
/** Timers of longer than some weeks fire at once. */
const LONGEST_NAP_MS = 24 * 3_600_000
const HELD_MS = 60_000
/** The first order of a host waits this long for the proxies of a fleet that has just begun; one that never comes must not keep the others waiting. */
const FIRST_WAIT_MS = 5 * 60_000
const LOOK_AGAIN_MS = 1_000

/** Of all hosts alike: nothing was ordered, and trying the next one would be no better. */
const COMMON: ReadonlySet<Problem['code']> = new Set([
  'ACME_UNREACHABLE',
  'ACME_TERMS',
  'ACME_BINDING',
  'ACME_ACCOUNT',
  'STORE_FAILED',
])

/**
 * Keeps a certificate for each host that wants one. By level: each turn asks what is wanted, what there is and what was tried, and begins one order at
 * most. An order is on the disk before the authority hears of it, so that a controller that dies in the middle begins anew within the limits.
 */
export class Certificates implements CertificateKeeper {
  private readonly parts: CertificatesParts
  private settings: AcmeSettings | null = null
  private wanted: readonly string[] = []
  /** Null: not read yet. */
  private kept: KeptCertificates | null = null
  /** What proxies were found to hold, while nobody can read what is kept. */
  private borrowed: readonly HostCertificate[] = []
  private readonly finds: FoundCertificates
  private readonly answers = new ShownAnswers()
  private changed: () => void = () => undefined
  private surroundings: CertificateSurroundings = {
    isHeld: () => true,
    isEverywhere: () => true,
    record: () => undefined,
  }
  private isBusy = false
  private common: { readonly problem: Problem; readonly failures: number } | null = null
  private pausedUntilMs = 0
  private waitsSinceMs: number | null = null
  private readonly closing = new AbortController()
  private cancel: () => void = () => undefined

  constructor(parts: CertificatesParts) {
    this.parts = parts
    this.finds = new FoundCertificates(parts.authority)
  }

  attach(surroundings: CertificateSurroundings): void {
    this.surroundings = surroundings
  }

  use(settings: AcmeSettings | null): void {
    if (JSON.stringify(settings) === JSON.stringify(this.settings)) return
    this.settings = settings
    // What a person mended is tried at once.
    this.resume()
    this.turn()
  }

  want(hosts: readonly string[]): void {
    this.wanted = hosts
    this.turn()
  }

  /** Null: none yet. */
  pem(host: string): string | null {
    return this.certificates().find((one) => one.host === host)?.pem ?? null
  }

  missing(): readonly string[] {
    const facts = this.facts()
    return facts === null ? [] : missingHosts(facts)
  }

  found(server: string, held: readonly HeldCertificate[]): Promise<void> {
    return this.finds.note(server, held, this.missing())
  }

  /** What nobody can read is put aside, as the proxies hold what it held; only an account and the orders of some days go with it. */
  restore(): void {
    if (this.kept === null && this.parts.store.setAside().ok) this.load()
    this.takeFound()
    this.turn()
  }

  challenges(): readonly AcmeChallenge[] {
    return this.answers.shown
  }

  answering(tokens: readonly string[]): void {
    this.answers.answered(tokens)
  }

  onChange(listener: () => void): void {
    this.changed = listener
  }

  problems(): readonly Problem[] {
    const facts = this.facts()
    const aside = facts === null || this.kept === null ? null : this.parts.store.aside()
    const kept = facts === null ? [] : certificateProblems(facts, this.common?.problem ?? null)
    return aside === null ? kept : [...kept, aside]
  }

  statuses(): readonly CertificateStatus[] {
    const facts = this.facts()
    return facts === null ? [] : certificateStatuses(facts)
  }

  close(): void {
    this.closing.abort()
    this.cancel()
  }

  private facts(): CertificateFacts | null {
    if (this.settings === null) return null
    const kept = this.kept ?? { certificates: this.borrowed, attempts: [] }
    return {
      nowMs: this.parts.clock.nowMs(),
      wanted: this.wanted,
      directory: this.settings.directory,
      kept,
    }
  }

  private certificates(): readonly HostCertificate[] {
    return this.kept?.certificates ?? this.borrowed
  }

  private turn(): void {
    const { settings } = this
    this.cancel()
    if (settings === null || this.isBusy || this.closing.signal.aborted || this.wanted.length === 0) return
    const nowMs = this.parts.clock.nowMs()
    if (nowMs < this.pausedUntilMs) return this.wakeAt(this.pausedUntilMs)
    if (this.kept === null && !this.load()) return
    const facts = this.facts()
    if (facts === null) return
    const step = nextCertificateStep(facts)
    if (step.kind === 'wait') {
      if (step.untilMs !== null) this.wakeAt(step.untilMs)
    } else if (this.surroundings.isHeld()) this.wakeAt(nowMs + HELD_MS)
    else if (this.waitsForProxies(step.host, nowMs)) this.wakeAt(nowMs + LOOK_AGAIN_MS)
    else void this.order(step.host, settings)
  }

  /** A host with a good certificate has been served everywhere before; of another one the proxies may hold what is good, and tell so before they are told anything. */
  private waitsForProxies(host: string, nowMs: number): boolean {
    if (!this.missing().includes(host) || this.surroundings.isEverywhere()) {
      this.waitsSinceMs = null
      return false
    }
    this.waitsSinceMs ??= nowMs
    return nowMs - this.waitsSinceMs < FIRST_WAIT_MS
  }

  /** False: it cannot be read, and nothing is asked for meanwhile, as it may be there. */
  private load(): boolean {
    const loaded = this.parts.store.load()
    if (!loaded.ok) {
      this.pause(loaded.problem)
      return false
    }
    this.kept = loaded.value
    this.resume()
    this.takeFound()
    this.changed()
    return true
  }

  private takeFound(): void {
    const before = this.facts()
    const came = before === null ? [] : this.finds.best(before)
    if (before === null || came.length === 0) return
    const replaced = new Set(came.map(({ host }) => host))
    const certificates = [...before.kept.certificates.filter(({ host }) => !replaced.has(host)), ...came]
    if (this.kept === null) this.borrowed = certificates
    else this.write({ ...before.kept, certificates })
    this.surroundings.record({ kind: 'certificates-restored', atMs: before.nowMs, hosts: [...replaced] })
    this.changed()
  }

  /** What came is used, whatever the disk says. */
  private write(kept: KeptCertificates): void {
    const saved = this.parts.store.save(kept)
    this.kept = kept
    if (!saved.ok) this.pause(saved.problem)
  }

  private async order(host: string, settings: AcmeSettings): Promise<void> {
    const begun: Attempt = {
      host,
      directory: settings.directory,
      atMs: this.parts.clock.nowMs(),
      outcome: 'open',
      isFinal: false,
      problem: null,
      retryAtMs: 0,
    }
    if (!this.keep(begun, null)) return
    this.isBusy = true
    const { result, attempt } = await this.ordered(begun, settings)
    this.isBusy = false
    this.answer([])
    // Whoever ends in the middle leaves it open, and begins anew.
    if (this.closing.signal.aborted) return
    if (result.ok) this.came({ ...begun, isFinal: true, outcome: 'issued' }, result.value)
    else this.failed(begun, attempt, result.problem)
    this.turn()
  }

  /** `attempt`: how far it got; null: the authority has no order of ours. */
  private async ordered(
    begun: Attempt,
    settings: AcmeSettings,
  ): Promise<{ readonly result: Result<HostCertificate>; readonly attempt: Attempt | null }> {
    const { signal } = this.closing
    const opened = await caught(this.parts.authority.open(begun.host, settings, signal))
    if (!opened.ok) return { result: opened, attempt: null }
    const { answers } = opened.value
    this.answer(answers)
    if (!(await this.answers.areGiven(this.parts.clock, signal))) {
      const message = `the proxies do not answer for ${begun.host} yet, so the certificate authority was not told to look; what keeps them is said beside`
      return { result: fail({ code: 'ACME_CHALLENGE', message }), attempt: begun }
    }
    const proven = await caught(opened.value.prove(signal))
    if (!proven.ok) return { result: proven, attempt: begun }
    const final: Attempt = { ...begun, isFinal: true }
    if (!this.keep(final, null)) {
      const problem = this.common?.problem ?? { code: 'STORE_FAILED', message: 'the data directory cannot be written' }
      return { result: fail(problem), attempt: begun }
    }
    return { result: await caught(opened.value.fetch(signal)), attempt: final }
  }

  private answer(answers: readonly AcmeChallenge[]): void {
    if (this.answers.show(answers)) this.changed()
  }

  private came(issued: Attempt, certificate: HostCertificate): void {
    this.resume()
    const facts = this.facts()
    const retryAtMs = facts === null ? 0 : worthAnotherAtMs(facts, certificate)
    if (!this.keep({ ...issued, retryAtMs }, certificate)) return
    const { host, fromMs, untilMs } = certificate
    this.surroundings.record({ kind: 'certificate-issued', atMs: this.parts.clock.nowMs(), host, fromMs, untilMs })
    this.changed()
  }

  private failed(begun: Attempt, attempt: Attempt | null, problem: Problem): void {
    const nowMs = this.parts.clock.nowMs()
    const { host } = begun
    const isCommon = COMMON.has(problem.code)
    const isNews = !isCommon || this.common?.problem.message !== problem.message
    const retryAtMs = problem.next?.kind === 'retry' ? nowMs + problem.next.afterMs : 0
    if (!isCommon) this.resume()
    if (isCommon && attempt === null) this.keep(null, null, begun)
    else this.keep({ ...(attempt ?? begun), outcome: 'failed', problem, retryAtMs }, null)
    if (isCommon) this.pause(problem)
    else if (problem.code === 'ACME_RATE_LIMITED') this.pausedUntilMs = nowMs + LEFT_ALONE_MS
    const untilMs = this.kept?.certificates.find((one) => one.host === host)?.untilMs ?? null
    if (isNews) this.surroundings.record({ kind: 'certificate-failed', atMs: nowMs, host, problem, untilMs })
  }

  /** Writes how an order stands. False: it cannot be written, and nothing is to be ordered. */
  private keep(
    attempt: Attempt | null,
    certificate: HostCertificate | null,
    undone: Attempt | null = attempt,
  ): boolean {
    const facts = this.facts()
    if (facts === null || this.kept === null) return false
    const attempts = facts.kept.attempts.filter(
      (one) =>
        undone === null || one.host !== undone.host || one.directory !== undone.directory || one.atMs !== undone.atMs,
    )
    const kept: KeptCertificates = {
      certificates: certificate === null ? facts.kept.certificates : withCertificate(facts, certificate),
      attempts: remembered(attempt === null ? attempts : [...attempts, attempt], facts.nowMs),
    }
    const saved = this.parts.store.save(kept)
    // What came is used, whatever the disk says.
    if (saved.ok || certificate !== null) this.kept = kept
    if (!saved.ok) this.pause(saved.problem)
    return saved.ok || certificate !== null
  }

  private pause(problem: Problem): void {
    const failures = (this.common?.failures ?? 0) + 1
    this.common = { problem, failures }
    const pauseMs = growingPauseMs(failures, PAUSE_FIRST_MS, PAUSE_MOST_MS)
    this.pausedUntilMs = this.parts.clock.nowMs() + pauseMs
    this.wakeAt(this.pausedUntilMs)
  }

  private resume(): void {
    this.common = null
    this.pausedUntilMs = 0
  }

  private wakeAt(atMs: number): void {
    this.cancel()
    if (this.closing.signal.aborted) return
    const { clock } = this.parts
    this.cancel = clock.after(Math.min(LONGEST_NAP_MS, Math.max(0, atMs - clock.nowMs())), () => this.turn())
  }
}

function caught<T>(result: Promise<Result<T>>): Promise<Result<T>> {
  return result.catch((error: unknown) => fail(problemOf(error)))
}
