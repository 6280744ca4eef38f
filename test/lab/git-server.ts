import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { answerWithFault, sendAnswer, type CgiAnswer, type GitFault } from './git-faults.js'
import { createRepository, gitEnvironment, type LabRepository } from './git-repository.js'

export type GitLogin = { readonly user: string; readonly password: string }

/** Smart HTTP by the real `git http-backend`. Needs git and nothing else: no root, no lab. */
export type GitServer = {
  /** `http://127.0.0.1:PORT/NAME.git`. */
  url(repository: string): string
  /** The same as the lab's servers reach it; undefined outside a lab. */
  urlFromServers(repository: string): string | undefined
  /** With a login, every request for it must carry it (HTTP basic). */
  createRepo(name: string, options?: { readonly login?: GitLogin }): Promise<LabRepository>
  /** Every request from now on meets this fault, until it is called with nothing. */
  setFault(fault?: GitFault): Promise<void>
  /** Requests so far: `refs` for /info/refs, `packs` for POSTs (with protocol 2 also ls-refs). */
  readonly requests: { readonly refs: number; readonly packs: number }
  close(): Promise<void>
}

export async function startGitServer(dir: string, extraHosts: readonly string[] = []): Promise<GitServer> {
  mkdirSync(join(dir, 'bare'), { recursive: true })
  const logins = new Map<string, GitLogin>()
  const requests = { refs: 0, packs: 0 }
  let fault: GitFault | undefined

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://lab')
    if (request.method === 'POST') requests.packs += 1
    else requests.refs += 1
    // The fault of the moment the request came in, however long it takes.
    const current = fault
    if (answerWithFault(current, response)) return
    const login = logins.get(url.pathname.split('/')[1] ?? '')
    if (login !== undefined && !carries(request, login)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="slipway-lab"' }).end('unauthorized\n')
      return
    }
    sendAnswer(current, await runBackend(join(dir, 'bare'), url, request, login?.user), response)
  }
  const listener: RequestListener = (request, response) => {
    serve(request, response).catch(() => response.destroy())
  }

  const doors = await Promise.all(['127.0.0.1', ...extraHosts].map((host) => openDoor(host, 0, listener)))
  const urlAt = (door: Door | undefined, name: string): string | undefined =>
    door && `http://${door.host}:${door.port}/${name}.git`
  return {
    requests,
    url: (name) => urlAt(doors[0], name) ?? '',
    urlFromServers: (name) => urlAt(doors[1], name),
    createRepo: async (name, options = {}) => {
      if (options.login !== undefined) logins.set(`${name}.git`, options.login)
      return createRepository(dir, name)
    },
    setFault: async (next) => {
      const wasDown = fault?.kind === 'down'
      fault = next
      const isDown = next?.kind === 'down'
      if (isDown && !wasDown) await Promise.all(doors.map((door) => closeDoor(door)))
      if (!isDown && wasDown) await Promise.all(doors.map((door) => listen(door.server, door.host, door.port)))
    },
    close: async () => {
      await Promise.all(doors.map((door) => closeDoor(door)))
    },
  }
}

type Door = { readonly host: string; readonly port: number; readonly server: Server }

async function openDoor(host: string, port: number, listener: RequestListener): Promise<Door> {
  const server = createServer(listener)
  await listen(server, host, port)
  return { host, port: (server.address() as AddressInfo).port, server }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function closeDoor(door: Door): Promise<void> {
  return new Promise((resolve) => {
    if (!door.server.listening) {
      resolve()
      return
    }
    door.server.close(() => resolve())
    door.server.closeAllConnections()
  })
}

function carries(request: IncomingMessage, login: GitLogin): boolean {
  const expected = Buffer.from(`${login.user}:${login.password}`).toString('base64')
  return request.headers.authorization === `Basic ${expected}`
}

function runBackend(root: string, url: URL, request: IncomingMessage, user: string | undefined): Promise<CgiAnswer> {
  const header = (name: string): string => String(request.headers[name] ?? '')
  const env: NodeJS.ProcessEnv = {
    ...gitEnvironment,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: header('content-length'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
    REMOTE_USER: user ?? 'lab',
  }
  return new Promise((resolve, reject) => {
    const backend = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
    const chunks: Buffer[] = []
    backend.on('error', reject)
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    backend.on('close', () => resolve(parseCgi(Buffer.concat(chunks))))
    backend.stdin.on('error', () => undefined)
    request.pipe(backend.stdin)
  })
}

function parseCgi(output: Buffer): CgiAnswer {
  const end = output.indexOf('\r\n\r\n')
  if (end < 0) return { status: 500, headers: {}, body: Buffer.from('no answer from git http-backend\n') }
  const headers: Record<string, string> = {}
  let status = 200
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (name === 'status') status = Number.parseInt(line.slice(colon + 1), 10)
    else headers[name] = line.slice(colon + 1).trim()
  }
  return { status, headers, body: output.subarray(end + 4) }
}
