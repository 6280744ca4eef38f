import { GitFailure, stalled } from './failure.js'

/** One request of Git's smart protocol, in the words of its HTTP form; other ways translate it. */
export interface Call {
  readonly method: 'GET' | 'POST'
  /** Appended to the repository's address: `/info/refs?service=git-upload-pack`, `/git-receive-pack`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly maxBytes: number
}

export interface Answer {
  readonly contentType: string
  /** Ends with an error when the connection breaks, falls silent or sends too much: never early and quietly. */
  readonly body: AsyncIterable<Uint8Array>
}

/** The way to one repository on a server, for reading and for pushing. Connections are kept. */
export interface Transport {
  send(call: Call, signal: AbortSignal): Promise<Answer>
  close(): void
}

export function tooMuch(host: string, maxBytes: number): GitFailure {
  const size = maxBytes >= 1024 * 1024 ? `${Math.floor(maxBytes / 1024 / 1024)} MiB` : `${maxBytes} bytes`
  return stalled(
    'GIT_TOO_LARGE',
    `${host} sends more than ${size}`,
    'follow a smaller repository, or raise the limit; the last good revision stays',
  )
}

export function silence(host: string, ms: number): GitFailure {
  return new GitFailure(
    'GIT_TIMEOUT',
    `${host} sent nothing for ${Math.round(ms / 1000)} s; the last good revision stays`,
  )
}

export function abortReason(signal: AbortSignal): GitFailure {
  return signal.reason instanceof GitFailure ? signal.reason : new GitFailure('GIT_TIMEOUT', 'reading Git was stopped')
}
