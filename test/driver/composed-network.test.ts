import { describe, expect, it } from 'vitest'
import { composedDifference } from '../../src/driver/composed-network.js'

/** What an engine says of a network that Compose made without a word about it. */
const PLAIN = {
  Driver: 'bridge',
  Internal: false,
  Attachable: false,
  EnableIPv4: true,
  EnableIPv6: false,
  Options: {},
  IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '172.18.0.0/16', Gateway: '172.18.0.1' }] },
}
const WANTED = { Name: 'shop_default', Driver: 'bridge', Internal: false, Options: {} }

describe('a network that docker compose made', () => {
  it('is as wanted where the stack says no more than Compose did, also on engines that say less', () => {
    const { EnableIPv4: _, ...old } = PLAIN
    expect(composedDifference(WANTED, PLAIN)).toBeNull()
    expect(composedDifference(WANTED, { ...old, Options: null })).toBeNull()
    expect(composedDifference({ ...WANTED, IPAM: { Config: [{ Subnet: '172.18.0.0/16' }] } }, PLAIN)).toBeNull()
    expect(composedDifference({ ...WANTED, IPAM: { Driver: 'default', Options: {} } }, PLAIN)).toBeNull()
  })

  it.each([
    ['driver', { Driver: 'macvlan' }, {}],
    ['internal', { Internal: true }, {}],
    ['internal', {}, { Internal: true }],
    ['attachable', { Attachable: true }, {}],
    ['enable_ipv6', {}, { EnableIPv6: true }],
    ['enable_ipv4', { EnableIPv4: false }, {}],
    ['driver_opts', { Options: { a: 'b' } }, {}],
    ['driver_opts', {}, { Options: { a: 'b' } }],
    ['ipam', { IPAM: { Driver: 'other' } }, {}],
    ['ipam', { IPAM: { Options: { a: 'b' } } }, {}],
    ['ipam', { IPAM: { Config: [{ Subnet: '10.1.0.0/16' }] } }, {}],
    ['ipam', { IPAM: { Config: [{ Subnet: '172.18.0.0/16', Gateway: '172.18.0.9' }] } }, {}],
  ])('has another %s: wanted %j, there %j', (field, wanted, there) => {
    expect(composedDifference({ ...WANTED, ...wanted }, { ...PLAIN, ...there })).toBe(field)
  })
})
