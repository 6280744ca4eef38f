import { describe, expect, it } from 'vitest'
import { PLAIN } from './drafts.js'
import type { Draft } from './drafts.js'
import type { Mood } from './checks.js'
import { World } from './world.js'

const servers = ['s1', 's2']

function draftOf(tag: string): Draft {
  const web = { ...PLAIN, tag, replicas: 2, port: 8_000, strategy: 'canary' as const }
  const about = {
    ...{ servers, prune: 1, history: 'fast-forward' as const, broken: {} },
    ...{ ingress: true, staged: true },
  }
  return { ...about, asked: true, stacks: { shop: { web } } }
}

/** A canary that has begun while whoever is asked does this. */
async function begun(mood: Mood): Promise<World> {
  const world = new World({ seed: 1, servers }, draftOf('1'))
  world.commit(world.draft, 'first')
  world.boot()
  await world.clock.run(120_000)
  world.checks.mood = mood
  world.commit(draftOf('2'), 'second')
  await world.clock.run(300_000)
  return world
}

/** The phase, and how many of the new version run. */
function seen(world: World): readonly [string | undefined, number] {
  const fresh = world.boxes().filter((box) => box.state === 'running' && box.spec?.image === 'web:2')
  return [world.main.controller?.status().stacks.find(({ name }) => name === 'shop')?.phase, fresh.length]
}

/** What the proxies give to new replicas, in percent. */
function shares(world: World): readonly number[] {
  const all = world.boxes().flatMap((box) => {
    const services = world.proxies.tableOf(box)?.services ?? []
    return services.flatMap(({ share }) => (share === undefined ? [] : [share.percent]))
  })
  return [...new Set(all)]
}

describe('a canary in a world whose checks', () => {
  it('say yes goes to its end', async () => {
    const world = await begun('yes')
    expect([seen(world), shares(world), world.violations]).toEqual([['synced', 2], [], []])
  })

  it('say no ends at nothing and is rejected', async () => {
    const world = await begun('no')
    expect([seen(world), shares(world), world.violations]).toEqual([['rejected', 0], [], []])
  })

  it.each(['unknown', 'silent'] as const)(
    'say %s waits at its first step, also under another controller',
    async (mood) => {
      const world = await begun(mood)
      expect([seen(world), shares(world)]).toEqual([['progressing', 1], [20]])
      world.kill()
      world.boot()
      await world.clock.run(300_000)
      expect([seen(world), shares(world), world.violations]).toEqual([['progressing', 1], [20], []])
      world.checks.mood = 'yes'
      await world.clock.run(300_000)
      expect([seen(world), world.violations]).toEqual([['synced', 2], []])
    },
  )
})
