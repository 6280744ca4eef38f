import type { ServiceMeasure } from './measure.js'
import type { Rehearsal } from './rehearse.js'
import { shortName } from './timeline.js'
import type { TimelineEntry } from './timeline.js'

export type RehearsalFormat = 'text' | 'markdown'

/** One or more rehearsals of the same revision, for people. */
export function formatRehearsals(rehearsals: readonly Rehearsal[], format: RehearsalFormat): string {
  const parts = rehearsals.map((rehearsal) => (format === 'text' ? asText(rehearsal) : asMarkdown(rehearsal)))
  return `${parts.join('\n\n')}\n`
}

/** The same for programs; stable, and without anything secret. */
export function rehearsalsToJson(rehearsals: readonly Rehearsal[]): unknown {
  const [first] = rehearsals
  return {
    revision: first?.revision ?? null,
    rehearsals: rehearsals.map(({ revision: _revision, ...rehearsal }) => ({
      ...rehearsal,
      outcome: { kind: rehearsal.outcome.kind, problems: problemsOf(rehearsal) },
    })),
  }
}

function asText(rehearsal: Rehearsal): string {
  const { timeline, services } = rehearsal
  const rows = timeline.map((entry) => [clock(entry), entry.server ?? '', subject(entry), clean(entry.text)])
  return [
    `if ${assumption(rehearsal)}:`,
    '',
    ...(rows.length === 0 ? ['  nothing happens'] : columns(rows).map((line) => `  ${line}`)),
    '',
    `${rehearsal.outcome.kind === 'applied' ? '✓' : '✗'} ${outcome(rehearsal)}`,
    '',
    ...columns([HEADINGS, ...services.map(cells)]),
    '',
    ...notes(rehearsal),
  ].join('\n')
}

function asMarkdown(rehearsal: Rehearsal): string {
  const { timeline, services } = rehearsal
  const table = (heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
    [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.map(escaped).join(' | ')} |`)
  const rows = timeline.map((entry) => [clock(entry), entry.server ?? '', subject(entry), clean(entry.text)])
  return [
    `**${outcome(rehearsal)}**, if ${assumption(rehearsal)}`,
    '',
    ...table(HEADINGS, services.map(cells)),
    '',
    ...notes(rehearsal).map((note) => `- ${escaped(note)}`),
    '',
    '<details><summary>timeline</summary>',
    '',
    ...(rows.length === 0 ? ['nothing happens'] : table(['time', 'server', 'what', 'happens'], rows)),
    '',
    '</details>',
  ].join('\n')
}

function assumption({ assumptions }: Rehearsal): string {
  const { healthyAfterMs, failing } = assumptions
  const all = `each new replica is healthy ${seconds(healthyAfterMs)} after its start`
  return failing === null ? all : `${all}, but for the ${ordinal(failing)}, which never is`
}

function ordinal(number: number): string {
  const [tens, ones] = [number % 100, number % 10]
  if (tens >= 11 && tens <= 13) return `${number}th`
  return `${number}${ones === 1 ? 'st' : ones === 2 ? 'nd' : ones === 3 ? 'rd' : 'th'}`
}

const OUTCOMES: Readonly<Record<Rehearsal['outcome']['kind'], string>> = {
  applied: 'applied',
  'rolled-back': 'failed and rolled back',
  failed: 'failed, with nothing to go back to',
  blocked: 'blocked, and nothing that runs is touched',
  held: 'held by a guard',
  refused: 'refused',
  stuck: 'not at an end',
}

function outcome(rehearsal: Rehearsal): string {
  return `${shortName(rehearsal.revision.sha)}: ${OUTCOMES[rehearsal.outcome.kind]} after ${seconds(rehearsal.tookMs)}`
}

export function problemsOf({ outcome: { ...outcome } }: Pick<Rehearsal, 'outcome'>) {
  return outcome.kind === 'applied' ? [] : outcome.problems
}

const HEADINGS = ['service', 'healthy before', 'lowest', 'after', 'longest without a spare']

function cells({ service, before, lowest, after, longestWithoutSpareMs }: ServiceMeasure): readonly string[] {
  return [service, String(before), String(lowest), String(after), seconds(longestWithoutSpareMs)]
}

function notes({ memory, unseen, started, assumptions, impatient }: Rehearsal): readonly string[] {
  const servers = Object.entries(memory.byServer).filter(([, bytes]) => bytes > 0)
  const where = servers.map(([server, bytes]) => `${server} ${mebibytes(bytes)}`).join(', ')
  const extra = `extra memory at its peak: ${mebibytes(memory.peakExtraBytes)}${where === '' ? '' : ` (${where})`}`
  const isUnmet = assumptions.failing !== null && started < assumptions.failing
  return [
    extra,
    ...(memory.unknown.length === 0
      ? []
      : [`not counted, for they have neither a memory limit nor a reservation: ${memory.unknown.join(', ')}`]),
    ...(impatient.length === 0
      ? []
      : [`their own healthchecks give up sooner than assumed: ${impatient.join(', ')}; give them a start_period`]),
    ...(unseen.length === 0 ? [] : [`not looked at, and taken as away: ${unseen.join(', ')}`]),
    ...(isUnmet
      ? [`only ${started} new replicas were started: none of them was the ${ordinal(assumptions.failing)}`]
      : []),
  ]
}

function clock({ atMs }: TimelineEntry): string {
  return `+${seconds(atMs)}`
}

function subject({ slot, stack }: TimelineEntry): string {
  return slot ?? stack ?? ''
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Problems may quote what a server said: on one line, and nothing that moves a terminal's cursor. */
function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}

function escaped(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, (sign) => `\\${sign}`)
}
