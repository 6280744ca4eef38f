import { compareText } from '../../model/index.js'
import type { FileSpec, MountSpec } from '../../model/index.js'
import { cleanAbsolute } from '../files.js'
import { readNamedFile } from '../named-file.js'
import type { Entry, Node } from '../node.js'
import { entries, get, items, quoted, textOf } from '../node.js'
import { integerOf, readBoolean, readText, requireText } from '../read.js'
import { didYouMean } from '../text.js'
import type { FileSource, StackContext } from './context.js'
import { parseMode } from './mode.js'

type Kind = 'config' | 'secret'
const MODE_DEFAULT = 0o444
const IDS = { min: 0, max: 2 ** 32 - 2 }

/** What `configs:` or `secrets:` at the top of the file hold, by name. */
export function readFileSources(
  node: Node | undefined,
  context: Omit<StackContext, 'declared'>,
): ReadonlyMap<string, FileSource | null> {
  return new Map(entries(node).map(([name, entry]) => [name, readSource(entry, context)] as const))
}

function readSource({ key, value: node }: Entry, context: Omit<StackContext, 'declared'>): FileSource | null {
  const file = get(node, 'file')
  const content = get(node, 'content')
  const environment = get(node, 'environment')
  const [said, other] = [file, content, environment].filter((one) => one !== undefined)
  if (said !== undefined && other !== undefined) {
    context.report.error('CONFLICT', other, '`file`, `content` and `environment` exclude each other; keep one of them')
    return null
  }
  if (environment !== undefined) return readVariable(environment, context)
  if (content !== undefined)
    return { source: context.path, contentBase64: Buffer.from(textOf(content)).toString('base64') }
  if (file === undefined) {
    const isRefused = entries(node).some(([name]) => name === 'environment' || name === 'external')
    const isBroken = node.kind === 'scalar' && node.broken === true
    if (!isRefused && !isBroken)
      context.report.error('FIELD_MISSING', key, 'it has no content; name a file of the repository with `file:`')
    return null
  }
  const found = readNamedFile(textOf(file), context.directory, file, context.reader, context.report)
  return found === null ? null : { source: found.path, contentBase64: Buffer.from(found.bytes).toString('base64') }
}

/** A declared variable of the stack; the controller's own environment is none of its business. */
function readVariable(node: Node, context: Omit<StackContext, 'declared'>): FileSource | null {
  const value = context.variables(textOf(node))
  if (value !== undefined) return { source: textOf(node), contentBase64: Buffer.from(value).toString('base64') }
  context.report.error(
    'VARIABLE_REQUIRED',
    node,
    `the variable ${quoted(textOf(node))} is not declared; write it into the stack's .env`,
  )
  return null
}

/** Configs and secrets of a service and files that are bound into it, sorted by target. */
export function readFiles(
  service: Node,
  mounts: readonly MountSpec[],
  bound: readonly FileSpec[],
  context: StackContext,
): readonly FileSpec[] {
  const readOnly = readBoolean(service, 'read_only', context.report) ?? false
  const byTarget = new Map(bound.map((file) => [file.target, file]))
  const volumes = get(service, 'volumes') ?? service
  for (const file of bound) reportUnreachable(file, volumes, mounts, readOnly, context)
  for (const kind of ['config', 'secret'] as const) {
    for (const node of items(get(service, `${kind}s`))) {
      const file = readFile(kind, node, context)
      if (file === null) continue
      if (byTarget.has(file.target))
        context.report.error('CONFLICT', node, `two files are put at ${quoted(file.target)}; give one another target`)
      byTarget.set(file.target, file)
      reportUnreachable(file, node, mounts, readOnly, context)
    }
  }
  return [...byTarget.values()].sort((a, b) => compareText(a.target, b.target))
}

function readFile(kind: Kind, node: Node, context: StackContext): FileSpec | null {
  const { report } = context
  const name = node.kind === 'scalar' ? textOf(node) : requireText(node, 'source', report)
  if (name === null) return null
  const declared = kind === 'config' ? context.declared.configs : context.declared.secrets
  const source = declared.get(name)
  if (source === undefined) {
    const hint = didYouMean(name, declared.keys()) || `; add it under \`${kind}s:\` at the top of the file`
    report.error('REFERENCE_UNKNOWN', node, `the ${kind} ${quoted(name)} is not declared${hint}`)
  }
  const mode = get(node, 'mode')
  const [uid, gid] = [get(node, 'uid'), get(node, 'gid')]
  const target = readTarget(kind, name, node, context)
  const owner = {
    mode: mode === undefined ? MODE_DEFAULT : (parseMode(mode, report) ?? MODE_DEFAULT),
    uid: uid === undefined ? 0 : (integerOf(uid, IDS, report) ?? 0),
    gid: gid === undefined ? 0 : (integerOf(gid, IDS, report) ?? 0),
  }
  return source === undefined || source === null || target === null ? null : { kind, name, ...source, target, ...owner }
}

function readTarget(kind: Kind, name: string, node: Node, context: StackContext): string | null {
  const given = readText(node, 'target') ?? name
  const target = cleanAbsolute(given.startsWith('/') ? given : `${kind === 'secret' ? '/run/secrets' : ''}/${given}`)
  if (target !== null && target !== '/') return target
  context.report.error(
    'FIELD_INVALID',
    node,
    `${quoted(given)} is no place for a file; write a path such as /etc/app.conf`,
  )
  return null
}

/**
 * Files are put into the created container: not into a read-only root or mount, which the engine refuses, nor under a tmpfs, which would
 * hide them. Told here, because at the run it would be too late.
 */
function reportUnreachable(
  file: FileSpec,
  node: Node,
  mounts: readonly MountSpec[],
  readOnly: boolean,
  context: StackContext,
): void {
  const covering = mounts.filter((mount) => `${file.target}/`.startsWith(`${mount.target}/`))
  const mount = covering.sort((a, b) => b.target.length - a.target.length)[0]
  const conflict = (why: string): void => context.report.error('CONFLICT', node, why)
  if (mount?.target === file.target)
    conflict(`something is mounted at ${quoted(file.target)} already; give one of them another target`)
  else if (mount?.kind === 'tmpfs')
    conflict(`the tmpfs at ${quoted(mount.target)} would hide ${quoted(file.target)}; give one of them another target`)
  else if (mount?.readOnly === true)
    conflict(
      `${quoted(file.target)} lies in the read-only mount at ${quoted(mount.target)}; give one of them another target`,
    )
  else if (mount === undefined && readOnly)
    conflict(
      `${quoted(file.target)} cannot be put into a container with read_only; mount a volume around it, or drop read_only`,
    )
}
