import { COMPOSE_LABELS, LABELS } from '../src/model/index.js'
import type { ImageSpec } from '../test/lab/index.js'

/** How a replica is found to be ready: asked over HTTP from outside, or by the engine's own healthcheck, once a second. */
export type Gate = 'probe' | 'healthcheck'

export const SERVICE = 'web'
export const REPLICAS = 6
export const PORT = 8080
export const READY_PATH = '/healthz'
/** Unbroken readiness that is asked of each replica, on both sides. */
export const MONITOR_MS = 500
export const IMAGE = 'bench/web:1'

const CHECK = ['CMD', 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${PORT}${READY_PATH}`]

// Process 1 ignores SIGTERM unless told otherwise.
const SCRIPT = `#!/bin/sh
trap 'exit 0' TERM INT
httpd -f -p ${PORT} -h /www &
wait $!
`

export const IMAGE_SPEC: ImageSpec = {
  files: { 'app.sh': { content: SCRIPT, mode: 0o755 }, [`www${READY_PATH}`]: { content: 'ok\n', mode: 0o644 } },
  cmd: ['/app.sh'],
}

export interface Version {
  readonly gate: Gate
  readonly stack: string
  /** In each replica's environment: another text is another spec, never seen and so never taken for proven. */
  readonly text: string
  readonly parallelism: number
}

/** The stack as Slipway gets it. JSON is YAML too. */
export function composeFile({ gate, text, parallelism }: Version): string {
  const healthcheck = { test: CHECK, interval: '1s', timeout: '1s', retries: 3 }
  const service = {
    image: IMAGE,
    environment: { VERSION: text },
    deploy: {
      replicas: REPLICAS,
      update_config: { parallelism, order: 'start-first', monitor: `${MONITOR_MS}ms` },
    },
    ...(gate === 'healthcheck'
      ? { healthcheck }
      : { 'x-slipway': { probe: { http: { port: PORT, path: READY_PATH } } } }),
  }
  return `${JSON.stringify({ services: { [SERVICE]: service } }, null, 2)}\n`
}

/** The same container as the floor asks its engine for; as many labels, the same network, the same settings. */
export function createBody({ gate, stack, text }: Version, slot: number): unknown {
  const second = 1e9
  return {
    Image: IMAGE,
    Env: [`VERSION=${text}`],
    Labels: {
      ...Object.fromEntries(Object.keys(LABELS).map((name) => [`floor.${name}`, text])),
      [COMPOSE_LABELS.project]: stack,
      [COMPOSE_LABELS.service]: SERVICE,
      [COMPOSE_LABELS.number]: String(slot),
      [COMPOSE_LABELS.oneoff]: 'False',
    },
    StopTimeout: 10,
    ...(gate === 'healthcheck' ? { Healthcheck: { Test: CHECK, Interval: second, Timeout: second, Retries: 3 } } : {}),
    HostConfig: { NetworkMode: networkOf(stack), RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 } },
    NetworkingConfig: { EndpointsConfig: { [networkOf(stack)]: { Aliases: [SERVICE] } } },
  }
}

export function networkOf(stack: string): string {
  return `${stack}_default`
}
