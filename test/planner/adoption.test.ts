import { describe, expect, it } from 'vitest'
import { OTHER_SPEC } from '../../src/model/index.js'
import type { ForeignContainer, Listing, Replica } from '../../src/model/index.js'
import { planAdoption } from '../../src/planner/index.js'
import { inputOf, linesOf, listed, planOf, replicaOf, specOf } from './world.js'

function composed(service: string, number: number, changes: Partial<ForeignContainer> = {}): ForeignContainer {
  const compose = { project: 'shop', service, number }
  return {
    containerId: `${service}${number}`,
    name: `shop-${service}-${number}`,
    running: true,
    ports: [],
    compose,
    ...changes,
  }
}

function listing(foreign: readonly ForeignContainer[], replicas: readonly Replica[] = []): Listing {
  const view = listed('lon-1', replicas, { foreign })
  if (view.kind !== 'listed') throw new Error('not listed')
  return view.listing
}

const [web, log] = [specOf('web', { replicas: 2 }), specOf('log', { mode: 'global' })]
const { stack } = inputOf({ services: [web, log], views: [] })

function slotsOf(listings: Readonly<Record<string, Listing>>): readonly string[] {
  return planAdoption(stack, new Map(Object.entries(listings))).adoptees.map(
    ({ server, container, slot, isSurplus }) =>
      `${container.name} on ${server} is ${slot.service}#${slot.key}${isSurplus ? ', surplus' : ''}`,
  )
}

describe('the slot of a container that is taken over', () => {
  it('has its number of Compose, where that is free and wanted', () => {
    expect(slotsOf({ 'lon-1': listing([composed('web', 2), composed('web', 1), composed('web', 3)]) })).toEqual([
      'shop-web-1 on lon-1 is web#1',
      'shop-web-2 on lon-1 is web#2',
      'shop-web-3 on lon-1 is web#3, surplus',
    ])
  })

  it('is the next free one where each server counts by itself, and for a global service its server', () => {
    const here = [composed('web', 1), composed('log', 1), composed('log', 2)]
    expect(slotsOf({ 'lon-2': listing(here), 'lon-1': listing(here) })).toEqual([
      'shop-web-1 on lon-1 is web#1',
      'shop-web-1 on lon-2 is web#2',
      'shop-log-1 on lon-1 is log#lon-1',
      'shop-log-2 on lon-1 is log#lon-1, surplus',
      'shop-log-1 on lon-2 is log#lon-2',
      'shop-log-2 on lon-2 is log#lon-2, surplus',
    ])
  })

  it('is none that a replica has already', () => {
    const own = replicaOf(web, 1, 'lon-1')
    expect(slotsOf({ 'lon-1': listing([composed('web', 1)], [own]) })).toEqual(['shop-web-1 on lon-1 is web#2'])
  })

  it('is none at all for another project, for what is no service of the stack, and for what Compose did not make', () => {
    const other = composed('web', 1, { compose: { project: 'blog', service: 'web', number: 1 } })
    const { compose: _, ...plain } = composed('web', 2)
    const plan = planAdoption(stack, new Map([['lon-1', listing([other, plain, composed('old', 1)])]]))
    expect(plan.adoptees).toEqual([])
    expect(plan.strangers.map(({ container }) => container.name)).toEqual(['shop-old-1'])
  })
})

describe('a container that Compose did not make', () => {
  const plain = (name: string, changes: Partial<ForeignContainer> = {}): ForeignContainer => {
    const { compose: _, ...rest } = composed('web', 1, { containerId: name, name, ...changes })
    return rest
  }

  it('is of the service that a person says, behind those of Compose', () => {
    const [one, two] = [plain('anything'), plain('more')]
    const named = [one, two].map((container) => ({ server: 'lon-1', service: 'web', container }))
    const plan = planAdoption(stack, new Map([['lon-1', listing([one, two, composed('web', 1)])]]), named)
    expect(plan.adoptees.map(({ container, slot }) => [container.name, slot.key])).toEqual([
      ['shop-web-1', '1'],
      ['anything', '2'],
      ['more', '3'],
    ])
    expect(plan.adoptees.map(({ isSurplus }) => isSurplus)).toEqual([false, false, true])
    expect(plan.lookalikes).toEqual([])
  })

  it.each([
    ['its image', { image: web.image }],
    ['its image, as people write it', { image: `docker.io/library/${web.image}` }],
    ['its name', { name: 'web-1' }],
    ['its name', { name: 'shop_web' }],
  ])('is told of, and not taken, when %s is that of a service', (_what, changes) => {
    const plan = planAdoption(stack, new Map([['lon-1', listing([plain('x', changes), plain('other')])]]))
    expect(plan.adoptees).toEqual([])
    expect(plan.lookalikes).toMatchObject([{ server: 'lon-1', service: 'web', container: { containerId: 'x' } }])
  })
})

describe('what was taken over', () => {
  const one = specOf('web')
  const adopted = (changes: Partial<Replica>): Replica => ({
    ...replicaOf(one, 1, 'lon-1'),
    controller: '',
    ...changes,
  })

  it('is unchanged where it is what the stack wants', () => {
    expect(linesOf({ services: [one], views: [listed('lon-1', [adopted({})])] })).toEqual(['unchanged web#1 lon-1'])
  })

  it('is replaced, with a sentence, where it is not', () => {
    const plan = planOf({ services: [one], views: [listed('lon-1', [adopted({ specHash: OTHER_SPEC })])] })
    expect(plan.changes).toMatchObject([
      { kind: 'replace', causes: [{ field: 'spec', note: 'taken over, and not as the stack wants it' }] },
    ])
  })
})
