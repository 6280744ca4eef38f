import { setMaxListeners } from 'node:events'
import PQueue from 'p-queue'
import { fail, ok } from '../model/index.js'
import type { Listing, Problem, Result, Server } from '../model/index.js'
import type { Clock, LogEvent } from '../controller/index.js'
import { backoffMs } from './backoff.js'
import type { Scratch } from './container-list.js'
import type { EngineClient } from './engine-client.js'
import { readJson, withDefaults } from './engine.js'
import type { Call, Engine } from './engine.js'
import { followEvents } from './events.js'
import { newSightings, observe } from './observe.js'
import type { Sightings } from './observe.js'
import { negotiate, readDefaults, readInfo, senseless } from './negotiate.js'
import type { DriverLimits, Lane, Lanes, RegistryAuth } from './options.js'
import { problemIn, textOf } from './problem-error.js'
import type { Way } from './way.js'

export interface LinkOptions {
  readonly server: Server
  readonly fleet: string
  readonly way: Way
  readonly limits: DriverLimits
  readonly clock: Clock
  readonly random: () => number
  readonly registryAuths: Readonly<Record<string, RegistryAuth>>
  readonly log: (event: LogEvent) => void
  readonly onHint: () => void
  readonly scratch: Scratch
}

type Lines = Readonly<Record<Lane, PQueue>>

/** One server as long as the fleet has it: its way, its lanes, the session with its engine, and the ear for events. */
export class ServerLink {
  readonly sightings: Sightings
  readonly way: Way
  readonly #options: LinkOptions
  readonly #lines: Lines
  readonly #closing = new AbortController()
  #session: Promise<Result<Engine>> | null = null
  #cancelHint: () => void = () => undefined

  constructor(options: LinkOptions) {
    this.#options = options
    setMaxListeners(0, this.#closing.signal)
    this.way = options.way
    this.sightings = newSightings(options.server.name, options.fleet, options.scratch)
    this.#lines = linesFor(options.limits.lanes)
    options.way.onLost(() => {
      this.#forget()
      options.onHint()
    })
    void this.#listen()
  }

  /** The engine, negotiated with once a session. Problems: SERVER_*, HOST_KEY_*, ENGINE_*. */
  engine(signal: AbortSignal): Promise<Result<Engine>> {
    if (this.#session !== null) return abortable(this.#session, signal, this.#options.server.name)
    // Not bound to the signal of whoever comes first: others wait for the same session.
    const session = this.#begin(this.#closing.signal)
    this.#session = session
    void session.then((begun) => {
      if (!begun.ok && this.#session === session) this.#session = null
    })
    return abortable(session, signal, this.#options.server.name)
  }

  /** One look; calls for another soon, when it could not show yet what the engine had told. */
  async look(engine: Engine, closer: readonly string[], signal: AbortSignal): Promise<Result<Listing>> {
    const listing = await observe(engine, this.sightings, closer, signal)
    this.#cancelHint()
    const { clock, limits, onHint } = this.#options
    if (this.sightings.isBehind && !this.#closing.signal.aborted) this.#cancelHint = clock.after(limits.lagMs, onHint)
    return listing
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancelHint()
    this.#session = null
    await this.way.close()
  }

  #forget(): void {
    this.#session = null
    this.sightings.forgetLists()
  }

  async #begin(signal: AbortSignal): Promise<Result<Engine>> {
    const { server, limits, way } = this.#options
    try {
      const api = await negotiate(way.client(null), server.name, limits, signal)
      if (!api.ok) return api
      this.#setLanes(way.isNarrow() ? limits.narrowLanes : limits.lanes)
      const client = way.client(`v1.${api.value}`)
      const call = (one: Call): ReturnType<Engine['call']> => client.call(withDefaults(one, limits), signal)
      const info = await readJson(
        { server: server.name, call },
        { method: 'GET', path: '/info', lane: 'read' },
        'describe itself',
        signal,
      )
      if (!info.ok) return info
      const facts = readInfo(info.value, api.value)
      if (!facts.ok) return fail(senseless(server.name, facts.problem))
      return ok(this.#engineOf(client, api.value, facts.value, readDefaults(info.value)))
    } catch (error) {
      // docker-modem reads DOCKER_HOST even where everything is given, and throws when it does not parse.
      const message = `cannot set up the client for server ${server.name}: ${textOf(error)}`
      return fail(problemIn(error) ?? { code: 'SETTING_INVALID', message, server: server.name })
    }
  }

  #engineOf(client: EngineClient, apiMinor: number, facts: Engine['facts'], defaults: Engine['defaults']): Engine {
    const { server, fleet, limits, clock, registryAuths } = this.#options
    const late = givenUp(server.name)
    const lateCall = { kind: 'broken', isSent: false, problem: late } as const
    return {
      server: server.name,
      fleet,
      apiMinor,
      facts,
      defaults,
      limits,
      clock,
      registryAuths,
      say: (level, message, fields) => this.#say(level, message, fields),
      call: (call, signal) =>
        this.#inLane(call.lane, signal, () => client.call(withDefaults(call, limits), signal), lateCall),
      open: (call, signal) => client.open(withDefaults(call, limits), signal),
      inLane: (lane, signal, work) => this.#inLane(lane, signal, work, late),
    }
  }

  /** p-queue rejects only for what was given up while it waited. */
  async #inLane<T, E>(
    lane: Lane,
    signal: AbortSignal,
    work: () => Promise<Result<T, E>>,
    late: E,
  ): Promise<Result<T, E>> {
    try {
      return await this.#lines[lane].add(work, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
      return fail(late)
    }
  }

  #setLanes(lanes: Lanes): void {
    for (const lane of Object.keys(lanes) as Lane[]) this.#lines[lane].concurrency = lanes[lane]
  }

  /** Keeps one event stream open. It is also what brings a lost connection back, and says so. */
  async #listen(): Promise<void> {
    const { limits, clock, random, onHint } = this.#options
    const { signal } = this.#closing
    let attempt = 0
    while (!signal.aborted) {
      const startedAtMs = clock.nowMs()
      const engine = await this.engine(signal)
      const wasOpen = engine.ok && (await followEvents(engine.value, this.sightings, onHint, signal))
      if (signal.aborted) return
      if (wasOpen) {
        // The engine may be another version, or another engine, when it answers again.
        this.#forget()
        onHint()
      }
      attempt = wasOpen && clock.nowMs() - startedAtMs >= limits.stableMs ? 0 : attempt + 1
      const next = engine.ok ? undefined : engine.problem.next
      const pauseMs = next?.kind === 'retry' ? next.afterMs : backoffMs(Math.max(0, attempt - 1), limits, random)
      await pause(pauseMs, clock, signal)
    }
  }

  #say(level: LogEvent['level'], message: string, fields: LogEvent['fields']): void {
    const { clock, log, server } = this.#options
    log({ atMs: clock.nowMs(), level, message, fields: { server: server.name, ...fields } })
  }
}

function linesFor(lanes: Lanes): Lines {
  return {
    read: new PQueue({ concurrency: lanes.read }),
    change: new PQueue({ concurrency: lanes.change }),
    slow: new PQueue({ concurrency: lanes.slow }),
  }
}

/** Waits for what others wait for too, until the caller gives up. */
function abortable<T>(promise: Promise<Result<T>>, signal: AbortSignal, server: string): Promise<Result<T>> {
  return new Promise((resolve) => {
    const giveUp = (): void => resolve(fail(givenUp(server)))
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    void promise.then((result) => {
      signal.removeEventListener('abort', giveUp)
      resolve(result)
    })
  })
}

function givenUp(server: string): Problem {
  return { code: 'CALL_TIMEOUT', message: `the call to server ${server} was given up before it was sent`, server }
}

function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}
