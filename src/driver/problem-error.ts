import type { Problem } from '../model/index.js'

/** An Error that carries a Problem through an interface that only knows Errors (Node's HTTP agent, async iterators). */
export function problemError(problem: Problem): Error & { readonly problem: Problem } {
  return Object.assign(new Error(`${problem.code} ${problem.message}`), { problem })
}

export function problemIn(error: unknown): Problem | undefined {
  return error instanceof Error && 'problem' in error ? (error.problem as Problem) : undefined
}

export function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.slice(0, 500)
}
