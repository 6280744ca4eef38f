import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { virtualClock } from '../../src/rehearse/index.js'
import { settle } from './sim.js'

describe('the virtual clock', () => {
  it('runs what is due in order of time, and what is due at once in the order it was set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 40 }), async (delays) => {
        const clock = virtualClock(1_000, () => Promise.resolve())
        const ran: number[] = []
        delays.forEach((delay, index) => void clock.after(delay, () => void ran.push(index)))
        await clock.run(20)
        const expected = delays.map((_, index) => index).sort((a, b) => (delays[a] ?? 0) - (delays[b] ?? 0) || a - b)
        expect(ran).toEqual(expected)
        expect(clock.nowMs()).toBe(1_020)
      }),
    )
  })

  it('runs nothing that was cancelled, and nothing that is due later', async () => {
    const clock = virtualClock(0, settle)
    const ran: string[] = []
    const cancel = clock.after(5, () => void ran.push('cancelled'))
    clock.after(10, () => void ran.push('later'))
    clock.after(3, () => cancel())
    await clock.run(9)
    expect(ran).toEqual([])
    await clock.run(1)
    expect(ran).toEqual(['later'])
  })

  it('lets promises settle before time goes on, and runs what they set in the meantime', async () => {
    const clock = virtualClock(0, settle)
    const ran: string[] = []
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
    const work = async (): Promise<void> => {
      await wait(1)
      ran.push(`one at ${clock.nowMs()}`)
      await wait(1)
      ran.push(`two at ${clock.nowMs()}`)
    }
    void work()
    clock.after(3, () => void ran.push(`three at ${clock.nowMs()}`))
    await clock.run(3)
    expect(ran).toEqual(['one at 1', 'two at 2', 'three at 3'])
  })
})
