import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'

/**
 * Splits a command as go-shellwords does for Compose: quotes and backslashes, no variables, no globs. There is no shell: where Compose
 * would silently drop everything from `;`, `|`, `&`, `<` or `>` on, this fails with the reason.
 */
export function splitShellWords(text: string): Result<readonly string[], string> {
  const words: string[] = []
  let word = null as string | null
  let quote = null as string | null
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (quote !== null) {
      if (char === '\\' && quote !== "'" && at + 1 < text.length) word = (word ?? '') + (text[++at] ?? '')
      else if (char === quote) {
        quote = null
        if (char === '`' || char === ')') word = (word ?? '') + char
      } else word = (word ?? '') + char
    } else if (char === '\\') word = (word ?? '') + (text[++at] ?? '')
    else if (char === '"' || char === "'") [quote, word] = [char, word ?? '']
    else if (char === '`') [quote, word] = [char, (word ?? '') + char]
    else if (char === '(' && word?.endsWith('$') === true) [quote, word] = [')', word + char]
    else if (/[;|&<>()]/.test(char))
      return fail(`the character ${char} needs a shell; write ["sh", "-c", "…"], or put it in quotes`)
    else if (/\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + char
  }
  if (quote !== null) return fail(`the quote ${quote} is never closed`)
  return ok(word === null ? words : [...words, word])
}
