import { fail, ok } from '../model/index.js'
import type { Address, Result } from '../model/index.js'
import { quoted } from './node.js'

type SshAddress = Extract<Address, { readonly kind: 'ssh' }>
/** The parts that an address says; null for what it leaves to `user:` and `port:`. */
export type AddressParts = {
  readonly host: SshAddress['host']
  readonly port: number | null
  readonly user: string | null
}

/** `10.0.0.11`, `host:2222`, `deploy@host`, `[::1]:22`, `ssh://deploy@host:2222`. The problem says what is wrong. */
export function parseAddress(text: string): Result<AddressParts, string> {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(text)?.[1]
  if (scheme === 'unix') return fail('a socket is no address; write `engine:` with it, and no address')
  if (scheme !== undefined && scheme !== 'ssh')
    return fail(
      `${scheme}:// is not spoken; servers are reached over ssh: write host, host:port or ssh://user@host:port`,
    )
  const rest = scheme === undefined ? text : text.slice('ssh://'.length).replace(/\/$/, '')
  const at = rest.lastIndexOf('@')
  const user = at === -1 ? null : rest.slice(0, at)
  if (user !== null && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user))
    return fail(`${quoted(user)} is no login name; a password has no place here`)
  const [host, port] = splitHost(rest.slice(at + 1))
  if (
    !/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(host) &&
    !/^[0-9a-fA-F:]*:[0-9a-fA-F:.]+(%[A-Za-z0-9]+)?$/.test(host)
  )
    return fail(`${quoted(host)} is no host; write host, host:port or ssh://user@host:port`)
  if (port !== null && (!/^[0-9]{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535))
    return fail(`the port ${quoted(port)} is not from 1 to 65535`)
  return ok({ host, port: port === null ? null : Number(port), user })
}

/** A colon ends the host, unless there are several: then it is IPv6, whose port needs brackets. */
function splitHost(text: string): readonly [string, string | null] {
  const [, bracketed, bracketedPort] = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? []
  if (bracketed !== undefined) return [bracketed, bracketedPort ?? null]
  const colons = text.split(':').length - 1
  if (colons !== 1) return [text, null]
  const colon = text.indexOf(':')
  return [text.slice(0, colon), text.slice(colon + 1)]
}
