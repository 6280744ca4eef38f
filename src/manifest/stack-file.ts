import { stackHash } from '../model/index.js'
import type { Guards, Place, Problem, Stack, StackEntry } from '../model/index.js'
import { readCompose } from './compose-source.js'
import type { ComposeFile, ComposeSources, ParsedFiles } from './compose-source.js'
import { readStack } from './compose/stack.js'
import { parseDotenv } from './dotenv.js'
import type { Files, FileReader } from './files.js'
import { interpolateTree } from './interpolate.js'
import type { Node } from './node.js'
import { bareSpot, get, keyOf, quoted, textOf } from './node.js'
import { inactiveServices, splitProfiles, withoutServices } from './profiles.js'
import { loadProject } from './project.js'
import { createReport, placeOf } from './report.js'
import type { Report, Spot } from './report.js'
import { isReserved } from './reserved-name.js'
import type { ShapeCheck } from './shape.js'
import { chooseFiles } from './stack-choice.js'
import type { StackChoice } from './stack-choice.js'
import { MOST_FILE_BYTES, MOST_MANIFEST_BYTES, decodeText } from './text.js'

export interface LoadedStack {
  readonly entry: StackEntry
  readonly warnings: readonly Problem[]
  /** Where the stack claims what is one service's of the whole fleet: see `portClaim` and `routeClaim`. */
  readonly claims: ReadonlyMap<string, Place>
}

/** What the loading of all stacks shares. */
export interface StackSettings {
  readonly check: ShapeCheck
  /** The fleet's name, for a stack in the repository's root that has none. */
  readonly fleet: string
  readonly guards: Guards
  /** Published ports are the proxies' business. */
  readonly isBalanced: boolean
  /** The proxies answer to the names of services. */
  readonly isNamed: boolean
  /** A stack is loaded again when its files name others that are still to be read. */
  readonly parsed: ParsedFiles
}

interface StackSources extends ComposeSources {
  readonly choice: StackChoice
  readonly settings: StackSettings
  readonly reader: StackReader
  readonly files: readonly ComposeFile[]
  /** Of the first file: what the stack is known by. */
  readonly path: string
  readonly variables: ReadonlyMap<string, string>
}

type StackReader = ReturnType<Files['reader']>

/** Loads the stack of one directory. Null while contents that it needs have not been read. */
export function loadStack(choice: StackChoice, reader: StackReader, settings: StackSettings): LoadedStack | null {
  const report = createReport(choice.files?.[0]?.path ?? inside(choice.directory, 'compose.yaml'), '')
  const variables = readVariables(choice, reader, report)
  // While `.env` is unread the likeliest files are asked for with it, to spare a round.
  const files = chooseFiles(choice, variables ?? new Map(), reader, report)
  if (variables === null) {
    for (const { path } of files) reader.find(path)
    return null
  }
  const [first] = files
  const path = first?.path ?? inside(choice.directory, 'compose.yaml')
  const sources = { choice, settings, reader, report: report.in(path), parsed: settings.parsed, files, path, variables }
  const roots = files.map((file) => readCompose(file, sources))
  if (files.some((file) => reader.find(file.path).kind === 'pending')) return null
  if (files.length === 0 || roots.includes(null)) return finish(guessName(sources), sources, null)
  const named = roots.filter((root) => root !== null)
  const loaded = loadNamed(stackName(named, sources), sources)
  if (!reader.isPending()) forget(files, sources)
  return loaded
}

/** What stays of a stack is its model: trees of all of them, kept for a next round, are most of what loading costs in memory. */
function forget(files: readonly ComposeFile[], { reader, parsed }: StackSources): void {
  for (const { path } of files) {
    const found = reader.find(path)
    if (found.kind === 'file') parsed.get(found.bytes)?.delete(path)
  }
}

function loadNamed(name: string, sources: StackSources): LoadedStack {
  const { choice, files, report, settings, path, reader } = sources
  const variables = new Map([...sources.variables, ['COMPOSE_PROJECT_NAME', name]])
  const project = { files, directory: choice.directory, variables, includedBy: [] }
  const root = loadProject(project, { ...sources, check: settings.check })
  if (root === null) return finish(name, sources, null)
  const active = choice.profiles ?? splitProfiles(variables.get('COMPOSE_PROFILES') ?? '')
  const inactive = inactiveServices(root, new Set(active))
  const isPartial = ([section, service]: Node['path']): boolean =>
    section === 'services' && typeof service === 'string' && inactive.has(service)
  const shaped = withoutServices(settings.check(root, report, isPartial), inactive)
  const lookup = (variable: string): string | undefined => variables.get(variable)
  const claims = new Map<string, Place>()
  const source = {
    noteClaim: (key: string, spot: Spot): void => void claims.set(key, placeOf(path, spot)),
    directory: choice.directory,
    path,
    reader,
    report,
    guards: settings.guards,
    isBalanced: settings.isBalanced,
    isNamed: settings.isNamed,
    variables: lookup,
    inactive,
  }
  return finish(name, sources, readStack(shaped, { ...source, stack: name }), claims)
}

function finish(
  name: string,
  { report, path }: StackSources,
  stack: Stack | null,
  claims: LoadedStack['claims'] = new Map(),
): LoadedStack {
  const problems = report.errors().map((problem) => ({ ...problem, stack: name }))
  const warnings = report.warnings().map((problem) => ({ ...problem, stack: name }))
  if (stack === null || problems.length > 0)
    return { entry: { kind: 'invalid', name, path, problems }, warnings, claims }
  return { entry: { kind: 'valid', name, stack, hash: stackHash(stack) }, warnings, claims }
}

/**
 * The stack directory's `.env`, and what slipway.yaml says for the stack, which wins. The controller's own environment never leaks into
 * a stack.
 */
function readVariables(
  { directory, env }: StackChoice,
  reader: FileReader,
  early: Report,
): ReadonlyMap<string, string> | null {
  const path = inside(directory, '.env')
  const found = reader.find(path)
  if (found.kind === 'pending') return null
  const report = early.in(path)
  if (found.kind === 'unsupported')
    report.error('FILE_UNSUPPORTED', null, `it is ${found.what}; put a regular file there`)
  const text = found.kind === 'file' ? decodeText(found.bytes, MOST_FILE_BYTES, report) : null
  const own = text === null ? new Map<string, string>() : parseDotenv(text, new Map(), (name) => env.get(name), report)
  for (const name of ['COMPOSE_ENV_FILES', 'COMPOSE_DISABLE_ENV_FILE']) {
    if (own.has(name)) report.warn('FIELD_IGNORED', null, `${name} is ignored in an env file, by Compose as well`)
  }
  return new Map([...own, ...env])
}

const STACK_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** As Compose finds it: COMPOSE_PROJECT_NAME in `.env`, then the last `name` of its files, then the directory's name. */
function stackName(roots: readonly Node[], sources: StackSources): string {
  const { report, variables } = sources
  const named = roots.filter((root) => get(root, 'name') !== undefined).at(-1)
  const node = get(named, 'name')
  const declared = node === undefined ? '' : textOf(interpolateTree(node, (name) => variables.get(name), report))
  const wanted = variables.get('COMPOSE_PROJECT_NAME') ?? (declared === '' ? null : declared)
  const fallback = directoryName(sources)
  if (wanted === null && fallback !== '' && !isReserved(fallback)) return fallback
  if (wanted !== null && STACK_NAME.test(wanted) && !isReserved(wanted)) return wanted
  const spot = keyOf(named, 'name') ?? roots[0]
  report.error(
    'NAME_INVALID',
    spot === undefined ? null : bareSpot(spot),
    `the stack's name ${quoted(wanted ?? fallback)} is not allowed; use lower-case letters, digits, - and _, beginning with a letter or digit`,
  )
  return fallback === '' ? sources.settings.fleet : fallback
}

/** The name of a stack whose files cannot be parsed. A wrong guess would make the running stack look removed, so the text is searched. */
function guessName(sources: StackSources): string {
  const fromEnv = sources.variables.get('COMPOSE_PROJECT_NAME')
  const declared = sources.files.flatMap(({ path }) => {
    const found = sources.reader.find(path)
    const text = found.kind === 'file' ? decodeText(found.bytes, MOST_MANIFEST_BYTES, createReport(path)) : null
    return /^name:[ \t]*["']?([a-z0-9][a-z0-9_-]{0,62})["']?[ \t]*(?:#.*)?\r?$/m.exec(text ?? '')?.[1] ?? []
  })
  const fallback = directoryName(sources)
  return (
    (fromEnv !== undefined && STACK_NAME.test(fromEnv) ? fromEnv : declared.at(-1)) ??
    (fallback === '' ? sources.settings.fleet : fallback)
  )
}

/** The directory's name as Compose normalises it; the repository's root has none. */
function directoryName({ choice: { directory } }: StackSources): string {
  const last = directory.slice(directory.lastIndexOf('/') + 1)
  return last
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, 63)
}

function inside(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}
