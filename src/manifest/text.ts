import { quoted } from './node.js'
import type { Report } from './report.js'

export const MOST_MANIFEST_BYTES = 1024 * 1024
export const MOST_FILE_BYTES = 500 * 1024

/** Bytes to text: UTF-8 without NUL, a BOM taken off. Null after a problem was reported. */
export function decodeText(bytes: Uint8Array, mostBytes: number, report: Report): string | null {
  if (bytes.length > mostBytes) {
    report.error('FILE_TOO_LARGE', null, `the file has ${bytes.length} bytes, at most ${mostBytes} are read; split it`)
    return null
  }
  const text = decodeUtf8(bytes)
  if (text === null) {
    report.error('YAML_INVALID', null, 'the file is not UTF-8; save it as UTF-8')
    return null
  }
  const nul = text.search(/\0/)
  if (nul === -1) return text
  const before = text.slice(0, nul).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  report.error('YAML_INVALID', { path: [], line: before.length, column }, 'the file contains a NUL character')
  return null
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/** What stands there instead of the content, if the file is a pointer that Git LFS would replace. */
export function isLfsPointer(bytes: Uint8Array): boolean {
  const start = 'version https://git-lfs.github.com/spec/'
  return bytes.length < 1024 && new TextDecoder().decode(bytes.subarray(0, start.length)) === start
}

/** The likeliest of `known` for a misspelt word, as a question to append; empty when nothing is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const most = word.length < 4 ? 1 : word.length < 8 ? 2 : 3
  let best: string | null = null
  let least = most + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > most) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best === null ? '' : `; did you mean ${quoted(best)}?`
}

/** Edits (insert, delete, replace, swap of neighbours) that lead from one word to the other. Words longer than 64 are not compared. */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.MAX_SAFE_INTEGER
  let older: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const plain = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      row.push(swapped ? Math.min(plain, (older[j - 2] ?? 0) + 1) : plain)
    }
    ;[older, last] = [last, row]
  }
  return last[b.length] ?? 0
}
