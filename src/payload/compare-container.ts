import { COMPOSE_LABELS, formatLimits } from '../model/index.js'
import type { RestartPolicy, ServiceSpec } from '../model/index.js'
import { containerSettings } from './container-settings.js'
import type { ContainerBody, EngineDefaults } from './container-settings.js'
import { createPayload } from './create-payload.js'
import type { RunAction } from './create-payload.js'
import { listOf, mapOf, textOf } from './fields.js'
import type { Fields } from './fields.js'
import type { Joined } from './joined.js'
import { ANONYMOUS } from './mount-texts.js'
import { endpointsFor } from './networking.js'

/** One setting of a container that is not as a spec wants it, by Compose's key. Null: nothing is said. */
export interface Difference {
  readonly field: string
  readonly from: string | null
  readonly to: string | null
}

/** How a container that is there stands to what a slot wants. */
export interface Comparison {
  /** What cannot be changed in a running container. */
  readonly differences: readonly Difference[]
  /** What is equal as far as can be told, as sentences. */
  readonly notes: readonly string[]
  /** The limits that it has, as `formatLimits` prints them. */
  readonly limits: string
  readonly restart: RestartPolicy
}

/** What the engine says of a container, of its image's configuration, and of itself. */
export interface Inspected {
  readonly container: unknown
  readonly image: unknown
  readonly engine: EngineDefaults
  readonly apiMinor: number
  /** Targets at which it has a copy of its own of the file that is wanted there. */
  readonly copied: ReadonlySet<string>
}

/**
 * Compares a container with the one that `action` would create, both in the same words. What the manifest ships from the repository counts as different
 * unless the container has a copy of its own: Compose mounts files and folders from the server, where they may change under it, or be gone.
 */
export function compareContainer(
  action: RunAction,
  joined: Joined,
  { container, image, engine, apiMinor, copied }: Inspected,
): Comparison {
  const imageConfig = mapOf(image)
  const wanted = wantedBody(action, joined, imageConfig, apiMinor)
  const there = bodyOf(mapOf(container), wanted)
  const has = containerSettings(there, imageConfig, engine)
  const wants = new Map([...containerSettings(wanted, imageConfig, engine), ...shippedTexts(action.spec, copied)])
  const differences = [...new Set([...has.keys(), ...wants.keys()])]
    .filter((field) => has.get(field) !== wants.get(field))
    .sort()
    .map((field) => ({ field, from: has.get(field) ?? null, to: wants.get(field) ?? null }))
  const isOwn = ({ field, to }: Difference): boolean =>
    field === 'logging' && to === null && mapOf(there.host['LogConfig'])['Type'] === engine.logDriver
  return {
    differences: differences.filter((difference) => !isOwn(difference)),
    notes: [
      ...(differences.some(isOwn) ? [KEEPS_LOGGING] : []),
      ...leftData(differences),
      ...lostName(mapOf(container), action.spec),
    ],
    limits: limitsOf(there.host),
    restart: restartOf(mapOf(there.host['RestartPolicy'])),
  }
}

const KEEPS_LOGGING = 'keeps its options of logging: nobody can tell whether they are the own ones of the engine'

/** A volume of another name is begun anew, and what is in the old one stays there. */
function leftData(differences: readonly Difference[]): readonly string[] {
  return differences.flatMap(({ field, from, to }) => {
    const [, target] = /^volumes\.(.*)$/.exec(field) ?? []
    const [volume = ''] = (from ?? '').split(' ')
    if (target === undefined || to === null || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(volume) || volume === 'tmpfs')
      return []
    if (from?.startsWith(ANONYMOUS) === true)
      return [`what is in its anonymous volume at ${target} stays behind there: copy it first, if it is wanted`]
    return to.split(' ')[0] === volume
      ? []
      : [
          `what is in the volume ${volume} stays behind there; \`external: true\` and \`name: ${volume}\` on the stack's volume keep it`,
        ]
  })
}

/** Compose gives each container its service's name beside its own; one that was made by hand may be known by its own alone, which it loses. */
function lostName(container: Fields, { name: service }: ServiceSpec): readonly string[] {
  const labels = mapOf(mapOf(container['Config'])['Labels'])
  const name = textOf(container['Name']).replace(/^\//, '')
  const isAlias = (endpoint: unknown): boolean => listOf(mapOf(endpoint)['Aliases']).includes(name)
  const named = Object.entries(mapOf(mapOf(container['NetworkSettings'])['Networks'])).filter(
    ([network, endpoint]) => !UNNAMED_NETWORKS.has(network) && !isAlias(endpoint),
  )
  if (textOf(labels[COMPOSE_LABELS.project]) !== '' || named.length === 0) return []
  const networks = named.map(([network]) => network).join(' and ')
  return [
    `${networks}: nobody reaches it as ${name} any more, since its name becomes another; say ${service} there, or give the service \`container_name: ${name}\``,
  ]
}

/** There containers have no names for each other. */
const UNNAMED_NETWORKS: ReadonlySet<string> = new Set(['bridge', 'host', 'none'])

/** The body of `create` with what the engine adds to it: what the image says, where nothing else does. */
function wantedBody(action: RunAction, joined: Joined, image: Fields, apiMinor: number): ContainerBody {
  const payload = createPayload(action, action.spec.image, apiMinor, joined)
  const { Cmd, Entrypoint } = payload
  const config = {
    ...payload,
    Cmd: Cmd ?? (Entrypoint === undefined ? image['Cmd'] : []),
    Entrypoint: Entrypoint ?? image['Entrypoint'],
    Env: [...listOf(image['Env']), ...listOf(payload['Env'])],
    Labels: { ...mapOf(image['Labels']), ...payload.Labels },
    ExposedPorts: { ...mapOf(image['ExposedPorts']), ...mapOf(payload['ExposedPorts']) },
    Volumes: image['Volumes'],
    Healthcheck: { ...mapOf(image['Healthcheck']), ...mapOf(payload['Healthcheck']) },
    User: payload['User'] ?? image['User'],
    WorkingDir: payload['WorkingDir'] ?? image['WorkingDir'],
    StopSignal: payload['StopSignal'] ?? image['StopSignal'],
  }
  const networks = Object.fromEntries(endpointsFor(action.spec, apiMinor).map((one) => [one.network, one.body]))
  return { config, host: payload.HostConfig, networks, ownNames: [], givenHostname: null }
}

function bodyOf(container: Fields, wanted: ContainerBody): ContainerBody {
  const id = textOf(container['Id']).slice(0, 12)
  const name = textOf(container['Name']).replace(/^\//, '')
  const config = mapOf(container['Config'])
  const networks = Object.entries(mapOf(mapOf(container['NetworkSettings'])['Networks'])).map(
    ([network, endpoint]) => [network, endpointOf(mapOf(endpoint), mapOf(wanted.networks[network]))] as const,
  )
  // A container made by Compose is also called by its project's way; that name stays an alias when it is renamed.
  const labels = mapOf(config['Labels'])
  const { project, service, number } = COMPOSE_LABELS
  const composed = [project, service, number].map((label) => labels[label])
  const asked = new Set(Object.values(wanted.networks).flatMap((endpoint) => listOf(endpoint['Aliases'])))
  const named = [id, name, textOf(config['Hostname']), composed.join('-'), composed.join('_')]
  const ownNames = named.filter((own) => !asked.has(own))
  return {
    config,
    host: mapOf(container['HostConfig']),
    networks: Object.fromEntries(networks),
    ownNames,
    givenHostname: id,
  }
}

/** Every container has an address in hardware: only where one is wanted can it be the wrong one. */
function endpointOf(there: Fields, wanted: Fields): Fields {
  const Links = listOf(there['Links']).filter((link) => !isPlainLink(String(link)))
  return wanted['MacAddress'] === undefined ? { ...there, Links, MacAddress: null } : { ...there, Links }
}

/** `shop-db-1:db`: Compose links a service under the names that it has on the network anyhow. */
function isPlainLink(link: string): boolean {
  const [container = '', alias = ''] = link.split(':')
  const names = [container, container.replace(/[-_][0-9]+$/, '')].map((name) => `-${name}`.replaceAll('_', '-'))
  return names.some((name) => name.endsWith(`-${alias.replaceAll('_', '-')}`))
}

function shippedTexts(
  { mounts, files }: ServiceSpec,
  copied: ReadonlySet<string>,
): readonly (readonly [field: string, text: string])[] {
  const shipped = mounts.flatMap((mount) => (mount.kind === 'shipped' ? [mount] : []))
  const others = files.filter(({ target }) => !copied.has(target))
  return [...shipped, ...others].map(({ target, source }) => [`volumes.${target}`, `${source} of the repository`])
}

function limitsOf(host: Fields): string {
  const number = (field: string): number => Number(host[field] ?? 0)
  const memory = number('Memory')
  const swap = number('MemorySwap')
  return formatLimits({
    limits: {
      cpus: number('NanoCpus') > 0 ? number('NanoCpus') / 1e9 : null,
      memoryBytes: memory > 0 ? memory : null,
      pids: number('PidsLimit') > 0 ? number('PidsLimit') : null,
      // Twice the memory is the engine's own.
      memorySwapBytes: swap === 0 || swap === memory * 2 ? undefined : swap,
      memoryReservedBytes: number('MemoryReservation') > 0 ? number('MemoryReservation') : undefined,
    },
  })
}

function restartOf(policy: Fields): RestartPolicy {
  const name = textOf(policy['Name'])
  const condition = CONDITIONS.find((known) => known === name) ?? 'no'
  return { condition, maxAttempts: condition === 'on-failure' ? Number(policy['MaximumRetryCount'] ?? 0) : 0 }
}

const CONDITIONS = ['no', 'on-failure', 'always', 'unless-stopped'] as const
