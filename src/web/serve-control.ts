import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import { ROUTES, statusOf } from './routes.js'
import type { ControlSurface } from './surface.js'

const CONNECTIONS_MAX = 64
const REQUEST_TIMEOUT_MS = 30_000
/** A follower that stops reading is let go rather than remembered for. */
const SEND_TIMEOUT_MS = 30_000
/** An open stream says something this often, so that a reader can tell a quiet fleet from a dead controller. */
const BEAT_MS = 15_000

export interface ControlServer {
  readonly socketPath: string
  /** Ends open streams and removes the socket. */
  close(): Promise<void>
}

export interface ControlOptions {
  readonly socketPath: string
  /** Told of failures that are bugs here; the caller of the API gets `BUG`. */
  readonly onBug?: (error: unknown) => void
}

/**
 * Serves the control API: HTTP and JSON over a unix socket that only this user may open. No TCP port is opened.
 * A socket that a dead controller left is replaced. Problems: CONTROLLER_RUNNING, SETTING_INVALID.
 */
export async function serveControl(surface: ControlSurface, options: ControlOptions): Promise<Result<ControlServer>> {
  const { socketPath } = options
  if (await answers(socketPath)) {
    return fail({ code: 'CONTROLLER_RUNNING', message: `another controller listens on ${socketPath}: stop it first` })
  }
  rmSync(socketPath, { force: true })
  const ending = new AbortController()
  const server = createServer((request, response) => void handle(surface, options, ending.signal, request, response))
  server.maxConnections = CONNECTIONS_MAX
  server.requestTimeout = REQUEST_TIMEOUT_MS
  const listening = await listen(server, socketPath)
  if (!listening.ok) return listening
  return ok({ socketPath, close: () => close(server, ending, socketPath) })
}

async function listen(server: Server, socketPath: string): Promise<Result<void>> {
  try {
    server.listen(socketPath)
    await once(server, 'listening')
    // The directory is private already; this holds where somebody opened it.
    chmodSync(socketPath, 0o600)
    return ok(undefined)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return fail({ code: 'SETTING_INVALID', message: `cannot listen on ${socketPath}: ${reason}` })
  }
}

async function close(server: Server, ending: AbortController, socketPath: string): Promise<void> {
  ending.abort()
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const impatience = setTimeout(() => server.closeAllConnections(), 1_000)
  await closed
  clearTimeout(impatience)
  rmSync(socketPath, { force: true })
}

async function handle(
  surface: ControlSurface,
  options: ControlOptions,
  ending: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const signal = AbortSignal.any([ending, gone.signal])
  try {
    await answer(surface, request, response, signal)
  } catch (error) {
    if (signal.aborted) return void response.destroy()
    options.onBug?.(error)
    if (response.headersSent) return void response.destroy()
    refuse(response, { code: 'BUG', message: 'the controller failed to answer; its log has the details' })
  }
}

async function answer(
  surface: ControlSurface,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://control')
  const name = `${request.method ?? 'GET'} ${url.pathname}`
  const route = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined
  if (route === undefined) {
    const message = `there is no ${name.slice(0, 100)}; there are ${Object.keys(ROUTES).join(', ')}`
    return refuse(response, { code: 'REQUEST_INVALID', message }, 404)
  }
  const result = await route({ surface, query: url.searchParams, request, signal })
  if (!result.ok) return refuse(response, result.problem)
  if (result.value.kind === 'value') return send(response, 200, result.value.value)
  await stream(response, result.value.lines, signal)
}

function refuse(response: ServerResponse, problem: Problem, status = statusOf(problem)): void {
  // A body that was not read to its end would be taken for the next request.
  response.setHeader('connection', 'close')
  send(response, status, problem)
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** One JSON value a line; an empty line is a sign of life. */
async function stream(response: ServerResponse, lines: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  const beat = setInterval(() => response.write('\n'), BEAT_MS)
  try {
    for await (const line of lines) {
      if (!response.write(`${JSON.stringify(line)}\n`)) {
        await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]) })
      }
      if (signal.aborted) break
    }
  } finally {
    clearInterval(beat)
  }
  response.end()
}

/** Whether somebody listens there: a socket whose process died refuses. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    const done = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.setTimeout(2_000, () => done(true))
    socket.on('connect', () => done(true))
    socket.on('error', () => done(false))
  })
}
