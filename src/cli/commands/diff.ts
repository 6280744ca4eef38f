import type { Source } from '../../controller/index.js'
import type { Desired, Stack } from '../../model/index.js'
import { EXIT } from '../exit-code.js'
import { CommandError, usage } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { desiredOf, withSource } from '../preview.js'
import { compareFleets } from '../show/compare.js'
import type { ServiceDifference } from '../show/compare.js'
import { formatCommit } from '../show/words.js'
import { planFor, showPlan } from './plan.js'

export async function run(invocation: Invocation): Promise<number> {
  const [from, to] = invocation.args
  if (from === undefined) return showPlan(invocation, await planFor(invocation))
  return withSource(invocation, null, async (source) => {
    const newest = await desiredOf(invocation, source, null)
    const before = await desiredAt(invocation, source, newest, from)
    const after = to === undefined ? newest : await desiredAt(invocation, source, newest, to)
    return show(invocation, before, after)
  })
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

function desiredAt(invocation: Invocation, source: Source, newest: Desired, text: string): Promise<Desired> {
  if (text === 'HEAD' || newest.revision.sha.startsWith(text)) return Promise.resolve(newest)
  if (/^[0-9a-f]{7,40}$/.test(text)) return desiredOf(invocation, source, text)
  throw usage(`${JSON.stringify(text)} is no commit: give 7 to 40 of its digits, or HEAD`)
}
