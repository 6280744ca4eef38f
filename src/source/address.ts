import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail, isLoopback, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { stalled } from './failure.js'
import type { GitCredentials, RefChoice } from './options.js'

/** A repository on a server. */
export type RemoteAddress = Exclude<Address, { kind: 'local' }>

/** Where a repository is. `display` and `url` hold no credentials. */
export type Address =
  | {
      readonly kind: 'http'
      readonly url: string
      readonly origin: string
      readonly host: string
      readonly display: string
      readonly credentials: GitCredentials | null
    }
  | {
      readonly kind: 'ssh'
      readonly host: string
      /** Null: what the ssh configuration says, else 22 and `git`. */
      readonly port: number | null
      readonly user: string | null
      /** As the server is to get it: characters that could mean something to a shell there are refused. */
      readonly path: string
      readonly display: string
    }
  | { readonly kind: 'local'; readonly path: string; readonly display: string }

export interface AddressOptions {
  readonly credentials?: GitCredentials
  readonly allowPlainHttp?: boolean
}

/**
 * Reads a repository's address. Nothing is contacted.
 * Problems: GIT_URL_REFUSED, for everything that is neither http(s), ssh nor a path on this machine.
 */
export function parseAddress(text: string, options: AddressOptions = {}): Result<Address> {
  if (text === '' || /[\p{Cc}\s]/u.test(text)) return refuse('the repository address is empty or has blanks in it')
  if (text.startsWith('-')) return refuse('the repository address starts with a dash')
  if (/^[a-z][a-z0-9+.-]*::/i.test(text)) return refuse('remote helpers (ext:: and the like) are never run')
  if (/^https?:\/\//i.test(text)) return parseHttp(text, options)
  if (/^file:/i.test(text)) return parseFile(text)
  if (/^(git\+)?ssh(\+git)?:\/\//i.test(text)) return parseSsh(text)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return refuse(`the scheme ${text.slice(0, text.indexOf(':'))} is not followed`)
  const scp = /^(?:([^@/:]*)@)?(\[[^\]/]*\]|[^/:@[\]]+):(.*)$/.exec(text)
  if (scp !== null) return sshAddress(scp[1] ?? null, scp[2] ?? '', null, scp[3] ?? '', text)
  const path = resolve(text)
  return ok({ kind: 'local', path, display: path })
}

function parseHttp(text: string, options: AddressOptions): Result<Address> {
  if (!URL.canParse(text)) return refuse('the repository address is not a URL')
  const url = new URL(text)
  if (url.search !== '' || url.hash !== '') return refuse('the repository address has a query or a fragment')
  const credentials = options.credentials ?? userinfo(url)
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && options.allowPlainHttp !== true)
    return fail(
      stalled(
        'GIT_URL_REFUSED',
        `over http:// anybody between here and ${url.host} can read and change what is deployed`,
        'use https://, or set SLIPWAY_ALLOW_PLAIN_HTTP=true',
      ).problem,
    )
  const bare = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  return ok({ kind: 'http', url: bare, origin: url.origin, host: url.host, display: bare, credentials })
}

function userinfo(url: URL): GitCredentials | null {
  if (url.username === '' && url.password === '') return null
  const [username, password] = [decode(url.username), decode(url.password)]
  // https://TOKEN@host is how forges print it: the token stands where a name would.
  return url.password === '' ? { password: username } : { username, password }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function parseFile(text: string): Result<Address> {
  if (!URL.canParse(text)) return refuse('the repository address is not a URL')
  const url = new URL(text)
  if (url.host !== '' || !/^file:\/\/\//i.test(text)) return refuse('file:// addresses need three slashes and no host')
  if (url.search !== '' || url.hash !== '') return refuse('the repository address has a query or a fragment')
  try {
    const path = fileURLToPath(url)
    return path.includes('\0') ? refuse('the path has a NUL in it') : ok({ kind: 'local', path, display: path })
  } catch {
    return refuse('the path in the file:// address is not a path')
  }
}

function parseSsh(text: string): Result<Address> {
  const match = /^[a-z+]+:\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^/:@[\]]+)(?::(\d{1,5}))?(\/.*)$/i.exec(text)
  if (match === null) return refuse('the repository address is not ssh://user@host:port/path')
  const [, user, host = '', port, path = ''] = match
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return refuse('the port is none')
  // As git does: /~user/x is meant from that user's home.
  const decoded = decode(path).replace(/^\/(?=~)/, '')
  const at = port === undefined ? host : `${host}:${port}`
  const display = `ssh://${user === undefined ? '' : `${user}@`}${at}${decoded.startsWith('~') ? '/' : ''}${decoded}`
  return sshAddress(user ?? null, host, port === undefined ? null : Number(port), decoded, display)
}

/**
 * What goes into the command line on the other side is held to characters that no shell takes for anything but themselves, quotes or
 * not; nothing may begin with a dash, which programs take for an option.
 */
function sshAddress(
  user: string | null,
  bracketed: string,
  port: number | null,
  path: string,
  display: string,
): Result<Address> {
  if (user?.includes(':')) return refuse('an address over ssh takes no password, use a key')
  if (user !== null && !/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(user))
    return refuse('the user name has unusual characters')
  const host = bracketed.replace(/^\[(.*)\]$/, '$1')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(host) && !isIPv6(host))
    return refuse('the host name has unusual characters')
  if (!/^[\p{L}\p{N}_./~+@=,-]+$/u.test(path) || path.startsWith('-'))
    return refuse('the path has characters that are not sent to a server (letters, digits and _ . / ~ + @ = , - are)')
  return ok({ kind: 'ssh', host: host.toLowerCase(), port, user, path, display })
}

function refuse(why: string): Result<never> {
  const remedy = 'give an https:// or ssh:// address, git@host:path, or a path on this machine'
  return fail(stalled('GIT_URL_REFUSED', why, remedy).problem)
}

/** The followed ref: its full name, its short name, and what people call its kind. */
export interface FollowedRef {
  readonly full: string
  readonly short: string
  readonly noun: 'branch' | 'tag'
}

/** Problems: GIT_URL_REFUSED for a name that Git itself would not accept. */
export function parseRef(choice: RefChoice): Result<FollowedRef> {
  const [noun, prefix, given] =
    'branch' in choice
      ? (['branch', 'refs/heads/', choice.branch] as const)
      : (['tag', 'refs/tags/', choice.tag] as const)
  const short = given.startsWith(prefix) ? given.slice(prefix.length) : given
  if (isRefName(short)) return ok({ full: prefix + short, short, noun })
  const shown = JSON.stringify(given.slice(0, 80))
  return fail(
    stalled('GIT_URL_REFUSED', `${shown} cannot be the name of a ${noun}`, `name an existing ${noun}`).problem,
  )
}

/** The rules of git-check-ref-format, and no leading dash. */
function isRefName(name: string): boolean {
  if (name === '' || name.length > 250 || name.startsWith('-') || name.endsWith('.') || name === '@') return false
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/.test(name)) return false
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
}
