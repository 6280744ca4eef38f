import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ForgeKind } from '../../src/forge/index.js'

/** What a forge was told and holds, as its documented API takes and gives it. Whatever it does not document is answered as an error. */
export interface ContractForge {
  readonly url: string
  readonly statuses: {
    readonly sha: string
    readonly state: string
    readonly context: string
    readonly description: string
  }[]
  readonly comments: Map<number, { readonly key: string; body: string; edits: number }>
  /** State by number; one that is not here does not exist. */
  readonly pulls: Map<string, 'open' | 'closed'>
  readonly proposed: Record<string, unknown>[]
  /** What a webhook received, after its signature was checked. */
  readonly received: Record<string, unknown>[]
  /** Requests that the documentation has no answer for. */
  readonly misuses: string[]
  requests: number
  /** Answers instead: status and headers. */
  fault: { readonly status: number; readonly headers?: Record<string, string> } | null
  close(): Promise<void>
}

export const TOKEN = 'forge-t0ken'

interface Call {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Record<string, unknown>
  readonly raw: string
  readonly message: IncomingMessage
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

export async function contractForge(kind: ForgeKind): Promise<ContractForge> {
  const http = createServer((message, response) => void serve(message, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const forge: ContractForge = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    statuses: [],
    comments: new Map(),
    pulls: new Map(),
    proposed: [],
    received: [],
    misuses: [],
    requests: 0,
    fault: null,
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections()
        http.close(() => resolve())
      }),
  }

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks).toString('utf8')
    const url = new URL(message.url ?? '/', 'http://forge')
    const body = (raw === '' ? {} : JSON.parse(raw)) as Record<string, unknown>
    const call = { method: message.method ?? '', path: url.pathname, query: url.searchParams, body, raw, message }
    forge.requests += 1
    const { fault } = forge
    const answer = fault === null ? answerOf(kind, forge, call) : { status: fault.status, body: { message: 'no' } }
    if (answer.status >= 400 && fault === null) forge.misuses.push(`${answer.status} ${call.method} ${call.path}`)
    response.writeHead(answer.status, { 'content-type': 'application/json', ...fault?.headers })
    response.end(JSON.stringify(answer.body))
  }
  return forge
}

function answerOf(kind: ForgeKind, forge: ContractForge, call: Call): Answer {
  if (kind === 'webhook') return receive(forge, call)
  const { authorization } = call.message.headers
  if (authorization !== (kind === 'gitea' ? `token ${TOKEN}` : `Bearer ${TOKEN}`))
    return { status: 401, body: { message: 'Bad credentials' } }
  if (call.message.headers['user-agent'] === undefined) return { status: 403, body: { message: 'no user agent' } }
  const roots = {
    github: '/api/v3/repos/acme/fleet',
    gitea: '/api/v1/repos/acme/fleet',
    gitlab: '/api/v4/projects/acme%2Ffleet',
  }
  const root = roots[kind]
  if (!call.path.startsWith(`${root}/`)) return { status: 404, body: { message: 'Not Found' } }
  const rest = call.path.slice(root.length)
  return kind === 'gitlab' ? gitlab(forge, call, rest) : github(forge, call, rest)
}

function receive(forge: ContractForge, { method, raw, body, message }: Call): Answer {
  const expected = `sha256=${createHmac('sha256', TOKEN).update(raw).digest('hex')}`
  if (method !== 'POST' || message.headers['x-slipway-signature'] !== expected) return { status: 401, body: {} }
  forge.received.push(body)
  return { status: 204, body: null }
}

/** https://docs.github.com/en/rest (2022-11-28) and Gitea's /api/swagger, as far as both are used. */
function github(forge: ContractForge, call: Call, rest: string): Answer {
  const { method, body } = call
  const status = /^\/statuses\/([0-9a-f]{40})$/.exec(rest)
  if (method === 'POST' && status !== null) {
    const { state, context, description } = body as Record<string, string>
    const isKnown = ['error', 'failure', 'pending', 'success'].includes(state ?? '')
    if (!isKnown || (description ?? '').length > 140) return { status: 422, body: { message: 'Validation Failed' } }
    forge.statuses.push({
      sha: status[1] ?? '',
      state: state ?? '',
      context: context ?? '',
      description: description ?? '',
    })
    return { status: 201, body: { state, context } }
  }
  if (method === 'POST' && rest === '/pulls') {
    forge.proposed.push(body)
    const isWhole = ['title', 'head', 'base', 'body'].every((name) => typeof body[name] === 'string')
    return isWhole ? { status: 201, body: { number: 99 } } : { status: 422, body: { message: 'Validation Failed' } }
  }
  const pull = /^\/pulls\/(\d+)$/.exec(rest)
  if (method === 'GET' && pull !== null) {
    const state = forge.pulls.get(pull[1] ?? '')
    return state === undefined ? { status: 404, body: { message: 'Not Found' } } : { status: 200, body: { state } }
  }
  const list = /^\/issues\/(\d+)\/comments$/.exec(rest)
  if (list !== null) return comments(forge, call, list[1] ?? '')
  const one = /^\/issues\/comments\/(\d+)$/.exec(rest)
  if (method === 'PATCH' && one !== null) return edit(forge, call, Number(one[1]))
  return { status: 404, body: { message: 'Not Found' } }
}

/** https://docs.gitlab.com/ee/api (v4), as far as it is used. */
function gitlab(forge: ContractForge, call: Call, rest: string): Answer {
  const { method, body } = call
  const status = /^\/statuses\/([0-9a-f]{40})$/.exec(rest)
  if (method === 'POST' && status !== null) {
    const { state, name, description } = body as Record<string, string>
    if (!['pending', 'running', 'success', 'failed', 'canceled'].includes(state ?? ''))
      return { status: 400, body: { message: 'state does not have a valid value' } }
    const last = forge.statuses.filter((told) => told.sha === status[1]).at(-1)
    if (last?.state === state)
      return { status: 400, body: { message: `Cannot transition status via :enqueue from :${state ?? ''}` } }
    forge.statuses.push({
      sha: status[1] ?? '',
      state: state ?? '',
      context: name ?? '',
      description: description ?? '',
    })
    return { status: 201, body: { status: state } }
  }
  if (method === 'POST' && rest === '/merge_requests') {
    forge.proposed.push(body)
    const isWhole = ['title', 'source_branch', 'target_branch'].every((key) => typeof body[key] === 'string')
    return isWhole ? { status: 201, body: { iid: 99 } } : { status: 400, body: { message: 'is missing' } }
  }
  const pull = /^\/merge_requests\/(\d+)$/.exec(rest)
  if (method === 'GET' && pull !== null) {
    const state = forge.pulls.get(pull[1] ?? '')
    if (state === undefined) return { status: 404, body: { message: '404 Not found' } }
    return { status: 200, body: { state: state === 'open' ? 'opened' : 'closed' } }
  }
  const notes = /^\/merge_requests\/(\d+)\/notes(?:\/(\d+))?$/.exec(rest)
  if (notes === null) return { status: 404, body: { message: '404 Not found' } }
  if (notes[2] === undefined) return comments(forge, call, notes[1] ?? '')
  return method === 'PUT' ? edit(forge, call, Number(notes[2])) : { status: 405, body: {} }
}

function comments(forge: ContractForge, { method, body, query }: Call, key: string): Answer {
  if (!forge.pulls.has(key)) return { status: 404, body: { message: 'Not Found' } }
  if (method === 'GET') {
    const size = Number(query.get('per_page') ?? 30)
    const from = (Number(query.get('page') ?? 1) - 1) * size
    const all = [...forge.comments].filter(([, comment]) => comment.key === key)
    return { status: 200, body: all.slice(from, from + size).map(([id, comment]) => ({ id, body: comment.body })) }
  }
  if (typeof body.body !== 'string' || body.body.length > 65_536) return { status: 422, body: { message: 'too long' } }
  const id = 1000 + forge.comments.size
  forge.comments.set(id, { key, body: body.body, edits: 0 })
  return { status: 201, body: { id } }
}

function edit(forge: ContractForge, { body }: Call, id: number): Answer {
  const comment = forge.comments.get(id)
  if (comment === undefined || typeof body.body !== 'string') return { status: 404, body: { message: 'Not Found' } }
  comment.body = body.body
  comment.edits += 1
  return { status: 200, body: { id } }
}
