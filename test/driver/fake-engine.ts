import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'

export interface FakeRequest {
  readonly method: string
  /** Without the version. */
  readonly path: string
  readonly version: string | null
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type FakeHandler = (request: FakeRequest, response: ServerResponse) => void

/** An engine that says what a test wants: by `METHOD /path`, longest beginning first. Pings, info, lists and events have plain answers. */
export interface FakeEngine {
  readonly socketPath: string
  readonly requests: FakeRequest[]
  /** A handler, or a body for 200. */
  on(route: string, handler: unknown): void
  close(): Promise<void>
}

export function json(status: number, body: unknown): FakeHandler {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(body))
  }
}

/** What it says of itself. */
export const INFO = {
  ID: 'engine-1',
  ServerVersion: '26',
  OSType: 'linux',
  Architecture: 'x86_64',
  Name: 'box',
  NCPU: 2,
  MemTotal: 1e9,
}

export async function startFakeEngine(apiVersion = '1.45'): Promise<FakeEngine> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-engine-'))
  const socketPath = join(dir, 'docker.sock')
  const requests: FakeRequest[] = []
  const routes = new Map<string, FakeHandler>()
  const on = (route: string, handler: unknown): void => {
    routes.set(route, typeof handler === 'function' ? (handler as FakeHandler) : json(200, handler))
  }
  on('GET /_ping', ((_request, response) => {
    response.writeHead(200, { 'API-Version': apiVersion })
    response.end('OK')
  }) satisfies FakeHandler)
  on('GET /info', INFO)
  on('GET /containers/json', [])
  on('GET /volumes', { Volumes: null })
  on('GET /networks', [])
  on('GET /events', ((_request, response) => void response.writeHead(200).write('\n')) satisfies FakeHandler)
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://engine')
      const versioned = /^\/(v1\.\d+)(\/.*)$/.exec(url.pathname)
      const request: FakeRequest = {
        method: incoming.method ?? '',
        path: versioned?.[2] ?? url.pathname,
        version: versioned?.[1] ?? null,
        query: url.searchParams,
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      }
      requests.push(request)
      const line = `${request.method} ${request.path}`
      const route = [...routes.keys()].filter((key) => line.startsWith(key)).sort((a, b) => b.length - a.length)[0]
      const handler = route === undefined ? json(404, { message: `page not found: ${line}` }) : routes.get(route)
      handler?.(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  return {
    socketPath,
    requests,
    on,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A plain web server, to see whether somebody calls it. */
export async function startBystander(): Promise<{
  readonly url: string
  readonly calls: string[]
  close(): Promise<void>
}> {
  const calls: string[] = []
  const server = createServer((request, response) => {
    calls.push(request.url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    calls,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
