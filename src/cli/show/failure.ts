import type { ServiceStatus } from '../../controller/index.js'
import type { FailureEvidence } from '../../rollout/index.js'
import { hang } from './layout.js'
import type { Look } from './status.js'
import { clean, counted, formatAgo, formatReasonLines } from './words.js'

/** What a failed replica left behind, so that nobody has to log in to a server to see it. */
export function formatFailure(
  failure: NonNullable<ServiceStatus['failure']>,
  atMs: number,
  look: Look,
): readonly string[] {
  const what = `${failure.slot} on ${failure.server} failed ${formatAgo(failure.atMs, atMs)}`
  const lines = [what, ...formatReasonLines(failure.problem)]
  return [
    ...lines.flatMap((line, i) => hang(i === 0 ? '      ' : '        ', line, look.columns)),
    ...(failure.evidence === null ? [] : formatEvidence(failure.evidence, look)),
  ]
}

export function formatEvidence(evidence: FailureEvidence, look: Look): readonly string[] {
  const { colors } = look
  const facts = [
    `container ${evidence.state}`,
    evidence.exitCode === null ? '' : `exit code ${evidence.exitCode}`,
    evidence.oomKilled ? 'killed for using more memory than its limit (OOM)' : '',
    evidence.restartCount > 0 ? `restarted ${counted(evidence.restartCount, 'time')}` : '',
    evidence.error === '' ? '' : clean(evidence.error),
  ]
  const code = evidence.healthExitCode === null ? '' : ` (exit code ${evidence.healthExitCode})`
  return [
    ...hang('        ', facts.filter((fact) => fact !== '').join(', '), look.columns),
    ...quoted(`health check said${code}:`, evidence.healthOutput.trim().split('\n'), colors.dim),
    ...quoted('last output:', evidence.logTail, colors.dim),
  ]
}

function quoted(title: string, lines: readonly string[], dim: (text: string) => string): readonly string[] {
  const texts = lines.map(clean).filter((line) => line.trim() !== '')
  return texts.length === 0 ? [] : [`        ${title}`, ...texts.map((line) => dim(`        | ${line}`))]
}
