import type { BalancedPort, Cause, Reroute, RouteManner, RouteSpec, Stack } from '../model/index.js'
import { items } from './differ.js'
import { formatHostPort } from './host-ports.js'
import { formatBytes, formatDuration, showText } from './show-value.js'

/**
 * What changes about the ways to services without their containers changing: published ports of proxies, routes, and who has their names. A service that
 * comes or goes takes all of them with it, so that is not told twice. `before` null: nothing is known to have run, so that all that comes is new anyway.
 */
export function reroutes(before: Stack | null, after: Stack): readonly Reroute[] {
  if (before === null || before === after) return []
  const known = new Map(before.services.map((spec) => [spec.name, spec]))
  return after.services.flatMap((spec) => {
    const former = known.get(spec.name)
    if (former === undefined || former === spec) return []
    const routed = routeCauses(former.routes ?? [], spec.routes ?? [])
    const causes = [...portCauses(former, spec), ...routed, ...nameCauses(former, spec)]
    return causes.length === 0 ? [] : [{ service: spec.name, causes }]
  })
}

const portCauses = items('ports', ({ balanced }) => (balanced ?? []).map(formatPort))

/** Its own stack has its name in any case. */
const nameCauses = items('name', ({ name, stack, exported }) =>
  exported === true ? [`${name}.${stack} for all stacks`] : [],
)

function formatPort({ hostIp, published, target, protocol }: BalancedPort): string {
  return `${formatHostPort({ hostIp, port: published, protocol: 'tcp' })}:${target}${protocol === 'http' ? ' (http)' : ''}`
}

/** By host and path. What is not told of them, such as users and keys, is told to have changed. */
function routeCauses(before: readonly RouteSpec[], after: readonly RouteSpec[]): readonly Cause[] {
  const [had, has] = [byPlace(before), byPlace(after)]
  const places = [...new Set([...had.keys(), ...has.keys()])].sort()
  return places.flatMap((place): readonly Cause[] => {
    const [from, to] = [had.get(place), has.get(place)]
    if (JSON.stringify(from) === JSON.stringify(to)) return []
    const field = `route ${place}`
    const [old, now] = [from === undefined ? null : formatRoute(from), to === undefined ? null : formatRoute(to)]
    return old === now ? [{ field, from: null, to: null, note: 'changed' }] : [{ field, from: old, to: now }]
  })
}

function byPlace(routes: readonly RouteSpec[]): ReadonlyMap<string, Omit<RouteSpec, 'hosts'>> {
  return new Map(
    routes.flatMap(({ hosts, ...route }) =>
      (hosts.length === 0 ? ['*'] : hosts).map((host) => [
        `${host}${route.path}${route.isExact ? ' (exact)' : ''}`,
        route,
      ]),
    ),
  )
}

function formatRoute({ target, protocol, tls, redirect, weight, manner }: Omit<RouteSpec, 'hosts'>): string {
  if (redirect.kind === 'to') return showText(`to ${redirect.url} (${redirect.status})`)
  const secure = tls.kind === 'off' ? 'no tls' : tls.kind === 'acme' ? 'tls acme' : `tls ${tls.name}`
  const parts = [
    `port ${target}${protocol === 'h2' ? ' (h2c)' : ''}`,
    secure,
    tls.kind !== 'off' && redirect.kind === 'none' ? 'plain too' : '',
    weight === undefined ? '' : `weight ${weight}`,
    ...mannerParts(manner),
  ]
  return parts.filter((part) => part !== '').join(', ')
}

function mannerParts(manner: RouteManner): readonly string[] {
  const { sticky, timeouts, bodyBytes, requestHeaders, responseHeaders, hsts, users, allow, rewrite } = manner
  const time = (name: string, ms: number | undefined): string =>
    ms === undefined ? '' : `${name} ${formatDuration(ms)}`
  const names = (changes: typeof requestHeaders): string =>
    [...(changes?.set ?? []).map(({ name }) => name), ...(changes?.remove ?? []).map((name) => `no ${name}`)].join(' ')
  return [
    sticky === undefined ? '' : `sticky ${sticky}`,
    time('connect', timeouts?.connectMs),
    time('read', timeouts?.readMs),
    time('idle', timeouts?.idleMs),
    bodyBytes === undefined ? '' : `body_limit ${formatBytes(bodyBytes)}`,
    requestHeaders === undefined ? '' : `request headers ${names(requestHeaders)}`,
    responseHeaders === undefined ? '' : `response headers ${names(responseHeaders)}`,
    hsts === undefined ? '' : 'hsts',
    users === undefined ? '' : `auth (${users.length})`,
    allow === undefined ? '' : `allow ${allow.join(' ')}`,
    rewrite === undefined ? '' : `rewrite ${rewrite.to}`,
  ].map((part) => (part === '' ? part : showText(part)))
}
