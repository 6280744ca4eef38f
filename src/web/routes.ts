import type { IncomingMessage } from 'node:http'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import { readCommand } from './read-command.js'
import type { ControlSurface, LogsQuery } from './surface.js'

const BODY_MAX_BYTES = 64 * 1024
const HISTORY_MAX = 1_000
const TAIL_MAX = 10_000

/** What a route answers: one JSON value, or lines of JSON until one side ends them. */
export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'lines'; readonly lines: AsyncIterable<unknown> }

export interface Question {
  readonly surface: ControlSurface
  readonly query: URLSearchParams
  readonly request: IncomingMessage
  readonly signal: AbortSignal
}

type Route = (question: Question) => Promise<Result<Answer>>

/** Every route, by method and path. */
export const ROUTES: Readonly<Record<string, Route>> = {
  'GET /v1/status': async ({ surface }) => asValue(await surface.status()),
  'GET /v1/plan': async ({ surface }) => asValue(await surface.plan()),
  'GET /v1/observation': async ({ surface }) => asValue(await surface.observation()),
  'GET /v1/history': history,
  'GET /v1/logs': logs,
  'GET /v1/events': async ({ surface, signal }) => asLines(await surface.events(signal)),
  'POST /v1/commands': command,
}

/** The HTTP status of a problem: only what concerns the request itself has one of its own. */
export function statusOf(problem: Problem): number {
  switch (problem.code) {
    case 'REQUEST_INVALID':
      return 400
    case 'REFERENCE_UNKNOWN':
      return 404
    case 'BUG':
      return 500
    default:
      return 409
  }
}

async function history({ surface, query }: Question): Promise<Result<Answer>> {
  const limit = wholeNumber(query, 'limit', 20, HISTORY_MAX)
  if (!limit.ok) return limit
  const stack = query.get('stack')
  const service = query.get('service')
  return asValue(
    await surface.history({
      limit: limit.value,
      ...(stack !== null ? { stack } : {}),
      ...(service !== null ? { service } : {}),
    }),
  )
}

async function logs({ surface, query, signal }: Question): Promise<Result<Answer>> {
  const tail = wholeNumber(query, 'tail', 100, TAIL_MAX)
  if (!tail.ok) return tail
  const wanted = readService(query.get('service') ?? '')
  if (!wanted.ok) return wanted
  return asLines(
    await surface.logs({ ...wanted.value, tail: tail.value, follow: query.get('follow') === 'true' }, signal),
  )
}

async function command({ surface, request }: Question): Promise<Result<Answer>> {
  const body = await readBody(request)
  if (!body.ok) return body
  const read = readCommand(body.value)
  return read.ok ? asValue(await surface.command(read.value)) : read
}

function readService(text: string): Result<Pick<LogsQuery, 'stack' | 'service'>> {
  const [stack, service, more] = text.split('/')
  if (stack === undefined || stack === '' || service === '' || more !== undefined) {
    return invalid('service is stack/service or stack')
  }
  return ok({ stack, service: service ?? null })
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number, max: number): Result<number> {
  const text = query.get(name)
  if (text === null) return ok(otherwise)
  const value = Number(text)
  return /^\d{1,9}$/.test(text) && value <= max ? ok(value) : invalid(`${name} is a whole number up to ${max}`)
}

async function readBody(request: IncomingMessage): Promise<Result<unknown>> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > BODY_MAX_BYTES) return invalid(`a body has at most ${BODY_MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  try {
    return ok(JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown)
  } catch {
    return invalid('the body is not JSON')
  }
}

function asValue(result: Result<unknown>): Result<Answer> {
  return result.ok ? ok({ kind: 'value', value: result.value }) : result
}

function asLines(result: Result<AsyncIterable<unknown>>): Result<Answer> {
  return result.ok ? ok({ kind: 'lines', lines: result.value }) : result
}

function invalid(message: string): Result<never> {
  return fail({ code: 'REQUEST_INVALID', message })
}
