import type { Workshop } from '../../controller/index.js'
import type { Desired, Stack } from '../../model/index.js'
import { EXIT } from '../exit-code.js'
import { CommandError, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { commitsOf } from '../commit-range.js'
import { readRevision, withWorkshop } from '../preview.js'
import { compareFleets } from '../show/compare.js'
import type { ServiceDifference } from '../show/compare.js'
import { formatCommit } from '../show/words.js'
import { planFor, showPlan } from './plan.js'

export async function run(invocation: Invocation): Promise<number> {
  const [from, to] = commitsOf(invocation.args)
  if (from === undefined) return showPlan(invocation, await planFor(invocation))
  return withWorkshop(invocation, async (workshop) =>
    show(invocation, await desiredAt(invocation, workshop, from), await desiredAt(invocation, workshop, to ?? 'HEAD')),
  )
}

function show({ format, io, colors }: Invocation, before: Desired, after: Desired): number {
  const differences = compareFleets(validStacks(before), validStacks(after))
  if (format === 'json') {
    io.out(`${JSON.stringify({ from: before.revision, to: after.revision, differences }, null, 2)}\n`)
  } else {
    io.out(`from ${formatCommit(before.revision)}\nto   ${formatCommit(after.revision)}\n\n`)
    for (const difference of differences) io.out(`${lines(difference, colors.bold).join('\n')}\n`)
    if (differences.length === 0) io.out('both want the same of every service\n')
  }
  return differences.length === 0 ? EXIT.ok : EXIT.changes
}

function lines({ service, kind, causes }: ServiceDifference, bold: (text: string) => string): readonly string[] {
  return [`${bold(service)} ${kind}`, ...causes.map((cause) => `  ${cause}`)]
}

/** A stack that a commit has wrong cannot be compared: that is said, and the rest is not shown as if it were all. */
function validStacks(desired: Desired): readonly Stack[] {
  const problems = desired.stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : []))
  if (problems.length > 0) throw new CommandError(problems)
  return desired.stacks.flatMap((entry) => (entry.kind === 'valid' ? [entry.stack] : []))
}

async function desiredAt({ io }: Invocation, workshop: Workshop, name: string): Promise<Desired> {
  const revision = valueOf(await workshop.bring(name, io.interrupted))
  const desired = await readRevision(workshop.at(revision), revision, io.interrupted)
  if (desired.ok) return desired.value
  throw new CommandError(desired.problem)
}
