import type { Problem } from '../../model/index.js'
import { clean, formatProblemLines } from './words.js'

const TAB = '  '
/** What a person needs of a long line is around its mark. */
const MOST_BEFORE = 60

/** A problem with the line that it is about, where the text of its file is at hand. */
export function formatWithExcerpt(
  problem: Problem,
  texts: ReadonlyMap<string, string>,
  columns: number,
): readonly string[] {
  const { path, line, column } = problem.place ?? {}
  const text = path === undefined ? undefined : texts.get(path)
  const excerpt = text === undefined || line === undefined ? [] : formatExcerpt(text, line, column ?? 1, columns - 2)
  const [first = '', ...rest] = formatProblemLines(problem)
  return [first, ...excerpt, ...rest]
}

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
