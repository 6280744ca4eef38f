import { compareText } from '../../model/index.js'
import type { FileSpec, MountSpec } from '../../model/index.js'
import { cleanAbsolute, resolvePath } from '../files.js'
import type { Node } from '../node.js'
import { describe, get, items, keyOf, quoted, textOf } from '../node.js'
import { parseBytes } from '../quantities.js'
import { readBoolean, readBytes, readText, requireText } from '../read.js'
import { didYouMean } from '../text.js'
import type { StackContext } from './context.js'
import { checkReference } from './image.js'
import { parseMode } from './mode.js'
import { checkTotal, isRelative, readShipped } from './shipped.js'
import { volumeName } from './volumes.js'

const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']

/** A mount, or a single file that is put into the container in its place. */
type Placed = MountSpec | FileSpec

/** What `volumes`, `tmpfs` and `volumes_from` of a service bring, each sorted by target. */
export function readMounts(
  service: Node,
  context: StackContext,
): { readonly mounts: readonly MountSpec[]; readonly files: readonly FileSpec[] } {
  const found = ownMounts(service, context)
  const byTarget = new Map<string, Placed>()
  for (const { node, mount } of found) {
    if (mount === null) continue
    if (byTarget.has(mount.target))
      context.report.error(
        'CONFLICT',
        node,
        `something is mounted at ${quoted(mount.target)} already; keep one of them`,
      )
    byTarget.set(mount.target, mount)
  }
  for (const mount of borrowedMounts(service, context))
    if (!byTarget.has(mount.target)) byTarget.set(mount.target, mount)
  const placed = [...byTarget.values()].sort((a, b) => compareText(a.target, b.target))
  const mounts = placed.filter((one): one is MountSpec => !isFile(one))
  checkTotal(mounts, service, context)
  return { mounts, files: placed.filter(isFile) }
}

function isFile(placed: Placed): placed is FileSpec {
  return 'contentBase64' in placed
}

function ownMounts(
  service: Node,
  context: StackContext,
): readonly { readonly node: Node; readonly mount: Placed | null }[] {
  const tmpfs = get(service, 'tmpfs')
  const tmpfsItems = tmpfs?.kind === 'scalar' ? [tmpfs] : items(tmpfs)
  const socket =
    readBoolean(service, 'use_api_socket', context.report) === true ? get(service, 'use_api_socket') : undefined
  return [
    ...items(get(service, 'volumes')).map((node) => ({ node, mount: readMount(node, context) })),
    ...tmpfsItems.map((node) => ({ node, mount: shortTmpfs(node, context) })),
    ...(socket === undefined ? [] : [{ node: socket, mount: API_SOCKET }]),
  ]
}

const API_SOCKET: MountSpec = {
  kind: 'bind',
  source: '/var/run/docker.sock',
  target: '/var/run/docker.sock',
  readOnly: false,
  createHostPath: false,
  propagation: null,
}

/** `volumes_from: [service:ro]`: the mounts of that service, whose volumes live on the same server. Own ones at the same place win. */
function borrowedMounts(service: Node, context: StackContext): readonly Placed[] {
  return items(get(service, 'volumes_from')).flatMap((node) => {
    const [name = '', access] = textOf(node).split(':')
    const other = context.declared.services.get(name)
    if (name === 'container') return []
    if (other === undefined || other === service) {
      const near = didYouMean(name, context.declared.services.keys())
      context.report.error('REFERENCE_UNKNOWN', node, `the service ${quoted(name)} is not declared${near}`)
      return []
    }
    const shared = ownMounts(other, context).flatMap(({ mount }) =>
      mount === null || mount.kind === 'tmpfs' ? [] : [mount],
    )
    if (shared.some((mount) => mount.kind === 'anonymous'))
      context.report.error(
        'FIELD_UNSUPPORTED',
        node,
        `a volume of ${quoted(name)} has no name, so it cannot be shared; name it under \`volumes:\``,
      )
    return access === 'ro' ? shared.map((mount) => (isFile(mount) ? mount : { ...mount, readOnly: true })) : shared
  })
}

function readMount(node: Node, context: StackContext): Placed | null {
  return node.kind === 'map' ? longMount(node, context) : shortMount(node, context)
}

/** `[source:]target[:options]`. */
function shortMount(node: Node, context: StackContext): Placed | null {
  const parts = textOf(node).split(':')
  if (parts.length > 3 || parts.some((part) => part === '')) {
    context.report.error(
      'FIELD_INVALID',
      node,
      `found ${describe(node)}, expected "name:/path", "/host/path:/path" or "name:/path:ro"`,
    )
    return null
  }
  const [first = '', second, options = ''] = parts
  const target = targetPath(second ?? first, node, context)
  if (target === null) return null
  if (second === undefined) return { kind: 'anonymous', target, readOnly: false }
  const flags = readFlags(options, node, context)
  if (/^[./~]/.test(first)) {
    if (isRelative(first)) return readShipped(first, target, flags.includes('ro'), node, context)
    const source = bindSource(first, node, context)
    if (source === null) return null
    const propagation = flags.find((flag) => PROPAGATIONS.includes(flag)) ?? null
    const bind = { kind: 'bind', source, target, readOnly: flags.includes('ro'), createHostPath: true } as const
    return { ...bind, propagation, ...selinuxOf(flags.find((flag) => flag === 'z' || flag === 'Z')) }
  }
  const source = volumeSource(first, node, context)
  if (source === null) return null
  return { kind: 'volume', source, target, readOnly: flags.includes('ro'), noCopy: flags.includes('nocopy') }
}

function readFlags(options: string, node: Node, context: StackContext): readonly string[] {
  const known = ['ro', 'rw', 'nocopy', 'z', 'Z', 'cached', 'delegated', 'consistent', ...PROPAGATIONS]
  const flags = options === '' ? [] : options.split(',')
  for (const flag of flags) {
    if (!known.includes(flag))
      context.report.error(
        'FIELD_INVALID',
        node,
        `the mount option ${quoted(flag)} is not known${didYouMean(flag, known)}`,
      )
  }
  return flags
}

function longMount(node: Node, context: StackContext): Placed | null {
  const type = requireText(node, 'type', context.report)
  const rawTarget = requireText(node, 'target', context.report)
  const target = rawTarget === null ? null : targetPath(rawTarget, get(node, 'target') ?? node, context)
  const readOnly = readBoolean(node, 'read_only', context.report) ?? false
  const source = readText(node, 'source')
  if (type === null || target === null) return null
  switch (type) {
    case 'volume':
      return longVolume(node, source, target, readOnly, context)
    case 'image':
      return longImage(node, target, readOnly, context)
    case 'bind':
      return longBind(node, source, target, readOnly, context)
    case 'tmpfs': {
      const options = get(node, 'tmpfs')
      const mode = get(options, 'mode')
      return {
        kind: 'tmpfs',
        target,
        readOnly,
        sizeBytes: readBytes(options, 'size', context.report),
        mode: mode === undefined ? null : parseMode(mode, context.report),
      }
    }
    default:
      context.report.error(
        'FIELD_UNSUPPORTED',
        get(node, 'type') ?? node,
        `the mount type ${quoted(type)} is not supported; use volume, bind, tmpfs or image`,
      )
      return null
  }
}

function longVolume(
  node: Node,
  source: string | null,
  target: string,
  readOnly: boolean,
  context: StackContext,
): Placed | null {
  if (source === null) return { kind: 'anonymous', target, readOnly }
  const name = volumeSource(source, get(node, 'source') ?? node, context)
  if (name === null) return null
  const options = get(node, 'volume')
  const noCopy = readBoolean(options, 'nocopy', context.report) ?? false
  return { kind: 'volume', source: name, target, readOnly, noCopy, ...readSubpath(get(options, 'subpath'), context) }
}

/** The pull of the service's own image pins it for all servers; nothing pins a second one but what is written. */
function longImage(node: Node, target: string, readOnly: boolean, context: StackContext): Placed | null {
  const source = readText(node, 'source')
  const spot = get(node, 'source') ?? node
  if (source === null)
    context.report.error(
      'FIELD_MISSING',
      keyOf(node, 'source') ?? node,
      'name the image whose files are mounted in `source:`',
    )
  if (source === null || !checkReference(source, spot, context.report)) return null
  if (!source.includes('@sha256:'))
    context.report.warn(
      'FIELD_IGNORED',
      spot,
      `${quoted(source)} has no digest, so servers that pull it at different times may mount different files; write ${source}@sha256:…`,
    )
  return { kind: 'image', source, target, readOnly, ...readSubpath(get(get(node, 'image'), 'subpath'), context) }
}

function readSubpath(node: Node | undefined, context: StackContext): { readonly subpath?: string } {
  if (node === undefined) return {}
  const subpath = resolvePath('', textOf(node))
  if (subpath !== null && subpath !== '') return { subpath }
  context.report.error(
    'FIELD_INVALID',
    node,
    `${quoted(textOf(node))} is no folder in it; write a path such as conf/site`,
  )
  return {}
}

function longBind(
  node: Node,
  source: string | null,
  target: string,
  readOnly: boolean,
  context: StackContext,
): Placed | null {
  if (source === null) {
    context.report.error('FIELD_MISSING', node, 'a bind mount needs a source: an absolute path on the server')
    return null
  }
  if (isRelative(source)) return readShipped(source, target, readOnly, get(node, 'source') ?? node, context)
  const path = bindSource(source, get(node, 'source') ?? node, context)
  const options = get(node, 'bind')
  const createHostPath = readBoolean(options, 'create_host_path', context.report) ?? true
  const recursive = readText(options, 'recursive')
  if (path === null) return null
  return {
    kind: 'bind',
    source: path,
    target,
    readOnly,
    createHostPath,
    propagation: readText(options, 'propagation'),
    ...selinuxOf(readText(options, 'selinux')),
    ...(recursive === 'disabled' || recursive === 'writable' || recursive === 'readonly' ? { recursive } : {}),
  }
}

/** Z wins over z, as it does for Docker when both are written. */
function selinuxOf(flag: string | null | undefined): { readonly selinux?: 'z' | 'Z' } {
  return flag === 'z' || flag === 'Z' ? { selinux: flag } : {}
}

/** `path[:options]`, where the options are those of `mount -t tmpfs`. */
function shortTmpfs(node: Node, context: StackContext): MountSpec | null {
  const [path = '', given = ''] = textOf(node).split(/:(.*)/s)
  const target = targetPath(path, node, context)
  const all = given === '' ? [] : given.split(',')
  const valueOf = (name: string): string | undefined =>
    all.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1)
  const size = valueOf('size')
  const mode = valueOf('mode')
  const sizeBytes = size === undefined ? null : parseBytes(size)
  const options = all.filter((option) => !/^(size=|mode=|ro$|rw$)/.test(option))
  const wrong = options.find((option) => !TMPFS_OPTION.test(option))
  if (wrong !== undefined)
    context.report.error(
      'FIELD_INVALID',
      node,
      `the tmpfs option ${quoted(wrong)} is not known; use size=64m, mode=1777, uid=33, noexec, ro and the like`,
    )
  if (size !== undefined && sizeBytes === null)
    context.report.error('FIELD_INVALID', node, `found ${quoted(size)}, expected a size such as 64m`)
  if (mode !== undefined && !/^[0-7]{3,4}$/.test(mode))
    context.report.error('FIELD_INVALID', node, `found ${quoted(mode)}, expected an octal mode such as 1777`)
  if (target === null) return null
  return {
    kind: 'tmpfs',
    target,
    readOnly: all.includes('ro'),
    sizeBytes,
    mode: mode === undefined ? null : Number.parseInt(mode, 8),
    ...(options.length > 0 ? { options } : {}),
  }
}

const TMPFS_OPTION =
  /^(?:(?:uid|gid|nr_blocks|nr_inodes)=[0-9]+[kmg]?|(?:no)?(?:exec|suid|dev|atime|diratime)|sync|async|relatime|strictatime)$/

function targetPath(path: string, node: Node, context: StackContext): string | null {
  const clean = cleanAbsolute(path)
  if (clean !== null && clean !== '/') return clean
  context.report.error(
    'FIELD_INVALID',
    node,
    `${quoted(path)} is no place to mount at; write an absolute path in the container such as /data`,
  )
  return null
}

function bindSource(source: string, node: Node, context: StackContext): string | null {
  const clean = cleanAbsolute(source)
  if (clean !== null) return clean
  context.report.error(
    'FIELD_UNSUPPORTED',
    node,
    `${quoted(source)} is no absolute path on the server, nor one of the repository, which begins with ./`,
  )
  return null
}

function volumeSource(source: string, node: Node, context: StackContext): string | null {
  const declared = context.declared.volumes
  const volume = declared.get(source)
  if (volume !== undefined) return volumeName(source, volume, context.stack)
  const hint = source.includes('/')
    ? '; a path on the server begins with /'
    : didYouMean(source, declared.keys()) || `; add it under \`volumes:\` at the top of the file`
  context.report.error('REFERENCE_UNKNOWN', node, `the volume ${quoted(source)} is not declared${hint}`)
  return null
}
