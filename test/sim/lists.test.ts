import { describe, expect, it } from 'vitest'
import { FAULTS, NO_FAULTS } from './fault-table.js'
import { ELSEWHERE, SAFETY } from './safety.js'
import { WORKFLOWS } from './workflows.js'

function numbered(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${String(index + 1).padStart(2, '0')}`)
}

describe('what the worlds check', () => {
  it('is every invariant, at every step or elsewhere, with the reason', () => {
    const checked = Object.keys(SAFETY).filter((id) => id.startsWith('I-'))
    expect([...checked, ...Object.keys(ELSEWHERE)].sort()).toEqual(numbered('I-', 40))
  })

  it('is every fault, or why it means nothing here', () => {
    // The last ones came with memory, certificates and checks.
    expect([...Object.keys(FAULTS), ...Object.keys(NO_FAULTS)].sort()).toEqual(numbered('F', 63))
  })

  it('is every crash point of fifteen workflows at least', () => {
    expect(Object.keys(WORKFLOWS).length).toBeGreaterThanOrEqual(15)
  })
})
