import { relative, resolve, sep } from 'node:path'
import { expiringIn } from '../../controller/index.js'
import type { Source } from '../../controller/index.js'
import type { Desired, Problem, Result, Revision } from '../../model/index.js'
import { EXIT } from '../exit-code.js'
import { valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { folderSource } from '../folder-source.js'
import { readRevision } from '../preview.js'
import { formatWithExcerpt } from '../show/excerpt.js'
import { githubAnnotations, sarifLog } from '../show/problem-reports.js'
import { counted } from '../show/words.js'

export async function run(invocation: Invocation): Promise<number> {
  const { args, io, options } = invocation
  const folder = resolve(args[0] ?? '.')
  const source = folderSource(folder, io.user, io.nowMs())
  const revision = valueOf(await source.poll(io.interrupted))
  const desired = await readRevision(source, revision, io.interrupted)
  const found = problemsOf(desired, io.nowMs())
  const texts =
    io.isTty && invocation.format === 'text' ? await readTexts(found, source, revision, io.interrupted) : new Map()
  show({ desired, folder, ...found, texts }, invocation)
  if (found.errors.length > 0) return EXIT.failure
  return options['strict'] === true && found.warnings.length > 0 ? EXIT.warnings : EXIT.ok
}

interface Outcome extends Found {
  readonly desired: Loaded
  readonly folder: string
  /** Of the files that have problems, by path. */
  readonly texts: ReadonlyMap<string, string>
}

function show(outcome: Outcome, { format, io, colors }: Invocation): void {
  const { errors, warnings, folder, desired } = outcome
  const problems = [...errors, ...warnings]
  // Tools that show problems beside the code know the paths of the folder that they are started in.
  const prefix = relative('', folder).split(sep).join('/')
  if (format === 'github') io.out(githubAnnotations(problems, prefix))
  else if (format === 'sarif') io.out(`${JSON.stringify(sarifLog(problems, prefix), null, 2)}\n`)
  else if (format === 'json') {
    const valid = errors.length === 0
    io.out(`${JSON.stringify({ valid, folder, errors, warnings, stacks: stacksOf(desired) }, null, 2)}\n`)
  } else {
    for (const problem of problems) io.err(`${formatWithExcerpt(problem, outcome.texts, io.columns).join('\n  ')}\n`)
    const many = warnings.length === 0 ? '' : `, ${counted(warnings.length, 'warning')}`
    if (errors.length > 0) io.out(`${colors.red('✗')} ${counted(errors.length, 'error')}${many}\n`)
    else io.out(`${colors.green('✓')} ${summary(desired)}${many}\n`)
  }
}

/** The files that problems name, as far as they can be read: an excerpt is a help, not a duty. */
async function readTexts(
  { errors, warnings }: Found,
  source: Source,
  revision: Revision,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const tree = await source.tree(revision.sha, signal)
  if (!tree.ok) return new Map()
  const paths = new Set(
    [...errors, ...warnings].flatMap(({ place }) => (place?.line === undefined ? [] : [place.path])),
  )
  const wanted = [...paths].flatMap((path) => {
    const entry = tree.value.entries.get(path)
    return entry?.kind === 'file' ? [[path, entry.oid] as const] : []
  })
  const read = await source.read(
    wanted.map(([, oid]) => oid),
    signal,
  )
  if (!read.ok) return new Map()
  return new Map(wanted.map(([path, oid]) => [path, new TextDecoder().decode(read.value.get(oid))] as const))
}

type Loaded = Result<Desired, readonly Problem[]>

interface Found {
  readonly errors: readonly Problem[]
  readonly warnings: readonly Problem[]
}

function problemsOf(desired: Loaded, nowMs: number): Found {
  if (!desired.ok) return split(desired.problem)
  const { stacks, warnings } = desired.value
  return split([
    ...stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : [])),
    ...warnings,
    ...expiringIn(desired.value, nowMs),
  ])
}

function split(problems: readonly Problem[]): Found {
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
