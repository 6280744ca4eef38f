import { interpolate, unsetMessage } from './interpolate.js'
import type { Lookup } from './interpolate.js'
import { quoted } from './node.js'
import type { Report } from './report.js'

interface Reading {
  readonly text: string
  readonly values: Map<string, string>
  readonly lookup: Lookup
  readonly report: Report
  at: number
}

/**
 * Parses an env file by the rules of compose-go's dotenv package: `export`, `KEY: value`, comments after ` #`, quotes over several
 * lines, escapes and variables in double quotes, variables in bare values. A `KEY` alone is taken from `lookup`, or left out.
 * `earlier` are the values of the files before this one; later ones win.
 */
export function parseDotenv(
  text: string,
  earlier: ReadonlyMap<string, string>,
  lookup: Lookup,
  report: Report,
): ReadonlyMap<string, string> {
  const reading: Reading = { text: text.replaceAll('\r\n', '\n'), values: new Map(earlier), lookup, report, at: 0 }
  while (skipToStatement(reading)) readStatement(reading)
  return reading.values
}

/** `format: raw`, as for `docker run --env-file`: what stands after the first `=` is the value, quotes and dollars included. */
export function parseRawEnv(
  text: string,
  earlier: ReadonlyMap<string, string>,
  lookup: Lookup,
  report: Report,
): ReadonlyMap<string, string> {
  const values = new Map(earlier)
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const statement = line.trimStart()
    if (statement === '' || statement.startsWith('#')) continue
    const [key = '', ...rest] = statement.split('=')
    const value = rest.length > 0 ? rest.join('=') : lookup(key)
    if (key === '' || /\s/.test(key))
      report.error(
        'FIELD_INVALID',
        { path: [], line: at + 1, column: 1 },
        `${quoted(key)} is no name of a variable; write KEY=value`,
      )
    else if (value !== undefined) values.set(key, value)
  }
  return values
}

/** Moves to the next statement, over blanks and comments. False at the end. */
function skipToStatement(reading: Reading): boolean {
  const blank = /(?:\s|#[^\n]*(?=\n|$))*/y
  blank.lastIndex = reading.at
  blank.exec(reading.text)
  reading.at = blank.lastIndex
  return reading.at < reading.text.length
}

function readStatement(reading: Reading): void {
  const line = lineEnd(reading)
  const statement = reading.text.slice(reading.at, line)
  const [, prefix = '', key = '', separator = ''] = /^((?:export\s+)?)([^=:]*?)\s*([=:]|$)/.exec(statement) ?? []
  if (!/^[\p{L}\p{N}_.[\]-]+$/u.test(key)) {
    complain(reading, `${quoted(key)} is no name of a variable; write KEY=value`)
    reading.at = line
    return
  }
  if (separator === '') {
    const value = reading.lookup(key)
    if (value !== undefined) reading.values.set(key, value)
    reading.at = line
    return
  }
  const after = statement.slice(prefix.length).search(/[=:]/) + prefix.length + 1
  reading.at += after
  while (reading.at < line && /[^\S\n]/.test(reading.text[reading.at] ?? '')) reading.at += 1
  reading.values.set(key, readValue(reading))
}

function readValue(reading: Reading): string {
  const quote = reading.text[reading.at]
  if (quote === '"' || quote === "'") return readQuoted(reading, quote)
  const line = lineEnd(reading)
  const [value = ''] = reading.text.slice(reading.at, line).split(' #')
  const start = reading.at
  reading.at = line
  return expand(value.trimEnd(), reading, start)
}

/** A quoted value, over as many lines as it takes. A backslash keeps the quote; anything else after it stays as it is. */
function readQuoted(reading: Reading, quote: string): string {
  const start = reading.at
  let value = ''
  for (let at = start + 1; at < reading.text.length; at++) {
    const char = reading.text[at] ?? ''
    const next = reading.text[at + 1]
    if (char === quote) {
      reading.at = at + 1
      return quote === '"' ? expand(unescapeText(value), reading, start) : value
    }
    if (char === '\\' && next === quote) {
      value += quote
      at += 1
    } else if (char === '\\' && next !== undefined) {
      value += char + next
      at += 1
    } else value += char
  }
  complain(reading, `the quote ${quote} is never closed`)
  reading.at = reading.text.length
  return ''
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  $: '$$',
}

function unescapeText(text: string): string {
  return text.replace(/\\(?:([abfnrtv$"\\])|0([0-7]{1,3}))/g, (_whole, letter?: string, octal?: string) =>
    letter !== undefined ? (ESCAPES[letter] ?? '') : String.fromCharCode(Number.parseInt(octal ?? '0', 8) & 0xff),
  )
}

function expand(value: string, reading: Reading, start: number): string {
  const spot = spotAt(reading.text, start)
  const lookup: Lookup = (name) => reading.lookup(name) ?? reading.values.get(name)
  return interpolate(value, lookup, {
    error: (code, message) => reading.report.error(code, spot, message),
    unset: (name) => reading.report.warn('VARIABLE_UNSET', spot, unsetMessage(name)),
  })
}

function complain(reading: Reading, message: string): void {
  reading.report.error('FIELD_INVALID', spotAt(reading.text, reading.at), message)
}

function lineEnd(reading: Reading): number {
  const end = reading.text.indexOf('\n', reading.at)
  return end === -1 ? reading.text.length : end
}

function spotAt(text: string, offset: number): { readonly path: []; readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n')
  return { path: [], line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
