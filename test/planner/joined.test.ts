import { describe, expect, it } from 'vitest'
import { facts, listed, planOf, replicaOf, server, specOf, textOf } from './world.js'

const servers = [server('a'), server('b'), server('c')]
const views = [listed('a'), listed('b'), listed('c')]
const vpn = specOf('vpn', { replicas: 1 })
const app = specOf('app', { replicas: 1, networkMode: 'service:vpn', networks: [] })

describe('a service that joins another one', () => {
  it('goes where that one goes, although its name comes first', () => {
    const pinned = specOf('vpn', {
      placement: { constraints: [{ key: 'node.hostname', op: '==', value: 'c' }], spread: [], maxPerServer: 0 },
    })
    const { changes } = planOf({ services: [app, pinned], servers, views })
    expect(changes.map((change) => [change.slot.service, 'server' in change && change.server])).toEqual([
      ['app', 'c'],
      ['vpn', 'c'],
    ])
  })

  it('goes where that one is, number by number', () => {
    const two = specOf('vpn', { replicas: 2 })
    const there = [listed('a', [replicaOf(two, 2, 'a')]), listed('b'), listed('c', [replicaOf(two, 1, 'c')])]
    const joining = specOf('app', { replicas: 2, isolation: { pid: 'service:vpn' } })
    const { changes } = planOf({ services: [joining, two], servers, views: there })
    const creates = changes.filter((change) => change.kind === 'create')
    expect(creates.map(({ slot, server: at }) => `${slot.key} ${at}`)).toEqual(['1 c', '2 a'])
  })

  it('waits while that one fits nowhere', () => {
    const nowhere = specOf('vpn', {
      placement: { constraints: [{ key: 'node.hostname', op: '==', value: 'x' }], spread: [], maxPerServer: 0 },
    })
    const { changes } = planOf({ services: [app, nowhere], servers, views })
    expect(changes.map(({ kind }) => kind)).toEqual(['blocked', 'blocked'])
    expect(textOf({ services: [app, nowhere], servers, views })).toContain('vpn, which it joins, has no server')
  })

  it('is no different from others when it joins none', () => {
    const { changes } = planOf({ services: [specOf('app'), vpn], servers, views })
    expect(changes.map(({ kind }) => kind)).toEqual(['create', 'create'])
  })
})

describe('a key that only newer engines know', () => {
  const mount = { kind: 'volume', source: 'shop_v', target: '/v', readOnly: true, noCopy: false, subpath: 'x' } as const
  const web = specOf('web', { mounts: [mount] })
  const old = (name: string) =>
    listed(name, [], { facts: { ...facts(name), apiVersion: '1.41', engineVersion: '20.10.24' } })
  const modern = (name: string) =>
    listed(name, [], { facts: { ...facts(name), apiVersion: '1.45', engineVersion: '26.1.5' } })

  it('places it on those only', () => {
    const { changes } = planOf({ services: [web], servers, views: [old('a'), modern('b'), old('c')] })
    expect(changes).toMatchObject([{ kind: 'create', server: 'b' }])
  })

  it('and says which engines are too old before anything is touched', () => {
    const { changes } = planOf({ services: [web], servers, views: [old('a'), old('b'), old('c')] })
    expect(changes).toMatchObject([
      {
        kind: 'blocked',
        problem: {
          code: 'ENGINE_TOO_OLD',
          message: expect.stringContaining(
            '3 have Docker Engine 20.10.24 (API 1.41), and volumes.volume.subpath needs API 1.45 (a, b, c)',
          ) as string,
        },
      },
    ])
  })
})
