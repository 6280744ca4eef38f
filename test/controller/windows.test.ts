import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { windowState } from '../../src/controller/windows.js'
import { parseCron } from '../../src/manifest/cron.js'
import type { ReleaseWindow } from '../../src/model/index.js'
import type { Controller } from '../../src/controller/index.js'
import { ALL, PATH, SHOP, deployed, running } from './deployed.js'
import { FLEET, compose } from './world.js'
import type { World } from './world.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function window(kind: 'allow' | 'deny', schedule: string, durationMs: number, timeZone = 'UTC'): ReleaseWindow {
  const cron = parseCron(schedule)
  if (typeof cron === 'string') throw new Error(cron)
  return { kind, cron, durationMs, timeZone, reason: '' }
}

function opensAt(windows: readonly ReleaseWindow[], at: string): string | null {
  const state = windowState(windows, Date.parse(at))
  if (state.kind === 'open') return 'open'
  return state.opensAtMs === null ? null : new Date(state.opensAtMs).toISOString().slice(0, 16)
}

const nights = window('allow', '0 22 * * 1-5', 4 * HOUR, 'Europe/London')

describe('windows', () => {
  it.each<[string, readonly ReleaseWindow[], string, string | null]>([
    ['none: always', [], '2026-11-28T10:00:00Z', 'open'],
    ['within one', [nights], '2026-11-27T23:00:00Z', 'open'],
    ['within one that began yesterday', [nights], '2026-11-28T01:59:00Z', 'open'],
    ['at its end', [nights], '2026-11-28T02:00:00Z', '2026-11-30T22:00'],
    ['before it', [nights], '2026-11-27T21:59:59Z', '2026-11-27T22:00'],
    ['over a weekend', [nights], '2026-11-28T10:00:00Z', '2026-11-30T22:00'],
    ['in summer, by the clock there', [nights], '2026-07-01T12:00:00Z', '2026-07-01T21:00'],
    ['forbidden', [window('deny', '0 0 24 12 *', 72 * HOUR)], '2026-12-25T12:00:00Z', '2026-12-27T00:00'],
    ['not forbidden yet', [window('deny', '0 0 24 12 *', 72 * HOUR)], '2026-12-23T12:00:00Z', 'open'],
    [
      'allowed and forbidden: deny wins',
      [nights, window('deny', '0 0 30 11 *', 24 * HOUR)],
      '2026-11-30T22:30:00Z',
      '2026-12-01T00:00',
    ],
    ['forbidden for ever', [window('deny', '0 0 * * *', 24 * HOUR)], '2026-11-28T10:00:00Z', null],
    ['allowed on a day that never comes', [window('allow', '0 0 31 2 *', HOUR)], '2026-11-28T10:00:00Z', null],
    ['allowed on a leap day only', [window('allow', '0 0 29 2 *', HOUR)], '2027-11-28T10:00:00Z', '2028-02-29T00:00'],
    ['a day or a weekday, either', [window('allow', '0 9 13 * fri', HOUR)], '2026-11-28T10:00:00Z', '2026-12-04T09:00'],
  ])('%s', (_what, windows, at, expected) => {
    expect(opensAt(windows, at)).toBe(expected)
  })
})

describe('when the clocks are put forward', () => {
  const early = window('allow', '30 1 * * *', HOUR, 'Europe/London')

  it('a window whose beginning is skipped begins when the clocks are put forward, and is as long as ever', () => {
    expect(opensAt([early], '2026-03-29T00:59:00Z')).toBe('2026-03-29T01:00')
    expect(opensAt([early], '2026-03-29T01:59:00Z')).toBe('open')
    expect(opensAt([early], '2026-03-29T02:00:00Z')).toBe('2026-03-30T00:30')
  })

  it('a window across it lasts as many hours as it says', () => {
    const saturday = window('allow', '0 22 * * 6', 4 * HOUR, 'Europe/London')
    expect(opensAt([saturday], '2026-03-29T01:59:00Z')).toBe('open')
    expect(opensAt([saturday], '2026-03-29T02:00:00Z')).toBe('2026-04-04T21:00')
  })
})

describe('when the clocks are put back', () => {
  it('a window in the hour that comes twice opens once', () => {
    const early = window('allow', '30 1 * * *', 30 * MINUTE, 'Europe/London')
    expect(opensAt([early], '2026-10-25T00:30:00Z')).toBe('open')
    expect(opensAt([early], '2026-10-25T01:35:00Z')).toBe('2026-10-26T01:30')
  })

  it('a window of every hour opens in both', () => {
    const hourly = window('allow', '30 * * * *', 10 * MINUTE, 'Europe/London')
    expect(opensAt([hourly], '2026-10-25T00:35:00Z')).toBe('open')
    expect(opensAt([hourly], '2026-10-25T00:45:00Z')).toBe('2026-10-25T01:30')
    expect(opensAt([hourly], '2026-10-25T01:35:00Z')).toBe('open')
  })

  it('by half an hour, as on Lord Howe Island, the same holds', () => {
    const early = window('allow', '45 1 * * *', 10 * MINUTE, 'Australia/Lord_Howe')
    expect(opensAt([early], '2026-04-04T14:46:00Z')).toBe('open')
    expect(opensAt([early], '2026-04-04T15:16:00Z')).toBe('2026-04-05T15:15')
  })
})

it('what is open is what a minute-by-minute reading of the schedule says, and the next opening is the first', () => {
  const start = Date.parse('2026-11-28T00:00:00Z')
  const schedule = fc.tuple(
    fc.constantFrom('0', '*/20', '5,50'),
    fc.constantFrom('*', '3', '*/6', '22-23'),
    fc.constantFrom('*', '6', '0,3'),
  )
  const any = fc.record({
    kind: fc.constantFrom('allow' as const, 'deny' as const),
    schedule,
    minutes: fc.constantFrom(10, 45, 300),
  })
  fc.assert(
    fc.property(
      fc.array(any, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: 2 * 24 * 60 }),
      (list, minute) => {
        const windows = list.map(({ kind, schedule: [m, h, d], minutes }) =>
          window(kind, `${m} ${h} * * ${d}`, minutes * MINUTE),
        )
        const isActive = ({ cron, durationMs }: ReleaseWindow, atMs: number): boolean => {
          for (let t = atMs; t > atMs - durationMs; t -= MINUTE) {
            const date = new Date(t)
            const isDay = cron.weekdays.includes(date.getUTCDay())
            if (isDay && cron.hours.includes(date.getUTCHours()) && cron.minutes.includes(date.getUTCMinutes()))
              return true
          }
          return false
        }
        const isOpen = (atMs: number): boolean => {
          const by = (kind: string): boolean => windows.some((one) => one.kind === kind && isActive(one, atMs))
          return !by('deny') && (by('allow') || windows.every(({ kind }) => kind === 'deny'))
        }
        const atMs = start + minute * MINUTE
        const state = windowState(windows, atMs)
        expect(state.kind === 'open').toBe(isOpen(atMs))
        if (state.kind === 'open' || state.opensAtMs === null) return
        for (let t = atMs; t < Math.min(state.opensAtMs, atMs + 24 * HOUR); t += 5 * MINUTE)
          expect(isOpen(t)).toBe(false)
        expect(isOpen(state.opensAtMs)).toBe(true)
      },
    ),
    { numRuns: 60 },
  )
})

/** The virtual clock starts at 22:13:20 on a Tuesday. */
const LATE = `${FLEET}windows:\n  - { allow: "0 23 * * *", duration: 30m, time_zone: UTC }\n`

function release(world: World, version: string, message = version): string {
  return world.source.commit({ [PATH]: compose({ ...SHOP, web: { image: `web:${version}`, replicas: 3 } }) }, message)
}

const held = (controller: Controller): string | undefined => controller.status().source.held?.problem.code

describe('a revision outside of the windows', () => {
  it('is held, says when it goes, and goes then, also while Git is away', async () => {
    const { world, controller } = await deployed(SHOP, LATE)
    expect(running(world)).toEqual(ALL)
    release(world, '2')
    await world.clock.run(10 * MINUTE)
    expect(controller.status().source.held?.problem).toMatchObject({
      code: 'WINDOW_CLOSED',
      next: { kind: 'wait', until: 'Tue 2023-11-14 23:00 (UTC)' },
    })
    world.source.problem = { code: 'GIT_UNREACHABLE', message: 'away' }
    await world.clock.run(36 * MINUTE)
    expect(running(world)).toEqual(ALL)
    await world.clock.run(5 * MINUTE)
    expect(held(controller)).toBeUndefined()
    expect(running(world).slice(2)).toEqual(['web#1 web:2', 'web#2 web:2', 'web#3 web:2'])
  })

  it('does not keep anything from being healed', async () => {
    const { world, controller } = await deployed(SHOP, LATE)
    release(world, '2')
    await world.clock.run(2 * MINUTE)
    const [victim] = world.driver.containers.keys()
    world.driver.containers.delete(victim ?? '')
    await world.clock.run(2 * MINUTE)
    expect(held(controller)).toBe('WINDOW_CLOSED')
    expect(running(world)).toEqual(ALL)
  })

  it('goes at once by an approval, or by a commit that says why', async () => {
    const { world, controller } = await deployed(SHOP, LATE)
    const sha = release(world, '2')
    await world.clock.run(2 * MINUTE)
    expect(controller.command({ kind: 'approve', sha, by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(2 * MINUTE)
    expect(running(world)).toContain('web#1 web:2')
    release(world, '3', 'hot\n\nSlipway-Override: customers cannot pay')
    await world.clock.run(2 * MINUTE)
    expect(running(world)).toContain('web#1 web:3')
    expect(world.events.find(({ message }) => message === 'guard released by commit')?.fields).toMatchObject({
      guard: 'window',
      reason: 'customers cannot pay',
    })
    release(world, '4', 'no reason\n\nSlipway-Override: ')
    await world.clock.run(2 * MINUTE)
    expect(held(controller)).toBe('WINDOW_CLOSED')
  })

  it('that another guard was released for on the way is told of once, when it goes', async () => {
    const { world, controller } = await deployed(
      { ...SHOP, mail: { image: 'mail:1' }, jobs: { image: 'jobs:1' } },
      LATE,
    )
    const released = (): readonly string[] =>
      world.journal.history({ limit: 50 }).flatMap((fact) => (fact.kind === 'guard-released' ? [fact.guard] : []))
    world.source.commit({ [PATH]: compose(SHOP) }, 'half of it\n\nSlipway-Approve: prune')
    await world.clock.run(10 * MINUTE)
    expect([held(controller), ...released()]).toEqual(['WINDOW_CLOSED'])
    await world.clock.run(HOUR)
    expect([held(controller), ...released()]).toEqual([undefined, 'prune'])
  })

  it('that changes nothing here is not held, and one that lifts the windows is', async () => {
    const { world, controller } = await deployed(SHOP, LATE)
    world.source.commit({ 'README.md': 'x' }, 'a word')
    await world.clock.run(2 * MINUTE)
    expect(held(controller)).toBeUndefined()
    world.source.commit({ 'slipway.yaml': FLEET }, 'no more windows')
    await world.clock.run(2 * MINUTE)
    expect(held(controller)).toBe('WINDOW_CLOSED')
  })

  it('whose rollout began inside of one is finished, or taken back, after its end', async () => {
    const { world, controller } = await deployed(SHOP, LATE)
    world.driver.behaviours.set('web:2', { never: true })
    await world.clock.run(75 * MINUTE)
    release(world, '2')
    await world.clock.run(40 * MINUTE)
    expect(held(controller)).toBeUndefined()
    expect(controller.status().stacks[0]?.phase).toBe('rejected')
    expect(running(world)).toEqual(ALL)
  })

  it('is replaced by a newer one that is held in its place', async () => {
    const { world, controller } = await deployed(SHOP, LATE)
    release(world, '2')
    await world.clock.run(2 * MINUTE)
    const newer = release(world, '3')
    await world.clock.run(2 * MINUTE)
    expect(controller.status().source.held?.revision.sha).toBe(newer)
    await world.clock.run(HOUR)
    expect(running(world)).toContain('web#1 web:3')
  })
})
