import type { NetworkAttachment, ServiceSpec } from '../model/index.js'
import { compact } from './compact.js'

/** From this API on `create` takes more than one network, and a MAC address with each. */
export const MANY_NETWORKS_API = 44
/** From this API on a network may say how much it wants to be the default route. */
const GATEWAY_PRIORITY_API = 48

/** A container's place in one network. */
export interface Endpoint {
  readonly network: string
  readonly body: Readonly<Record<string, unknown>>
}

/** The networks of a service, the first one first. */
export function endpointsFor(spec: ServiceSpec, apiMinor: number): readonly Endpoint[] {
  if (spec.networkMode !== null) return []
  return spec.networks.map((attachment, index) => ({
    network: attachment.network,
    body: endpointBody(spec, index === 0, attachment, apiMinor),
  }))
}

/** Networks that `create` could not take, to be attached before the start. */
export function laterNetworks(spec: ServiceSpec, apiMinor: number): readonly Endpoint[] {
  return apiMinor >= MANY_NETWORKS_API ? [] : endpointsFor(spec, apiMinor).slice(1)
}

function endpointBody(
  spec: ServiceSpec,
  isFirst: boolean,
  attachment: NetworkAttachment,
  apiMinor: number,
): Readonly<Record<string, unknown>> {
  const macAddress = attachment.macAddress ?? (isFirst ? spec.naming?.macAddress : undefined)
  const addresses = compact({
    IPv4Address: attachment.ipv4Address,
    IPv6Address: attachment.ipv6Address,
    LinkLocalIPs: attachment.linkLocalIps,
  })
  return compact({
    // As with Compose, a service is found by its name.
    Aliases: [...new Set([spec.name, ...attachment.aliases])],
    Links: spec.naming?.links,
    IPAMConfig: Object.keys(addresses).length > 0 ? addresses : null,
    MacAddress: apiMinor >= MANY_NETWORKS_API || !isFirst ? macAddress : null,
    DriverOpts: attachment.driverOpts,
    GwPriority: apiMinor >= GATEWAY_PRIORITY_API ? attachment.gwPriority : null,
  })
}
