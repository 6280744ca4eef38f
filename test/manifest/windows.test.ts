import { describe, expect, it } from 'vitest'
import { parseCron } from '../../src/manifest/cron.js'
import { desiredOf, refusalOf } from './repository.js'

const file = (windows: string): { 'slipway.yaml': string } => ({
  'slipway.yaml': `fleet: a\nservers: { a: { engine: /x } }\nwindows:\n  - ${windows}\n`,
})

describe('windows', () => {
  it('have a schedule, a duration, a time zone and a reason', () => {
    const text =
      '{ deny: "0 0 24 DEC *", duration: 3d, time_zone: Europe/Paris, reason: Christmas }\n  - { allow: "*/30 22-23 * * mon-fri", duration: 10m }'
    expect(desiredOf(file(text)).fleet.windows).toMatchObject([
      {
        kind: 'deny',
        durationMs: 3 * 86_400_000,
        timeZone: 'Europe/Paris',
        reason: 'Christmas',
        cron: { days: [24], months: [12] },
      },
      { kind: 'allow', timeZone: 'UTC', cron: { minutes: [0, 30], hours: [22, 23], weekdays: [1, 2, 3, 4, 5] } },
    ])
  })

  it.each([
    ['{ duration: 1h }', 'CONFLICT'],
    ['{ allow: "0 0 * * *", deny: "0 0 * * *", duration: 1h }', 'CONFLICT'],
    ['{ allow: "0 0 * * *" }', 'FIELD_MISSING'],
    ['{ allow: "0 0 * * *", duration: 10s }', 'VALUE_OUT_OF_RANGE'],
    ['{ allow: "0 0 * * *", duration: 90d }', 'VALUE_OUT_OF_RANGE'],
    ['{ allow: "0 0 * * *", duration: 1h, time_zone: London }', 'FIELD_INVALID'],
    ['{ allow: "0 25 * * *", duration: 1h }', 'FIELD_INVALID'],
    ['{ allow: "0 22 * * *", for: 1h }', 'FIELD_UNKNOWN'],
  ])('%s is refused', (text, code) => {
    expect(refusalOf(file(text)['slipway.yaml']).map((problem) => problem.code)).toContain(code)
  })
})

describe('a schedule', () => {
  it('counts Sunday as 0 and as 7', () => {
    expect(parseCron('0 0 * * 0,7')).toMatchObject({ weekdays: [0] })
    expect(parseCron('0 0 * * 5-7')).toMatchObject({ weekdays: [0, 5, 6] })
  })

  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '@daily',
    '60 * * * *',
    '* * 0 * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '1/5 * * * *',
    'L * * * *',
    '* * * * fr',
    '-1 * * * *',
    '1,,2 * * * *',
    '1-2-3 * * * *',
  ])('%j is none', (text) => {
    expect(typeof parseCron(text)).toBe('string')
  })
})
