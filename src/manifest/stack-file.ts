import { stackHash } from '../model/index.js'
import type { Guards, Problem, StackEntry } from '../model/index.js'
import { parseYaml } from './document.js'
import { parseDotenv } from './dotenv.js'
import type { FileReader } from './files.js'
import { interpolateTree } from './interpolate.js'
import type { Node } from './node.js'
import { get, keyOf, quoted, textOf } from './node.js'
import { createReport } from './report.js'
import type { Report } from './report.js'
import type { ShapeCheck } from './shape.js'
import { readStack } from './compose/stack.js'
import { MOST_FILE_BYTES, MOST_MANIFEST_BYTES, decodeText } from './text.js'

/** In the order in which Compose looks for them. */
export const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml']
const OVERRIDES = [
  'compose.override.yaml',
  'compose.override.yml',
  'docker-compose.override.yaml',
  'docker-compose.override.yml',
]

export interface LoadedStack {
  readonly entry: StackEntry
  readonly warnings: readonly Problem[]
}

/** What the loading of all stacks shares. */
export interface StackSettings {
  readonly check: ShapeCheck
  /** The fleet's name, for a stack in the repository's root that has none. */
  readonly fleet: string
  readonly guards: Guards
  /** Trees by the bytes they were parsed from: a stack is loaded twice when its file names others that are still to be read. */
  readonly parsed: WeakMap<Uint8Array, Node>
}

interface Sources {
  readonly directory: string
  readonly path: string
  readonly reader: FileReader
  readonly variables: ReadonlyMap<string, string>
  /** Found before the stack had a name: in `.env`, and beside the file. */
  readonly early: Report
  readonly settings: StackSettings
}

/** Loads the stack of one directory. Null while contents that it needs have not been read. */
export function loadStack(directory: string, reader: FileReader, settings: StackSettings): LoadedStack | null {
  const inside = (name: string): string => (directory === '' ? name : `${directory}/${name}`)
  const [path, ...others] = COMPOSE_FILES.map(inside).filter((candidate) => reader.exists(candidate))
  if (path === undefined) return null
  const early = createReport(path)
  for (const other of others)
    early.warn('CONFLICT', null, `${quoted(other)} stands beside it and is not read; remove one of them`)
  for (const override of OVERRIDES.map(inside).filter((candidate) => reader.exists(candidate)))
    early.warn(
      'FIELD_IGNORED',
      null,
      `${quoted(override)} is not merged into it; write what the fleet needs into this file`,
    )
  const found = reader.find(path)
  const variables = readVariables(inside('.env'), reader, early)
  if (found.kind === 'pending' || variables === null) return null
  const sources: Sources = { directory, path, reader, variables, early, settings }
  if (found.kind !== 'file') {
    early.error(
      'FILE_UNSUPPORTED',
      null,
      `it is ${found.kind === 'absent' ? 'missing' : found.what}; put a regular file there`,
    )
    return finish(guessName('', sources), sources, [early], null)
  }
  const text = decodeText(found.bytes, MOST_MANIFEST_BYTES, early)
  return text === null ? finish(guessName('', sources), sources, [early], null) : loadText(text, found.bytes, sources)
}

function loadText(text: string, bytes: Uint8Array, sources: Sources): LoadedStack {
  const guess = guessName(text, sources)
  const parsing = createReport(sources.path, guess)
  const root = sources.settings.parsed.get(bytes) ?? parseYaml(text, parsing)
  if (root === null) return finish(guess, sources, [sources.early, parsing], null)
  sources.settings.parsed.set(bytes, root)
  const name = stackName(root, sources, parsing)
  const report = createReport(sources.path, name)
  const variables = new Map([...sources.variables, ['COMPOSE_PROJECT_NAME', name]])
  const lookup = (variable: string): string | undefined => variables.get(variable)
  const shaped = sources.settings.check(interpolateTree(root, lookup, report), report)
  const stack = readStack(shaped, {
    ...sources,
    guards: sources.settings.guards,
    stack: name,
    variables: lookup,
    report,
  })
  return finish(name, sources, [sources.early, parsing, report], stack)
}

function finish(
  name: string,
  sources: Sources,
  reports: readonly Report[],
  stack: Parameters<typeof stackHash>[0] | null,
): LoadedStack {
  const problems = reports.flatMap((report) => report.errors()).map((problem) => ({ ...problem, stack: name }))
  const warnings = reports.flatMap((report) => report.warnings()).map((problem) => ({ ...problem, stack: name }))
  if (stack === null || problems.length > 0)
    return { entry: { kind: 'invalid', name, path: sources.path, problems }, warnings }
  return { entry: { kind: 'valid', name, stack, hash: stackHash(stack) }, warnings }
}

/** The stack directory's `.env`, the only source of variables: the controller's own environment never leaks into a stack. */
function readVariables(path: string, reader: FileReader, early: Report): ReadonlyMap<string, string> | null {
  const found = reader.find(path)
  if (found.kind === 'pending') return null
  const report = early.in(path)
  if (found.kind === 'unsupported')
    report.error('FILE_UNSUPPORTED', null, `it is ${found.what}; put a regular file there`)
  if (found.kind !== 'file') return new Map()
  const text = decodeText(found.bytes, MOST_FILE_BYTES, report)
  const variables = text === null ? new Map<string, string>() : parseDotenv(text, new Map(), () => undefined, report)
  for (const name of ['COMPOSE_FILE', 'COMPOSE_PROFILES', 'COMPOSE_ENV_FILES']) {
    if (variables.has(name))
      report.warn('FIELD_IGNORED', null, `${name} is ignored: a stack is its compose.yaml and its .env`)
  }
  return variables
}

const STACK_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** As Compose finds it: COMPOSE_PROJECT_NAME in `.env`, then `name`, then the directory's name. */
function stackName(root: Node, sources: Sources, report: Report): string {
  const fromEnv = sources.variables.get('COMPOSE_PROJECT_NAME')
  const node = get(root, 'name')
  const declared =
    node === undefined ? '' : textOf(interpolateTree(node, (name) => sources.variables.get(name), report))
  const wanted = fromEnv ?? (declared === '' ? null : declared)
  const fallback = directoryName(sources)
  if (wanted === null && fallback !== '') return fallback
  if (wanted !== null && STACK_NAME.test(wanted)) return wanted
  const spot = keyOf(root, 'name') ?? root
  report.error(
    'NAME_INVALID',
    spot,
    `the stack's name ${quoted(wanted ?? '')} is not allowed; use lower-case letters, digits, - and _, beginning with a letter or digit`,
  )
  return fallback === '' ? sources.settings.fleet : fallback
}

/** The name of a stack whose file cannot be parsed. A wrong guess would make the running stack look removed, so the text is searched. */
function guessName(text: string, sources: Sources): string {
  const fromEnv = sources.variables.get('COMPOSE_PROJECT_NAME')
  const [, declared] = /^name:[ \t]*["']?([a-z0-9][a-z0-9_-]{0,62})["']?[ \t]*(?:#.*)?\r?$/m.exec(text) ?? []
  const fallback = directoryName(sources)
  return (
    (fromEnv !== undefined && STACK_NAME.test(fromEnv) ? fromEnv : declared) ??
    (fallback === '' ? sources.settings.fleet : fallback)
  )
}

/** The directory's name as Compose normalises it; the repository's root has none. */
function directoryName(sources: Sources): string {
  const last = sources.directory.slice(sources.directory.lastIndexOf('/') + 1)
  return last
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, 63)
}
