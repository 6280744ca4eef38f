import { extract } from 'tar-stream'
import { fail, ok } from '../model/index.js'
import type { ProxyCertificate, Result } from '../model/index.js'
import { CERTIFICATES_LIST, PROXY_PATHS, readList } from '../ingress/index.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { currentTable } from './proxy-files.js'

/** Of one file: some tens of names to each of some thousand certificates, and a chain with its key. */
const MOST_BYTES = { list: 1024 * 1024, pem: 64 * 1024 }
const MOST_FILES = 10_000

/** See `Balancer`. Nothing is written or run there: its files are read through the engine, as they are. */
export async function heldCertificates(
  engine: Engine,
  containerId: string,
  signal: AbortSignal,
): Promise<Result<readonly Pick<ProxyCertificate, 'hosts' | 'pem'>[]>> {
  const digest = await currentTable(engine, containerId, signal)
  if (!digest.ok || digest.value === null) return digest.ok ? ok([]) : digest
  const path = `/containers/${segment(containerId)}/archive`
  const query = { path: `${PROXY_PATHS.tables}/${digest.value}` }
  const call = { method: 'GET', path, query, lane: 'read', maxBytes: engine.limits.proxyBytes } as const
  const answer = await engine.call(call, signal)
  const what = 'read the certificates of the proxy'
  if (!answer.ok) {
    const isGone = answer.problem.kind === 'refused' && answer.problem.status === 404
    return isGone ? ok([]) : fail(toProblem(answer.problem, { server: engine.server, what }))
  }
  const files = await filesIn(answer.value.body)
  if (files !== null) return ok(readList(files))
  const message = `could not ${what} on server ${engine.server}: what came is no whole archive`
  return fail({ code: 'ENGINE_ANSWER', message, server: engine.server })
}

/** The list and what may be in it, by name; null: it is no whole archive. */
async function filesIn(archive: Buffer): Promise<ReadonlyMap<string, string> | null> {
  const entries = extract()
  entries.end(archive)
  const files = new Map<string, string>()
  try {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header
      const file = name.slice(name.indexOf('/') + 1)
      const isList = file === CERTIFICATES_LIST
      const isWanted = type === 'file' && (isList || file.endsWith('.pem')) && files.size < MOST_FILES
      const chunks: Buffer[] = []
      for await (const chunk of entry) if (isWanted && size <= MOST_BYTES[isList ? 'list' : 'pem']) chunks.push(chunk)
      if (isWanted) files.set(file, Buffer.concat(chunks).toString('latin1'))
    }
  } catch {
    return null
  }
  return files
}
