import { describe, expect, it } from 'vitest'
import { capacityAfter, impactOf, summarise } from '../../src/planner/index.js'
import { listed, planOf, replicaOf, specOf, volume } from './world.js'
import type { World } from './world.js'
import type { ServiceSpec } from '../../src/model/index.js'

/** Three servers; `replicas` of `before` run on the first. */
function world(before: ServiceSpec, after: readonly ServiceSpec[], replicas = before.replicas): World {
  const running = Array.from({ length: replicas }, (_, index) => replicaOf(before, index + 1, 'lon-1'))
  return {
    services: after,
    known: [before],
    views: [listed('lon-1', running), listed('lon-2', []), listed('lon-3', [])],
  }
}

const web = specOf('web', { replicas: 3 })
const newer = { ...web, image: 'busybox:1.37' }
const stopFirst = { ...newer, update: { ...newer.update, order: 'stop-first' } } as const
const db = specOf('db', { mounts: [volume('shop_data')] })

describe('what a plan costs meanwhile', () => {
  it.each<[string, World, readonly string[]]>([
    ['nothing where the new one starts first', world(web, [newer]), []],
    [
      'a spare where the old one stops first',
      world(web, [stopFirst]),
      ['shop/web runs with 2 of 3 replicas meanwhile: each stops before its successor starts'],
    ],
    [
      'everything where all stop at once',
      world(web, [{ ...stopFirst, update: { ...stopFirst.update, parallelism: 0 } }]),
      ['shop/web has downtime: all its replicas at once, each stops before its successor starts'],
    ],
    ['nothing for a service that is new', world(web, [web, specOf('api')]), []],
    [
      'replicas that are not wanted any more',
      world(web, [{ ...web, replicas: 1 }]),
      ['shop/web goes from 3 to 1 replica'],
    ],
    ['a service that is removed', world(web, []), ['shop/web is removed: 3 replicas and nothing in their place']],
  ])('is %s', (_what, at, expected) => {
    expect(impactOf([planOf(at)])).toEqual(expected)
  })

  it('is downtime, with the reason, where a volume is written by the only replica', () => {
    const [sentence] = impactOf([planOf(world(db, [{ ...db, image: 'busybox:1.37' }]))])
    expect(sentence).toMatch(/^shop\/db has downtime: its only replica at once, each stops .*\(.*volume.*\)$/)
  })
})

describe('what is reserved afterwards', () => {
  it('is told for each server that has a promise', () => {
    const reserving = { ...web, replicas: 2, reservations: { cpus: 0.5, memoryBytes: 256 * 1024 ** 2 } }
    const at = world(web, [reserving], 1)
    const plan = planOf(at)
    const views = new Map(at.views.map((view) => [view.server, view]))
    expect(capacityAfter([plan], views).map((line) => line.replace(/ of [^ ]+/g, ''))).toEqual([
      'lon-1: 0.5 cpus, 256M memory',
      'lon-2: 0.5 cpus, 256M memory',
    ])
    expect(capacityAfter([planOf(world(web, [newer]))], views)).toEqual([])
  })
})

describe('the summary', () => {
  it('counts what moves', () => {
    const placed = {
      constraints: [{ key: 'node.hostname', op: '==', value: 'lon-2' }],
      spread: [],
      maxPerServer: 0,
    } as const
    expect(summarise([planOf(world(db, [{ ...specOf('db'), placement: placed }]))])).toMatch(
      /^1 to replace(?: \(1 moved\))?$/,
    )
    const moving = specOf('api')
    expect(summarise([planOf(world(moving, [{ ...moving, placement: placed }]))])).toBe('1 to replace (1 moved)')
  })
})
