import { webcrypto } from 'node:crypto'
import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0])

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that speaks just enough ACME to say what a real authority never would. */
export interface StandIn {
  readonly directory: string
  readonly ca: string
  /** By the last part of a path: what is answered instead. */
  readonly answers: Map<string, Answer>
  /** Paths that were asked for, in order. */
  readonly asked: string[]
  close(): Promise<void>
}

export async function startStandIn(): Promise<StandIn> {
  const own = await certificateFor([{ type: 'ip', value: '127.0.0.1' }], { fromMs: Date.now() - 1_000 })
  const answers = new Map<string, Answer>()
  const asked: string[] = []
  const server = createServer({ cert: own.certificate, key: own.key }, (request, response) => {
    const name = (request.url ?? '').split('/').at(-1) ?? ''
    asked.push(name)
    response.setHeader('replay-nonce', 'nonce')
    const usual = usually(`https://${request.headers.host}`)[name]
    const answer = answers.get(name) ?? usual
    request
      .resume()
      .on('end', () => (answer === undefined ? json({}, 404)(request, response) : answer(request, response)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    directory: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`,
    ca: own.certificate,
    answers,
    asked,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function usually(base: string): Readonly<Record<string, Answer>> {
  const order = { authorizations: [`${base}/authz`], finalize: `${base}/finalize`, certificate: `${base}/cert` }
  const challenge = { type: 'http-01', url: `${base}/challenge`, token: 'token', status: 'pending' }
  const [newNonce, newAccount, newOrder] = ['nonce', 'account', 'order'].map((name) => `${base}/${name}`)
  return {
    dir: json({ newNonce, newAccount, newOrder, meta: {} }),
    nonce: json({}),
    account: json({ status: 'valid' }, 201, { location: `${base}/me` }),
    order: json({ status: 'pending', ...order }, 201, { location: `${base}/mine` }),
    authz: json({ status: 'valid', identifier: { type: 'dns', value: 'www.example.com' }, challenges: [challenge] }),
    challenge: json(challenge),
    mine: json({ status: 'ready', ...order }),
    finalize: json({ status: 'valid', ...order }),
  }
}

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }
}

export function text(content: string, status = 200): Answer {
  return (_request, response) => void response.writeHead(status).end(content)
}

/** As an authority refuses (RFC 8555, 6.7). */
export function refusal(
  type: string,
  detail: string,
  status = 403,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return json({ type: `urn:ietf:params:acme:error:${type}`, detail }, status, headers)
}

export async function certificateFor(
  names: readonly { readonly type: 'ip' | 'dns'; readonly value: string }[],
  { fromMs }: { readonly fromMs: number },
): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=stand-in',
    issuer: 'CN=stand-in',
    notBefore: new Date(fromMs),
    notAfter: new Date(fromMs + 3_600_000),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [new x509.SubjectAlternativeNameExtension([...names])],
  })
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`
  return { certificate: certificate.toString('pem'), key }
}
