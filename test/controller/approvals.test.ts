import { expect, it } from 'vitest'
import { isApproved } from '../../src/controller/approvals.js'
import type { Gate } from '../../src/controller/approvals.js'

it.each<[readonly string[], Gate, boolean]>([
  [[], 'history', false],
  [['abc history'], 'history', true],
  [['abc history'], 'prune', false],
  [['abc window', 'abc plan'], 'signature', false],
  [['def history'], 'history', false],
  // Approvals of before there were several gates.
  [['abc'], 'prune', true],
  [['abc'], 'signature', false],
])('after %j the %s of abc is approved: %s', (approved, gate, isIt) => {
  expect(isApproved({ approved }, 'abc', gate)).toBe(isIt)
})
