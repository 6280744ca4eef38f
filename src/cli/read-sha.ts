import { usage } from './invocation.js'

/** A commit of the command line, in full or short; null: none was named. */
export function readSha(text: string | undefined): string | null {
  if (text === undefined) return null
  if (!/^[0-9a-f]{7,40}$/.test(text)) throw usage(`${JSON.stringify(text)} is no commit: give 7 to 40 of its digits`)
  return text
}
