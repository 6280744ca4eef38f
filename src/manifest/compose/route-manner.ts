import {
  isAddressRange,
  isHeaderName,
  isHeaderValue,
  isPasswordHash,
  isRoutePath,
  isUserName,
} from '../../ingress/index.js'
import { compareText } from '../../model/index.js'
import type { HeaderChanges, RouteManner, RouteSpec, RouteTimeouts, RouteUser } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, entries, get, items, quoted, textOf } from '../node.js'
import { parseBoolean } from '../quantities.js'
import { readBoolean, readBytes, readDuration } from '../read.js'
import type { StackContext } from './context.js'
import { readNamedText } from './route-certificate.js'

const TIMEOUTS = { min: 1, max: 7 * 86_400_000 }
const AGES = { min: 0, max: 366 * 86_400_000 }
const MOST_RANGES = 200
const MOST_USERS = 200
const YEAR_MS = 365 * 86_400_000
/** What is the connection's, not the message's: the proxy says it itself. */
const HOP_BY_HOP =
  /^(connection|content-length|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|x-slipway-.*)$/i

/** What is done with requests on their way, but for keeping clients with their replicas. */
export function readManner(node: Node, route: Pick<RouteSpec, 'path' | 'tls'>, context: StackContext): RouteManner {
  const { report } = context
  const timeouts = readTimeouts(get(node, 'timeouts'), context)
  const bodyBytes = readBytes(node, 'body_limit', report)
  const headers = get(node, 'headers')
  const [requestHeaders, responseHeaders] = [
    readHeaders(get(headers, 'request'), context),
    readHeaders(get(headers, 'response'), context),
  ]
  const hsts = readHsts(get(node, 'hsts'), route, context)
  const users = readUsers(node, route, context)
  const allow = readAllow(get(node, 'allow'), context)
  const rewrite = readRewrite(get(node, 'rewrite'), route.path, context)
  return {
    ...(timeouts === null ? {} : { timeouts }),
    ...(bodyBytes === null ? {} : { bodyBytes }),
    ...(requestHeaders === null ? {} : { requestHeaders }),
    ...(responseHeaders === null ? {} : { responseHeaders }),
    ...(hsts === null ? {} : { hsts }),
    ...(users === null ? {} : { users }),
    ...(allow === null ? {} : { allow }),
    ...(rewrite === null || rewrite === undefined ? {} : { rewrite }),
  }
}

function readTimeouts(node: Node | undefined, { report }: StackContext): RouteTimeouts | null {
  if (node === undefined) return null
  const [connectMs, readMs, idleMs] = ['connect', 'read', 'idle'].map((key) =>
    readDuration(node, key, report, TIMEOUTS),
  )
  const said: RouteTimeouts = {
    ...(typeof connectMs === 'number' ? { connectMs } : {}),
    ...(typeof readMs === 'number' ? { readMs } : {}),
    ...(typeof idleMs === 'number' ? { idleMs } : {}),
  }
  return Object.keys(said).length === 0 ? null : said
}

function readHeaders(node: Node | undefined, { report }: StackContext): HeaderChanges | null {
  if (node === undefined) return null
  const isNamed = (name: string, spot: Parameters<typeof report.error>[1]): boolean => {
    const why = !isHeaderName(name)
      ? 'is no name of a header; use letters, digits, - and _'
      : HOP_BY_HOP.test(name)
        ? 'is what the proxy itself says; remove it'
        : null
    if (why !== null) report.error('NAME_INVALID', spot, `${quoted(name)} ${why}`)
    return why === null
  }
  const set = entries(get(node, 'set')).flatMap(([name, { key, value }]) => {
    if (!isNamed(name, key)) return []
    const text = textOf(value)
    if (isHeaderValue(text)) return [{ name, value: text }]
    report.error('FIELD_INVALID', value, `the value of ${quoted(name)} must be 1 to 2000 printable ASCII characters`)
    return []
  })
  const remove = items(get(node, 'remove'))
    .filter((one) => isNamed(textOf(one), one))
    .map(textOf)
  return { set: set.sort((a, b) => compareText(a.name, b.name)), remove: [...new Set(remove)].sort(compareText) }
}

function readHsts(node: Node | undefined, { tls }: Pick<RouteSpec, 'tls'>, { report }: StackContext): string | null {
  if (node === undefined || (node.kind === 'scalar' && parseBoolean(textOf(node)) === false)) return null
  if (tls.kind === 'off') {
    report.error(
      'CONFLICT',
      node,
      'it tells clients to come by https, where nobody is: say with `tls:` where its certificate comes from',
    )
    return null
  }
  const isBare = node.kind === 'scalar'
  const ageMs = isBare ? YEAR_MS : (readDuration(node, 'max_age', report, AGES) ?? YEAR_MS)
  return [
    `max-age=${Math.floor(ageMs / 1_000)}`,
    ...(readBoolean(node, 'subdomains', report) === true ? ['includeSubDomains'] : []),
    ...(readBoolean(node, 'preload', report) === true ? ['preload'] : []),
  ].join('; ')
}

/** Lines of htpasswd in a secret or a file. */
function readUsers(route: Node, { tls }: Pick<RouteSpec, 'tls'>, context: StackContext): readonly RouteUser[] | null {
  const { report } = context
  const node = get(get(route, 'auth'), 'basic')
  if (node === undefined) return null
  if (tls.kind === 'off')
    report.warn(
      'CONFLICT',
      node,
      'passwords go over the network in plain; say with `tls:` where a certificate comes from',
    )
  const found = readNamedText(node, context)
  if (found === null) return []
  const lines = found.text.split(/\r?\n/).map((line) => line.trim())
  const users = lines.flatMap((line, at): readonly RouteUser[] => {
    if (line === '' || line.startsWith('#')) return []
    const colon = line.indexOf(':')
    const [name, hash] = [line.slice(0, colon), line.slice(colon + 1)]
    if (colon > 0 && isUserName(name) && isPasswordHash(hash)) return [{ name, hash }]
    report.error('FIELD_INVALID', node, `line ${at + 1} of ${quoted(found.name)}: ${userAdvice(colon, name, hash)}`)
    return []
  })
  if (lines.length > 0 && users.length === 0 && lines.every((line) => line === '' || line.startsWith('#')))
    report.error('FIELD_MISSING', node, `there is nobody in ${quoted(found.name)}; write lines such as htpasswd prints`)
  if (users.length > MOST_USERS)
    report.error('VALUE_OUT_OF_RANGE', node, `${users.length} users are too many for one route; at most ${MOST_USERS}`)
  return users.slice(0, MOST_USERS).sort((a, b) => compareText(a.name, b.name))
}

/** Nothing of the line is told but its form. */
function userAdvice(colon: number, name: string, hash: string): string {
  const advice = 'make it by `htpasswd -nB -C 5 <name>` or `mkpasswd -m sha-512`'
  if (colon <= 0) return `expected <name>:<hash>; ${advice}`
  if (!isUserName(name)) return 'the name has other characters than letters, digits and . _ @ -'
  if (/^\$apr1\$|^\$1\$|^\{SHA\}/.test(hash)) return `MD5 and SHA-1 are not taken; ${advice}`
  if (/^\$2[aby]\$(09|[1-3][0-9])\$/.test(hash))
    return 'the cost of the hash is over 8, and it is computed for each request, for which all others wait; use `htpasswd -nB -C 5`'
  return `the hash is none of crypt(3); ${advice}`
}

function readAllow(node: Node | undefined, { report }: StackContext): readonly string[] | null {
  if (node === undefined) return null
  const named = items(node)
  const ranges = named.flatMap((one) => {
    if (isAddressRange(textOf(one))) return [textOf(one)]
    report.error('FIELD_INVALID', one, `found ${describe(one)}, expected addresses such as 10.0.0.0/8 or 192.0.2.7`)
    return []
  })
  if (named.length === 0)
    report.error('FIELD_MISSING', node, 'nobody would be let in; name addresses, or remove `allow`')
  if (named.length > MOST_RANGES)
    report.error(
      'VALUE_OUT_OF_RANGE',
      node,
      `${named.length} ranges are too many for one route; at most ${MOST_RANGES}`,
    )
  return [...new Set(ranges)].slice(0, MOST_RANGES).sort(compareText)
}

function readRewrite(node: Node | undefined, from: string, { report }: StackContext): RouteManner['rewrite'] | null {
  if (node === undefined) return null
  const text = textOf(node)
  const to = text === '/' ? text : text.replace(/\/$/, '')
  if (isRoutePath(to)) return { from: from === '/' ? from : from.replace(/\/$/, ''), to }
  report.error('FIELD_INVALID', node, `found ${describe(node)}, expected a path such as / or /v1`)
  return null
}
