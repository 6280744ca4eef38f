import { describe, expect, it } from 'vitest'
import { stackSentence } from '../../src/controller/sentences.js'
import { EMPTY_STACK_STATE } from '../../src/rollout/index.js'
import type { StackState } from '../../src/rollout/index.js'

const revision = { ref: 'main', sha: 'ab'.repeat(20), author: 'Ada', committedAtMs: 0, subject: 'first' }
const version = { hash: 'h', revision }

describe('what is said of a stack', () => {
  it.each<[string, Partial<StackState>, string]>([
    ['that was accepted and not begun', { desired: version }, 'is to run'],
    ['that runs', { desired: version, proven: version }, 'runs'],
  ])('%s names its revision', (_when, state, begins) => {
    const about = { withheld: null, invalid: false, nowMs: 0 }
    const sentence = stackSentence({ phase: 'progressing', state: { ...EMPTY_STACK_STATE, ...state }, ...about })
    expect(sentence).toMatch(new RegExp(`^${begins} .*abababab`))
  })
})
