import { serviceKey } from '../model/index.js'
import type { Fleet, ServiceSpec } from '../model/index.js'
import { hostPorts } from './given.js'

/** Of ssh, whatever fleets say: a server whose sshd cannot start again is lost. */
const SSH_PORT = 22

/** TCP ports that servers and stacks need at all addresses of a server, and for whom: no name may have one. */
export function reservedPorts(
  { servers, ingress }: Fleet,
  services: readonly ServiceSpec[],
): ReadonlyMap<number, string> {
  const ssh = servers.flatMap(({ address }) => (address.kind === 'ssh' ? [address.port] : []))
  const published = services.flatMap((spec) =>
    hostPorts(spec).map((port) => [port, `published on servers by ${serviceKey(spec)}`] as const),
  )
  return new Map([
    ...published,
    ...(ingress === undefined ? [] : [[ingress.meshPort, 'the port of the mesh'] as const]),
    ...[SSH_PORT, ...ssh].map((port) => [port, 'that of sshd on servers'] as const),
  ])
}
