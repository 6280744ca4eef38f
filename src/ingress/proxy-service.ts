import { INGRESS_SERVICE, INGRESS_STACK, ROLLBACK_DEFAULTS, ROLLOUT_DEFAULTS, UPDATE_DEFAULTS } from '../model/index.js'
import type { FileSpec, IngressSettings, ServiceSpec, Stack } from '../model/index.js'
import { CONFIG_FILE } from './plan-proxy.js'
import { IPV6_VARIABLE } from './bind.js'
import { ROUTES, ROUTES_PERL } from './proxy-routes.js'
import { ADDRESSES_FILE } from './render-names.js'
import { IDLE } from './render.js'

/** Paths in the container. `current` and `confirmed` lead to one of `tables`: what it starts with, and what it was last seen to run with. */
export const PROXY_PATHS = Object.freeze({
  home: '/etc/slipway',
  tables: '/etc/slipway/tables',
  current: '/etc/slipway/current',
  confirmed: '/etc/slipway/confirmed',
  /** Holds the name of its socket. */
  socketName: '/etc/slipway/socket',
  sockets: '/run/slipway',
})

/** Where the sockets of a fleet's proxies are on its servers. Not below /run: its mode and group must outlive a restart of the server. */
export function socketFolder(fleet: string): string {
  return `/var/lib/slipway-proxy/${fleet}`
}

/** What serves nothing, until the controller says what is to be served. */
const BOOTSTRAP = [
  '# Made by Slipway: the proxy before its first table.',
  'global',
  '  uid 99',
  '  gid 99',
  '  hard-stop-after 1s',
  'defaults tcp',
  '  timeout connect 1s',
  '  timeout client 1s',
  '  timeout server 1s',
  ...IDLE,
  '',
].join('\n')

/**
 * HAProxy takes as many connections as files may be open, and sets its tables out for all of them: where engines allow a thousand million that
 * is more memory than servers have.
 */
const MOST_FILES = 262_144

/**
 * What it starts with is what it was last seen to run with: a table that was given and not tried yet could keep it from starting at all.
 * Each container has a socket of its own, as an old and a new one run side by side. Those that nobody listens on are swept away. The
 * socket's folder is setgid, so that the group that may reach it is the folder's.
 */
const START = [
  'set -eu',
  `cd ${PROXY_PATHS.home}`,
  'if [ ! -s socket ]; then id=$(cat /proc/sys/kernel/random/uuid); echo "${id%%-*}" > socket; fi',
  `for left in ${PROXY_PATHS.sockets}/*.sock; do grep -qF "$left" /proc/net/unix || rm -f "$left"; done`,
  'mkdir -p tables; ln -sfn "$(readlink confirmed || echo bootstrap)" current',
  `if [ -e /proc/net/if_inet6 ]; then export ${IPV6_VARIABLE}=1; fi`,
  // Without a controller too, names have their addresses again after a restart of the server.
  `if [ -e routes ] && [ -e ${PROXY_PATHS.current}/${ADDRESSES_FILE} ]; then sh routes ${PROXY_PATHS.current}/${ADDRESSES_FILE} || true; fi`,
  `if [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -gt ${MOST_FILES} ]; then ulimit -n ${MOST_FILES}; fi`,
  `exec haproxy -W -db -S "${PROXY_PATHS.sockets}/$(cat socket).sock,mode,660" -f ${PROXY_PATHS.current}/${CONFIG_FILE}`,
  '',
].join('\n')

/**
 * Healthy when its socket listens and it was seen to run with a table: one that replaces another must serve before that one goes. A worker
 * that dies takes the container with it, and the engine starts it again.
 */
const HEALTHCHECK = `test -e ${PROXY_PATHS.confirmed} && grep -qF "/$(cat ${PROXY_PATHS.socketName}).sock" /proc/net/unix`

/** The proxy of a fleet, one on each server: where no port listens, others reach the replicas through it. */
export function proxyService(fleet: string, settings: IngressSettings): ServiceSpec {
  return {
    stack: INGRESS_STACK,
    name: INGRESS_SERVICE,
    image: settings.image,
    entrypoint: ['sh', `${PROXY_PATHS.home}/start`],
    command: [],
    environment: {},
    labels: {},
    ports: [],
    mounts: [
      {
        kind: 'bind',
        source: socketFolder(fleet),
        target: PROXY_PATHS.sockets,
        readOnly: false,
        createHostPath: true,
        propagation: null,
        selinux: 'z',
      },
    ],
    networks: [],
    networkMode: 'host',
    files: filesOf(settings),
    healthcheck: {
      test: ['CMD-SHELL', HEALTHCHECK],
      intervalMs: 5_000,
      timeoutMs: 3_000,
      retries: 3,
      startPeriodMs: 60_000,
      startIntervalMs: 1_000,
    },
    restart: { condition: 'unless-stopped', maxAttempts: 0 },
    // A soft stop: it listens no more, and goes when its last connection does.
    stopSignal: 'SIGUSR1',
    stopGraceMs: 40_000,
    // Ports below 1024, on the host's network; what serves is user 99.
    user: '0:0',
    workingDir: null,
    init: null,
    readOnly: false,
    // NET_ADMIN: the addresses of names become the server's own.
    capAdd: [
      ...['CHOWN', 'FSETID', 'KILL', ...(settings.names === undefined ? [] : ['NET_ADMIN'])],
      ...['NET_BIND_SERVICE', 'SETGID', 'SETUID'],
    ],
    capDrop: ['ALL'],
    ulimits: [],
    sysctls: {},
    extraHosts: [],
    hostname: null,
    logging: null,
    pullPolicy: 'missing',
    mode: 'global',
    replicas: 1,
    limits: { cpus: null, memoryBytes: null, pids: null },
    reservations: { cpus: 0, memoryBytes: 0 },
    placement: { constraints: [], spread: [], maxPerServer: 0 },
    update: { ...UPDATE_DEFAULTS, order: 'start-first' },
    rollback: { ...ROLLBACK_DEFAULTS, order: 'start-first' },
    rollout: ROLLOUT_DEFAULTS,
    dependsOn: [],
    probe: null,
    restartAt: null,
  }
}

function filesOf({ names }: IngressSettings): readonly FileSpec[] {
  const own = [
    file('start', `${PROXY_PATHS.home}/start`, START),
    file('bootstrap', `${PROXY_PATHS.home}/bootstrap/${CONFIG_FILE}`, BOOTSTRAP),
  ]
  if (names === undefined) return own
  const routes = file('routes', `${PROXY_PATHS.home}/routes`, ROUTES)
  return [...own, routes, file('routes.pl', `${PROXY_PATHS.home}/routes.pl`, ROUTES_PERL)]
}

/** `path`: of the file that asks for it. */
export function proxyStack(fleet: string, settings: IngressSettings, path: string): Stack {
  return { name: INGRESS_STACK, path, services: [proxyService(fleet, settings)], networks: [], volumes: [] }
}

function file(name: string, target: string, text: string): FileSpec {
  const contentBase64 = Buffer.from(text).toString('base64')
  return { kind: 'config', name, source: 'slipway', target, contentBase64, mode: 0o644, uid: 0, gid: 0 }
}
