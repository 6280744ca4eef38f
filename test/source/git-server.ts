import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a request is about: the list of refs (in two steps), or a pack. */
export type RequestKind = 'advertisement' | 'listing' | 'pack'

export interface GitRequest {
  readonly kind: RequestKind
  readonly message: IncomingMessage
  readonly body: Buffer
}

/** Answers instead of Git: returns true when it did. */
export type Fault = (request: GitRequest, response: ServerResponse) => boolean | Promise<boolean>

export interface GitServer {
  readonly url: string
  readonly port: number
  /** Everything that was asked, oldest first. */
  readonly requests: GitRequest[]
  fault: Fault | null
  /** Changes what Git answers. */
  twist: ((kind: RequestKind, body: Buffer) => Buffer) | null
  close(): Promise<void>
}

export interface GitServerOptions {
  readonly ignoreVersion2?: boolean
  /** PEM; then it speaks https. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** `git http-backend` behind a small CGI server on loopback, serving every repository under `root`. */
export async function gitServer(root: string, options: GitServerOptions = {}): Promise<GitServer> {
  const onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    void serve(message, response).catch(() => response.destroy())
  }
  const http = options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const server: GitServer = {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests: [],
    fault: null,
    twist: null,
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections()
        http.close(() => resolve())
      }),
  }

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const request = { kind: kindOf(message, body), message, body }
    server.requests.push(request)
    if (server.fault !== null && (await server.fault(request, response))) return
    const answer = await backend(root, message, body, options.ignoreVersion2 === true)
    const twisted = server.twist === null ? answer.body : server.twist(request.kind, answer.body)
    response.writeHead(answer.status, { ...answer.headers, 'content-length': twisted.byteLength })
    response.end(twisted)
  }
  return server
}

function kindOf(message: IncomingMessage, body: Buffer): RequestKind {
  if (message.method === 'GET') return 'advertisement'
  return body.includes('command=ls-refs') ? 'listing' : 'pack'
}

interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Buffer
}

async function backend(root: string, message: IncomingMessage, body: Buffer, isOld: boolean): Promise<Answer> {
  const url = new URL(message.url ?? '/', 'http://localhost')
  const git = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      HOME: root,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: message.method,
      CONTENT_TYPE: message.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(body.byteLength),
      REMOTE_ADDR: '127.0.0.1',
      ...(isOld ? {} : { GIT_PROTOCOL: String(message.headers['git-protocol'] ?? '') }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  git.stdin.on('error', () => undefined)
  git.stdin.end(body)
  const chunks: Buffer[] = []
  for await (const chunk of git.stdout) chunks.push(chunk as Buffer)
  const output = Buffer.concat(chunks)
  const end = output.indexOf('\r\n\r\n')
  const headers = output
    .toString('latin1', 0, end)
    .split('\r\n')
    .map((line) => line.split(': ', 2) as [string, string])
  const status = Number(headers.find(([name]) => name === 'Status')?.[1].slice(0, 3) ?? 200)
  return {
    status,
    headers: Object.fromEntries(headers.filter(([name]) => name !== 'Status')),
    body: output.subarray(end + 4),
  }
}
