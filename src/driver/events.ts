import type { Readable } from 'node:stream'
import type { Engine } from './engine.js'
import { isCut } from './engine-client.js'
import type { Sightings } from './observe.js'
import { at, textAt } from './engine.js'

/** Without `exec_*`: each healthcheck makes three of them. The engine matches `health_status` by its beginning. */
const FILTERS = JSON.stringify({
  type: ['container', 'network', 'volume'],
  event: [
    'create',
    'start',
    'die',
    'oom',
    'pause',
    'unpause',
    'rename',
    'update',
    'destroy',
    'remove',
    'health_status',
  ],
})

/** Follows the engine's events until the stream ends. Returns whether it was ever open. An event says only "look now". */
export async function followEvents(
  engine: Engine,
  sightings: Sightings,
  onHint: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const call = { method: 'GET', path: '/events', query: { filters: FILTERS }, lane: 'read' } as const
  const opened = await engine.open(call, signal)
  if (!opened.ok) return false
  sightings.listening(true)
  // What happened before the stream was open was not heard.
  onHint()
  try {
    await eachLine(opened.value.response, engine.limits.lineBytes, (line) => {
      const event = readEvent(line)
      if (event.type === 'volume') sightings.forget('volumes')
      if (event.type === 'network') sightings.forget('networks')
      if (event.type === 'container') heard(sightings, event, engine.clock.nowMs())
      onHint()
    })
  } finally {
    opened.value.close()
    sightings.listening(false)
  }
  return true
}

interface EngineEvent {
  readonly type: string
  readonly action: string
  readonly id: string
}

function heard({ deaths }: Sightings, { action, id }: EngineEvent, nowMs: number): void {
  deaths.told.heard(action, id, nowMs)
  if (action !== 'die') deaths.stopped.heard(action, id, nowMs)
}

function readEvent(line: string): EngineEvent {
  try {
    const event: unknown = JSON.parse(line)
    return { type: textAt(event, 'Type'), action: textAt(event, 'Action'), id: textAt(at(event, 'Actor'), 'ID') }
  } catch {
    return { type: '', action: '', id: '' }
  }
}

/** Calls `onLine` for each line until the stream ends, breaks, or has a line over the bound. Never rejects. */
export function eachLine(
  stream: Readable,
  maxBytes: number,
  onLine: (line: string) => void,
): Promise<'end' | 'broken'> {
  return new Promise((resolve) => {
    if (isCut(stream)) return resolve('broken')
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') onLine(line)
      if (rest.length > maxBytes) stream.destroy()
    })
    stream.on('error', () => resolve('broken'))
    stream.on('end', () => {
      if (rest.trim() !== '') onLine(rest)
      resolve('end')
    })
    stream.on('close', () => resolve('broken'))
  })
}
