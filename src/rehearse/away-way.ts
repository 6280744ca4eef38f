import { fail } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import type { CallFailure, Way } from '../driver/index.js'

/** The way to a server that nobody could look at: it does not answer in a rehearsal either. */
export function awayWay(server: string, known: Problem | null): Way {
  const message = `server ${server} was not looked at`
  const problem: Problem = known ?? { code: 'SERVER_UNREACHABLE', message, server }
  const refusal = (): Promise<Result<never, CallFailure>> =>
    Promise.resolve(fail({ kind: 'broken', isSent: false, problem }))
  return {
    client: () => ({ call: refusal, open: refusal }),
    openTcp: () => Promise.resolve(fail({ kind: 'no-way', message: problem.message })),
    openSocket: () => Promise.resolve(fail(problem.message)),
    engineGroup: () => Promise.resolve(fail(problem.message)),
    diskOf: () => Promise.resolve(fail(problem.message)),
    isNarrow: () => false,
    onLost: () => undefined,
    close: () => Promise.resolve(),
  }
}
