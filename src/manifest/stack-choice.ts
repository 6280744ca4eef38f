import type { ComposeFile } from './compose-source.js'
import { namedPath } from './compose-source.js'
import type { FileReader } from './files.js'
import { quoted } from './node.js'
import type { Report } from './report.js'

/** In the order in which Compose looks for them. */
export const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]

/** A directory that is a stack, with what slipway.yaml says of it. */
export interface StackChoice {
  readonly directory: string
  /** Paths in the repository, with the place that names them; null to look for them as Compose does. */
  readonly files: readonly ComposeFile[] | null
  readonly env: ReadonlyMap<string, string>
  /** Null for those of COMPOSE_PROFILES. */
  readonly profiles: readonly string[] | null
}

/** Equal text, equal choice. */
export function stampOf({ directory, files, env, profiles }: StackChoice): string {
  return JSON.stringify([directory, files, [...env], profiles])
}

/**
 * The files of a stack, in the order in which they are laid over one another: those that slipway.yaml names, those of COMPOSE_FILE in
 * `.env`, or the first Compose file with the first override file beside it. None after a problem.
 */
export function chooseFiles(
  choice: StackChoice,
  variables: ReadonlyMap<string, string>,
  reader: FileReader,
  report: Report,
): readonly ComposeFile[] {
  if (choice.files !== null) return choice.files
  const listed = variables.get('COMPOSE_FILE') ?? ''
  if (listed !== '') return listedFiles(listed, choice, variables, report)
  const [main, override] = [COMPOSE_FILES, OVERRIDES].map((names) => firstOf(names, choice.directory, reader, report))
  return [main, override].flatMap((path) => (path === undefined ? [] : [{ path, spot: null }]))
}

function listedFiles(
  listed: string,
  { directory }: StackChoice,
  variables: ReadonlyMap<string, string>,
  report: Report,
): readonly ComposeFile[] {
  const env = directory === '' ? '.env' : `${directory}/.env`
  const spot = { file: env, path: [], line: 1, column: 1 }
  const separator = variables.get('COMPOSE_PATH_SEPARATOR') ?? ':'
  const paths = listed.split(separator === '' ? ':' : separator).filter((name) => name !== '')
  return paths.flatMap((name) => {
    const path = namedPath(name, directory, spot, report)
    return path === null ? [] : [{ path, spot }]
  })
}

function firstOf(names: readonly string[], directory: string, reader: FileReader, report: Report): string | undefined {
  const paths = names.map((name) => (directory === '' ? name : `${directory}/${name}`))
  const [first, ...others] = paths.filter((path) => reader.exists(path))
  for (const other of others)
    report
      .in(first ?? other)
      .warn('CONFLICT', null, `${quoted(other)} stands beside it and is not read; remove one of them`)
  return first
}
