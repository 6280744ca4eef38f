import { describe, expect, it } from 'vitest'
import { expiryProblems } from '../../src/controller/expiring.js'
import { testAuthority } from '../ingress/papers.js'
import { routeOf } from '../ingress/tables.js'

const DAY_MS = 24 * 3_600_000
const AT = Date.UTC(2026, 10, 28)

describe('the life of a certificate', () => {
  it.each([
    [-10, 30, []],
    [-10, 13, ['warning the certificate runs out in 13 days, on 2026-12-11']],
    [-10, -1, ['error the certificate has run out on 2026-11-27; commit a new one']],
    [2, 30, ['warning the certificate is not valid before 2026-11-30']],
  ])('from day %i to day %i', async (from, until, expected) => {
    const { pem } = await (
      await testAuthority()
    ).issue(['a.test'], { fromMs: AT + from * DAY_MS, untilMs: AT + until * DAY_MS })
    const tls = { kind: 'own', name: 'tls/a.pem', pem } as const
    const problems = expiryProblems([routeOf({ tls }), routeOf({ tls, path: '/b' }), routeOf()], AT)
    expect(problems.map(({ severity = 'error', message }) => `${severity} ${message}`)).toEqual(expected)
    for (const { code, place } of problems)
      expect([code, place]).toEqual(['CERTIFICATE_EXPIRED', { path: 'tls/a.pem' }])
  })
})
