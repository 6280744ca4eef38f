import { usage } from './invocation.js'

/** `a b`, or `a..b` as Git writes it; `a..` ends at the followed ref. */
export function commitsOf([first, second]: readonly string[]): readonly [string | undefined, string | undefined] {
  const [from, to, more] = first?.split('..') ?? []
  if (to === undefined) return [first, second]
  if (from === '' || more !== undefined || second !== undefined)
    throw usage(`give two commits as a..b or a b, not ${JSON.stringify([first, second].join(' ').trim())}`)
  return [from, to === '' ? undefined : to]
}
