import type { Checker } from '../controller/index.js'
import { assertNever } from '../model/index.js'
import type { CanaryCheck, CheckQuestion } from '../model/index.js'
import { ask } from './ask.js'
import type { Asking } from './ask.js'
import { judgeHttp, judgePrometheus } from './judge.js'

type Answer = Awaited<ReturnType<Checker['check']>>

/** Of an answer of Prometheus: some thousand series. */
const ANSWER_MAX_BYTES = 1024 * 1024

/**
 * Asks by GET from this process, over a connection of its own. Redirects are not followed, answers are bounded, proxies of the environment are not
 * used, and link-local addresses, where clouds tell their machines secrets, are never asked.
 */
export function openChecker(): Checker {
  return {
    check: async ({ question, timeoutMs }: CanaryCheck, signal: AbortSignal): Promise<Answer> => {
      const got = await ask(askingOf(question), timeoutMs, signal)
      if (got.kind === 'nothing') return { verdict: 'unknown', said: got.why }
      switch (question.kind) {
        case 'http':
          return judgeHttp(question, got)
        case 'prometheus':
          return judgePrometheus(question, got)
        default:
          return assertNever(question)
      }
    },
  }
}

function askingOf(question: CheckQuestion): Asking {
  const { authorization } = question
  const headers = authorization === null ? {} : { authorization }
  switch (question.kind) {
    case 'http':
      // What counts is the status.
      return { url: question.url, headers: { ...question.headers, ...headers }, mostBytes: 0 }
    case 'prometheus': {
      const url = `${question.url}/api/v1/query?${new URLSearchParams({ query: question.query }).toString()}`
      return { url, headers: { accept: 'application/json', ...headers }, mostBytes: ANSWER_MAX_BYTES }
    }
    default:
      return assertNever(question)
  }
}
