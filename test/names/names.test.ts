import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignAddresses, declaredPorts, givenNames, networksAround, parseRange } from '../../src/names/index.js'
import type { AddressRange } from '../../src/names/index.js'
import type { NetworkAttachment, ServiceSpec } from '../../src/model/index.js'
import { SHOP_NETWORK, serviceSpec } from '../driver/fixtures.js'

const WIDE: AddressRange = { first: 198 * 2 ** 24 + 18 * 2 ** 16, size: 65_536 }
/** Of 254 addresses most services meet another's. */
const NARROW: AddressRange = { ...WIDE, size: 256 }
const NOBODY: ReadonlyMap<string, string> = new Map()

const services = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}\/[a-z]{1,4}$/), { minLength: 1, maxLength: 120 })
const range = fc.constantFrom(WIDE, NARROW)

describe('the addresses of names', () => {
  it.each([
    ['198.18.0.0/16', WIDE],
    ['198.18.0.0/24', NARROW],
    ['198.18.0.1/16', null],
    ['198.18.0.0/25', null],
    ['0.0.0.0/7', null],
    ['198.18.0.0', null],
    ['198.18.0.0/16/1', null],
    ['fd00::/16', null],
  ])('are out of a range: %s', (text, expected) => {
    expect(parseRange(text)).toEqual(expected)
  })

  it('are one for each service, the same wherever nothing is remembered, in whatever order they are named', () => {
    fc.assert(
      fc.property(range, services, (space, names) => {
        const given = assignAddresses(space, names, NOBODY)
        expect(given.size).toBe(names.length)
        expect(new Set(given.values()).size).toBe(names.length)
        for (const address of given.values()) expect(address).toMatch(/^198\.18\.\d+\.\d+$/)
        const again = assignAddresses(space, [...names].reverse(), NOBODY)
        expect([...again].sort()).toEqual([...given].sort())
      }),
    )
  })

  it('are kept while a service exists, whoever comes and goes beside it', () => {
    fc.assert(
      fc.property(range, fc.array(services, { minLength: 2, maxLength: 6 }), (space, moments) => {
        let held = NOBODY
        for (const names of moments) {
          const given = assignAddresses(space, names, held)
          for (const name of names) if (held.has(name)) expect(given.get(name)).toBe(held.get(name))
          expect(new Set(given.values()).size).toBe(names.length)
          held = given
        }
      }),
    )
  })

  it('are those of a memory that was lost, where containers tell them', () => {
    fc.assert(
      fc.property(services, services, (first, later) => {
        const before = assignAddresses(NARROW, first, NOBODY)
        const all = assignAddresses(NARROW, [...first, ...later], before)
        const seen = new Map(
          [...all].filter(([, address]) => address.endsWith('7') || Number(address.length) % 2 === 0),
        )
        const anew = assignAddresses(NARROW, [...first, ...later], seen)
        for (const [name, address] of seen) expect(anew.get(name)).toBe(address)
      }),
    )
  })

  it('are not given where none are left, or where two hold one', () => {
    const many = Array.from({ length: 300 }, (_, index) => `s/${index}`)
    expect(assignAddresses(NARROW, many, NOBODY).size).toBe(254)
    const twins = new Map(['a/a', 'b/b'].map((name) => [name, '198.18.0.9'] as const))
    const given = assignAddresses(WIDE, ['b/b', 'a/a'], twins)
    expect(given.get('a/a')).toBe('198.18.0.9')
    expect(given.get('b/b')).not.toBe('198.18.0.9')
  })
})

const attached = (network: string, ...aliases: readonly string[]): NetworkAttachment => ({ network, aliases })
const service = (name: string, changes: Partial<ServiceSpec> = {}): ServiceSpec =>
  serviceSpec({ name, networks: [attached('shop_default')], ...changes })

/** `db api.blog`: what a web service is told. */
function told(
  web: Partial<ServiceSpec>,
  others: readonly ServiceSpec[],
  networks = [SHOP_NETWORK],
  shared: ReadonlySet<string> = new Set(),
): string {
  const named = others.map((spec, at) => ({ spec, address: `198.18.0.${at + 1}` }))
  const exported = named.filter(({ spec }) => spec.exported === true)
  const neighbours = named.filter(({ spec }) => spec.stack === 'shop')
  return givenNames(service('web', web), null, { networks, shared, neighbours, exported })
    .hosts.map(({ name, address }) => `${name}=${address.slice('198.18.0.'.length)}`)
    .join(' ')
}

describe('the names that a container is given', () => {
  const db = service('db')
  const inner = { ...SHOP_NETWORK, name: 'shop_inner', internal: true }

  it.each<[string, Partial<ServiceSpec>, readonly ServiceSpec[], string]>([
    ['are those of its stack', {}, [db, service('cache')], 'cache=2 db=1'],
    [
      'are those of other stacks where they are exported',
      {},
      [db, service('pg', { stack: 'data', exported: true })],
      'db=1 pg.data=2',
    ],
    ['are not its own, which programs bind to', {}, [service('web')], ''],
    [
      'are not its own by an alias of another',
      {},
      [service('a', { networks: [attached('shop_default', 'web')] })],
      'a=1',
    ],
    ['are not its own hostname', { hostname: 'db' }, [db], ''],
    [
      'are not what the user says an address of',
      { extraHosts: ['db:10.0.0.9', 'cache=10.0.0.8'] },
      [db, service('cache')],
      '',
    ],
    ['are those of services on a network of its own', {}, [service('db', { networks: [attached('shop_other')] })], ''],
    [
      'are aliases on a network of its own too',
      {},
      [service('db', { networks: [attached('shop_default', 'sql')] })],
      'db=1 sql=1',
    ],
    [
      'are no aliases that are a name of somebody else',
      {},
      [service('a', { networks: [attached('shop_default', 'db')] }), db],
      'a=1 db=2',
    ],
    ['are links too', { naming: { links: ['db:database'] } }, [db], 'database=1 db=1'],
    ['are none on the network of the host', { networkMode: 'host', networks: [] }, [db], ''],
    [
      'are none where nothing leads out',
      { networks: [attached('shop_inner')] },
      [service('db', { networks: [attached('shop_inner')] })],
      '',
    ],
    [
      'are those on an internal network where another leads out',
      { networks: [attached('shop_inner'), attached('shop_default')] },
      [service('db', { networks: [attached('shop_inner')] })],
      'db=1',
    ],
  ])('%s', (_, web, others, expected) => {
    expect(told(web, others, [SHOP_NETWORK, inner])).toBe(expected)
  })

  it.each<[string, readonly string[], readonly string[], string]>([
    ['are Docker’s of whom is met on a network of a Swarm', ['shop_default', 'mesh'], ['shop_default', 'mesh'], ''],
    ['are given of whom is met on another', ['shop_default', 'mesh'], ['shop_default'], 'db=1'],
    ['are none from a network of a Swarm alone', ['mesh'], ['mesh', 'shop_default'], ''],
  ])('%s', (_, own, its, expected) => {
    const on = (networks: readonly string[]) => ({ networks: networks.map((network) => attached(network)) })
    expect(told(on(own), [service('db', on(its))], [SHOP_NETWORK], new Set(['mesh']))).toBe(expected)
  })

  it('are none over IPv6 alone', () => {
    expect(told({}, [db], [{ ...SHOP_NETWORK, enableIpv4: false }])).toBe('')
  })
})

describe('a service', () => {
  it('has the TCP ports that it publishes and exposes', () => {
    const port = { published: 80, hostIp: '' }
    const ports = [
      { ...port, target: 8080, protocol: 'tcp' as const },
      { ...port, target: 53, protocol: 'udp' as const },
    ]
    const balanced = [{ ...port, target: 9000, protocol: 'tcp' as const }]
    const naming = { expose: ['5432/tcp', '8080/tcp', '123/udp'] }
    expect(declaredPorts(service('db', { ports, balanced, naming }))).toEqual([5432, 8080, 9000])
  })

  it('is reached from all networks of those who share one with it', () => {
    const web = service('web', { networks: [attached('front'), attached('back')] })
    const db = service('db', { networks: [attached('back')] })
    const other = service('other', { networks: [attached('aside')] })
    const stack = { name: 'shop', path: '', services: [web, db, other], networks: [], volumes: [] }
    expect(networksAround(db, stack)).toEqual(['back', 'front'])
    expect(networksAround(other, stack)).toEqual(['aside'])
  })
})
