import { lookup } from 'node:dns'
import { BlockList, isIPv6 } from 'node:net'
import type { LookupFunction } from 'node:net'

/** Where clouds tell a machine what it is, and its credentials. An IPv4 address written as an IPv6 one counts, too. */
const LINK_LOCAL = new BlockList()
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4')
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6')
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6')

export function isLinkLocal(address: string): boolean {
  return LINK_LOCAL.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** Looks a name up as the system does, without addresses that are never asked: what a name leads to is known only now. */
export const openLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, all) => {
    if (error !== null) return callback(error, [])
    const open = all.filter(({ address }) => !isLinkLocal(address))
    const [first] = open
    if (first === undefined) return callback(Object.assign(new Error('link-local'), { code: 'LINK_LOCAL' }), [])
    if (options.all === true) callback(null, open)
    else callback(null, first.address, first.family)
  })
}
