import { compareText } from '../model/index.js'
import type { GivenNames, NetworkSpec, ServiceSpec, Stack } from '../model/index.js'

/** Networks that are one on all servers of a Swarm, by name: there Docker's own names reach everybody, and the proxies reach nobody. */
export type SharedNetworks = ReadonlySet<string>

/** Services that have names at all: those on networks of their own. */
export function isNameable({ networkMode, networks }: ServiceSpec): boolean {
  return networkMode === null && networks.length > 0
}

/** Whether the proxy of its server reaches its containers. */
export function isReachable({ networks }: ServiceSpec, shared: SharedNetworks): boolean {
  return shared.size === 0 || networks.some(({ network }) => !shared.has(network))
}

/** TCP ports that a spec says its containers have: published ones, and `expose`. */
export function declaredPorts({ ports, balanced, naming }: ServiceSpec): readonly number[] {
  const exposed = (naming?.expose ?? []).flatMap((port) => /^([0-9]+)\/tcp$/.exec(port)?.[1] ?? []).map(Number)
  const published = ports.filter(({ protocol }) => protocol === 'tcp').map(({ target }) => target)
  return [...new Set([...exposed, ...published, ...(balanced ?? []).map(({ target }) => target)])].sort((a, b) => a - b)
}

/** Host ports for which every address of a server is wanted: no name may listen on them. */
export function hostPorts({ ports }: ServiceSpec): readonly number[] {
  const isEvery = (hostIp: string): boolean => hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::'
  return ports.flatMap(({ published, protocol, hostIp }) =>
    published !== null && protocol === 'tcp' && isEvery(hostIp) ? [published] : [],
  )
}

/**
 * Networks from which a service is reached by its name: those of everybody who shares one with it, as a container connects from the network of its
 * default route.
 */
export function networksAround(spec: ServiceSpec, { services }: Stack): readonly string[] {
  const around = services.filter((other) => isNameable(other) && sharesNetwork(spec, other))
  return [...new Set(around.flatMap(({ networks }) => networks.map(({ network }) => network)))].sort(compareText)
}

function sharesNetwork(a: ServiceSpec, b: ServiceSpec): boolean {
  return a.networks.some(({ network }) => b.networks.some((other) => other.network === network))
}

function sharesOneOf(shared: SharedNetworks, a: ServiceSpec, b: ServiceSpec): boolean {
  if (shared.size === 0) return false
  return a.networks.some(({ network }) => shared.has(network) && b.networks.some((other) => other.network === network))
}

/** What may be said of a service that others have the name of. */
export interface NamedService {
  readonly spec: ServiceSpec
  readonly address: string
}

/** What a container's names lean on besides its own spec. `networks` are those of its stack. */
export interface NameSurroundings {
  readonly networks: readonly NetworkSpec[]
  readonly shared: SharedNetworks
  readonly neighbours: readonly NamedService[]
  readonly exported: readonly NamedService[]
}

/**
 * The names that a new container is given. `neighbours` are the services of its own stack that can be served, `exported` those of all stacks. Own
 * names stay Docker's, as programs bind to them; so does what the user says an address of, and who is met on a network of a Swarm.
 */
export function givenNames(
  spec: ServiceSpec,
  own: string | null,
  { networks, shared, ...others }: NameSurroundings,
): GivenNames {
  if (!canReach(spec, networks, shared)) return { address: own, hosts: [] }
  const neighbours = others.neighbours.filter((other) => !sharesOneOf(shared, spec, other.spec))
  const taken = new Set([spec.name, spec.hostname ?? '', ...spec.extraHosts.map((host) => host.split(/[:=]/)[0] ?? '')])
  for (const { aliases } of spec.networks) for (const alias of aliases) taken.add(alias)
  const hosts = new Map<string, string>()
  const give = (name: string, address: string): void => {
    if (/^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$/.test(name) && !taken.has(name) && !hosts.has(name))
      hosts.set(name, address)
  }
  for (const other of neighbours) {
    if (other.spec.name === spec.name || !sharesNetwork(spec, other.spec)) continue
    for (const name of [other.spec.name, ...linksTo(spec, other.spec.name)]) give(name, other.address)
  }
  for (const other of neighbours)
    if (other.spec.name !== spec.name) for (const alias of aliasesFor(spec, other.spec)) give(alias, other.address)
  for (const other of others.exported) give(`${other.spec.name}.${other.spec.stack}`, other.address)
  const sorted = [...hosts].map(([name, address]) => ({ name, address }))
  return { address: own, hosts: sorted.sort((a, b) => compareText(a.name, b.name)) }
}

/** Whether its containers have a way out of their networks, over IPv4. */
function canReach(spec: ServiceSpec, networks: readonly NetworkSpec[], shared: SharedNetworks): boolean {
  const about = new Map(networks.map((network) => [network.name, network]))
  return (
    isNameable(spec) &&
    spec.networks.some(({ network }) => {
      if (shared.has(network)) return false
      const known = about.get(network)
      return known === undefined || (!known.internal && known.enableIpv4 !== false)
    })
  )
}

/** `db:database` is another name of db. */
function linksTo({ naming }: ServiceSpec, service: string): readonly string[] {
  return (naming?.links ?? []).flatMap((link) => {
    const [target, alias] = link.split(':')
    return target === service && alias !== undefined ? [alias] : []
  })
}

/** The names that another has on the networks that both are on. */
function aliasesFor(spec: ServiceSpec, other: ServiceSpec): readonly string[] {
  const own = new Set(spec.networks.map(({ network }) => network))
  return other.networks.filter(({ network }) => own.has(network)).flatMap(({ aliases }) => aliases)
}
