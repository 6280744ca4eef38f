import { HAPROXY_IMAGE } from '../test/lab/index.js'

/** Where a replica is from the server that is asked, and what its port balances. */
export const SERVICES = {
  near: { server: 'lon-1', published: 9001, protocol: 'http' },
  far: { server: 'lon-2', published: 9002, protocol: 'http' },
  wire: { server: 'lon-1', published: 9003, protocol: 'tcp' },
} as const
export type ServiceName = keyof typeof SERVICES
export const ASKED = 'lon-1'
export const ROUTE_HOST = 'near.example.com'
export const PORT = 8080
/** Of HAProxy alone: for requests, for requests with what Slipway promises besides, for connections. */
export const ALONE = { plain: 9101, same: 9102, tcp: 9103 } as const

/** What answers costs as little as can be: HAProxy itself, with 1 KB. */
const ANSWER = [
  'defaults',
  '  mode http',
  '  timeout connect 2s',
  '  timeout client 1m',
  '  timeout server 1m',
  'frontend answer',
  `  bind :${PORT}`,
  `  http-request return status 200 content-type text/plain string "${'x'.repeat(1_024)}"`,
  '',
].join('\n')

/**
 * As somebody would write it who has one replica, and nothing that tells him of others. `same`: who asks is told and nobody else believed about it, and
 * what a dying replica left unanswered is asked again where that changes nothing.
 */
function aloneConfig(addresses: Readonly<Record<'near' | 'wire', string>>): string {
  return [
    'defaults',
    '  mode http',
    '  timeout connect 2s',
    '  timeout client 1m',
    '  timeout server 1m',
    'frontend plain',
    '  option forwardfor',
    `  bind :${ALONE.plain}`,
    '  default_backend plain',
    'backend plain',
    `  server near ${addresses.near}:${PORT} check`,
    'frontend same',
    `  bind :${ALONE.same}`,
    '  http-request set-header X-Forwarded-For %[src]',
    '  http-request set-header X-Forwarded-Proto http',
    '  default_backend same',
    'backend same',
    '  retry-on conn-failure empty-response',
    '  http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }',
    `  server near ${addresses.near}:${PORT} check`,
    'frontend connections',
    '  mode tcp',
    `  bind :${ALONE.tcp}`,
    '  default_backend wire',
    'backend wire',
    '  mode tcp',
    `  server wire ${addresses.wire}:${PORT} check`,
    '',
  ].join('\n')
}

/** The stack of those that answer; with their addresses also HAProxy alone in front of them, in the same image on the same engine. */
export function balancedStack(addresses: Readonly<Record<'near' | 'wire', string>> | null): string {
  const on = (server: string): unknown => ({
    placement: { constraints: [`node.hostname == ${server}`] },
    update_config: { monitor: '1s', order: 'stop-first' },
  })
  const haproxy = (config: string): unknown => ({
    image: HAPROXY_IMAGE,
    command: ['haproxy', '-f', '/haproxy.cfg'],
    configs: [{ source: config, target: '/haproxy.cfg' }],
    stop_grace_period: '1s',
  })
  const services = Object.entries(SERVICES).map(([name, { server, published, protocol }]) => [
    name,
    {
      ...(haproxy('answer') as object),
      ports: [{ target: PORT, published: String(published), app_protocol: protocol }],
      deploy: on(server),
      ...(name === 'near' ? { 'x-slipway': { routes: [{ host: ROUTE_HOST }] } } : {}),
    },
  ])
  const alone = { ...(haproxy('alone') as object), network_mode: 'host', deploy: on(ASKED) }
  return json({
    services: { ...Object.fromEntries(services), ...(addresses === null ? {} : { alone }) } as unknown,
    configs: {
      answer: { content: ANSWER },
      ...(addresses === null ? {} : { alone: { content: aloneConfig(addresses) } }),
    },
  })
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
