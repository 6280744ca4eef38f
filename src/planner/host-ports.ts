import type { HostPort, ServiceSpec } from '../model/index.js'

const NONE: readonly HostPort[] = []

/** The fixed ports that one replica of a service holds on its server. On the host's network it listens on its targets themselves. */
export function claimedPorts(spec: Pick<ServiceSpec, 'ports' | 'networkMode'>): readonly HostPort[] {
  if (spec.ports.length === 0 || spec.networkMode === 'none') return NONE
  const onHost = spec.networkMode === 'host'
  return spec.ports.flatMap(({ target, published, protocol, hostIp }) => {
    const port = onHost ? target : published
    return port === null ? [] : [{ hostIp: onHost ? '' : hostIp, port, protocol }]
  })
}

/** `8080`, `127.0.0.1:53/udp`. */
export function formatHostPort({ hostIp, port, protocol }: HostPort): string {
  return `${hostIp === '' ? '' : `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:`}${port}${protocol === 'tcp' ? '' : `/${protocol}`}`
}
