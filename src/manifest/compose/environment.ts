import { parseDotenv, parseRawEnv } from '../dotenv.js'
import type { Lookup } from '../interpolate.js'
import { readNamedFile } from '../named-file.js'
import type { Node } from '../node.js'
import { get, items, textOf } from '../node.js'
import { readBoolean, readText, requireText } from '../read.js'
import { MOST_FILE_BYTES, decodeText } from '../text.js'
import type { StackContext } from './context.js'
import { readKeyValues, sortedRecord } from './key-values.js'

interface EnvFile {
  readonly node: Node
  readonly path: string
  readonly required: boolean
  readonly raw: boolean
}

/** The container's environment: env files in order, later ones win, `environment` wins over all. */
export function readEnvironment(service: Node, context: StackContext): Readonly<Record<string, string>> {
  const own = readKeyValues(get(service, 'environment'), context.report, context.variables)
  // The repository's variables come before the service's own when a file interpolates, as in compose-go.
  const lookup: Lookup = (name) => context.variables(name) ?? (Object.hasOwn(own, name) ? own[name] : undefined)
  let values: ReadonlyMap<string, string> = new Map()
  for (const file of envFiles(get(service, 'env_file'), context)) values = readEnvFile(file, values, lookup, context)
  const result = new Map([...values, ...Object.entries(own)])
  // A key that is named without a value, and has none anywhere, unsets what an env file says.
  for (const name of namesOf(get(service, 'environment'))) if (!Object.hasOwn(own, name)) result.delete(name)
  return sortedRecord(result)
}

function namesOf(node: Node | undefined): readonly string[] {
  if (node?.kind === 'map') return [...node.entries.keys()]
  return items(node).map((item) => textOf(item).replace(/=.*$/s, ''))
}

function envFiles(node: Node | undefined, context: StackContext): readonly EnvFile[] {
  if (node === undefined) return []
  if (node.kind === 'scalar') return [{ node, path: textOf(node), required: true, raw: false }]
  return items(node).flatMap((item): readonly EnvFile[] => {
    if (item.kind === 'scalar') return [{ node: item, path: textOf(item), required: true, raw: false }]
    const path = requireText(item, 'path', context.report)
    const required = readBoolean(item, 'required', context.report) ?? true
    return path === null ? [] : [{ node: item, path, required, raw: readText(item, 'format') === 'raw' }]
  })
}

function readEnvFile(
  file: EnvFile,
  earlier: ReadonlyMap<string, string>,
  lookup: Lookup,
  context: StackContext,
): ReadonlyMap<string, string> {
  const found = readNamedFile(file.path, context.directory, file.node, context.reader, context.report, file.required)
  if (found === null) return earlier
  const report = context.report.in(found.path)
  const text = decodeText(found.bytes, MOST_FILE_BYTES, report)
  if (text === null) return earlier
  return file.raw ? parseRawEnv(text, earlier, lookup, report) : parseDotenv(text, earlier, lookup, report)
}
