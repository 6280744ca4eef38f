import { compareText, formatProblem } from '../model/index.js'
import type { Place, Problem, ProblemCode } from '../model/index.js'

/** A spot in a file. `path` are the keys that lead to it, for the message; line and column count from 1. */
export interface Spot {
  readonly path: readonly (string | number)[]
  readonly line: number
  readonly column: number
}

/** Collects the problems of one manifest. Nothing stops at the first. */
export interface Report {
  error(code: ProblemCode, spot: Spot | null, message: string): void
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
  const add = (problem: Problem): void => {
    if (found.size < MOST_PROBLEMS) found.set(formatProblem(problem), problem)
  }
  return {
    error: (code, spot, message) => add({ code, message: withPath(spot, message), ...origin(file, spot, stack) }),
    warn: (code, spot, message) =>
      add({ code, message: withPath(spot, message), severity: 'warning', ...origin(file, spot, stack) }),
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

function origin(
  file: string,
  spot: Spot | null,
  stack: string | undefined,
): Pick<Problem, 'place' | 'stack' | 'service'> {
  const place: Place = spot === null ? { path: file } : { path: file, line: spot.line, column: spot.column }
  const [section, service] = spot?.path ?? []
  return {
    place,
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
