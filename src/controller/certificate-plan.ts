import { compareText, growingPauseMs } from '../model/index.js'
import type { Attempt, HostCertificate, KeptCertificates } from './authority-port.js'

/**
 * How often an authority is asked at most, by what was kept of former orders. Each is below what Let's Encrypt lets through (letsencrypt.org/docs/rate-limits,
 * 2025-06: 5 failed validations of a host an hour, 5 certificates for one set of names in 7 days, 300 orders of an account in 3 hours), as an order
 * that nobody knows the end of counts as one that failed, and clocks differ.
 */
export const CERTIFICATE_LIMITS = Object.freeze({
  failed: { count: 4, withinMs: 3_600_000 },
  issued: { count: 4, withinMs: 7 * 24 * 3_600_000 },
  orders: { count: 250, withinMs: 3 * 3_600_000 },
})

/** After an order of a host failed, the next one waits this long, doubled each time to the last; less where nobody knows how it ended. */
const BACKOFF_FIRST_MS: Readonly<Record<Attempt['outcome'], number>> = { failed: 10 * 60_000, open: 60_000, issued: 0 }
const BACKOFF_MOST_MS = 12 * 3_600_000
/** Attempts are remembered as long as a limit or the backoff asks for them. */
const REMEMBERED_MS = 8 * 24 * 3_600_000
/** How much sooner than at two thirds of its life a certificate may be renewed, as a share of that life: not all of a fleet at once. */
const JITTER = 1 / 30

/** Where a certificate is from that nobody vouches for: it is used, and ordered anew at once. */
export const UNKNOWN_DIRECTORY = ''

export interface CertificateFacts {
  readonly nowMs: number
  /** Hosts that are to have a certificate. */
  readonly wanted: readonly string[]
  readonly directory: string
  readonly kept: KeptCertificates
}

/** `untilMs` null: nothing to wait for. */
export type CertificateStep =
  { readonly kind: 'order'; readonly host: string } | { readonly kind: 'wait'; readonly untilMs: number | null }

/** What to do now: one order at most, for the host that has the least time left. */
export function nextCertificateStep(facts: CertificateFacts): CertificateStep {
  const free = accountFreeMs(facts)
  const hosts = [...new Set(facts.wanted)]
    .map((host) => ({ host, leftMs: certificateOf(facts, host)?.untilMs ?? 0, atMs: orderAtMs(facts, host) }))
    .sort((a, b) => a.leftMs - b.leftMs || compareText(a.host, b.host))
  const due = hosts.find(({ atMs }) => atMs <= facts.nowMs)
  if (due !== undefined && free <= facts.nowMs) return { kind: 'order', host: due.host }
  if (hosts.length === 0) return { kind: 'wait', untilMs: null }
  return { kind: 'wait', untilMs: Math.max(free, Math.min(...hosts.map(({ atMs }) => atMs))) }
}

/** When a host may be ordered for next: it is due, and neither a limit nor a failure forbids it. */
export function orderAtMs(facts: CertificateFacts, host: string): number {
  const certificate = certificateOf(facts, host)
  // One of another authority, such as one for trying, is no use.
  const dueMs = certificate === undefined || certificate.directory !== facts.directory ? 0 : renewAtMs(certificate)
  const attempts = attemptsOf(facts, host)
  const { failed, issued } = CERTIFICATE_LIMITS
  const notIssued = attempts.filter(({ outcome }) => outcome !== 'issued')
  return Math.max(
    dueMs,
    backedOffMs(host, attempts),
    ...attempts.map(({ retryAtMs }) => retryAtMs),
    freeMs(notIssued, failed),
    freeMs(
      attempts.filter(({ isFinal }) => isFinal),
      // Who gives certificates for a day lets them be renewed each day.
      { ...issued, withinMs: Math.min(issued.withinMs, 2 * lifeMs(certificate)) },
    ),
  )
}

function lifeMs(certificate: HostCertificate | undefined): number {
  return certificate === undefined ? Infinity : certificate.untilMs - certificate.fromMs
}

/** At two thirds of its life, or a little sooner: how much, the host's name says. */
export function renewAtMs({ host, fromMs, untilMs }: Pick<HostCertificate, 'host' | 'fromMs' | 'untilMs'>): number {
  return Math.floor(fromMs + (untilMs - fromMs) * (2 / 3 - JITTER * shareOf(host)))
}

/** Hosts without a valid certificate that somebody vouches for, sorted. */
export function missingHosts({ kept, wanted, nowMs }: CertificateFacts): readonly string[] {
  const good = kept.certificates.filter(({ untilMs, directory }) => untilMs > nowMs && directory !== UNKNOWN_DIRECTORY)
  const served = new Set(good.map(({ host }) => host))
  return [...new Set(wanted)].filter((host) => !served.has(host)).sort(compareText)
}

/** What of the attempts is still asked for. */
export function remembered(attempts: readonly Attempt[], nowMs: number): readonly Attempt[] {
  return attempts.filter(({ atMs, retryAtMs }) => Math.max(atMs, retryAtMs) > nowMs - REMEMBERED_MS)
}

/**
 * With a certificate that came: it takes the place of one that ends sooner, or is from elsewhere. Those that ended and are not wanted go; others stay,
 * for a route that comes back.
 */
export function withCertificate(facts: CertificateFacts, came: HostCertificate): readonly HostCertificate[] {
  const before = certificateOf(facts, came.host)
  const isBetter = before === undefined || before.directory !== facts.directory || came.untilMs > before.untilMs
  const others = facts.kept.certificates.filter(
    ({ host, untilMs }) => host !== came.host && (untilMs > facts.nowMs || facts.wanted.includes(host)),
  )
  return [...others, isBetter ? came : before].sort((a, b) => compareText(a.host, b.host))
}

/**
 * Where the authority gives certificates of a shorter life than it did, one that was renewed in time may end before the one at hand, which stays. When the next
 * would outlast that by a third of its life; 0: now, as what came is used.
 */
export function worthAnotherAtMs(facts: CertificateFacts, came: HostCertificate): number {
  const stays = withCertificate(facts, came).find(({ host }) => host === came.host)
  if (stays === undefined || stays === came) return 0
  return Math.floor(stays.untilMs - ((came.untilMs - came.fromMs) * 2) / 3)
}

export function certificateOf({ kept }: Pick<CertificateFacts, 'kept'>, host: string): HostCertificate | undefined {
  return kept.certificates.find((one) => one.host === host)
}

export function attemptsOf({ kept, directory }: CertificateFacts, host: string): readonly Attempt[] {
  return kept.attempts.filter((one) => one.host === host && one.directory === directory)
}

/** Failures since the last certificate, the newest last. */
export function failuresOf(attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts.slice(attempts.findLastIndex(({ outcome }) => outcome === 'issued') + 1)
}

function backedOffMs(host: string, attempts: readonly Attempt[]): number {
  const failures = failuresOf(attempts)
  const last = failures.at(-1)
  if (last === undefined) return 0
  const pauseMs = growingPauseMs(failures.length, BACKOFF_FIRST_MS[last.outcome], BACKOFF_MOST_MS)
  return Math.floor(last.atMs + pauseMs * (1 + shareOf(`${host} ${failures.length}`) / 10))
}

function accountFreeMs({ kept, directory }: CertificateFacts): number {
  return freeMs(
    kept.attempts.filter((one) => one.directory === directory),
    CERTIFICATE_LIMITS.orders,
  )
}

/** When one more is within a limit. */
function freeMs(attempts: readonly Attempt[], { count, withinMs }: { count: number; withinMs: number }): number {
  const oldest = attempts.at(-count)
  return oldest === undefined ? 0 : oldest.atMs + withinMs
}

/** From 0 to 1, by a text alone: the same after each start (FNV-1a, stirred as MurmurHash3 does at its end). */
function shareOf(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
