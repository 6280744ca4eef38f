import { GitFailure, foreignText } from './failure.js'

/** One packet of Git's wire format, or one of its marks. */
export type Packet = Uint8Array | 'flush' | 'mark'

/** Cuts a stream into packets. A stream that ends inside a packet, or is no packet stream at all, is GIT_CORRUPT. */
export async function* readPackets(body: AsyncIterable<Uint8Array>, host: string): AsyncGenerator<Packet> {
  let pending: Buffer = Buffer.alloc(0)
  for await (const chunk of body) {
    pending = pending.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk])
    for (let next = cut(pending, host); next !== null; next = cut(pending, host)) {
      pending = next.rest
      yield next.packet
    }
  }
  if (pending.byteLength > 0) throw truncated(host)
}

export function truncated(host: string): GitFailure {
  return new GitFailure('GIT_CORRUPT', `the answer of ${host} ends in the middle; the last good revision stays`)
}

/** Asserts that an answer is whole: isomorphic-git takes a list of refs that was cut off for a shorter list. Returns its lines. */
export async function checkWhole(body: Uint8Array, host: string): Promise<number> {
  let last: Packet | null = null
  let lines = 0
  for await (const packet of readPackets(once(body), host)) {
    last = packet
    if (typeof packet === 'string') continue
    refuseError(packet, host)
    lines += 1
  }
  if (last !== 'flush') throw truncated(host)
  return lines
}

/** A server says no inside a 200: `ERR access denied`. */
export function refuseError(packet: Uint8Array, host: string): void {
  if (packet.byteLength < 4 || Buffer.from(packet.subarray(0, 4)).toString('latin1') !== 'ERR ') return
  throw serverSays(Buffer.from(packet.subarray(4)).toString('utf8'), host)
}

/** The server's own words about what is wrong, filed under the code that they mean. */
export function serverSays(words: string, host: string): GitFailure {
  const shown = `${host} says: ${foreignText(words)}`
  if (/not found|does not exist|no such|not appear to be a git repository/i.test(words))
    return new GitFailure('GIT_NOT_FOUND', shown)
  if (/denied|auth|permission|forbidden|not exported/i.test(words)) return new GitFailure('GIT_AUTH', shown)
  return new GitFailure('GIT_UNREACHABLE', `${shown}; the last good revision stays`)
}

export function packet(text: string): Buffer {
  return packetOf(Buffer.from(text))
}

export function packetOf(content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from((content.byteLength + 4).toString(16).padStart(4, '0')), content])
}

export const FLUSH = '0000'

function cut(pending: Buffer, host: string): { readonly packet: Packet; readonly rest: Buffer } | null {
  if (pending.byteLength < 4) return null
  const digits = pending.toString('latin1', 0, 4)
  if (!/^[0-9a-f]{4}$/i.test(digits))
    throw new GitFailure('GIT_CORRUPT', `${host} does not answer in Git's protocol; check the repository address`)
  const length = parseInt(digits, 16)
  if (length < 4) return { packet: length === 0 ? 'flush' : 'mark', rest: pending.subarray(4) }
  if (pending.byteLength < length) return null
  return { packet: pending.subarray(4, length), rest: pending.subarray(length) }
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield body
}
