import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { route, tableOf } from '../../src/ingress/index.js'
import type { Endpoint, ServiceEndpoints, TableInput } from '../../src/ingress/index.js'

const SERVERS = ['a', 'b', 'c']
const KEYS = ['shop/api:80', 'shop/db:5432', 'shop/web:80', 'shop/web:81']
const IDS = ['1', '2', '3', '4', '5', '6']
const WANTED = { hostIp: '', port: 80, isWanted: true } as const

/** What a fleet is like at one moment; by it each step says what it is from then on. */
interface Moment {
  /** By key: ids of its replicas, those that leave with a `!`. */
  readonly services: Readonly<Record<string, readonly string[]>>
  readonly counted: readonly string[]
  readonly shut: readonly string[]
  readonly letGo: readonly string[]
  readonly taken: readonly number[]
  readonly hasNames: boolean
  readonly isListening: boolean
}

const some = <T>(values: readonly T[]): fc.Arbitrary<readonly T[]> => fc.subarray([...values])
const TARGETS = KEYS.flatMap((key) => IDS.map((id) => `${key} ${id}`))
const targets = some(TARGETS)
const replicas = some(IDS).chain((ids) =>
  fc.tuple(...ids.map((id) => fc.boolean().map((isLeaving) => (isLeaving ? `${id}!` : id)))),
)
const moment: fc.Arbitrary<Partial<Moment>> = fc.record(
  {
    services: fc.dictionary(fc.constantFrom(...KEYS), replicas),
    counted: targets,
    shut: targets,
    letGo: targets,
    taken: some([80, 5432]),
    hasNames: fc.boolean(),
    isListening: fc.boolean(),
  },
  { requiredKeys: [] },
)

const FIRST: Moment = {
  services: { 'shop/web:80': ['1', '2'] },
  counted: TARGETS,
  shut: [],
  letGo: [],
  taken: [],
  hasNames: true,
  isListening: true,
}

function endpointOf(text: string): Endpoint {
  const id = text.replace('!', '')
  const server = SERVERS[Number(id) % SERVERS.length] ?? ''
  return { containerId: id, server, address: `172.18.0.${id}`, port: 80, isLeaving: text.endsWith('!') }
}

function serviceOf(key: string, ids: readonly string[]): ServiceEndpoints {
  const name = { service: key.replace(/:.*/, ''), port: Number(key.split(':')[1]), ports: [80], networks: null }
  const claims = key === 'shop/db:5432' ? [] : [WANTED]
  return { key, protocol: 'tcp', claims, replicas: ids.map(endpointOf), name }
}

const NAMES = {
  range: '198.18.0.0/16',
  addresses: new Map(KEYS.map((key, at) => [key.replace(/:.*/, ''), `198.18.0.${at + 1}`])),
  subnets: new Map([['shop_default', ['172.18.0.0/16']]]),
  reserved: new Set<number>(),
}

function inputOf(now: Moment, server: string, before: TableInput | undefined): TableInput {
  const kept = new Map(before?.routing.services.map(({ source }) => [source.key, source]))
  const services = Object.entries(now.services).map(([key, ids]) => {
    const made = serviceOf(key, ids)
    const last = kept.get(key)
    return last !== undefined && JSON.stringify(last) === JSON.stringify(made) ? last : made
  })
  return {
    server,
    routing: route([services], before?.routing),
    isListening: now.isListening,
    taken: now.taken.map((port) => ({ hostIp: '', port, protocol: 'tcp' })),
    peers: [],
    mesh: null,
    counted: new Set(now.counted),
    front: null,
    shut: new Set(now.shut),
    names: now.hasNames ? NAMES : null,
    letGo: new Set(now.letGo),
  }
}

describe('a table made from the last one', () => {
  it('is the one that would be made from nothing, whatever changed', () => {
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 8 }), fc.constantFrom(...SERVERS), (changes, server) => {
        let now = FIRST
        let input = inputOf(now, server, undefined)
        let made = tableOf(input)
        for (const change of changes) {
          now = { ...now, ...change }
          input = inputOf(now, server, input)
          made = tableOf(input, made.parts, made.table)
          expect(made.table).toEqual(tableOf(input).table)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('has one service anew where one replica of many services changed', () => {
    const keys = Array.from({ length: 500 }, (_, at) => `stack-${at % 50}/service-${at}:80`)
    const services = Object.fromEntries(keys.map((key) => [key, ['1', '2', '3', '4']]))
    const now: Moment = { ...FIRST, services }
    const input = inputOf(now, 'a', undefined)
    const first = tableOf(input)
    const changed = { ...now, services: { ...services, 'stack-7/service-7:80': ['1', '2', '3', '5'] } }
    const { table } = tableOf(inputOf(changed, 'a', input), first.parts, first.table)
    const known = new Set(first.table.services)
    expect(table.services.filter((service) => !known.has(service)).map(({ key }) => key)).toEqual([
      'stack-7/service-7:80',
    ])
  })
})
