import { compareText, formatProblem } from '../model/index.js'
import type { Place, Problem, ProblemCode } from '../model/index.js'

/** A spot in a file. `path` are the keys that lead to it, for the message; line and column count from 1. */
export interface Spot {
  /** Left out: the file that the report is about. */
  readonly file?: string
  readonly path: readonly (string | number)[]
  readonly line: number
  readonly column: number
}

/** Collects the problems of one manifest. Nothing stops at the first. */
export interface Report {
  /** A message that costs something to make is a function: of thousands of problems only the first are told. */
  error(code: ProblemCode, spot: Spot | null, message: string | (() => string)): void
  warn(code: ProblemCode, spot: Spot | null, message: string): void
  /** The same collection, for another file. */
  in(file: string): Report
  errors(): readonly Problem[]
  warnings(): readonly Problem[]
}

/** A file that is wrong everywhere is not worth more lines than a person reads. */
const MOST_PROBLEMS = 200

export function createReport(file: string, stack?: string): Report {
  const found = new Map<string, Problem>()
  return reportIn(file, stack, found)
}

function reportIn(file: string, stack: string | undefined, found: Map<string, Problem>): Report {
  const add = (code: ProblemCode, spot: Spot | null, words: string | (() => string), severity?: 'warning'): void => {
    if (found.size >= MOST_PROBLEMS) return
    const message = typeof words === 'string' ? words : words()
    const place = placeOf(file, spot)
    // What is shared by an anchor or `extends` is reached by several paths; it is one mistake at one place.
    const twin = JSON.stringify([place.path, place.line, place.column, code, message])
    if (found.has(twin)) return
    const problem = { code, message: withPath(spot, message), ...(severity === undefined ? {} : { severity }) }
    found.set(twin, { ...problem, place, ...owner(spot, stack) })
  }
  return {
    error: (code, spot, message) => add(code, spot, message),
    warn: (code, spot, message) => add(code, spot, message, 'warning'),
    in: (other) => reportIn(other, stack, found),
    errors: () => sortProblems([...found.values()].filter((problem) => problem.severity === undefined)),
    warnings: () => sortProblems([...found.values()].filter((problem) => problem.severity === 'warning')),
  }
}

/** By file, line and column; then by text, so that equal input gives equal bytes. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort(
    (a, b) =>
      compareText(a.place?.path ?? '', b.place?.path ?? '') ||
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0) ||
      compareText(formatProblem(a), formatProblem(b)),
  )
}

export function placeOf(file: string, spot: Spot | null): Place {
  return spot === null ? { path: file } : { path: spot.file ?? file, line: spot.line, column: spot.column }
}

function owner(spot: Spot | null, stack: string | undefined): Pick<Problem, 'stack' | 'service'> {
  const [section, service] = spot?.path ?? []
  return {
    ...(stack !== undefined ? { stack } : {}),
    ...(stack !== undefined && section === 'services' && typeof service === 'string' ? { service } : {}),
  }
}

function withPath(spot: Spot | null, message: string): string {
  return spot === null || spot.path.length === 0 ? message : `${formatPath(spot.path)}: ${message}`
}

/** `services.web.ports[0]`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('')
}
