import { Readable } from 'node:stream'
import { listOf, objectOf } from './reply.js'

export interface EngineEvent {
  readonly atMs: number
  readonly type: 'container' | 'network' | 'volume' | 'image'
  readonly action: string
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A stream whose end says whether all of it came. */
export interface AnswerStream extends Readable {
  readonly complete: boolean
}

/** A stream that is written to until it is ended or cut. */
export interface OpenStream {
  readonly response: AnswerStream
  readonly write: (text: string | Buffer) => void
  readonly end: () => void
  /** Ends it as a lost connection does. */
  readonly cut: () => void
  readonly onClose: (listener: () => void) => void
}

export function openStream(): OpenStream {
  const readable = new Readable({ read: () => undefined })
  const response = Object.assign(readable, { complete: false })
  return {
    response,
    write: (text) => {
      if (!readable.destroyed) readable.push(text)
    },
    end() {
      response.complete = true
      if (!readable.destroyed) readable.push(null)
    },
    cut: () => void readable.destroy(),
    onClose: (listener) => void readable.once('close', listener),
  }
}

export interface EventLog {
  say(event: EngineEvent): void
  follow(filters: string | undefined): OpenStream
  /** The daemon goes: everybody who listens is cut off. */
  cutAll(): void
}

export function newEventLog(onEvent: (event: EngineEvent) => void): EventLog {
  const listeners = new Set<{ readonly stream: OpenStream; readonly wants: (event: EngineEvent) => boolean }>()
  return {
    say(event) {
      onEvent(event)
      const line = `${JSON.stringify(printed(event))}\n`
      for (const { stream, wants } of listeners) if (wants(event)) stream.write(line)
    },
    follow(filters) {
      const listener = { stream: openStream(), wants: filterOf(filters) }
      listeners.add(listener)
      listener.stream.onClose(() => listeners.delete(listener))
      return listener.stream
    },
    cutAll() {
      const all = [...listeners]
      listeners.clear()
      for (const { stream } of all) stream.cut()
    },
  }
}

function printed({ atMs, type, action, id, attributes }: EngineEvent): unknown {
  const legacy = type === 'container' ? { status: action, id, from: attributes['image'] ?? '' } : {}
  const time = { time: Math.floor(atMs / 1000), timeNano: atMs * 1_000_000 }
  return { ...legacy, Type: type, Action: action, Actor: { ID: id, Attributes: attributes }, scope: 'local', ...time }
}

/** Types match exactly, actions by their beginning before a colon, containers by id or name. */
function filterOf(filters: string | undefined): (event: EngineEvent) => boolean {
  if (filters === undefined) return () => true
  const parsed = objectOf(JSON.parse(filters))
  const wanted = (key: string): readonly string[] =>
    Array.isArray(parsed[key]) ? listOf(parsed[key]).map(String) : Object.keys(objectOf(parsed[key]))
  const [types, actions, containers] = [wanted('type'), wanted('event'), wanted('container')]
  return ({ type, action, id, attributes }) =>
    (types.length === 0 || types.includes(type)) &&
    (actions.length === 0 || actions.some((one) => action === one || action.startsWith(`${one}:`))) &&
    (containers.length === 0 ||
      (type === 'container' && containers.some((one) => one === id || one === attributes['name'])))
}
