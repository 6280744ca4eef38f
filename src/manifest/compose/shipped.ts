import { compareText } from '../../model/index.js'
import type { FileSpec, MountSpec, ShippedFile } from '../../model/index.js'
import { resolvePath } from '../files.js'
import { readNamedFile } from '../named-file.js'
import type { Node } from '../node.js'
import { get, quoted } from '../node.js'
import type { StackContext } from './context.js'

type ShippedMount = Extract<MountSpec, { readonly kind: 'shipped' }>

/** More belongs into an image. */
const MOST_FILES = 1_000
const MOST_BYTES = 8 * 1024 * 1024

/** Whether a bind mount's source is a path in the repository. */
export function isRelative(source: string): boolean {
  return /^\.{1,2}(?:\/|$)/.test(source)
}

/** A folder or file of the repository in place of a bind mount; null when it is not there, which is reported, or still to be read. */
export function readShipped(
  source: string,
  target: string,
  readOnly: boolean,
  node: Node,
  context: StackContext,
): ShippedMount | FileSpec | null {
  const { report, reader, directory } = context
  const path = resolvePath(directory, source)
  if (path === null) {
    report.error(
      'PATH_ESCAPES',
      node,
      `${quoted(source)} leads out of the repository; name something inside, relative to this file`,
    )
    return null
  }
  const paths = reader.list(path)
  if (paths.length > 0) return readFolder(path, paths, { target, readOnly }, node, context)
  if (!reader.exists(path)) {
    report.error(
      'FILE_MISSING',
      node,
      `the repository has no ${quoted(path)}, and what is bound from it is shipped to the servers; add it, or use a named volume for what the service writes`,
    )
    return null
  }
  const file = readNamedFile(source, directory, node, reader, report)
  if (file === null) return null
  const content = shippedFile('', file.bytes)
  return {
    kind: 'bind',
    name: source,
    source: path,
    target,
    contentBase64: content.contentBase64,
    mode: content.mode,
    uid: 0,
    gid: 0,
  }
}

function readFolder(
  path: string,
  paths: readonly string[],
  rest: Pick<ShippedMount, 'target' | 'readOnly'>,
  node: Node,
  context: StackContext,
): ShippedMount | null {
  if (paths.length > MOST_FILES) return tooLarge(`${paths.length} files`, path, node, context)
  const files = paths.map((one): ShippedFile | null => {
    const found = readNamedFile(one, '', node, context.reader, context.report)
    return found === null ? null : shippedFile(path === '' ? one : one.slice(path.length + 1), found.bytes)
  })
  const read = files.filter((file) => file !== null)
  const bytes = bytesOf(read)
  if (bytes > MOST_BYTES) return tooLarge(`${bytes} bytes`, path, node, context)
  if (read.length < files.length) return null
  return { kind: 'shipped', source: path, ...rest, files: read.sort((a, b) => compareText(a.path, b.path)) }
}

/** Each folder may be small enough, and all of them too much to send for each replica. */
export function checkTotal(mounts: readonly MountSpec[], service: Node, { report }: StackContext): void {
  const bytes = mounts.reduce((sum, mount) => sum + (mount.kind === 'shipped' ? bytesOf(mount.files) : 0), 0)
  if (bytes <= MOST_BYTES) return
  const message = `the folders under "volumes" have ${bytes} bytes together; at most ${MOST_BYTES} can be shipped: put them into the image or a volume`
  report.error('FILE_TOO_LARGE', get(service, 'volumes') ?? service, message)
}

function bytesOf(files: readonly ShippedFile[]): number {
  return Math.ceil(files.reduce((sum, { contentBase64 }) => sum + contentBase64.length * 0.75, 0))
}

function tooLarge(size: string, path: string, node: Node, context: StackContext): null {
  context.report.error(
    'FILE_TOO_LARGE',
    node,
    `${quoted(path)} has ${size}; at most ${MOST_FILES} files and ${MOST_BYTES} bytes can be shipped: put it into the image or a volume`,
  )
  return null
}

/** What begins like a script can be run, whatever Git says of its mode: a folder that is no repository has none. */
function shippedFile(path: string, bytes: Uint8Array): ShippedFile {
  const isScript = bytes[0] === 0x23 && bytes[1] === 0x21
  return { path, contentBase64: Buffer.from(bytes).toString('base64'), mode: isScript ? 0o755 : 0o644 }
}
