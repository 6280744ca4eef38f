import { extract } from 'tar-stream'
import { fail, ok } from '../model/index.js'
import type { FileSpec, Result } from '../model/index.js'
import { at, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'

/**
 * The targets at which a container has a copy of its own of the very file. Compose copies a config or secret that has its text in the Compose file or
 * in a variable, as Slipway does. What it mounts from a folder of the server may change or go with that folder, so its text of today says nothing.
 */
export async function copiedFiles(
  engine: Engine,
  container: unknown,
  files: readonly FileSpec[],
  signal: AbortSignal,
): Promise<Result<ReadonlySet<string>>> {
  const mounts = at(container, 'Mounts')
  const mounted = new Set(Array.isArray(mounts) ? mounts.map((mount) => textAt(mount, 'Destination')) : [])
  const copied = new Set<string>()
  for (const file of files) {
    if (mounted.has(file.target)) continue
    const there = await readArchive(engine, textAt(container, 'Id'), file.target, signal)
    if (!there.ok) return there
    if (there.value !== null && (await isFile(there.value, file))) copied.add(file.target)
  }
  return ok(copied)
}

/** What stands at a path of a container, as a tar archive; null where nothing does. */
async function readArchive(
  engine: Engine,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<Result<Buffer | null>> {
  const call = { method: 'GET', path: `/containers/${segment(id)}/archive`, query: { path }, lane: 'read' } as const
  const answer = await engine.call(call, signal)
  if (answer.ok) return ok(answer.value.body)
  if (answer.problem.kind === 'refused' && answer.problem.status === 404) return ok(null)
  return fail(
    toProblem(answer.problem, { server: engine.server, what: `read ${path} of the container ${id.slice(0, 12)}` }),
  )
}

/** One regular file, byte for byte, with owner and mode. What is no archive is not it. */
async function isFile(archive: Buffer, { contentBase64, mode, uid, gid }: FileSpec): Promise<boolean> {
  const entries = extract()
  entries.end(archive)
  const found: boolean[] = []
  try {
    for await (const entry of entries) {
      const { header } = entry
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk)
      const isOwned = header.uid === uid && header.gid === gid && ((header.mode ?? 0) & 0o7777) === mode
      found.push(header.type === 'file' && isOwned && Buffer.concat(chunks).toString('base64') === contentBase64)
    }
  } catch {
    return false
  }
  return found.length === 1 && found[0] === true
}
