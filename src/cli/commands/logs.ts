import { controllerAt, readTarget } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { CommandError, usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'

const TAIL_MAX = 10_000

export async function run({ args, options, format, io, colors, settings }: Invocation): Promise<number> {
  const target = readTarget(args[0])
  const tail = Number(options.tail)
  if (target === undefined) throw usage('name a stack or stack/service')
  if (!Number.isInteger(tail) || tail < 0 || tail > TAIL_MAX) throw usage(`--tail is a number up to ${TAIL_MAX}`)
  const query = { stack: target.stack, service: target.service ?? null, tail, follow: options.follow === true }
  const lines = valueOf(await controllerAt(settings).logs(query, io.interrupted))
  try {
    for await (const line of lines) {
      if (format === 'json') io.out(`${JSON.stringify(line)}\n`)
      else (line.stream === 'stderr' ? io.err : io.out)(`${colors.cyan(`${line.slot}@${line.server}`)} ${line.text}\n`)
    }
  } catch (error) {
    if (!io.interrupted.aborted) throw lost(error)
  }
  return io.interrupted.aborted ? EXIT.failure : EXIT.ok
}

function lost(error: unknown): CommandError {
  const message = `the logs broke off: ${error instanceof Error ? error.message : String(error)}`
  return new CommandError([{ code: 'CONNECTION_LOST', message }])
}
