import type { TableInput } from './tables.js'

/**
 * Services whose part of a server's table may have changed from one input to the next though their routing did not; null: all of them. So that one
 * replica's change costs what it changes, however large the fleet is.
 */
export function touchedKeys(before: TableInput, after: TableInput): ReadonlySet<string> | null {
  const isSamePlace =
    before.server === after.server &&
    before.isListening === after.isListening &&
    before.names === after.names &&
    JSON.stringify(before.taken) === JSON.stringify(after.taken)
  if (!isSamePlace) return null
  const targets = [
    ...differing(before.counted, after.counted),
    ...differing(before.shut, after.shut),
    ...differing(before.letGo, after.letGo),
  ]
  return new Set(targets.map((target) => target.slice(0, target.lastIndexOf(' '))))
}

type Texts = ReadonlySet<string>

/** Each server asks for the same two. */
const known = new WeakMap<Texts, WeakMap<Texts, readonly string[]>>()

/** What only one of two sets has. */
function differing(a: Texts, b: Texts): readonly string[] {
  if (a === b) return []
  const answers = known.get(a) ?? new WeakMap<Texts, readonly string[]>()
  const answer = answers.get(b) ?? [...missing(a, b), ...missing(b, a)]
  known.set(a, answers.set(b, answer))
  return answer
}

function missing(from: Texts, than: Texts): readonly string[] {
  return [...from].filter((text) => !than.has(text))
}
