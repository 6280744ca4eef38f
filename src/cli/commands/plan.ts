import { runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { isOfFolder } from '../folder-source.js'
import { CommandError, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { previewPlan } from '../preview.js'
import type { Revision } from '../../model/index.js'
import type { PlanReport } from '../../web/index.js'
import { formatCommit, formatProblemLines } from '../show/words.js'

export async function run(invocation: Invocation): Promise<number> {
  return showPlan(invocation, await planFor(invocation))
}

/** The running controller's own plan, unless the command line asks for other files than it follows. */
export async function planFor(invocation: Invocation): Promise<PlanReport> {
  const { options, settings } = invocation
  const folder = typeof options.folder === 'string' ? options.folder : null
  const isOther = folder !== null || ['repo', 'branch', 'tag', 'path'].some((name) => options[name] !== undefined)
  const running = isOther ? null : await runningController(settings)
  return running === null ? previewPlan(invocation, folder) : valueOf(await running.surface.plan())
}

/** Prints the plan, then what stands against it. Errors win over differences in the exit code. */
export function showPlan({ format, io, colors }: Invocation, report: PlanReport): number {
  if (format === 'json') {
    const { revision, changes, errors, guards } = report
    io.out(`${JSON.stringify({ ...(report.json as object), revision, changes, errors, guards }, null, 2)}\n`)
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
