import type { CST } from 'yaml'

interface Level {
  readonly token: CST.Token
  readonly depth: number
}

/** Whether the token tree nests deeper than `deepest` collections. Walks without recursion: that is the point. */
export function nestsDeeperThan(tokens: readonly CST.Token[], deepest: number): boolean {
  const open: Level[] = tokens.map((token) => ({ token, depth: 0 }))
  for (let level = open.pop(); level !== undefined; level = open.pop()) {
    const { token, depth } = level
    if (depth > deepest) return true
    if (token.type === 'document') {
      if (token.value !== undefined) open.push({ token: token.value, depth: depth + 1 })
    } else if ('items' in token) {
      for (const { key, value } of token.items) {
        if (isCollection(key)) open.push({ token: key, depth: depth + 1 })
        if (isCollection(value)) open.push({ token: value, depth: depth + 1 })
      }
    }
  }
  return false
}

/** Scalars hold nothing, so they are not visited. */
function isCollection(token: CST.Token | null | undefined): token is CST.Token {
  return token !== null && token !== undefined && 'items' in token
}
