import { describe, expect, it } from 'vitest'
import { commandAtRest } from '../../src/controller/index.js'
import type { Command } from '../../src/controller/index.js'
import { PATH, SHOP, deployed, running } from './deployed.js'
import { FLEET, compose } from './world.js'

type AtRest = Exclude<Command, { readonly kind: 'sync' }>

async function atRest() {
  const { world, controller } = await deployed()
  await Promise.all([controller.stop(), world.clock.run(1_000)])
  return world
}

describe('a command that is given while no controller runs', () => {
  it('releases a held revision when the next one starts', async () => {
    const { world, controller } = await deployed()
    const sha = world.source.commit(
      { 'slipway.yaml': FLEET, [PATH]: compose({ ...SHOP, web: { image: 'web:9', replicas: 3 } }) },
      'orphan',
      null,
    )
    await world.clock.run(120_000)
    expect(controller.status().source.held?.revision.sha).toBe(sha)
    await Promise.all([controller.stop(), world.clock.run(1_000)])
    const answer = commandAtRest(world.journal, { kind: 'approve', sha: sha.slice(0, 8), by: 'ada' }, 0)
    expect(answer).toMatchObject({ ok: true, value: expect.stringContaining('no controller runs') as unknown })
    const next = world.boot()
    await world.clock.run(240_000)
    expect(next.status().source.held).toBeNull()
    expect(running(world).slice(2)).toEqual(['web#1 web:9', 'web#2 web:9', 'web#3 web:9'])
  })

  it.each<[AtRest, string]>([
    [{ kind: 'suspend', scope: '*', reason: 'sale', by: 'ada' }, 'suspended'],
    [{ kind: 'drain', server: 'lon-1', by: 'ada' }, 'leave lon-1'],
    [{ kind: 'restart', stack: 'shop', service: 'web', reason: '', by: 'ada' }, 'restarted'],
    [{ kind: 'retry', stack: 'shop', by: 'ada' }, 'tried again'],
  ])('is written down: %o', async (command, text) => {
    const world = await atRest()
    const answer = commandAtRest(world.journal, command, 7)
    expect(answer).toMatchObject({ ok: true, value: expect.stringContaining(text) as unknown })
    expect(world.journal.history({ limit: 1 })).toMatchObject([{ kind: 'commanded', atMs: 7, command }])
  })

  it.each<[AtRest, string]>([
    [{ kind: 'approve', sha: 'abcdef0', by: 'ada' }, 'SETTING_INVALID'],
    [{ kind: 'retry', stack: 'blog', by: 'ada' }, 'REFERENCE_UNKNOWN'],
    [{ kind: 'promote', scope: 'blog/web', to: 'end', by: 'ada' }, 'REFERENCE_UNKNOWN'],
    [{ kind: 'promote', scope: 'shop', to: 'step', by: 'ada' }, 'SETTING_INVALID'],
    [{ kind: 'abort', stack: 'blog', by: 'ada' }, 'REFERENCE_UNKNOWN'],
    [{ kind: 'abort', stack: 'shop', by: 'ada' }, 'SETTING_INVALID'],
    [{ kind: 'drain', server: 'nyc-1', by: 'ada' }, 'REFERENCE_UNKNOWN'],
    [{ kind: 'resume', scope: 'shop', by: 'ada' }, 'REFERENCE_UNKNOWN'],
  ])('that names nothing known is refused and leaves no trace: %o', async (command, code) => {
    const world = await atRest()
    const before = world.journal.history({ limit: 100 })
    expect(commandAtRest(world.journal, command, 0)).toMatchObject({ ok: false, problem: { code } })
    expect(world.journal.history({ limit: 100 })).toEqual(before)
  })
})
