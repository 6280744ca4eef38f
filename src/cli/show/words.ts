import type { Problem, Revision } from '../../model/index.js'
import { formatProblem } from '../../model/index.js'
import { formatNext } from '../../planner/index.js'

/** `12 s`, `3 min`, `2 h`, `5 days`: how long, to the precision that a person asks for. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 90) return `${seconds} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

/** `3 min ago`; never negative, because two clocks are never equal. */
export function formatAgo(atMs: number, nowMs: number): string {
  return `${formatSpan(nowMs - atMs)} ago`
}

/** `2026-11-21 14:03:09Z`. */
export function formatTime(atMs: number): string {
  return new Date(atMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
}

/** `9f1c2ab "Raise the limit" by Ann`. */
export function formatCommit(revision: Pick<Revision, 'sha' | 'subject' | 'author'>): string {
  return `${revision.sha.slice(0, 7)} "${clean(revision.subject)}" by ${clean(revision.author)}`
}

/** Where, `CODE message`, then what comes next on a line of its own. */
export function formatProblemLines(problem: Problem): readonly string[] {
  return withNext(problem, formatProblem(problem))
}

/** The same without where, for places that say it already. */
export function formatReasonLines(problem: Problem): readonly string[] {
  return withNext(problem, `${problem.code} ${problem.message}`)
}

/** Some messages say what to do themselves, because they are also read where nothing else is shown. */
function withNext({ next }: Problem, first: string): readonly string[] {
  if (next === undefined || (next.kind === 'stalled' && first.includes(next.remedy))) return [first]
  return [first, `→ ${formatNext(next)}`]
}

/** Text from outside, on one line and without what moves a terminal's cursor. */
export function clean(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** `1 change`, `2 changes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
