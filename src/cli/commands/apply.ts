import type { FleetStatus, LogEvent } from '../../controller/index.js'
import type { ControlSurface } from '../../web/index.js'
import { runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { CommandError, usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { openController } from '../local-controller.js'
import { readSha } from '../read-sha.js'
import { parseTime } from '../settings.js'
import { settled } from '../settled.js'
import type { Settled } from '../settled.js'
import { eventAsText } from '../show/event.js'
import { formatProblemLines } from '../show/words.js'
import { formatStack } from '../show/status.js'
import { serve } from './run.js'

const LOOK_AGAIN_MS = 500

export async function run(invocation: Invocation): Promise<number> {
  const sha = readSha(invocation.args[0])
  const timeoutMs = readTimeout(invocation.options.timeout)
  const running = await runningController(invocation.settings)
  if (running !== null) return follow(invocation, running.surface, sha, timeoutMs)
  return alone(invocation, sha, timeoutMs)
}

/** No controller runs: this process is one until the revision has settled. */
async function alone(invocation: Invocation, sha: string | null, timeoutMs: number): Promise<number> {
  const log = progress(invocation)
  const controller = await openController(invocation, log)
  try {
    const control = await serve(invocation, controller, log)
    controller.start()
    try {
      return await conclude(invocation, controller.surface, sha, timeoutMs, 0)
    } finally {
      await control.close()
    }
  } finally {
    await controller.close()
  }
}

async function follow(
  invocation: Invocation,
  surface: ControlSurface,
  sha: string | null,
  timeoutMs: number,
): Promise<number> {
  const sinceMs = invocation.io.nowMs()
  const ending = new AbortController()
  const events = valueOf(await surface.events(AbortSignal.any([ending.signal, invocation.io.interrupted])))
  const printed = print(events, progress(invocation))
  valueOf(await surface.command({ kind: 'sync', by: invocation.io.user }))
  try {
    return await conclude(invocation, surface, sha, timeoutMs, sinceMs)
  } finally {
    ending.abort()
    await printed
  }
}

async function print(events: AsyncIterable<LogEvent>, log: (event: LogEvent) => void): Promise<void> {
  try {
    for await (const event of events) log(event)
  } catch {
    // The stream only shows progress; the outcome is read from the status, which fails by itself when the controller is gone.
  }
}

async function conclude(
  invocation: Invocation,
  surface: ControlSurface,
  sha: string | null,
  timeoutMs: number,
  sinceMs: number,
): Promise<number> {
  const { io } = invocation
  const deadlineMs = io.nowMs() + timeoutMs
  for (;;) {
    const status = valueOf(await surface.status())
    const outcome = settled(status, sha, sinceMs)
    if (outcome.kind !== 'waiting') return report(invocation, status, outcome)
    if (io.interrupted.aborted) return interrupted(invocation)
    if (io.nowMs() > deadlineMs) throw late(timeoutMs, outcome.text)
    await pause(LOOK_AGAIN_MS, io.interrupted)
  }
}

function report(invocation: Invocation, status: FleetStatus, { kind, text, problems }: Settled): number {
  const { io, format, look, colors } = invocation
  if (format === 'json') {
    io.out(`${JSON.stringify({ outcome: kind, message: text, problems, status }, null, 2)}\n`)
  } else {
    for (const stack of status.stacks) io.out(`${formatStack(stack, status.atMs, look).join('\n')}\n`)
    io.out(`${kind === 'applied' ? colors.green('✓') : colors.red('✗')} ${text}\n`)
    // What a stack has to say stands with it already.
    for (const problem of problems.filter(({ stack }) => stack === undefined))
      io.err(`${colors.red('error')} ${formatProblemLines(problem).join('\n  ')}\n`)
  }
  return OUTCOMES[kind]
}

const OUTCOMES: Readonly<Record<Settled['kind'], number>> = {
  applied: EXIT.ok,
  'rolled-back': EXIT.rolledBack,
  failed: EXIT.failure,
  waiting: EXIT.failure,
}

function interrupted({ io }: Invocation): number {
  io.err('interrupted: what was begun is left as it is; a controller goes on from there\n')
  return EXIT.failure
}

function late(timeoutMs: number, text: string): CommandError {
  const message = `not settled after ${Math.round(timeoutMs / 1_000)} s: waiting for ${text}`
  const remedy = 'slipway status says how it goes on; give a longer --timeout to wait longer'
  return new CommandError([{ code: 'CALL_TIMEOUT', message, next: { kind: 'stalled', remedy } }])
}

/** Progress goes to standard error: standard output is for the outcome. */
function progress({ io, colors, format }: Invocation): (event: LogEvent) => void {
  return (event) => {
    if (event.level !== 'debug' && format !== 'json') io.err(`${eventAsText(event, colors)}\n`)
  }
}

function readTimeout(text: string | boolean | undefined): number {
  const ms = typeof text === 'string' ? parseTime(text) : null
  if (ms === null || ms < 1_000) throw usage('--timeout is a time such as 90s or 30m')
  return ms
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
