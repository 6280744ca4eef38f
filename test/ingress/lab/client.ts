import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { request as requestHttp } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { connect as connectTls } from 'node:tls'
import type { TLSSocket } from 'node:tls'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Question {
  readonly port: number
  readonly host: string
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The authority that is believed; absent: no TLS. */
  readonly ca?: string
  readonly address?: string
}

/** One request on a connection of its own. Status 0: no answer, and the body says why. */
export function ask({
  port,
  host,
  path = '/',
  method = 'GET',
  headers,
  body,
  ca,
  address = '127.0.0.1',
}: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const options = { host: address, port, path, method, agent: false, headers: { host, ...headers }, timeout: 10_000 }
    const call = ca === undefined ? requestHttp(options) : requestHttps({ ...options, ca, servername: host })
    call.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text.trim() }),
      )
      response.on('error', (error) => resolve({ status: 0, headers: {}, body: error.message }))
    })
    call.on('error', (error) => resolve({ status: 0, headers: {}, body: error.message }))
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')))
    call.end(body)
  })
}

/** The same by HTTP/2. */
export function askHttp2({
  port,
  host,
  path = '/',
  method = 'GET',
  headers,
  body,
  ca,
  address = '127.0.0.1',
}: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, headers: {}, body: error.message })
    const session = connectHttp2(`https://${address}:${port}`, { ca: ca ?? '', servername: host })
    session.on('error', failed)
    const stream = session.request({ ':method': method, ':path': path, ':authority': host, ...headers })
    let text = ''
    let answered: IncomingHttpHeaders & { readonly ':status'?: number | undefined } = {}
    stream.setEncoding('utf8')
    stream.on('response', (found) => (answered = found))
    stream.on('data', (chunk: string) => (text += chunk))
    stream.on('error', failed)
    stream.on('end', () => {
      session.close()
      resolve({ status: answered[':status'] ?? 0, headers: answered, body: text.trim() })
    })
    stream.end(body)
  })
}

/** What comes of a handshake: `TLSv1.3 h2`, or why there is none. */
export function shakeHands(
  port: number,
  options: {
    readonly servername?: string
    readonly ca: string
    readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2'
    readonly ciphers?: string
  },
): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({
      port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1',
      ...options,
    })
    socket.on('secureConnect', () => {
      const subject = socket.getPeerCertificate().subjectaltname ?? ''
      resolve(`${socket.getProtocol()} ${String(socket.alpnProtocol)} ${subject}`)
      socket.destroy()
    })
    socket.on('error', (error: Error & { readonly code?: string }) => resolve(error.code ?? error.message))
  })
}
