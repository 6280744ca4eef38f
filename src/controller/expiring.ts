import { lifeOf } from '../ingress/index.js'
import type { Desired, Problem, RouteSpec } from '../model/index.js'

/** Long enough to make a new one. */
const SOON_MS = 14 * 24 * 3_600_000
const DAY_MS = 24 * 3_600_000

/** Certificates that a revision brings and that have run out, or will soon. Problems: CERTIFICATE_EXPIRED. */
export function expiringIn({ stacks }: Desired, nowMs: number): readonly Problem[] {
  const services = stacks.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  return expiryProblems(
    services.flatMap(({ routes = [] }) => routes),
    nowMs,
  )
}

/**
 * Certificates of routes that have run out, or as warnings will within 14 days, or are not valid yet; each once. The place is the file that they are
 * from. Problems: CERTIFICATE_EXPIRED.
 */
export function expiryProblems(routes: readonly RouteSpec[], nowMs: number): readonly Problem[] {
  const own = new Map(routes.flatMap(({ tls }) => (tls.kind === 'own' ? [[tls.pem, tls.name] as const] : [])))
  return [...own].flatMap(([pem, name]) => problemOf(pem, name, nowMs))
}

function problemOf(pem: string, name: string, nowMs: number): readonly Problem[] {
  const life = lifeOf(pem)
  if (life === null) return []
  const [fromMs, untilMs] = [Date.parse(life.from), Date.parse(life.until)]
  const about = { code: 'CERTIFICATE_EXPIRED', place: { path: name } } as const
  if (untilMs <= nowMs)
    return [{ ...about, message: `the certificate has run out on ${day(untilMs)}; commit a new one` }]
  if (untilMs <= nowMs + SOON_MS) {
    const days = Math.floor((untilMs - nowMs) / DAY_MS)
    return [{ ...about, severity: 'warning', message: `the certificate runs out in ${days} days, on ${day(untilMs)}` }]
  }
  if (fromMs <= nowMs) return []
  return [{ ...about, severity: 'warning', message: `the certificate is not valid before ${day(fromMs)}` }]
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
