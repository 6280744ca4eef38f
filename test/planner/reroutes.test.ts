import { describe, expect, it } from 'vitest'
import { formatPlan, planStack, planToJson } from '../../src/planner/index.js'
import type { ServiceSpec, StackPlan } from '../../src/model/index.js'
import { routeOf } from '../ingress/tables.js'
import { inputOf, listed, replicaOf, specOf } from './world.js'

function planFrom(before: Partial<ServiceSpec>, after: Partial<ServiceSpec>): StackPlan {
  const [old, wanted] = [specOf('web', before), specOf('web', after)]
  const input = inputOf({ services: [wanted], views: [listed('lon-1', [replicaOf(wanted, '1', 'lon-1')])] })
  return planStack({ ...input, proven: { ...input.stack, services: [old] } })
}

const port = { target: 80, published: 8080, hostIp: '', protocol: 'tcp' } as const
const own = { kind: 'own', name: 'tls/shop.pem', pem: 'PRIVATE' } as const

describe('a change of ports and routes alone', () => {
  it('is told, and touches no container', () => {
    const plan = planFrom(
      { balanced: [port], routes: [routeOf(), routeOf({ path: '/old' }), routeOf({ path: '/shared', weight: 90 })] },
      {
        balanced: [{ ...port, published: 9090 }],
        routes: [
          routeOf({ tls: { kind: 'acme' }, manner: { bodyBytes: 1_048_576, allow: ['10.0.0.0/8'] } }),
          routeOf({ hosts: [], path: '/new' }),
          routeOf({ path: '/shared', weight: 0 }),
        ],
      },
    )
    expect(formatPlan([plan], { format: 'text' })).toBe(`shop
  web
    reroute web, no container is touched
      ports 8080:80 → 9090:80
      route */new none → port 8080, no tls
      route shop.example.com/ port 8080, no tls → port 8080, tls acme, plain too, body_limit 1M, allow 10.0.0.0/8
      route shop.example.com/old port 8080, no tls → none
      route shop.example.com/shared port 8080, no tls, weight 90 → port 8080, no tls, weight 0
  unchanged: web (1)

1 to reroute, 1 unchanged
`)
    expect(planToJson([plan]).stacks[0]?.reroutes).toEqual(plan.reroutes)
    expect(formatPlan([plan], { format: 'markdown' })).toContain(
      '| reroute | `web` |  | no container is touched | `ports 8080:80 → 9090:80`',
    )
  })

  it.each<[string, Partial<ServiceSpec>, Partial<ServiceSpec>, string]>([
    ['gives other stacks its name', {}, { exported: true }, 'name none → web.shop for all stacks'],
    ['takes it from them', { exported: true }, {}, 'name web.shop for all stacks → none'],
  ])('is told where it %s', (_, before, after, line) => {
    const plan = planFrom(before, after)
    expect(formatPlan([plan], { format: 'text' })).toBe(`shop
  web
    reroute web, no container is touched
      ${line}
  unchanged: web (1)

1 to reroute, 1 unchanged
`)
    expect(formatPlan([plan], { format: 'markdown' })).toContain(`| no container is touched | \`${line}\` |`)
    expect(planToJson([plan]).stacks[0]?.reroutes[0]?.causes).toMatchObject([{ field: 'name' }])
    expect(planFrom(after, after)).not.toHaveProperty('reroutes')
  })

  it('tells nothing that is secret', () => {
    const users = (hash: string) => ({ users: [{ name: 'bob', hash }] })
    const plan = planFrom(
      { routes: [routeOf({ tls: own, manner: users('HASH1') })] },
      { routes: [routeOf({ tls: { ...own, pem: 'PRIVATE2' }, manner: users('HASH2') })] },
    )
    expect(plan.reroutes).toEqual([
      { service: 'web', causes: [{ field: 'route shop.example.com/', from: null, to: null, note: 'changed' }] },
    ])
  })

  it('is none where nothing changes, or nothing is known', () => {
    const routes = [routeOf({ tls: own })]
    expect(planFrom({ routes }, { routes: [routeOf({ tls: { ...own } })] })).not.toHaveProperty('reroutes')
    expect(
      planStack(inputOf({ services: [specOf('web', { routes })], views: [listed('lon-1', [])] })),
    ).not.toHaveProperty('reroutes')
  })
})
