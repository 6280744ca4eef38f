import { createHash } from 'node:crypto'
import type { HeaderChanges, RouteManner, RouteTimeouts } from '../model/index.js'
import {
  hexText,
  isAddressRange,
  isCookieName,
  isHeaderName,
  isHeaderValue,
  isPasswordHash,
  isRoutePath,
  isUserName,
} from './route-words.js'

/** What a backend of routes does with requests, in HAProxy's words. Routes of a service with the same manner share one. */
export interface Manner {
  /** Of the backend's name; nothing for one that does nothing. Equal for equal lines. */
  readonly suffix: string
  readonly lines: readonly string[]
  /** Who may ask; a section of its own. Empty: everybody. */
  readonly users: readonly string[]
  /** Name of the cookie. */
  readonly sticky: string | null
}

const MOST_MS = 7 * 24 * 3_600_000
/** Ranges in one line, which has a bound. */
const RANGES_AT_ONCE = 16

const made = new WeakMap<RouteManner, Manner>()

/** What is not of the grammar is left out; but where everybody would get in without it, nobody does. */
export function mannerOf(manner: RouteManner): Manner {
  const known = made.get(manner)
  if (known !== undefined) return known
  const fresh = make(manner)
  made.set(manner, fresh)
  return fresh
}

function make(manner: RouteManner): Manner {
  const users = (manner.users ?? []).flatMap(({ name, hash }) =>
    isUserName(name) && isPasswordHash(hash) ? [`user ${name} password ${cryptHash(hash)}`] : [],
  )
  const sticky = manner.sticky !== undefined && isCookieName(manner.sticky) ? manner.sticky : null
  const list = `users_${digest(users)}`
  const lines = [
    ...allowLines(manner.allow),
    ...(manner.users === undefined
      ? []
      : users.length === 0
        ? ['http-request deny deny_status 403']
        : [`http-request auth realm restricted unless { http_auth(${list}) }`]),
    ...bodyLines(manner.bodyBytes),
    ...headerLines('request', manner.requestHeaders),
    ...rewriteLines(manner.rewrite),
    ...headerLines('response', manner.responseHeaders),
    ...(manner.hsts !== undefined && isHeaderValue(manner.hsts)
      ? [`http-response set-header Strict-Transport-Security ${hexText(manner.hsts)} if { ssl_fc }`]
      : []),
    ...timeoutLines(manner.timeouts),
  ]
  const suffix = lines.length === 0 && sticky === null ? '' : `_${digest([lines, users, sticky])}`
  return { suffix, lines, users: users.length === 0 ? [] : [`userlist ${list}`, ...users], sticky }
}

function allowLines(allow: readonly string[] | undefined): readonly string[] {
  if (allow === undefined) return []
  const ranges = allow.filter(isAddressRange)
  const lines: string[] = []
  for (let at = 0; at < ranges.length; at += RANGES_AT_ONCE)
    lines.push(
      `http-request set-var(txn.allowed) bool(true) if { src ${ranges.slice(at, at + RANGES_AT_ONCE).join(' ')} }`,
    )
  return [...lines, 'http-request deny deny_status 403 unless { var(txn.allowed) -m bool }']
}

/** A body whose length nobody states cannot be measured here: who sends one is asked to say it. */
function bodyLines(bytes: number | undefined): readonly string[] {
  if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes < 0) return []
  return [
    `http-request deny deny_status 413 if { req.hdr_val(content-length) gt ${bytes} }`,
    'http-request return status 411 unless { req.hdr(content-length) -m found } or { method GET HEAD OPTIONS TRACE DELETE } !{ req.hdr(transfer-encoding) -m found }',
  ]
}

function headerLines(side: 'request' | 'response', changes: HeaderChanges | undefined): readonly string[] {
  if (changes === undefined) return []
  const removed = changes.remove.filter(isHeaderName)
  const set = changes.set.filter(({ name, value }) => isHeaderName(name) && isHeaderValue(value))
  return [
    ...removed.map((name) => `http-${side} del-header ${name}`),
    ...set.map(({ name, value }) => `http-${side} set-header ${name} ${hexText(value)}`),
  ]
}

function rewriteLines(rewrite: RouteManner['rewrite']): readonly string[] {
  if (rewrite === undefined || !isRoutePath(rewrite.from) || !isRoutePath(rewrite.to)) return []
  const from = rewrite.from === '/' ? '' : rewrite.from.replaceAll(/[.+]/g, '[$&]').replaceAll('/', '/+')
  return rewrite.to === '/'
    ? [`http-request replace-path ^${from}/*(.*)$ /\\1`]
    : [`http-request replace-path ^${from}(/.*)?$ ${rewrite.to}\\1`]
}

function timeoutLines(timeouts: RouteTimeouts | undefined): readonly string[] {
  const line = (name: string, ms: number | undefined): readonly string[] =>
    ms === undefined || !Number.isInteger(ms) || ms < 1 || ms > MOST_MS ? [] : [`timeout ${name} ${ms}ms`]
  return [
    ...line('connect', timeouts?.connectMs),
    ...line('server', timeouts?.readMs),
    ...line('tunnel', timeouts?.idleMs),
  ]
}

/** musl knows `2y` and not `2b`, which is the same. */
function cryptHash(hash: string): string {
  return hash.replace(/^\$2b\$/, '$2y$')
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)
}
