import { resolve } from 'node:path'
import type { Desired, Problem, Result } from '../../model/index.js'
import { EXIT } from '../exit-code.js'
import { valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { folderSource } from '../folder-source.js'
import { readRevision } from '../preview.js'
import { counted, formatProblemLines } from '../show/words.js'

export async function run(invocation: Invocation): Promise<number> {
  const { args, format, io, colors } = invocation
  const folder = resolve(args[0] ?? '.')
  const source = folderSource(folder, io.user, io.nowMs())
  const revision = valueOf(await source.poll(io.interrupted))
  const desired = await readRevision(source, revision, io.interrupted)
  const { errors, warnings } = problemsOf(desired)
  if (format === 'json') {
    io.out(
      `${JSON.stringify({ valid: errors.length === 0, folder, errors, warnings, stacks: stacksOf(desired) }, null, 2)}\n`,
    )
  } else {
    for (const problem of [...errors, ...warnings]) io.err(`${formatProblemLines(problem).join('\n  ')}\n`)
    const many = warnings.length === 0 ? '' : `, ${counted(warnings.length, 'warning')}`
    if (errors.length > 0) io.out(`${colors.red('✗')} ${counted(errors.length, 'error')}${many}\n`)
    else io.out(`${colors.green('✓')} ${summary(desired)}${many}\n`)
  }
  return errors.length === 0 ? EXIT.ok : EXIT.failure
}

type Loaded = Result<Desired, readonly Problem[]>

function problemsOf(desired: Loaded): { readonly errors: readonly Problem[]; readonly warnings: readonly Problem[] } {
  if (!desired.ok) return split(desired.problem)
  const { stacks, warnings } = desired.value
  return split([...stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : [])), ...warnings])
}

function split(problems: readonly Problem[]): {
  readonly errors: readonly Problem[]
  readonly warnings: readonly Problem[]
} {
  return {
    errors: problems.filter(({ severity }) => severity !== 'warning'),
    warnings: problems.filter(({ severity }) => severity === 'warning'),
  }
}

function stacksOf(desired: Loaded): readonly unknown[] {
  if (!desired.ok) return []
  return desired.value.stacks.map((entry) => ({
    name: entry.name,
    valid: entry.kind === 'valid',
    services: entry.kind === 'valid' ? entry.stack.services.map(({ name }) => name) : [],
  }))
}

function summary(desired: Loaded): string {
  if (!desired.ok) return ''
  const { fleet, stacks } = desired.value
  const services = stacks.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  const counts = [
    counted(fleet.servers.length, 'server'),
    counted(stacks.length, 'stack'),
    counted(services.length, 'service'),
  ]
  return `${fleet.name}: ${counts.join(', ')}`
}
