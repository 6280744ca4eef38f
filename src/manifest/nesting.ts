import { Lexer } from 'yaml'
import type { CST } from 'yaml'

interface Level {
  readonly token: CST.Token
  readonly depth: number
}

/** Fewer characters than this can neither hold that many values nor be worth a look before they are parsed. */
const SMALL_CHARACTERS = 64 * 1024

/** Bounds of a text, seen before it costs a parser's memory: a token is hundreds of bytes, and more where it opens or names something. */
export interface TextBounds {
  /** Scalars and marks together. */
  readonly mostValues: number
  /** Brackets, anchors, aliases and tags. */
  readonly mostMarks: number
  readonly deepest: number
}

/** What a text has too much of; null when it can be parsed. Only brackets count as depth here: what is indented shows in the tokens. */
export function excessOf(text: string, { mostValues, mostMarks, deepest }: TextBounds): 'values' | 'depth' | null {
  if (text.length < SMALL_CHARACTERS && text.split(/[[{]/, deepest + 2).length <= deepest + 1) return null
  let depth = 0
  let scalars = 0
  let marks = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') depth += 1
    else if (lexeme === ']' || lexeme === '}') depth -= 1
    else if (STARTS_SCALAR.test(lexeme)) scalars += 1
    if (IS_MARK.test(lexeme)) marks += 1
    if (depth > deepest) return 'depth'
    if (marks > mostMarks || scalars + marks > mostValues) return 'values'
  }
  return null
}

/** The lexer's mark before a plain or block scalar, or a quoted one itself. */
const STARTS_SCALAR = /^[\u001f"']/
const IS_MARK = /^[[{&*!]/

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
