import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { GitFailure, networkFailure, stalled } from './failure.js'

type Opened = (error: Error | null, socket?: Socket) => void

/**
 * An agent whose connections are tunnels through a proxy (HTTP CONNECT), so that TLS is spoken with the Git server and the proxy sees
 * neither what is asked nor the credentials. Ours instead of a library: forty lines, and a failure of the proxy is told as the proxy's.
 */
export function tunnelAgent(proxy: string, isSecure: boolean, timeoutMs: number): HttpAgent {
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const createConnection = (options: ConnectionOptions, opened: Opened): undefined => {
    const done = (error: GitFailure | null, tunnel?: Socket): void => {
      if (error !== null || tunnel === undefined) opened(error)
      else opened(null, isSecure ? connectTls({ ...options, socket: tunnel }) : tunnel)
    }
    openTunnel(new URL(proxy), `${options.host ?? ''}:${options.port ?? 443}`, timeoutMs, done)
  }
  return Object.assign(agent, { createConnection })
}

function openTunnel(
  proxy: URL,
  target: string,
  timeoutMs: number,
  done: (error: GitFailure | null, tunnel?: Socket) => void,
): void {
  const name = `the proxy ${proxy.host}`
  const open = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  const request = open({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...authorization(proxy) },
    agent: false,
    timeout: timeoutMs,
  })
  request.once('timeout', () => {
    request.destroy(new GitFailure('GIT_TIMEOUT', `${name} did not answer; the last good revision stays`))
  })
  request.once('error', (error) => done(networkFailure(error, name)))
  request.once('connect', (response, socket) => {
    const status = response.statusCode ?? 0
    if (status === 200) return done(null, socket)
    socket.destroy()
    done(refused(name, target, status))
  })
  request.end()
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }
}

function refused(name: string, target: string, status: number): GitFailure {
  if (status === 407)
    return stalled('GIT_AUTH', `${name} wants other credentials (HTTP 407)`, 'give them in the address of the proxy')
  return new GitFailure(
    'GIT_UNREACHABLE',
    `${name} does not connect to ${target} (HTTP ${status}); it may not be allowed to`,
  )
}
