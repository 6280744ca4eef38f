import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Problem } from '../../src/model/index.js'
import type { Source } from '../../src/controller/index.js'
import { follow, freshDir, freshRepository, freshServer, later, poll, signal } from './follow.js'
import { scratch } from './repository.js'

let tls: { readonly key: string; readonly cert: string }

beforeAll(() => {
  const dir = scratch()
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const name = ['-subj', '/CN=lab', '-addext', 'subjectAltName=IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...name], { stdio: 'pipe' })
  tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
})

async function problemOf(source: Source): Promise<Problem> {
  const result = await source.poll(signal)
  if (result.ok) throw new Error(`a problem was expected, not ${result.value.sha}`)
  return result.problem
}

describe('a server with a certificate of its own authority', () => {
  it('is followed when that authority is given, and not otherwise', async () => {
    const repository = freshRepository()
    const sha = repository.push('first')
    const server = await freshServer(repository, { tls })
    expect((await poll(follow(`${server.url}/fleet.git`, { http: { ca: tls.cert } }))).sha).toBe(sha)
    const problem = await problemOf(follow(`${server.url}/fleet.git`))
    expect(problem.code).toBe('GIT_UNREACHABLE')
    expect(problem.message).toContain('SLIPWAY_GIT_CA_FILE')
  })

  it('is the only one that is believed then', async () => {
    const repository = freshRepository()
    const server = await freshServer(repository, { tls })
    const other = readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8')
    expect((await problemOf(follow(`${server.url}/fleet.git`, { http: { ca: other } }))).code).toBe('GIT_UNREACHABLE')
  })
})

it('a header of the user goes to the origin with every request, and nowhere on a redirect', async () => {
  const repository = freshRepository()
  repository.push('first')
  const server = await freshServer(repository)
  const other = await freshServer(repository)
  const headers = { Authorization: 'Bearer canary-7b1f' }
  await poll(follow(`${server.url}/fleet.git`, { http: { headers } }))
  expect(new Set(server.requests.map(({ message }) => message.headers.authorization))).toEqual(
    new Set(['Bearer canary-7b1f']),
  )
  server.fault = ({ message }, response) => {
    response.writeHead(307, { location: `${other.url}${message.url ?? ''}` }).end()
    return true
  }
  const problem = await problemOf(follow(`${server.url}/fleet.git`, { http: { headers } }))
  expect(problem.code).toBe('GIT_URL_REFUSED')
  expect(JSON.stringify(problem)).not.toContain('canary')
  expect(other.requests).toEqual([])
})

interface Proxy {
  readonly server: Server
  readonly port: number
  /** Target and login of each tunnel that was asked for. */
  readonly asked: { readonly target: string; readonly login: string | undefined }[]
}

/** An HTTP proxy that wants a login when one is given, and keeps what it was asked. */
async function freshProxy(login?: string): Promise<Proxy> {
  const asked: Proxy['asked'] = []
  const open = new Set<Socket>()
  const server = createServer((_request, response) => void response.writeHead(400).end())
  server.on('connect', (request, client: Socket) => {
    open.add(client)
    client.on('error', () => undefined)
    const given = request.headers['proxy-authorization']
    asked.push({ target: request.url ?? '', login: given })
    if (login !== undefined && given !== `Basic ${Buffer.from(login).toString('base64')}`)
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    const [host = '', port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  later(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port, asked }
}

describe('a proxy on the way', () => {
  it('is asked for a tunnel only, with its own login, and sees no credentials of the Git server', async () => {
    const repository = freshRepository()
    const sha = repository.push('first')
    const server = await freshServer(repository, { tls })
    const proxy = await freshProxy('ada:p@ss')
    const http = { ca: tls.cert, proxy: `http://ada:p%40ss@127.0.0.1:${proxy.port}` }
    const credentials = { password: 'canary-token' }
    expect((await poll(follow(`${server.url}/fleet.git`, { http, credentials }))).sha).toBe(sha)
    expect(proxy.asked.length).toBeGreaterThan(0)
    for (const { target } of proxy.asked) expect(target).toBe(`127.0.0.1:${server.port}`)
    expect(JSON.stringify(proxy.asked)).not.toContain(Buffer.from('x-access-token:canary-token').toString('base64'))
  })

  it('that refuses the login is named, and the login is not', async () => {
    const proxy = await freshProxy('ada:right')
    const http = { proxy: `http://ada:canary-9c@127.0.0.1:${proxy.port}` }
    const problem = await problemOf(follow('https://127.0.0.1:1/fleet.git', { http }))
    expect(problem).toMatchObject({ code: 'GIT_AUTH', next: { kind: 'stalled' } })
    expect(problem.message).toContain(`the proxy 127.0.0.1:${proxy.port}`)
    expect(JSON.stringify(problem)).not.toContain('canary')
  })

  it('that reaches nothing, or is not there, is told as the proxy, not as the Git server', async () => {
    const proxy = await freshProxy()
    const http = { proxy: `http://127.0.0.1:${proxy.port}` }
    const beyond = await problemOf(follow('https://127.0.0.1:1/fleet.git', { http }))
    expect(beyond.code).toBe('GIT_UNREACHABLE')
    expect(beyond.message).toContain(`the proxy 127.0.0.1:${proxy.port} does not connect to 127.0.0.1:1`)
    const gone = await problemOf(follow('https://127.0.0.1:1/fleet.git', { http: { proxy: 'http://127.0.0.1:1' } }))
    expect(gone.code).toBe('GIT_UNREACHABLE')
    expect(gone.message).toContain('the proxy 127.0.0.1:1 refuses the connection')
  })

  it('that says nothing ends with the deadline', async () => {
    const silent = createServer()
    silent.on('connect', (_request, socket: Socket) => later(() => void socket.destroy()))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    later(() => void silent.close())
    const http = { proxy: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` }
    const source = follow('https://127.0.0.1:1/fleet.git', { http, dir: freshDir(), limits: { idleMs: 200 } })
    expect((await problemOf(source)).code).toBe('GIT_TIMEOUT')
  })
})
