import { posix } from 'node:path'
import { pack } from 'tar-stream'
import { fail, ok } from '../model/index.js'
import type { FileSpec, MountSpec, Problem, Result, ServiceSpec, ShippedFile } from '../model/index.js'

/** Files that go to one place of the container in one call. */
export interface FileDelivery {
  /** Where the archive is unpacked: `/`, or the volume the files lie in. */
  readonly root: string
  readonly files: readonly FileSpec[]
}

/**
 * Where the files of a service go. The engine refuses archives into a read-only root, but takes them into a volume; a file below a tmpfs
 * would be hidden by it at the start. Problem: CONFLICT.
 */
export function planFiles(spec: ServiceSpec, server: string): Result<readonly FileDelivery[]> {
  const byRoot = new Map<string, FileSpec[]>()
  for (const file of spec.files) {
    const mount = mountOver(spec.mounts, file.target)
    const why = conflictOf(spec, file, mount)
    if (why !== null) return fail(conflict(spec, server, why))
    const root = spec.readOnly && mount !== undefined ? mount.target : '/'
    byRoot.set(root, [...(byRoot.get(root) ?? []), file])
  }
  return ok([...byRoot].map(([root, files]) => ({ root, files })))
}

/** The archive: files only, as folders in it would change owner and mode of those that exist. The engine makes missing ones, 0755 of root. */
export async function packFiles(delivery: FileDelivery): Promise<Buffer> {
  const archive = pack()
  for (const file of delivery.files) {
    const name = posix.relative(delivery.root, posix.resolve('/', file.target))
    const { mode, uid, gid } = file
    // A fixed time: what a container is made of depends on its specification alone.
    archive.entry({ name, mode, uid, gid, mtime: new Date(0), type: 'file' }, Buffer.from(file.contentBase64, 'base64'))
  }
  return finished(archive)
}

/** The archive of a whole folder, owned by root. Folders are made by the engine, 0755. */
export async function packFolder(files: readonly ShippedFile[]): Promise<Buffer> {
  const archive = pack()
  for (const { path, mode, contentBase64 } of files)
    archive.entry({ name: path, mode, mtime: new Date(0), type: 'file' }, Buffer.from(contentBase64, 'base64'))
  return finished(archive)
}

/** What was packed, in one piece. */
export async function finished(archive: ReturnType<typeof pack>): Promise<Buffer> {
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The innermost mount that covers a path. */
function mountOver(mounts: readonly MountSpec[], path: string): MountSpec | undefined {
  const covering = mounts.filter((mount) => {
    const inside = posix.relative(posix.resolve('/', mount.target), posix.resolve('/', path))
    return inside !== '' && !inside.startsWith('..')
  })
  return covering.sort((a, b) => b.target.length - a.target.length)[0]
}

function conflictOf(spec: ServiceSpec, file: FileSpec, mount: MountSpec | undefined): string | null {
  const what = `the ${file.kind} ${file.name} at ${file.target}`
  if (mount?.kind === 'tmpfs') return `${what} would be hidden by the tmpfs at ${mount.target}; move one of them`
  if (mount?.readOnly === true) return `${what} lies in the read-only mount at ${mount.target}; move one of them`
  if (spec.readOnly && mount === undefined) {
    return `the engine cannot put ${what} into a container with read_only: mount a volume at ${posix.dirname(file.target)}, or drop read_only`
  }
  return null
}

function conflict(spec: ServiceSpec, server: string, message: string): Problem {
  return { code: 'CONFLICT', message, server, stack: spec.stack, service: spec.name }
}
