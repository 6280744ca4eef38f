import { OVERLAY } from '../model/index.js'
import type { NetworkSpec, VolumeSpec } from '../model/index.js'
import { compact } from './compact.js'

type Fields = Readonly<Record<string, unknown>>

/** The body of `POST /networks/create` without labels. A network that says nothing new keeps the bytes it had, since their hash is on it. */
export function networkPayload(network: NetworkSpec): Fields {
  const { name, driver, internal, options, subnets, ipam, attachable, enableIpv4, enableIpv6 } = network
  const hasV6 = subnets.some((subnet) => subnet.includes(':'))
  return {
    Name: name,
    Driver: driver,
    Internal: internal,
    Options: options,
    ...((enableIpv6 ?? hasV6) ? { EnableIPv6: true } : {}),
    // Else a network of Swarm takes no container that Swarm does not run.
    ...compact({ Attachable: driver === OVERLAY ? true : attachable, EnableIPv4: enableIpv4 }),
    ...(ipam !== undefined
      ? { IPAM: ipamPayload(ipam) }
      : subnets.length > 0
        ? { IPAM: { Config: subnets.map((Subnet) => ({ Subnet })) } }
        : {}),
  }
}

function ipamPayload({ driver, options, pools }: NonNullable<NetworkSpec['ipam']>): Fields {
  return compact({
    Driver: driver,
    Options: options,
    Config: pools?.map(({ subnet, gateway, ipRange, auxAddresses }) =>
      compact({ Subnet: subnet, Gateway: gateway, IPRange: ipRange, AuxiliaryAddresses: auxAddresses }),
    ),
  })
}

/** The body of `POST /volumes/create` without labels. */
export function volumePayload({ name, driver, options }: VolumeSpec): Fields {
  return { Name: name, Driver: driver, DriverOpts: options }
}
