import { fail, ok } from '../model/index.js'
import type { Next, Problem, ProblemCode, Result } from '../model/index.js'

/**
 * An expected failure on its way to the door of this room, where it becomes a `Result`. Thrown, because it must pass through
 * streams and through isomorphic-git, which know nothing of results.
 */
export class GitFailure extends Error {
  readonly problem: Problem

  constructor(code: ProblemCode, message: string, next?: Next) {
    super(message)
    this.problem = next === undefined ? { code, message } : { code, message, next }
  }
}

/** A failure that goes on until a person does what `remedy` says. */
export function stalled(code: ProblemCode, message: string, remedy: string): GitFailure {
  return new GitFailure(code, `${message}; ${remedy}`, { kind: 'stalled', remedy })
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'broke the connection',
  EPIPE: 'broke the connection',
  ECONNABORTED: 'broke the connection',
  ETIMEDOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached (no route)',
  ENETUNREACH: 'cannot be reached (no network)',
  ENOTFOUND: 'is not known to DNS',
  EAI_AGAIN: 'cannot be looked up, DNS does not answer',
  EPROTO: 'does not speak TLS there',
  HPE_INVALID_CONSTANT: 'does not speak HTTP there',
}

const DISK: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
  EIO: 'the device reports an error',
}

/** What a failed socket, request or TLS handshake means. */
export function networkFailure(error: unknown, host: string): GitFailure {
  if (error instanceof GitFailure) return error
  const code = codeOf(error)
  const known = UNREACHABLE[code]
  if (known !== undefined) return new GitFailure('GIT_UNREACHABLE', `${host} ${known}; the last good revision stays`)
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code))
    return stalled(
      'GIT_UNREACHABLE',
      `${host} shows a certificate that is not trusted (${code})`,
      'renew it, or give its authority in SLIPWAY_GIT_CA_FILE',
    )
  return new GitFailure('GIT_UNREACHABLE', `${host} cannot be read (${code}); the last good revision stays`)
}

/** What a failed read or write of our own clone means. */
export function diskFailure(error: unknown, dir: string): GitFailure {
  if (error instanceof GitFailure) return error
  const code = codeOf(error)
  const reason = DISK[code] ?? code
  return new GitFailure('STORE_FAILED', `the Git clone in ${dir} cannot be used: ${reason}; nothing was changed`)
}

/** Errors of the disk: everything else that comes out of our own code is a bug and stays one. */
export function isDiskError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string'
}

/** `ECONNREFUSED`, or the error's name: never its message, which may hold an address with a secret in it. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'unknown error'
}

/** Text that came from a remote, made safe to show: one line, printable, at most 200 characters. */
export function foreignText(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

/** The door: an expected failure becomes a value again. Bugs stay thrown. */
export async function settle<T>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await work())
  } catch (error) {
    if (error instanceof GitFailure) return fail(error.problem)
    throw error
  }
}
