import { PROBLEMS, compareText } from '../../model/index.js'
import type { Problem, ProblemCode } from '../../model/index.js'

/** Annotations of GitHub Actions, one a line. `prefix` is the folder that the paths are relative to, as the workspace sees it. */
export function githubAnnotations(problems: readonly Problem[], prefix: string): string {
  return problems.map((problem) => `${annotation(problem, prefix)}\n`).join('')
}

function annotation({ code, message, place, severity }: Problem, prefix: string): string {
  const where: readonly (readonly [string, string | number | undefined])[] = [
    ['file', place === undefined ? undefined : under(prefix, place.path)],
    ['line', place?.line],
    ['col', place?.column],
    ['title', code],
  ]
  const properties = where.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${escapeData(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`],
  )
  return `::${severity ?? 'error'} ${properties.join(',')}::${escapeData(message)}`
}

/** A line break would end the annotation, and what follows be a command of its own. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

/** A SARIF 2.1.0 log, as code scanning reads it. */
export function sarifLog(problems: readonly Problem[], prefix: string): object {
  const codes = [...new Set(problems.map(({ code }) => code))].sort(compareText)
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'slipway', rules: codes.map(rule) } },
        columnKind: 'utf16CodeUnits',
        results: problems.map((problem) => ({
          ruleId: problem.code,
          ruleIndex: codes.indexOf(problem.code),
          level: problem.severity ?? 'error',
          message: { text: problem.message },
          ...(problem.place === undefined ? {} : { locations: [location(problem.place, prefix)] }),
        })),
      },
    ],
  }
}

function rule(code: ProblemCode): object {
  return { id: code, shortDescription: { text: PROBLEMS[code] } }
}

function location({ path, line, column }: NonNullable<Problem['place']>, prefix: string): object {
  const region =
    line === undefined ? {} : { region: { startLine: line, ...(column === undefined ? {} : { startColumn: column }) } }
  const uri = under(prefix, path).split('/').map(encodeURIComponent).join('/')
  return { physicalLocation: { artifactLocation: { uri }, ...region } }
}

function under(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`
}
