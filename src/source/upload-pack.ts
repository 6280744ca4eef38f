import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { diskFailure } from './failure.js'
import { FLUSH, packet, readPackets, refuseError, serverSays, truncated } from './pkt-line.js'
import { checkContentType } from './remote-refs.js'
import type { Remote } from './remote-refs.js'

export interface PackRequest {
  readonly want: string
  /** Commits whose whole history is already here. */
  readonly haves: readonly string[]
  readonly file: string
  readonly maxPackBytes: number
}

/**
 * Asks for one object and all it needs, and writes the pack that comes to `file`. Our own instead of the library's `fetch`, which
 * moves refs before it has the pack, holds the pack in memory without a bound and skips objects that it cannot read.
 */
export async function downloadPack(remote: Remote, request: PackRequest, signal: AbortSignal): Promise<void> {
  const answer = await remote.transport.send(
    {
      method: 'POST',
      path: '/git-upload-pack',
      headers: {
        'content-type': 'application/x-git-upload-pack-request',
        accept: 'application/x-git-upload-pack-result',
      },
      body: question(request),
      // Sideband adds five bytes to each 64 KiB.
      maxBytes: Math.ceil(request.maxPackBytes * 1.01) + 65_536,
    },
    signal,
  )
  checkContentType(answer.contentType, 'result', remote.host)
  const file = await open(request.file, 'wx', 0o600)
  try {
    await receive(answer.body, file, request.file, remote.host)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Protocol version 0, stateless: one request, understood by every server, whatever it advertised. */
function question({ want, haves }: PackRequest): Buffer {
  const capabilities = 'multi_ack_detailed side-band-64k ofs-delta agent=git/slipway'
  return Buffer.concat([
    packet(`want ${want} ${capabilities}\n`),
    Buffer.from(FLUSH),
    ...haves.map((oid) => packet(`have ${oid}\n`)),
    packet('done\n'),
  ])
}

async function receive(body: AsyncIterable<Uint8Array>, file: FileHandle, path: string, host: string): Promise<void> {
  let complete = false
  for await (const next of readPackets(body, host)) {
    complete = next === 'flush'
    if (typeof next === 'string') continue
    refuseError(next, host)
    const band = next[0]
    if (band === 3) throw serverSays(Buffer.from(next.subarray(1)).toString('utf8'), host)
    if (band === 1) await append(file, next.subarray(1), path)
    // Band 2 is progress for people; anything else is an ACK, NAK or shallow line, of which nothing depends.
  }
  if (!complete) throw truncated(host)
}

async function append(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    await file.writeFile(bytes)
  } catch (error) {
    throw diskFailure(error, path)
  }
}
