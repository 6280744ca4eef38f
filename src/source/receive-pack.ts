import { GitFailure, foreignText, stalled } from './failure.js'
import type { GitObject } from './git-object.js'
import { writePack } from './pack-write.js'
import { FLUSH, packet, readPackets, refuseError, serverSays } from './pkt-line.js'
import type { Remote } from './remote-refs.js'

export interface PushRequest {
  /** Full name of the ref to move. */
  readonly ref: string
  /** What it must name now; null: it must not exist. */
  readonly expected: string | null
  readonly sha: string
  /** All that the server does not have. */
  readonly objects: readonly GitObject[]
}

const ZERO = '0'.repeat(40)

/**
 * Moves one ref forward. The server compares what it names with what is expected in the same step, so nothing newer is ever lost; no option of ours
 * could force it. Problems: PUSH_REFUSED, and those of the way.
 */
export async function pushObjects(remote: Remote, request: PushRequest, signal: AbortSignal): Promise<void> {
  const named = await refNow(remote, request.ref, signal)
  if (named === request.sha) return
  if (named !== null && request.expected === null) throw taken(remote.host, request.ref)
  if (named !== request.expected) throw moved(remote.host, request.ref)
  const answer = await remote.transport.send(
    {
      method: 'POST',
      path: '/git-receive-pack',
      headers: {
        'content-type': 'application/x-git-receive-pack-request',
        accept: 'application/x-git-receive-pack-result',
      },
      body: question(request),
      maxBytes: remote.maxListingBytes,
    },
    signal,
  )
  if (answer.contentType !== 'application/x-git-receive-pack-result') throw strange(remote.host)
  await readReport(answer.body, remote.host, request.ref)
}

async function refNow(remote: Remote, ref: string, signal: AbortSignal): Promise<string | null> {
  const path = '/info/refs?service=git-receive-pack'
  const answer = await remote.transport.send(
    { method: 'GET', path, headers: {}, maxBytes: remote.maxListingBytes },
    signal,
  )
  if (answer.contentType !== 'application/x-git-receive-pack-advertisement') throw strange(remote.host)
  let found: string | null = null
  for await (const next of readPackets(answer.body, remote.host)) {
    if (typeof next === 'string') continue
    refuseError(next, remote.host)
    const [oid = '', name = ''] = (Buffer.from(next).toString('utf8').split('\0', 1)[0] ?? '').trim().split(' ')
    if (name === ref && /^[0-9a-f]{40}$/.test(oid)) found = oid
  }
  return found
}

function question({ ref, expected, sha, objects }: PushRequest): Buffer {
  const command = `${expected ?? ZERO} ${sha} ${ref}\0 report-status agent=git/slipway`
  return Buffer.concat([packet(command), Buffer.from(FLUSH), writePack(objects)])
}

async function readReport(body: AsyncIterable<Uint8Array>, host: string, ref: string): Promise<void> {
  let isDone = false
  for await (const next of readPackets(body, host)) {
    if (typeof next === 'string') continue
    refuseError(next, host)
    const line = Buffer.from(next).toString('utf8').trim()
    if (line.startsWith('unpack ') && line !== 'unpack ok') throw serverSays(line, host)
    if (line.startsWith('ng ')) throw refused(host, ref, line.slice(`ng ${ref} `.length))
    isDone ||= line === `ok ${ref}`
  }
  // What was sent and not confirmed may have arrived: who asks again finds it there.
  if (!isDone) throw new GitFailure('GIT_UNREACHABLE', `${host} did not say whether it took the commit`)
}

/** Hooks, protected branches and a ref that moved meanwhile all look like this. */
function refused(host: string, ref: string, reason: string): GitFailure {
  if (/fetch first|non-fast-forward|failed to update ref|cannot lock ref|stale info/i.test(reason))
    return moved(host, ref)
  return stalled(
    'PUSH_REFUSED',
    `${host} refuses ${ref}: ${foreignText(reason)}`,
    'let the token push there, or revert by hand',
  )
}

function taken(host: string, ref: string): GitFailure {
  return stalled('PUSH_REFUSED', `on ${host} ${ref} is there already`, 'merge it, or delete it first')
}

function moved(host: string, ref: string): GitFailure {
  return stalled('PUSH_REFUSED', `${ref} on ${host} has moved meanwhile`, 'look at what is there now')
}

function strange(host: string): GitFailure {
  return stalled('PUSH_REFUSED', `${host} does not take commits there`, 'check that the token may push')
}
