import { ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { newDemuxer } from './demux.js'
import { at, readJson, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { isCut, segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'

/** What became of a command in a container. `late`: it outlived its time, and runs on, as the engine cannot end it. */
export type Executed =
  | { readonly kind: 'exited'; readonly code: number; readonly output: string }
  | { readonly kind: 'late'; readonly execId: string; readonly output: string }
  | { readonly kind: 'refused'; readonly failure: CallFailure }
  /** Nobody knows: given up, cut off, or the engine does not say. */
  | { readonly kind: 'unknown'; readonly why: string }

/** Runs a command in a running container. `body` is that of the engine's exec call, `what` completes "could not …". */
export async function execute(
  engine: Engine,
  containerId: string,
  body: Readonly<Record<string, unknown>>,
  run: { readonly what: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<Executed> {
  const path = `/containers/${segment(containerId)}/exec`
  const attached = { ...body, AttachStdout: true, AttachStderr: true }
  const created = await engine.call({ method: 'POST', path, body: attached, lane: 'read' }, signal)
  if (!created.ok) return { kind: 'refused', failure: created.problem }
  const execId = execIdOf(created.value.body)
  if (execId === null) return { kind: 'unknown', why: 'the engine named no exec' }
  const started = await engine.inLane('read', signal, () => readOutput(engine, execId, run.timeoutMs, signal))
  if (!started.ok) return { kind: 'unknown', why: started.problem.message }
  const { value } = started
  if (value.kind === 'failed') return { kind: 'refused', failure: value.failure }
  if (value.kind === 'given-up') return { kind: 'unknown', why: 'it was given up' }
  const output = value.output.trim().slice(0, engine.limits.outputChars)
  const exit = await exitOf(engine, execId, run.what, signal)
  if (value.kind === 'late' || exit === 'running') return { kind: 'late', execId, output }
  return exit === 'unknown'
    ? { kind: 'unknown', why: 'the engine did not say how it ended' }
    : { kind: 'exited', code: exit, output }
}

/** How a command of before ended, if it has. */
export async function exitOf(
  engine: Engine,
  execId: string,
  what: string,
  signal: AbortSignal,
): Promise<number | 'running' | 'unknown'> {
  const call = { method: 'GET', path: `/exec/${segment(execId)}/json`, lane: 'read' } as const
  const info = await readJson(engine, call, what, signal)
  if (!info.ok) return 'unknown'
  if (at(info.value, 'Running') === true) return 'running'
  const code = at(info.value, 'ExitCode')
  return typeof code === 'number' ? code : 'unknown'
}

function execIdOf(body: Buffer): string | null {
  try {
    return textAt(JSON.parse(body.toString('utf8')), 'Id') || null
  } catch {
    return null
  }
}

type Run =
  | { readonly kind: 'ended' | 'late'; readonly output: string }
  | { readonly kind: 'given-up' }
  | { readonly kind: 'failed'; readonly failure: CallFailure }

async function readOutput(
  engine: Engine,
  execId: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result<Run>> {
  const path = `/exec/${segment(execId)}/start`
  const body = { Detach: false, Tty: false }
  const deadlineMs = timeoutMs + engine.limits.readMs
  const opened = await engine.open({ method: 'POST', path, body, lane: 'read', deadlineMs }, signal)
  if (!opened.ok) return ok({ kind: 'failed', failure: opened.problem })
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
      resolve(ok(signal.aborted ? { kind: 'given-up' } : { kind: isLate ? 'late' : 'ended', output }))
    }
    response.on('data', (chunk: Buffer) => {
      if (!demux(chunk)) close()
    })
    response.on('end', end)
    response.on('close', end)
    if (isCut(response)) end()
  })
}
