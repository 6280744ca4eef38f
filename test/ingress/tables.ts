import fc from 'fast-check'
import type { BalancedService, ProxyTable, ProxyTarget } from '../../src/model/index.js'

export function tableOf(services: readonly BalancedService[], changes: Partial<ProxyTable> = {}): ProxyTable {
  return { server: 'lon-1', services, peers: [], mesh: null, ...changes }
}

export function serviceOf(changes: Partial<BalancedService> = {}): BalancedService {
  return { key: 'shop/web:8080', protocol: 'http', listen: [], local: [], remote: [], ...changes }
}

export function targetOf(host: number, state: ProxyTarget['state'] = 'ready'): ProxyTarget {
  return { containerId: `c${host}`, address: `172.18.0.${host}`, port: 8080, state }
}

/** Texts that a grammar must not let through, and some that it must. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    'shop/web:8080',
    'a\n  server evil 6.6.6.6:80',
    '"x" \'y\' {z} %[src] ${HOME} `id` # \\',
    '*.mesh',
    'lon-1',
    'lon-2',
    '',
    '.',
    'über',
    'x'.repeat(5000),
  ),
)
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  text,
  fc.constantFrom('fe80::1%eth0\n', '172.18.0.2', '172.18.0.3', '::1%a b', ''),
)
const port = fc.oneof(
  fc.integer({ min: 1, max: 65_535 }),
  fc.constantFrom(80, 8444),
  fc.double(),
  fc.constantFrom(0, -1, 65_536),
)

/** Any table that its type allows, and then some. */
export const anyTable: fc.Arbitrary<ProxyTable> = fc.record({
  server: text,
  services: fc.array(
    fc.record({
      key: text,
      protocol: fc.constantFrom('tcp' as const, 'http' as const),
      listen: fc.array(fc.record({ hostIp: address, port }), { maxLength: 3 }),
      local: fc.array(
        fc.record({ containerId: text, address, port, state: fc.constantFrom('ready' as const, 'drain' as const) }),
        { maxLength: 9 },
      ),
      remote: fc.array(fc.record({ server: text, weight: fc.oneof(fc.nat(400), fc.double()) }), { maxLength: 3 }),
    }),
    { maxLength: 4 },
  ),
  peers: fc.array(fc.record({ server: text, host: address, port }), { maxLength: 3 }),
  mesh: fc.option(fc.record({ port, authority: text, certificate: text })),
})
