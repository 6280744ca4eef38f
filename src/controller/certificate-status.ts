import type { Problem } from '../model/index.js'
import { attemptsOf, certificateOf, failuresOf, orderAtMs, renewAtMs } from './certificate-plan.js'
import type { CertificateFacts } from './certificate-plan.js'
import type { CertificateStatus } from './certificate-port.js'

export function certificateStatuses(facts: CertificateFacts): readonly CertificateStatus[] {
  return [...new Set(facts.wanted)].sort().map((host) => {
    const failures = failuresOf(attemptsOf(facts, host)).filter(({ outcome }) => outcome === 'failed')
    return {
      host,
      untilMs: certificateOf(facts, host)?.untilMs ?? null,
      nextOrderAtMs: orderAtMs(facts, host),
      failures: failures.length,
      problem: failures.at(-1)?.problem ?? null,
    }
  })
}

/**
 * What a person should know long before it is an outage: a warning from the first failure on, an error for a host that has no certificate, or that
 * has used up two thirds of the time in which it should have got its next one. `common`: what keeps all hosts alike.
 */
export function certificateProblems(facts: CertificateFacts, common: Problem | null): readonly Problem[] {
  const own = certificateStatuses(facts).flatMap(({ host, untilMs, nextOrderAtMs, problem }): readonly Problem[] => {
    if (problem === null) return []
    const next = { kind: 'retry', afterMs: Math.max(0, nextOrderAtMs - facts.nowMs) } as const
    const left = untilMs === null ? 'it has none yet' : `the one it has ends ${formatDay(untilMs)}`
    const message = `no new certificate for ${host}, ${left}: ${problem.message}`
    return [graded({ ...problem, message, next }, isUrgent(facts, host))]
  })
  if (common === null) return own
  const isAnyUrgent = facts.wanted.some((host) => isUrgent(facts, host))
  return [graded(common, isAnyUrgent), ...own]
}

/** Whether less than a third is left of the time between its renewal and its end. */
function isUrgent(facts: CertificateFacts, host: string): boolean {
  const certificate = certificateOf(facts, host)
  if (certificate === undefined) return true
  return certificate.untilMs - facts.nowMs < (certificate.untilMs - renewAtMs(certificate)) / 3
}

function graded(problem: Problem, isUrgentNow: boolean): Problem {
  return isUrgentNow ? problem : { ...problem, severity: 'warning' }
}

function formatDay(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ') + 'Z'
}
