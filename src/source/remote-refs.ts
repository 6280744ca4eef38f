import { listServerRefs } from 'isomorphic-git'
import type { GitHttpRequest, GitHttpResponse, ServerRef } from 'isomorphic-git'
import type { FollowedRef } from './address.js'
import { GitFailure, codeOf, foreignText, stalled } from './failure.js'
import { checkWhole } from './pkt-line.js'
import type { Transport } from './transport.js'

export interface Remote {
  readonly transport: Transport
  readonly url: string
  readonly host: string
  readonly maxListingBytes: number
}

export interface ListedRef {
  readonly ref: string
  readonly oid: string
}

/** The object that the ref names on the server, by one cheap listing. Problems: GIT_REF_MISSING, GIT_EMPTY and those of the way. */
export async function remoteTip(remote: Remote, ref: FollowedRef, signal: AbortSignal): Promise<string> {
  const find = (refs: readonly ListedRef[]): ListedRef | undefined => refs.find((seen) => seen.ref === ref.full)
  const named = find(await list(remote, ref.full, signal))
  if (named !== undefined) return checkOid(named.oid, remote.host)
  const all = await list(remote, 'refs/', signal)
  // It may have been pushed between the two questions.
  const late = find(all)
  if (late !== undefined) return checkOid(late.oid, remote.host)
  throw missingRef(remote.host, ref, all)
}

/** Every ref whose full name begins with `prefix`. */
export function remoteRefs(remote: Remote, prefix: string, signal: AbortSignal): Promise<readonly ListedRef[]> {
  return list(remote, prefix, signal)
}

/** What is there instead, so that a typo or a renamed default branch is seen at once. */
export function missingRef(where: string, ref: FollowedRef, refs: readonly { readonly ref: string }[]): GitFailure {
  if (refs.length === 0) return empty(where)
  const prefix = ref.full.slice(0, -ref.short.length)
  const others = refs.filter((seen) => seen.ref.startsWith(prefix)).map((seen) => seen.ref.slice(prefix.length))
  const shown = others.slice(0, 5).map(foreignText).join(', ')
  const remedy = others.length === 0 ? `push it` : `push it, or follow one that is there: ${shown}`
  return stalled('GIT_REF_MISSING', `${where} has no ${ref.noun} ${ref.short}`, remedy)
}

function empty(where: string): GitFailure {
  return stalled('GIT_EMPTY', `the repository at ${where} has no commits`, 'push one')
}

export function checkOid(oid: string, where: string): string {
  if (/^[0-9a-f]{40}$/.test(oid)) return oid
  if (/^[0-9a-f]{64}$/.test(oid))
    throw stalled(
      'GIT_URL_REFUSED',
      `the repository at ${where} uses SHA-256 object names`,
      'follow one that uses SHA-1',
    )
  throw new GitFailure('GIT_CORRUPT', `${where} lists a ref that names no object; the last good revision stays`)
}

async function list(remote: Remote, prefix: string, signal: AbortSignal): Promise<readonly ListedRef[]> {
  const http = { request: (call: GitHttpRequest) => answer(remote, call, signal) }
  try {
    const refs: readonly Partial<ServerRef>[] = await listServerRefs({
      http,
      url: remote.url,
      prefix,
      protocolVersion: 2,
    })
    return refs.map((seen) => checkListed(seen, remote.host))
  } catch (error) {
    if (error instanceof GitFailure) throw error
    throw new GitFailure('GIT_CORRUPT', `${remote.host} lists its refs in a way that makes no sense (${codeOf(error)})`)
  }
}

/** The library takes any line for a ref. */
function checkListed({ ref, oid }: Partial<ServerRef>, host: string): ListedRef {
  if (typeof ref === 'string' && typeof oid === 'string' && /^[0-9a-f]{40,64}$/.test(oid)) return { ref, oid }
  throw new GitFailure('GIT_CORRUPT', `${host} lists refs that are none; the last good revision stays`)
}

/** The `http` plug-in of isomorphic-git: reads the whole answer and checks it before the library sees any of it. */
async function answer(remote: Remote, call: GitHttpRequest, signal: AbortSignal): Promise<GitHttpResponse> {
  const method = call.method === 'POST' ? 'POST' : 'GET'
  const path = call.url.slice(remote.url.length)
  const body = call.body === undefined ? undefined : await collect(call.body)
  const headers = call.headers ?? {}
  const sent = {
    method,
    path,
    headers,
    maxBytes: remote.maxListingBytes,
    ...(body === undefined ? {} : { body }),
  } as const
  const { contentType, body: received } = await remote.transport.send(sent, signal)
  checkContentType(contentType, method === 'GET' ? 'advertisement' : 'result', remote.host)
  const whole = await collect(received)
  const lines = await checkWhole(whole, remote.host)
  // An old server says of an empty repository nothing but its own name, which the library takes for the newer protocol.
  if (method === 'GET' && lines === 1) throw empty(remote.host)
  const replay = chunksOf([whole])
  return {
    url: call.url,
    method,
    statusCode: 200,
    statusMessage: 'OK',
    headers: { 'content-type': contentType },
    body: replay,
  }
}

export function checkContentType(contentType: string, kind: 'advertisement' | 'result', host: string): void {
  if (contentType === `application/x-git-upload-pack-${kind}`) return
  const shown = contentType === '' ? 'an untyped page' : foreignText(contentType)
  throw new GitFailure(
    'GIT_CORRUPT',
    `${host} answers with ${shown}, not in Git's protocol; check the repository address, and the proxy or sign-in page before it`,
  )
}

async function collect(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield* chunks
}
