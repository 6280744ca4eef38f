import { directoryOf, namedPath, readCompose } from './compose-source.js'
import type { ComposeSources } from './compose-source.js'
import { interpolateTree } from './interpolate.js'
import type { Lookup } from './interpolate.js'
import { mergeNodes, settle } from './merge.js'
import type { Entry, MapNode, Node } from './node.js'
import { get, quoted, repath, textOf, withEntry } from './node.js'
import { relocate } from './relocate.js'
import { didYouMean } from './text.js'

/** More is no inheritance that anybody can follow. */
const DEEPEST = 16

interface ExtendsContext extends ComposeSources {
  /** The project's directory: what relative paths are relative to in the end. */
  readonly directory: string
  readonly variables: Lookup
}

/** One file whose services may be extended. */
interface Scope {
  readonly file: string
  /** What its own relative paths are relative to. */
  readonly directory: string
  readonly root: Node
}

interface Link {
  readonly file: string
  readonly service: string
}

/**
 * Lays each service that `extends` another one over it. The other service may be in another file, and extend a third one itself. Null when
 * a file cannot be used. The key stays, for its shape to be checked.
 */
export function applyExtends(root: Node, file: string, context: ExtendsContext): Node | null {
  const services = get(root, 'services')
  if (root.kind !== 'map' || services?.kind !== 'map') return root
  if (![...services.entries.values()].some(({ value }) => get(value, 'extends') !== undefined)) return root
  const scope: Scope = { file, directory: context.directory, root }
  const done = new Map<string, Entry>()
  let isComplete = true
  for (const [name, { key, value }] of services.entries) {
    const extended = extend(name, value, scope, [], context)
    if (extended === null) isComplete = false
    else done.set(name, { key, value: extended })
  }
  if (!isComplete) return null
  return withEntry(root, 'services', { ...services, entries: done })
}

function extend(
  name: string,
  service: Node,
  scope: Scope,
  chain: readonly Link[],
  context: ExtendsContext,
): Node | null {
  const own = movedService(service, name, scope, context)
  const wish = get(service, 'extends')
  const reference = wish?.kind === 'map' ? get(wish, 'service') : wish
  // Another shape is told when shapes are checked.
  if (wish === undefined || reference?.kind !== 'scalar' || own.kind !== 'map') return own
  const link = { file: scope.file, service: name }
  const at = chain.findIndex((one) => one.file === link.file && one.service === link.service)
  if (at !== -1 || chain.length > DEEPEST) {
    reportChain([...chain.slice(Math.max(at, 0)), link], at !== -1, wish, context)
    return own
  }
  const base = baseOf(reference, get(wish, 'file'), scope, context)
  if (base === null) return null
  if (base === undefined) return own
  const [wanted, other] = [textOf(reference), base.scope]
  const inherited = extend(wanted, base.service, other, [...chain, link], context)
  if (inherited === null) return null
  return mergeNodes(withoutExtends(repath(settle(inherited), own.path)), own, 'services.*', context.report)
}

/** The service that is extended, in its file. Null when the file cannot be used, undefined when there is no such service. */
function baseOf(
  reference: Node,
  fileNode: Node | undefined,
  scope: Scope,
  context: ExtendsContext,
): { readonly service: Node; readonly scope: Scope } | null | undefined {
  const { report } = context
  const other = fileNode === undefined ? scope : openScope(fileNode, scope, context)
  if (other === null) return null
  const services = get(other.root, 'services')
  const name = textOf(reference)
  const service = services?.kind === 'map' ? services.entries.get(name)?.value : undefined
  if (service !== undefined) return { service, scope: other }
  const near = didYouMean(name, services?.kind === 'map' ? services.entries.keys() : [])
  report.error('REFERENCE_UNKNOWN', reference, `${quoted(other.file)} has no service ${quoted(name)} to extend${near}`)
  return undefined
}

function openScope(node: Node, scope: Scope, context: ExtendsContext): Scope | null {
  const path = namedPath(textOf(node), scope.directory, node, context.report)
  const raw = path === null ? null : readCompose({ path, spot: node }, context)
  if (path === null || raw === null) return null
  return { file: path, directory: directoryOf(path), root: interpolateTree(raw, context.variables, context.report) }
}

function movedService(service: Node, name: string, scope: Scope, context: ExtendsContext): Node {
  if (scope.directory === context.directory) return service
  const alone: MapNode = {
    kind: 'map',
    path: [],
    line: 1,
    column: 1,
    entries: new Map([[name, { key: service, value: service }]]),
  }
  const root: MapNode = { ...alone, entries: new Map([['services', { key: alone, value: alone }]]) }
  return get(get(relocate(root, scope.directory, context.directory), 'services'), name) ?? service
}

/** A service that has been laid over what it extends. */
export function withoutExtends(service: Node): Node {
  if (service.kind !== 'map') return service
  return { ...service, entries: new Map([...service.entries].filter(([key]) => key !== 'extends')) }
}

function reportChain(chain: readonly Link[], isCircle: boolean, spot: Node, { report }: ExtendsContext): void {
  const told = chain.map(({ file, service }) => `${service} (${file})`).join(' → ')
  if (isCircle)
    report.error('DEPENDENCY_CYCLE', spot, `services extend each other in a circle: ${told}; remove one of these`)
  else report.error('VALUE_OUT_OF_RANGE', spot, `more than ${DEEPEST} services extend one another: ${told}`)
}
