import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Readiness } from '../controller/index.js'
import { newDemuxer } from './demux.js'
import { at, numberAt, readJson, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { isCut, segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'
import { toProblem } from './engine-errors.js'

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
    const left = await exitOf(engine, hanging, signal)
    if (left === 'running') return { verdict: 'not-ready', output: 'the last run of the healthcheck has not ended yet' }
    memory.hanging.delete(containerId)
  }
  return execute(engine, memory, containerId, command.value, signal)
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

async function execute(
  engine: Engine,
  memory: HealthMemory,
  containerId: string,
  command: HealthCommand,
  signal: AbortSignal,
): Promise<Readiness> {
  const body = { Cmd: command.argv, AttachStdout: true, AttachStderr: true }
  const path = `/containers/${segment(containerId)}/exec`
  const created = await engine.call({ method: 'POST', path, body, lane: 'read' }, signal)
  if (!created.ok) return notRun(engine, created.problem)
  const execId = execIdOf(created.value.body)
  if (execId === null) return { verdict: 'unknown', output: 'the engine named no exec' }
  const started = await engine.inLane('read', signal, async () =>
    ok(await readOutput(engine, execId, command.timeoutMs, signal)),
  )
  if (!started.ok) return { verdict: 'unknown', output: started.problem.message }
  const run = started.value
  if (run.kind === 'failed') return notRun(engine, run.failure)
  if (run.kind === 'given-up') return { verdict: 'unknown', output: 'the healthcheck was given up' }
  const exit = await exitOf(engine, execId, signal)
  if (run.kind === 'late' || exit === 'running') {
    memory.hanging.set(containerId, execId)
    return { verdict: 'not-ready', output: `the healthcheck did not end within ${command.timeoutMs} ms\n${run.output}` }
  }
  if (exit === 'unknown') return { verdict: 'unknown', output: 'the engine did not say how the healthcheck ended' }
  const output = run.output.trim().slice(0, engine.limits.outputChars)
  return { verdict: exit === 0 ? 'ready' : 'not-ready', output: output || `the healthcheck exited with ${exit}` }
}

function execIdOf(body: Buffer): string | null {
  try {
    return textAt(JSON.parse(body.toString('utf8')), 'Id') || null
  } catch {
    return null
  }
}

/** 409: not running, or paused. 404: gone. Both say that it is not ready; anything else says nothing about it. */
function notRun(engine: Engine, failure: CallFailure): Readiness {
  const { message } = toProblem(failure, { server: engine.server, what: 'run the healthcheck' })
  const isTelling = failure.kind === 'refused' && (failure.status === 404 || failure.status === 409)
  return { verdict: isTelling ? 'not-ready' : 'unknown', output: message }
}

type Run =
  | { readonly kind: 'ended' | 'late'; readonly output: string }
  | { readonly kind: 'given-up' }
  | { readonly kind: 'failed'; readonly failure: CallFailure }

async function readOutput(engine: Engine, execId: string, timeoutMs: number, signal: AbortSignal): Promise<Run> {
  const path = `/exec/${segment(execId)}/start`
  const body = { Detach: false, Tty: false }
  const deadlineMs = timeoutMs + engine.limits.readMs
  const opened = await engine.open({ method: 'POST', path, body, lane: 'read', deadlineMs }, signal)
  if (!opened.ok) return { kind: 'failed', failure: opened.problem }
  const { response, close } = opened.value
  return new Promise((resolve) => {
    let output = ''
    let isLate = false
    const demux = newDemuxer((_stream, text) => {
      output = (output + text).slice(0, engine.limits.outputChars)
    })
    const cancel = engine.clock.after(timeoutMs, () => {
      isLate = true
      close()
    })
    const end = (): void => {
      cancel()
      if (signal.aborted) resolve({ kind: 'given-up' })
      else resolve({ kind: isLate ? 'late' : 'ended', output })
    }
    response.on('data', (chunk: Buffer) => {
      if (!demux(chunk)) close()
    })
    response.on('end', end)
    response.on('close', end)
    if (isCut(response)) end()
  })
}

async function exitOf(engine: Engine, execId: string, signal: AbortSignal): Promise<number | 'running' | 'unknown'> {
  const call = { method: 'GET', path: `/exec/${segment(execId)}/json`, lane: 'read' } as const
  const info = await readJson(engine, call, 'see how the healthcheck ended', signal)
  if (!info.ok) return 'unknown'
  if (at(info.value, 'Running') === true) return 'running'
  const code = at(info.value, 'ExitCode')
  return typeof code === 'number' ? code : 'unknown'
}
