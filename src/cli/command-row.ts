import type { SettingName } from './setting-table.js'
import type { Invocation } from './invocation.js'

export interface OptionRow {
  readonly flags: string
  readonly help: string
  readonly fallback?: string
  /** It may be given several times; what it says then stands with spaces between. */
  readonly isRepeated?: true
}

/** One command. `load` is called only when the command runs, so that `--help` and `validate` never load SSH, Docker or SQLite. */
export interface CommandRow {
  readonly name: string
  readonly args: string
  readonly summary: string
  readonly settings: readonly SettingName[]
  readonly formats: readonly string[]
  readonly options: readonly OptionRow[]
  readonly examples: readonly string[]
  readonly load: () => Promise<{ readonly run: (invocation: Invocation) => Promise<number> }>
}

export const DATA: readonly SettingName[] = ['data', 'config']
export const GIT: readonly SettingName[] = ['repo', 'branch', 'tag', 'path', 'plainHttp']
const TEXT_JSON = ['text', 'json']
export const REASON: OptionRow = { flags: '--reason <text>', help: 'why, for the record', fallback: '' }

/** A command with what most of them have. */
export function row(
  name: string,
  args: string,
  summary: string,
  load: CommandRow['load'],
  more: Partial<Omit<CommandRow, 'name' | 'args' | 'summary' | 'load'>>,
): CommandRow {
  return { name, args, summary, load, settings: DATA, formats: TEXT_JSON, options: [], examples: [], ...more }
}
