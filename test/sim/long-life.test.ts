import { describe, expect, it } from 'vitest'
import { live } from './long-life.js'

describe('a long life', () => {
  it(
    'keeps no more in journal and memory as the days go by, and rests every evening',
    { timeout: 600_000 },
    async () => {
      let days = 0
      for await (const { wrong, looks, changes } of live({ servers: 4, days: 7, seed: 1 })) {
        days += 1
        expect(wrong).toEqual([])
        expect(looks).toBeGreaterThan(days * 4 * 5_000)
        expect(changes).toBeGreaterThan(0)
      }
      expect(days).toBe(7)
    },
  )
})
