import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { serveHooks } from '../../src/web/index.js'
import type { HookServer } from '../../src/web/index.js'
import { VirtualClock } from '../controller/world.js'

const SECRET = 'a secret of some length'
const BODY = JSON.stringify({ ref: 'refs/heads/main', repository: { full_name: 'acme/fleet' } })

interface Door {
  readonly url: string
  readonly clock: VirtualClock
  looks: number
}

const opened: HookServer[] = []
afterEach(async () => {
  for (const server of opened.splice(0)) await server.close()
})

async function door(): Promise<Door> {
  const clock = new VirtualClock()
  const made = { url: '', clock, looks: 0 }
  const repository = 'https://git.example.com/acme/fleet.git'
  const options = { listen: '127.0.0.1:0', secret: SECRET, repository, clock, onNews: () => void (made.looks += 1) }
  const server = await serveHooks(options)
  if (!server.ok) throw new Error(server.problem.message)
  opened.push(server.value)
  made.url = server.value.url
  return made
}

const hmac = (body: string | Buffer, secret = SECRET): string => createHmac('sha256', secret).update(body).digest('hex')

async function post({ url }: Door, headers: Record<string, string>, body: string | Buffer = BODY): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(Buffer.from(body)) })
  await response.text()
  return response.status
}

const SENDERS: readonly (readonly [string, (body: string) => Record<string, string>])[] = [
  ['GitHub', (body) => ({ 'x-hub-signature-256': `sha256=${hmac(body)}`, 'x-github-delivery': '1' })],
  ['Gitea', (body) => ({ 'x-gitea-signature': hmac(body), 'x-hub-signature-256': `sha256=${hmac(body)}` })],
  ['Forgejo', (body) => ({ 'x-forgejo-signature': hmac(body), 'x-gitea-signature': hmac(body) })],
  ['Bitbucket', (body) => ({ 'x-hub-signature': `sha256=${hmac(body)}` })],
  ['GitLab', () => ({ 'x-gitlab-token': SECRET, 'x-gitlab-event-uuid': 'e1' })],
  ['anybody', (body) => ({ 'x-slipway-signature': `sha256=${hmac(body)}` })],
]

describe.each(SENDERS)('a webhook of %s', (name, sign) => {
  const body = name === 'GitLab' ? JSON.stringify({ project: { path_with_namespace: 'acme/fleet' } }) : BODY

  it('leads to one look, and is taken once', async () => {
    const at = await door()
    expect([await post(at, sign(body), body), await post(at, sign(body), body), at.looks]).toEqual([202, 409, 1])
  })

  it('is known again when its signature is written otherwise', async () => {
    const at = await door()
    const again = Object.fromEntries(
      Object.entries(sign(body)).map(([header, value]) => [
        header,
        value.replace(/[0-9a-f]{64}$/, (hex) => hex.toUpperCase()),
      ]),
    )
    expect([await post(at, sign(body), body), await post(at, again, body), at.looks]).toEqual([202, 409, 1])
  })

  it('is refused with a signature that is missing, wrong, of another secret or another body', async () => {
    const at = await door()
    const wrong = Object.fromEntries(Object.entries(sign(body)).map(([header, value]) => [header, `${value}0`]))
    const headers = [{}, wrong, ...(name === 'GitLab' ? [{ 'x-gitlab-token': '' }] : [sign(`${body} `)])]
    for (const given of headers) expect(await post(at, given, body)).toBe(401)
    expect(at.looks).toBe(0)
  })

  it('is refused when it is about another repository', async () => {
    const at = await door()
    const other = body.replace('acme/fleet', 'acme/other')
    expect([await post(at, sign(other), other), at.looks]).toEqual([400, 0])
  })
})

describe('a webhook', () => {
  const signed = (body: string | Buffer): Record<string, string> => ({ 'x-slipway-signature': `sha256=${hmac(body)}` })

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[{}]'],
    ['a repository without a name of text', '{"repository":{"full_name":[1]}}'],
    ['a name that is a pattern', '{"repository":{"full_name":".*"}}'],
  ])('is refused with %s for a body', async (_what, body) => {
    const at = await door()
    expect([await post(at, signed(body), body), at.looks]).toEqual([400, 0])
  })

  it.each([
    ['nothing', ''],
    ['an object that names no repository', '{"repository":null}'],
    ['a form as GitHub sends it', `payload=${encodeURIComponent(BODY)}`],
  ])('is taken with %s for a body', async (_what, body) => {
    const at = await door()
    const type = body.startsWith('payload') ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
    expect([await post(at, { ...signed(body), ...type }, body), at.looks]).toEqual([202, 1])
  })

  it('is cut off at its bound, and never unpacked', async () => {
    const at = await door()
    const large = Buffer.alloc(1024 * 1024 + 1)
    expect(await post(at, signed(large), large)).toBe(413)
    const packed = gzipSync(Buffer.alloc(10_000_000))
    expect(await post(at, { ...signed(packed), 'content-encoding': 'gzip' }, packed)).toBe(415)
    expect((await fetch(at.url)).status).toBe(405)
  })

  it('that never says how long it is is cut off at the same bound', async () => {
    const at = await door()
    const socket = connect(Number(new URL(at.url).port), '127.0.0.1')
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    socket.on('error', () => undefined)
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\nx-gitlab-token: ${SECRET}\r\ntransfer-encoding: chunked\r\n\r\n`)
    for (let n = 0; n < 40; n += 1) socket.write(chunk)
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('makes at most one look in five seconds of thousands, and one at their end', async () => {
    const at = await door()
    for (let round = 0; round < 8; round += 1)
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => post(at, signed(`{"n":${round * 100 + n}}`), `{"n":${round * 100 + n}}`)),
      )
    expect(at.looks).toBe(1)
    await at.clock.run(4_999)
    expect(at.looks).toBe(1)
    await at.clock.run(60_000)
    expect(at.looks).toBe(2)
  })

  it('says when it cannot listen', async () => {
    const at = await door()
    const options = { secret: SECRET, repository: 'x', clock: new VirtualClock(), onNews: () => undefined }
    for (const listen of [new URL(at.url).host, 'nowhere']) {
      const server = await serveHooks({ ...options, listen })
      expect(server.ok ? '' : server.problem.code).toBe('SETTING_INVALID')
    }
  })
})
