import { Command, CommanderError } from 'commander'
import { invariant } from '../model/index.js'
import type { Problem } from '../model/index.js'
import { COMMANDS } from './command-table.js'
import type { CommandRow } from './command-row.js'
import { EXIT } from './exit-code.js'
import { CommandError } from './invocation.js'
import type { Parts } from './invocation.js'
import { colorsFor } from './io.js'
import type { Colors, Io } from './io.js'
import { SETTINGS } from './setting-table.js'
import { formatProblemLines } from './show/words.js'

/** Runs one command line; the number is the exit code. Nothing is thrown but bugs, and those are reported too. */
export async function runCli(argv: readonly string[], version: string, io: Io, parts: Parts): Promise<number> {
  const outcome = { code: EXIT.ok as number, isJson: false }
  const program = buildProgram(version, io, async (row, args, options) => {
    outcome.isJson = options.format === 'json'
    outcome.code = await runCommand(row, args, options, io, parts)
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCodeOf(outcome.code, io)
  } catch (error) {
    return exitCodeOf(report(error, outcome.isJson, io, colorsFor(io)), io)
  }
}

type Act = (row: CommandRow, args: readonly string[], options: Options) => Promise<void>
type Options = Readonly<Record<string, string | boolean | undefined>>

function buildProgram(version: string, io: Io, act: Act): Command {
  const program = new Command('slipway')
    .description(
      'GitOps for plain Docker servers: commits roll out over SSH, health checks gate them, failures roll back.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ helpWidth: Math.max(80, io.columns) })
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(text) })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', EPILOGUE)
  for (const row of COMMANDS) addCommand(program, row, act)
  return program
}

const EPILOGUE = `
Settings come by flag, else by environment (SLIPWAY_…), else from the file that SLIPWAY_CONFIG names.
Secrets come by environment only: ${Object.values(SETTINGS)
  .filter(({ isSecret }) => isSecret)
  .map(({ env }) => env)
  .join(', ')}; each also as …_FILE, naming a file.
Exit codes: 0 done, 1 failed, 2 plan and diff found differences or validate --strict warnings, 3 apply rolled back, 64 wrong command line, 130 interrupted.`

function addCommand(program: Command, row: CommandRow, act: Act): void {
  const words = row.name.split(' ')
  const parent = words.slice(0, -1).reduce(subcommand, program)
  const name = words.at(-1)
  invariant(name !== undefined, 'a command has a name')
  const command = parent.command(name).description(row.summary).helpOption('-h, --help', 'print this help')
  for (const argument of row.args.split(' ').filter((part) => part !== '')) command.argument(argument)
  for (const { flags, help, fallback, isRepeated } of row.options) {
    if (isRepeated === true) command.option(flags, help, (value: string, before?: string) => joined(before, value))
    else command.option(flags, help, fallback)
  }
  for (const setting of row.settings) {
    const { flag, value, env, fallback, help } = SETTINGS[setting]
    if (flag === null) continue
    const otherwise = fallback === null ? '' : `, default ${fallback}`
    command.option(`--${flag} ${value}`.trim(), `${help} (${env}${otherwise})`)
  }
  if (row.formats.length > 0) command.option('--format <format>', row.formats.join(', '), 'text')
  if (row.examples.length > 0) {
    command.addHelpText('after', `\nExamples:\n${row.examples.map((example) => `  $ ${example}`).join('\n')}`)
  }
  command.action(async () => act(row, command.args, command.opts<Options>()))
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before} ${value}`
}

function subcommand(parent: Command, name: string): Command {
  return (
    parent.commands.find((command) => command.name() === name) ?? parent.command(name).description(`${name} commands`)
  )
}

async function runCommand(
  row: CommandRow,
  args: readonly string[],
  options: Options,
  io: Io,
  parts: Parts,
): Promise<number> {
  const format = typeof options.format === 'string' ? options.format : 'text'
  if (row.formats.length > 0 && !row.formats.includes(format)) {
    const message = `--format is ${row.formats.join(', ')}, not ${JSON.stringify(format)}`
    throw new CommandError([{ code: 'SETTING_INVALID', message }], true)
  }
  const { readSettings } = await import('./settings.js')
  const flags = Object.fromEntries(Object.entries(options).map(([name, value]) => [dashed(name), value]))
  const settings = readSettings({ flags, env: io.env, home: io.home, isRoot: io.isRoot })
  if (!settings.ok) throw new CommandError(settings.problem)
  const colors = colorsFor(io)
  const look = { colors, columns: io.columns }
  const { run } = await row.load()
  return run({ command: row.name, args, options, format, io, colors, look, settings: settings.value, parts })
}

function report(error: unknown, isJson: boolean, io: Io, colors: Colors): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const problems = problemsOf(error)
  if (isJson) io.err(`${JSON.stringify({ errors: problems })}\n`)
  else for (const problem of problems) io.err(formatError(problem, colors))
  if (!(error instanceof CommandError)) io.err(`${error instanceof Error ? (error.stack ?? '') : ''}\n`)
  return error instanceof CommandError && error.isUsage ? EXIT.usage : EXIT.failure
}

function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof CommandError) return error.problems
  const message = error instanceof Error ? error.message : String(error)
  return [{ code: 'BUG', message, next: { kind: 'stalled', remedy: 'please report this with the lines below' } }]
}

/** `error CODE message`, and on the next line what to do. */
function formatError(problem: Problem, colors: Colors): string {
  const [first = '', ...rest] = formatProblemLines(problem)
  return [`${colors.red('error')} ${first}`, ...rest.map((line) => `  ${line}`)].join('\n') + '\n'
}

/** A command that was interrupted ends as a shell expects, whatever it had come to. */
function exitCodeOf(code: number, { interrupted }: Io): number {
  if (!interrupted.aborted || code === EXIT.ok) return code
  return interrupted.reason === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
