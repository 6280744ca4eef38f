import { compareText } from '../model/index.js'
import { withoutExtends } from './extends.js'
import { directoryOf, namedPath } from './compose-source.js'
import type { ComposeFile, ComposeSources } from './compose-source.js'
import { parseDotenv } from './dotenv.js'
import { readNamedFile } from './named-file.js'
import type { Entry, MapNode, Node } from './node.js'
import { entries, get, items, plainValue, textNode, textOf, withEntry } from './node.js'
import { relocate } from './relocate.js'
import type { Spot } from './report.js'
import { MOST_FILE_BYTES, decodeText } from './text.js'

/** Compose files that are loaded together, with what they are loaded with. */
export interface Project {
  readonly files: readonly ComposeFile[]
  /** Relative paths are relative to it. */
  readonly directory: string
  readonly variables: ReadonlyMap<string, string>
  /** The files that led here by including one another, the outermost first. */
  readonly includedBy: readonly string[]
}

export interface IncludeContext extends ComposeSources {
  /** Loads another project; null when one of its files cannot be used. */
  readonly load: (project: Project) => Node | null
}

const SECTIONS = ['services', 'networks', 'volumes', 'configs', 'secrets']
const DEEPEST = 8

/** Loads what a file includes, each as a project of its own, and takes over its resources. Null when a file cannot be used. */
export function applyIncludes(root: Node, file: string, project: Project, context: IncludeContext): Node | null {
  const wishes = get(root, 'include')
  if (root.kind !== 'map' || wishes?.kind !== 'list') return root
  let merged: MapNode = root
  let isComplete = true
  for (const wish of items(wishes)) {
    const other = readWish(wish, file, project, context)
    const loaded = other === null ? null : context.load(other)
    if (other === null || loaded === null) isComplete = false
    else
      merged = takeOver(
        merged,
        relocate(resolveBare(loaded, other.variables), other.directory, project.directory),
        context,
      )
  }
  return isComplete ? merged : null
}

/** One item of `include`: a path, or a mapping with `path`, `project_directory` and `env_file`. Null after a problem, or while it is unread. */
function readWish(wish: Node, file: string, project: Project, context: IncludeContext): Project | null {
  const { report } = context
  const nodes = wish.kind === 'map' ? textsOf(get(wish, 'path')) : [wish]
  const files = nodes.map((node) => ({ path: namedPath(textOf(node), project.directory, node, report), spot: node }))
  const known = files.flatMap(({ path, spot }) => (path === null ? [] : [{ path, spot }]))
  const [first] = known
  if (first === undefined || known.length < files.length) return null
  const includedBy = [...project.includedBy, file]
  if (isEndless(first, includedBy, context)) return null
  // Asked for together with the variables, to spare a round of reading for each file in a row.
  for (const { path } of known) context.reader.find(path)
  const named = get(wish, 'project_directory')
  const directory =
    named === undefined ? directoryOf(first.path) : namedPath(textOf(named), project.directory, named, report)
  const variables = directory === null ? null : readVariables(wish, directory, project, context)
  return directory === null || variables === null ? null : { files: known, directory, variables, includedBy }
}

function textsOf(node: Node | undefined): readonly Node[] {
  return node === undefined ? [] : node.kind === 'list' ? items(node) : [node]
}

function isEndless(
  { path, spot }: { path: string; spot: Spot },
  chain: readonly string[],
  { report }: IncludeContext,
): boolean {
  const told = [...chain, path].join(' → ')
  if (chain.includes(path))
    report.error('DEPENDENCY_CYCLE', spot, `files include each other in a circle: ${told}; remove one of these`)
  else if (chain.length > DEEPEST)
    report.error('VALUE_OUT_OF_RANGE', spot, `more than ${DEEPEST} files include one another: ${told}`)
  else return false
  return true
}

/** Its own `.env`, or the files that `env_file` names. The variables of the project that includes it win. */
function readVariables(
  wish: Node,
  directory: string,
  project: Project,
  context: IncludeContext,
): ReadonlyMap<string, string> | null {
  const { reader, report } = context
  const named = textsOf(get(wish, 'env_file')).filter((node) => textOf(node) !== '/dev/null')
  const isNamed = get(wish, 'env_file') !== undefined
  const own = directory === '' ? '.env' : `${directory}/.env`
  const files = isNamed
    ? named.map((node) => readNamedFile(textOf(node), project.directory, node, reader, report))
    : reader.exists(own)
      ? [readNamedFile(own, '', wish, reader, report)]
      : []
  let values: ReadonlyMap<string, string> = new Map()
  for (const found of files) {
    if (found === null) return null
    const text = decodeText(found.bytes, MOST_FILE_BYTES, report.in(found.path))
    if (text === null) return null
    values = parseDotenv(text, values, (name) => project.variables.get(name), report.in(found.path))
  }
  return new Map([...values, ...project.variables])
}

/**
 * `environment` that names a variable without a value gets it from the project that it stands in. What a service extends has been laid
 * under it there, and must not be once more by the file that includes it.
 */
function resolveBare(root: Node, variables: ReadonlyMap<string, string>): Node {
  return mapServices(root, (service) => {
    const own = withoutExtends(service)
    const environment = get(own, 'environment')
    if (own.kind !== 'map' || environment === undefined) return own
    return withEntry(own, 'environment', resolved(environment, variables))
  })
}

function resolved(environment: Node, variables: ReadonlyMap<string, string>): Node {
  if (environment.kind === 'list') {
    const lines = environment.items.map((item) => {
      const value = variables.get(textOf(item))
      return value === undefined ? item : textNode(item, `${textOf(item)}=${value}`)
    })
    return { ...environment, items: lines }
  }
  if (environment.kind === 'scalar') return environment
  const inner = [...environment.entries].map(([name, { key, value }]): [string, Entry] => {
    const given = value.kind === 'scalar' && value.value === null ? variables.get(name) : undefined
    return [name, { key, value: given === undefined ? value : textNode(value, given) }]
  })
  return { ...environment, entries: new Map(inner) }
}

function mapServices(root: Node, change: (service: Node) => Node): Node {
  const services = get(root, 'services')
  if (root.kind !== 'map' || services?.kind !== 'map') return root
  const changed = [...services.entries].map(([name, { key, value }]): [string, Entry] => [
    name,
    { key, value: change(value) },
  ])
  return withEntry(root, 'services', { ...services, entries: new Map(changed) })
}

function takeOver(root: MapNode, included: Node, context: IncludeContext): MapNode {
  let merged = root
  for (const section of SECTIONS) {
    const theirs = get(included, section)
    if (theirs?.kind !== 'map') continue
    const ours = get(merged, section)
    if (ours !== undefined && ours.kind !== 'map') continue
    merged = withEntry(merged, section, union(ours, theirs, section, context))
  }
  return merged
}

function union(ours: MapNode | undefined, theirs: MapNode, section: string, { report }: IncludeContext): MapNode {
  if (ours === undefined) return theirs
  const merged = new Map(ours.entries)
  for (const [name, entry] of entries(theirs)) {
    const twin = merged.get(name)
    if (twin === undefined) merged.set(name, entry)
    else if (JSON.stringify(sorted(plainValue(twin.value))) !== JSON.stringify(sorted(plainValue(entry.value)))) {
      const where = `${entry.key.file ?? ''}:${entry.key.line}`
      report.error(
        'CONFLICT',
        twin.key,
        `${where}, which is included, declares ${section}.${name} as well and differently; rename one of them, or change it in an override file`,
      )
    }
  }
  return { ...ours, entries: merged }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, inner]) => [key, sorted(inner)])
}
