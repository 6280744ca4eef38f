import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Readiness } from '../controller/index.js'
import { at, numberAt, readJsonIfThere } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { execute, exitOf } from './exec.js'

/** A container's healthcheck as a command; null where it has none. It never changes, so it is read once. */
export interface HealthCommand {
  readonly argv: readonly string[]
  readonly timeoutMs: number
}

export interface HealthMemory {
  readonly commands: Map<string, HealthCommand | null>
  /** By container: a check that outlived its timeout. The engine cannot end it, so no other is started beside it. */
  readonly hanging: Map<string, string>
}

/** Bounds the memory: containers come and go for as long as the controller lives. */
const REMEMBERED = 5_000

/** Runs the container's own healthcheck command through the engine. Never rejects. */
export async function runHealthcheck(
  engine: Engine,
  memory: HealthMemory,
  containerId: string,
  signal: AbortSignal,
): Promise<Readiness> {
  const command = await commandOf(engine, memory, containerId, signal)
  if (!command.ok) return command.problem
  if (command.value === null) return { verdict: 'unknown', output: 'the container has no healthcheck' }
  const hanging = memory.hanging.get(containerId)
  if (hanging !== undefined) {
    const left = await exitOf(engine, hanging, WHAT, signal)
    if (left === 'running') return { verdict: 'not-ready', output: 'the last run of the healthcheck has not ended yet' }
    memory.hanging.delete(containerId)
  }
  return runCommand(engine, memory, containerId, command.value, signal)
}

async function commandOf(
  engine: Engine,
  memory: HealthMemory,
  containerId: string,
  signal: AbortSignal,
): Promise<Result<HealthCommand | null, Readiness>> {
  const known = memory.commands.get(containerId)
  if (known !== undefined) return ok(known)
  const call = { method: 'GET', path: `/containers/${segment(containerId)}/json`, lane: 'read' } as const
  const info = await readJsonIfThere(engine, call, 'read the healthcheck', signal)
  if (!info.ok) return fail({ verdict: 'unknown', output: info.problem.message })
  if (info.value === null) return fail({ verdict: 'not-ready', output: 'the container is gone' })
  const command = readCommand(info.value, engine.limits.healthcheckMs)
  if (memory.commands.size >= REMEMBERED) memory.commands.clear()
  memory.commands.set(containerId, command)
  return ok(command)
}

/** `Test` of the engine's form; a shell text runs in the image's own SHELL, as the engine does it. */
export function readCommand(info: unknown, defaultTimeoutMs: number): HealthCommand | null {
  const test = at(info, 'Config', 'Healthcheck', 'Test')
  if (!Array.isArray(test) || test.length < 2 || !test.every((word) => typeof word === 'string')) return null
  const [kind, ...words] = test as readonly string[]
  const timeoutMs = numberAt(info, 'Config', 'Healthcheck', 'Timeout') / 1e6 || defaultTimeoutMs
  if (kind === 'CMD') return { argv: words, timeoutMs }
  if (kind !== 'CMD-SHELL') return null
  const shell = at(info, 'Config', 'Shell')
  const words0 = Array.isArray(shell) && shell.every((word) => typeof word === 'string') ? shell : []
  return { argv: [...(words0.length > 0 ? words0 : ['/bin/sh', '-c']), words.join(' ')], timeoutMs }
}

async function runCommand(
  engine: Engine,
  memory: HealthMemory,
  containerId: string,
  command: HealthCommand,
  signal: AbortSignal,
): Promise<Readiness> {
  const run = { what: WHAT, timeoutMs: command.timeoutMs }
  const done = await execute(engine, containerId, { Cmd: command.argv }, run, signal)
  switch (done.kind) {
    case 'refused':
      return notRun(engine, done.failure)
    case 'unknown':
      return { verdict: 'unknown', output: `the healthcheck: ${done.why}` }
    case 'late':
      memory.hanging.set(containerId, done.execId)
      return {
        verdict: 'not-ready',
        output: `the healthcheck did not end within ${command.timeoutMs} ms\n${done.output}`,
      }
    case 'exited':
      return {
        verdict: done.code === 0 ? 'ready' : 'not-ready',
        output: done.output || `the healthcheck exited with ${done.code}`,
      }
  }
}

const WHAT = 'see how the healthcheck ended'

/** 409: not running, or paused. 404: gone. Both say that it is not ready; anything else says nothing about it. */
function notRun(engine: Engine, failure: CallFailure): Readiness {
  const { message } = toProblem(failure, { server: engine.server, what: 'run the healthcheck' })
  const isTelling = failure.kind === 'refused' && (failure.status === 404 || failure.status === 409)
  return { verdict: isTelling ? 'not-ready' : 'unknown', output: message }
}
