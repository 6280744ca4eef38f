import type { Problem } from './problem.js'

/** An expected outcome: a value, or the problem that prevented it. Bugs are thrown, never returned. */
export type Result<T, E = Problem> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: E }

export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value }
}

export function fail<E>(problem: E): Result<never, E> {
  return { ok: false, problem }
}

/** Ends an exhaustive switch: a new member of the union does not compile until it is handled. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`)
}

/** Throws when a fact the code relies on is broken. For bugs only; the message names the broken fact. */
export function invariant(holds: boolean, fact: string): asserts holds {
  if (!holds) throw new Error(`broken invariant: ${fact}`)
}
