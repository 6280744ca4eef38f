import { clean } from './words.js'

const TAB = '  '
/** What a person needs of a long line is around its mark. */
const MOST_BEFORE = 60

/** A line of a file with a caret under a column, both counted from 1; nothing when the file has no such line. */
export function formatExcerpt(text: string, line: number, column: number, columns: number): readonly string[] {
  const source = text.split('\n')[line - 1]?.replace(/\r$/, '')
  if (source === undefined || source.trim() === '') return []
  const from = Math.max(0, column - 1 - MOST_BEFORE)
  const before = plain(source.slice(from, column - 1))
  const gutter = String(line)
  const shown = `${from > 0 ? '…' : ''}${before}${plain(source.slice(column - 1))}`
  const room = Math.max(20, columns - gutter.length - 6)
  const fitted = shown.length > room ? `${shown.slice(0, room - 1)}…` : shown
  const caret = `${' '.repeat(before.length + (from > 0 ? 1 : 0))}^`
  return [`  ${gutter} | ${fitted}`, `  ${' '.repeat(gutter.length)} | ${caret}`]
}

function plain(text: string): string {
  return clean(text.replaceAll('\t', TAB))
}
