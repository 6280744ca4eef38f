import type { Checker } from '../../src/controller/index.js'
import type { CheckAnswer } from '../../src/rollout/index.js'

export interface FakeChecker extends Checker {
  /** By name of the check; yes, where nothing is said. A function may wait, or throw. */
  readonly answers: Map<string, CheckAnswer | (() => Promise<CheckAnswer>)>
  /** Names of the checks that were asked. */
  readonly asked: string[]
}

export function fakeChecker(): FakeChecker {
  const answers: FakeChecker['answers'] = new Map()
  const asked: string[] = []
  return {
    answers,
    asked,
    check: ({ name }) => {
      asked.push(name)
      const answer = answers.get(name) ?? { verdict: 'yes', said: 'HTTP 200' }
      return typeof answer === 'function' ? answer() : Promise.resolve(answer)
    },
  }
}
