import type { LogLine, LogOptions } from '../controller/index.js'
import type { Engine } from './engine.js'
import { isCut, segment } from './engine-client.js'
import type { EngineStream } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { newDemuxer, newLineCutter } from './demux.js'
import { problemError } from './problem-error.js'

/** Lines of a container as they come. Throws an Error with a `problem` when they cannot be read, or not further. */
export async function* readLogs(
  engine: Engine,
  containerId: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const query = {
    stdout: '1',
    stderr: '1',
    timestamps: '1',
    tail: String(options.tail),
    follow: options.follow ? '1' : '0',
  }
  const path = `/containers/${segment(containerId)}/logs`
  const opened = await engine.open({ method: 'GET', path, query, lane: 'read' }, signal)
  if (!opened.ok) {
    const what = `read the log of container ${containerId.slice(0, 12)}`
    throw problemError(toProblem(opened.problem, { server: engine.server, what }))
  }
  const queue = collect(opened.value, engine)
  try {
    for (;;) {
      const line = queue.take()
      if (line !== undefined) {
        yield line
        continue
      }
      if (signal.aborted || queue.isEnded()) break
      await queue.more()
    }
    if (queue.isCut() && !signal.aborted) throw problemError(cutProblem(engine, containerId))
  } finally {
    opened.value.close()
  }
}

function cutProblem(engine: Engine, containerId: string) {
  const message = `the log of container ${containerId.slice(0, 12)} on server ${engine.server} was cut`
  return { code: 'CONNECTION_LOST', message, server: engine.server } as const
}

interface LineQueue {
  take(): LogLine | undefined
  more(): Promise<void>
  isEnded(): boolean
  isCut(): boolean
}

/** Never stops reading, so that no server can fill our memory behind a slow reader: what is too much is dropped and said. */
function collect(stream: EngineStream, engine: Engine): LineQueue {
  const { logLines, lineBytes } = engine.limits
  const waiting: LogLine[] = []
  let dropped = 0
  let end: 'none' | 'whole' | 'cut' = 'none'
  let wake: () => void = () => undefined
  const put = (name: LogLine['stream'], raw: string): void => {
    if (waiting.length < logLines) waiting.push(lineOf(name, raw))
    else dropped += 1
    wake()
  }
  const cutters = {
    stdout: newLineCutter(lineBytes, (line) => put('stdout', line)),
    stderr: newLineCutter(lineBytes, (line) => put('stderr', line)),
  }
  const demux = newDemuxer((name, text) => cutters[name].put(text))
  const finish = (how: 'whole' | 'cut'): void => {
    if (end !== 'none') return
    end = how
    cutters.stdout.end()
    cutters.stderr.end()
    wake()
  }
  stream.response.on('data', (chunk: Buffer) => {
    if (demux(chunk)) return
    finish('cut')
    stream.close()
  })
  stream.response.on('end', () => finish(stream.response.complete ? 'whole' : 'cut'))
  stream.response.on('close', () => finish('cut'))
  if (isCut(stream.response)) finish('cut')
  return {
    take() {
      if (waiting.length === 0 && dropped > 0) {
        const text = `… ${dropped} lines were dropped: they came faster than they were read`
        dropped = 0
        return { stream: 'stderr', atMs: null, text }
      }
      return waiting.shift()
    },
    more: () =>
      end === 'none' && waiting.length === 0 ? new Promise((resolve) => (wake = resolve)) : Promise.resolve(),
    isEnded: () => end !== 'none' && waiting.length === 0 && dropped === 0,
    isCut: () => end === 'cut',
  }
}

/** Each line starts with its time and a space. */
function lineOf(stream: LogLine['stream'], raw: string): LogLine {
  const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw
  const space = text.indexOf(' ')
  const atMs = Date.parse(space < 0 ? text : text.slice(0, space))
  if (Number.isNaN(atMs) || !/^\d{4}-/.test(text)) return { stream, atMs: null, text }
  return { stream, atMs, text: space < 0 ? '' : text.slice(space + 1) }
}
