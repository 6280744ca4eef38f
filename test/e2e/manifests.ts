import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseDocument } from 'yaml'
import { HAPROXY_IMAGE } from '../lab/index.js'
import type { Lab } from '../lab/index.js'
import { APP_PORT } from './app-image.js'

/** Where the tests' own stack stands; it is called `shop` after its directory. */
export const STACK = 'stacks/shop/compose.yaml'

/** Files of a commit by path; null removes. */
export type Files = Readonly<Record<string, string | Buffer | null>>

export interface FleetFile {
  readonly guards?: Readonly<Record<string, unknown>>
  readonly ingress?: Readonly<Record<string, unknown>>
  /** Keys of one server's entry, such as `{ lost_after: '5s' }`, for all of them. */
  readonly everyServer?: Readonly<Record<string, unknown>>
  /** Servers that are in the fleet. Default: all of the lab. */
  readonly only?: readonly string[]
}

/** slipway.yaml for the servers of a lab, with their addresses, host keys and labels. JSON is YAML too. */
export function fleetFile(lab: Lab, { guards, ingress, everyServer, only }: FleetFile = {}): string {
  const chosen = lab.servers.filter(({ name }) => only === undefined || only.includes(name))
  const servers = chosen.map(({ name, address, user, hostKeyFingerprint, labels }) => {
    return [name, { address, user, host_key: hostKeyFingerprint, labels, ...everyServer }] as const
  })
  return yaml({
    fleet: lab.name,
    servers: Object.fromEntries(servers),
    ...(guards === undefined ? {} : { guards }),
    ...(ingress === undefined ? {} : { ingress }),
  })
}

/** A service in Compose's own words; what is left out is filled in by {@link compose}. */
export interface ServiceText {
  readonly image: string
  readonly deploy?: { readonly [key: string]: unknown; readonly update_config?: Readonly<Record<string, unknown>> }
  readonly healthcheck?: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

/** Checks are cheap to ask and dear to run: each one is a process in a container, on the machine that all of the lab shares. */
const HEALTHCHECK = {
  test: ['CMD', 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${APP_PORT}/healthz`],
  interval: '2s',
  timeout: '5s',
  retries: 2,
}

/** A Compose file. Every service has a healthcheck on /healthz and is watched for one second. `rest` stands beside `services`. */
export function compose(
  services: Readonly<Record<string, ServiceText>>,
  rest: Readonly<Record<string, unknown>> = {},
): string {
  const complete = Object.entries(services).map(([name, service]) => {
    const { healthcheck, deploy, ...others } = service
    const update = { monitor: '1s', ...deploy?.update_config }
    return [
      name,
      { ...others, healthcheck: { ...HEALTHCHECK, ...healthcheck }, deploy: { ...deploy, update_config: update } },
    ] as const
  })
  return yaml({ services: Object.fromEntries(complete), ...rest })
}

/** The repository that people are shown, with the servers and the proxy of a lab instead of its own; the lab's servers need the same names. */
export function sampleFiles(lab: Lab): Files {
  const root = new URL('../../sample-repo/', import.meta.url).pathname
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
  const fleet = parseDocument(files['slipway.yaml'] ?? '')
  fleet.setIn(['fleet'], lab.name)
  fleet.setIn(['ingress'], { image: HAPROXY_IMAGE })
  for (const { name, address, user, hostKeyFingerprint } of lab.servers) {
    fleet.setIn(['servers', name, 'address'], address)
    fleet.setIn(['servers', name, 'user'], user)
    fleet.setIn(['servers', name, 'host_key'], hostKeyFingerprint)
  }
  return { ...files, 'slipway.yaml': fleet.toString() }
}

function yaml(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
