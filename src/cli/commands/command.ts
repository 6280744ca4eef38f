import { commandAtRest } from '../../controller/index.js'
import type { Command } from '../../controller/index.js'
import type { Result } from '../../model/index.js'
import { controllerAt, readTarget } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'

/** The commands that tell the controller something, now or when it runs next: retry, promote, abort, approve, restart, suspend, resume, drain, undrain, sync. */
export async function run(invocation: Invocation): Promise<number> {
  const { format, io } = invocation
  const command = readCommand(invocation)
  const message = valueOf(await tell(invocation, command))
  io.out(format === 'json' ? `${JSON.stringify({ command, message })}\n` : `${message}\n`)
  return EXIT.ok
}

/** To the controller that runs; else into its journal. There must be one: a data directory is not made by a command. */
async function tell({ settings, parts, io }: Invocation, command: Command): Promise<Result<string>> {
  const answer = await controllerAt(settings).command(command)
  if (answer.ok || answer.problem.code !== 'CONTROLLER_ABSENT' || command.kind === 'sync') return answer
  const there = await parts.openJournal(settings, { readOnly: true })
  if (!there.ok) return there.problem.code === 'CONTROLLER_ABSENT' ? answer : there
  there.value.close()
  const journal = await parts.openJournal(settings, { readOnly: false })
  if (!journal.ok) return journal
  try {
    return commandAtRest(journal.value, command, io.nowMs())
  } finally {
    journal.value.close()
  }
}

function readCommand({ command, args: [first = ''], options, io: { user: by } }: Invocation): Command {
  const reason = typeof options.reason === 'string' ? options.reason : ''
  const scope = first === '' ? '*' : first
  switch (command) {
    case 'retry':
      return { kind: 'retry', stack: first, by }
    case 'promote':
      return { kind: 'promote', scope: first, to: options.step === true ? 'step' : 'end', by }
    case 'abort':
      return { kind: 'abort', stack: first, by }
    case 'approve':
      return { kind: 'approve', sha: readSha(first), by }
    case 'restart':
      return { kind: 'restart', ...readService(first), reason, by }
    case 'suspend':
      return { kind: 'suspend', scope, reason, by }
    case 'resume':
      return { kind: 'resume', scope, by }
    case 'drain':
      return { kind: 'drain', server: first, by }
    case 'undrain':
      return { kind: 'undrain', server: first, by }
    case 'sync':
      return { kind: 'sync', by }
    default:
      throw new Error(`no such command: ${command}`)
  }
}

function readService(text: string): { readonly stack: string; readonly service: string } {
  const target = readTarget(text)
  if (target?.service === undefined || target.service === '')
    throw usage(`name one service as stack/service, not ${text}`)
  return { stack: target.stack, service: target.service }
}

function readSha(text: string): string {
  if (!/^[0-9a-f]{7,40}$/.test(text)) throw usage(`${JSON.stringify(text)} is no commit: give 7 to 40 of its digits`)
  return text
}
