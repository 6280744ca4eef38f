/**
 * `*` and `?` as ssh reads them. Not by a regular expression: one with a few stars takes minutes for a name that nearly fits, and patterns come
 * out of a repository. Here the last star alone is tried again.
 */
export function matchesHostPattern(pattern: string, text: string): boolean {
  let [at, seen, star, retry] = [0, 0, -1, 0]
  while (seen < text.length) {
    if (pattern[at] === '*') {
      star = at
      retry = seen
      at += 1
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[seen])) {
      at += 1
      seen += 1
    } else if (star >= 0) {
      retry += 1
      seen = retry
      at = star + 1
    } else return false
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}
