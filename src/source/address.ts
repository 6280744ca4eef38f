import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { stalled } from './failure.js'
import type { GitCredentials, RefChoice } from './options.js'

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
  | { readonly kind: 'local'; readonly path: string; readonly display: string }

export interface AddressOptions {
  readonly credentials?: GitCredentials
  readonly allowPlainHttp?: boolean
}

/**
 * Reads a repository's address. Nothing is contacted.
 * Problems: GIT_URL_REFUSED, for everything that is neither http(s) nor a path on this machine.
 */
export function parseAddress(text: string, options: AddressOptions = {}): Result<Address> {
  if (text === '' || /[\p{Cc}\s]/u.test(text)) return refuse('the repository address is empty or has blanks in it')
  if (text.startsWith('-')) return refuse('the repository address starts with a dash')
  if (/^[a-z][a-z0-9+.-]*::/i.test(text)) return refuse('remote helpers (ext:: and the like) are never run')
  if (/^https?:\/\//i.test(text)) return parseHttp(text, options)
  if (/^file:/i.test(text)) return parseFile(text)
  if (/^(git\+)?ssh(\+git)?:\/\//i.test(text) || (/^[^/]*:/.test(text) && !text.includes('://')))
    return refuse('remotes over SSH are not followed yet')
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return refuse(`the scheme ${text.slice(0, text.indexOf(':'))} is not followed`)
  const path = resolve(text)
  return ok({ kind: 'local', path, display: path })
}

function parseHttp(text: string, options: AddressOptions): Result<Address> {
  if (!URL.canParse(text)) return refuse('the repository address is not a URL')
  const url = new URL(text)
  if (url.search !== '' || url.hash !== '') return refuse('the repository address has a query or a fragment')
  const credentials = options.credentials ?? userinfo(url)
  if (credentials !== null && url.protocol === 'http:' && !isLoopback(url.hostname) && options.allowPlainHttp !== true)
    return fail(
      stalled(
        'GIT_URL_REFUSED',
        `credentials for ${url.host} would cross the network in the clear`,
        'use https://, or allow plain http explicitly',
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

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function refuse(why: string): Result<never> {
  const remedy = 'give an https:// address or the path of a repository on this machine'
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
