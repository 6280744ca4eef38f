import { runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { isOfFolder } from '../folder-source.js'
import { CommandError, usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { previewPlan, previewProposed } from '../preview.js'
import type { Proposed } from '../preview.js'
import type { Revision } from '../../model/index.js'
import type { PlanReport } from '../../web/index.js'
import { formatCommit, formatProblemLines } from '../show/words.js'

export async function run(invocation: Invocation): Promise<number> {
  const report = await planFor(invocation)
  return invocation.options.pin === true ? showPin(invocation, report) : showPlan(invocation, report)
}

/** For a script: the name alone, and success when there is one. */
function showPin({ format, io }: Invocation, { pin, errors }: PlanReport): number {
  if (pin === null) throw new CommandError(errors)
  io.out(format === 'json' ? `${JSON.stringify({ pin })}\n` : `${pin}\n`)
  return EXIT.ok
}

/** The running controller's own plan, unless the command line asks for other files than it follows. */
export async function planFor(invocation: Invocation): Promise<PlanReport> {
  const { options, settings } = invocation
  const folder = typeof options.folder === 'string' ? options.folder : null
  const proposed = readProposed(options, folder)
  if (proposed !== null) return previewProposed(invocation, proposed)
  const isOther = folder !== null || ['repo', 'branch', 'tag', 'path'].some((name) => options[name] !== undefined)
  const running = isOther ? null : await runningController(settings)
  return running === null ? previewPlan(invocation, folder) : valueOf(await running.surface.plan())
}

function readProposed({ ref, base, at }: Invocation['options'], folder: string | null): Proposed | null {
  const given = [ref, base, at].filter((option) => typeof option === 'string')
  if (given.length === 0) return null
  // What a script gives whose variable is not set.
  if (given.includes('')) throw usage('--ref, --base and --at are given without a value')
  if (folder !== null) throw usage('--folder plans files that are no commit: leave out --ref, --base and --at')
  if (typeof at === 'string' && given.length > 1) throw usage('--at plans the followed branch: give no --ref or --base')
  return {
    ref: typeof ref === 'string' ? ref : null,
    base: typeof base === 'string' ? base : null,
    atMs: typeof at === 'string' ? readDate(at) : null,
  }
}

/** `2026-11-20`, `2026-11-20T14:00Z`; a date alone is its end, a time without a zone is in UTC. */
function readDate(text: string): number {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text)
  const [, day = '', time = '23:59:59', zone = 'Z'] = match ?? []
  const [atMs, dayMs] = [Date.parse(`${day}T${time}${zone}`), Date.parse(`${day}T00:00Z`)]
  // The 31st of February would be taken for a day in March.
  if (Number.isFinite(atMs) && new Date(dayMs).toISOString().startsWith(day)) return atMs
  throw usage(`--at is a date such as 2026-11-20 or 2026-11-20T14:00Z, not ${JSON.stringify(text)}`)
}

/** Prints the plan, then what stands against it. Errors win over differences in the exit code. */
export function showPlan({ format, io, colors }: Invocation, report: PlanReport): number {
  if (format === 'json') {
    const { revision, changes, pin, errors, guards } = report
    io.out(`${JSON.stringify({ ...(report.json as object), revision, changes, pin, errors, guards }, null, 2)}\n`)
    return exitCode(report)
  }
  // Without a revision there is no plan, and "nothing to do" would be a lie.
  if (report.revision === null) throw new CommandError(report.errors)
  if (format === 'text') io.out(`${colors.bold(titleOf(report.revision))}\n\n`)
  io.out(format === 'markdown' ? report.markdown : report.text)
  for (const guard of report.guards) io.err(`${colors.yellow('held')} ${formatProblemLines(guard).join('\n  ')}\n`)
  if (report.errors.length > 0) throw new CommandError(report.errors)
  return exitCode(report)
}

function titleOf(revision: Revision): string {
  return isOfFolder(revision) ? `the files in ${revision.ref}` : formatCommit(revision)
}

function exitCode({ errors, changes }: PlanReport): number {
  if (errors.length > 0) return EXIT.failure
  return changes > 0 ? EXIT.changes : EXIT.ok
}
