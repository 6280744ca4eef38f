import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Evidence } from '../controller/index.js'
import { at, numberAt, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { newDemuxer, newLineCutter } from './demux.js'

const TAIL_LINES = 20
const LINE_CHARS = 500
const TAIL_BYTES = 1024 * 1024

/** What a failed replica left: its state, the last word of its healthcheck, and of its log. Problems: CONTAINER_GONE and those of any call. */
export async function diagnose(engine: Engine, containerId: string, signal: AbortSignal): Promise<Result<Evidence>> {
  const call = { method: 'GET', path: `/containers/${segment(containerId)}/json`, lane: 'read' } as const
  const [info, logTail] = await Promise.all([
    readJsonIfThere(engine, call, `inspect the container ${containerId.slice(0, 12)}`, signal),
    readTail(engine, containerId, signal),
  ])
  if (!info.ok) return info
  if (info.value === null) {
    const message = `container ${containerId.slice(0, 12)} is no longer on server ${engine.server}`
    return fail({ code: 'CONTAINER_GONE', message, server: engine.server })
  }
  return ok({ ...stateOf(info.value), ...healthOf(info.value, engine.limits.outputChars), logTail })
}

/** A running container has no exit code, though the engine says 0. */
function stateOf(info: unknown): Omit<Evidence, 'healthOutput' | 'healthExitCode' | 'logTail'> {
  const state = textAt(info, 'State', 'Status')
  const hasExited = state !== 'running' && state !== 'created' && state !== 'paused'
  return {
    state,
    exitCode: hasExited ? numberAt(info, 'State', 'ExitCode') : null,
    oomKilled: at(info, 'State', 'OOMKilled') === true,
    restartCount: numberAt(info, 'RestartCount'),
    error: textAt(info, 'State', 'Error').slice(0, LINE_CHARS),
  }
}

function healthOf(info: unknown, maxChars: number): Pick<Evidence, 'healthOutput' | 'healthExitCode'> {
  const log = at(info, 'State', 'Health', 'Log')
  const last: unknown = Array.isArray(log) ? log.at(-1) : undefined
  if (last === undefined) return { healthOutput: '', healthExitCode: null }
  return { healthOutput: textAt(last, 'Output').slice(0, maxChars), healthExitCode: numberAt(last, 'ExitCode') }
}

/** Empty where it cannot be read (a logging driver without memory): the rest of the evidence stands without it. */
async function readTail(engine: Engine, containerId: string, signal: AbortSignal): Promise<readonly string[]> {
  const path = `/containers/${segment(containerId)}/logs`
  const query = { stdout: '1', stderr: '1', tail: String(TAIL_LINES) }
  const answer = await engine.call({ method: 'GET', path, query, lane: 'read', maxBytes: TAIL_BYTES }, signal)
  if (!answer.ok) return []
  const lines: string[] = []
  const keep = (line: string): void => {
    if (line === '') return
    lines.push(line.slice(0, LINE_CHARS))
    if (lines.length > TAIL_LINES) lines.shift()
  }
  const cutters = { stdout: newLineCutter(TAIL_BYTES, keep), stderr: newLineCutter(TAIL_BYTES, keep) }
  newDemuxer((stream, text) => cutters[stream].put(text))(answer.value.body)
  cutters.stdout.end()
  cutters.stderr.end()
  return lines
}
