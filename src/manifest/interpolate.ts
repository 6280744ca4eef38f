import type { ProblemCode } from '../model/index.js'
import type { Entry, Node } from './node.js'
import { quoted } from './node.js'
import type { Report } from './report.js'

/** Looks a variable up; undefined when it is not set at all. */
export type Lookup = (name: string) => string | undefined

/** Told of everything that is wrong or worth a warning. */
export interface Trouble {
  readonly error: (code: ProblemCode, message: string) => void
  readonly unset: (name: string) => void
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*/
const OPERATOR = /^:?[-?+]/
/** An argument may hold another expression; deeper than this it is an attack. */
const DEEPEST = 32

/**
 * Replaces `$V`, `${V}` and `${V:-default}` with its relatives (`-`, `:?`, `?`, `:+`, `+`), nested and evaluated only when used; `$$` is a `$`.
 * By the rules of compose-go's template package.
 */
export function interpolate(text: string, lookup: Lookup, trouble: Trouble, depth = 0): string {
  if (!text.includes('$')) return text
  if (depth > DEEPEST) {
    trouble.error('VARIABLE_INVALID', `variables are nested deeper than ${DEEPEST} levels`)
    return ''
  }
  let result = ''
  let at = 0
  while (at < text.length) {
    const dollar = text.indexOf('$', at)
    if (dollar === -1) return result + text.slice(at)
    result += text.slice(at, dollar)
    const rest = text.slice(dollar + 1)
    const bare = NAME.exec(rest)?.[0]
    if (rest.startsWith('{')) {
      const end = closingBrace(rest)
      result += evaluate(rest, end, lookup, trouble, depth)
      at = end === -1 ? text.length : dollar + 1 + end + 1
    } else if (bare !== undefined) {
      result += plainValue(bare, lookup, trouble)
      at = dollar + 1 + bare.length
    } else {
      result += '$'
      at = dollar + (rest.startsWith('$') ? 2 : 1)
    }
  }
  return result
}

/** Index of the `}` that closes the expression at the start; -1 without one. `$${` opens nothing. */
function closingBrace(text: string): number {
  let open = 0
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith('$$', at)) at += 1
    else if (text.startsWith('${', at) || (at === 0 && text[0] === '{')) {
      open += 1
      at += at === 0 ? 0 : 1
    } else if (text[at] === '}') {
      open -= 1
      if (open === 0) return at
    }
  }
  return -1
}

/** The value of `{NAME operator argument}`. */
function evaluate(rest: string, end: number, lookup: Lookup, trouble: Trouble, depth: number): string {
  const body = end === -1 ? rest.slice(1) : rest.slice(1, end)
  const name = NAME.exec(body)?.[0] ?? ''
  const operator = OPERATOR.exec(body.slice(name.length))?.[0] ?? ''
  if (end === -1 || name === '' || (operator === '' && body !== name)) {
    trouble.error(
      'VARIABLE_INVALID',
      `${quoted(`$${rest.slice(0, end + 1 || 40)}`)} is no variable; write \${NAME}, or $$ for a dollar sign`,
    )
    return ''
  }
  const argument = (): string => interpolate(body.slice(name.length + operator.length), lookup, trouble, depth + 1)
  const value = lookup(name)
  const present = value !== undefined && (value !== '' || !operator.startsWith(':'))
  if (operator === '') return plainValue(name, lookup, trouble)
  if (operator.endsWith('+')) return present ? argument() : ''
  if (present) return value
  if (operator.endsWith('-')) return argument()
  const reason = argument()
  trouble.error(
    'VARIABLE_REQUIRED',
    `the required variable ${name} has no value${reason === '' ? '' : `: ${reason}`}; set it in the stack's .env`,
  )
  return ''
}

function plainValue(name: string, lookup: Lookup, trouble: Trouble): string {
  const value = lookup(name)
  if (value === undefined) trouble.unset(name)
  return value ?? ''
}

/** Interpolates every text value of a tree; keys stay as they are, and what has no variable is not copied. */
export function interpolateTree(node: Node, lookup: Lookup, report: Report): Node {
  if (node.kind === 'list') {
    const items = node.items.map((item) => interpolateTree(item, lookup, report))
    return items.every((item, at) => item === node.items[at]) ? node : { ...node, items }
  }
  if (node.kind === 'map') {
    const changed: [string, Entry][] = []
    for (const [name, { key, value }] of node.entries) {
      const inner = interpolateTree(value, lookup, report)
      if (inner !== value) changed.push([name, { key, value: inner }])
    }
    return changed.length === 0 ? node : { ...node, entries: new Map([...node.entries, ...changed]) }
  }
  if (typeof node.value !== 'string' || !node.value.includes('$')) return node
  let failed = false
  const value = interpolate(node.value, lookup, {
    error: (code, message) => {
      failed = true
      report.error(code, node, message)
    },
    unset: (name) => report.warn('VARIABLE_UNSET', node, unsetMessage(name)),
  })
  return failed ? { ...node, value: null, broken: true } : { ...node, value }
}

export function unsetMessage(name: string): string {
  return `the variable ${name} is not set and reads as empty; set it in the stack's .env, or write \${${name}:-default}`
}
